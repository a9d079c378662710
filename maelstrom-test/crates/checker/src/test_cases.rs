//! The number of cases of property tests.
//!
//! Each test has a usual number of cases, which takes at most a few seconds. The environment variable `PROPTEST_CASES` of
//! the crate `proptest` scales all of these. Its default is 256, so this runs ten times as many cases:
//!
//! ```text
//! PROPTEST_CASES=2560 cargo test --release -p maelstrom-checker
//! ```

/// The value of `PROPTEST_CASES` if it is not set.
const DEFAULT: u64 = 256;

/// The number of cases of a test with this usual number.
pub(crate) fn cases(usual: u32) -> u32 {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    let wanted = wanted.map_or(DEFAULT, |wanted| wanted.parse().expect("PROPTEST_CASES is a number"));
    u32::try_from(u64::from(usual) * wanted / DEFAULT).expect("PROPTEST_CASES is not too large").max(1)
}
