mod corpus;
mod engine;
mod histories;
mod proofs;
mod verdicts;
mod witness;
