//! How long property tests go on.
//!
//! They try a number of cases that takes a few seconds. `MAELSTROM_CASES=20` multiplies that number, for a long look at
//! the checkers after a change:
//!
//! ```text
//! MAELSTROM_CASES=100 cargo test --release -p maelstrom-test --lib checker
//! ```

/// The number of cases of a test that usually has so many.
pub(crate) fn cases(usual: u32) -> u32 {
    let factor = std::env::var("MAELSTROM_CASES").ok();
    usual * factor.map_or(1, |factor| factor.parse().expect("MAELSTROM_CASES is a number"))
}
