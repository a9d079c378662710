//! Tests that need more than one file of the checker.

mod brute_force;
mod corpus;
mod cycles;
mod fuzz;
mod simulated;
mod verdicts;
