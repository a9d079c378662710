mod corpus;
mod engine;
mod histories;
mod mutex;
mod proofs;
mod verdicts;
mod witness;
