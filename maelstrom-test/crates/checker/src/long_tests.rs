//! How many cases a property test tries.
//!
//! Each test has a usual number that takes at most a few seconds. `PROPTEST_CASES`, the variable of the crate `proptest`,
//! changes all of them in proportion: its default is 256, so ten times as many cases are tried with
//!
//! ```text
//! PROPTEST_CASES=2560 cargo test --release -p maelstrom-checker
//! ```

/// What `proptest` takes for `PROPTEST_CASES` if it is not set.
const DEFAULT: u64 = 256;

/// The number of cases of a test that usually tries so many.
pub(crate) fn cases(usual: u32) -> u32 {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    let wanted = wanted.map_or(DEFAULT, |wanted| wanted.parse().expect("PROPTEST_CASES is a number"));
    u32::try_from(u64::from(usual) * wanted / DEFAULT).expect("PROPTEST_CASES is not astronomic").max(1)
}
