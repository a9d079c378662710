mod corpus;
mod engine;
mod proofs;
mod verdicts;
