//! Checks of options that each front end reads itself.

use std::ops::Range;

use crate::names::{OUTCOMES, WORKLOADS};
use crate::{OptionError, anomalies};

/// Checks the value of `expect` for a workload. A workload that is not built in has any anomalies.
///
/// # Errors
/// The workload has no such outcome.
pub fn check_expect(expect: &str, workload: &str) -> Result<(), OptionError> {
    let Some(anomalies) = anomalies::of_workload(workload) else { return Ok(()) };
    let choices: Vec<&str> = OUTCOMES.iter().copied().chain(anomalies.iter().map(|anomaly| anomaly.name)).collect();
    if choices.contains(&expect) {
        return Ok(());
    }
    Err(OptionError::choose(format!("{workload} has no outcome `{expect}`"), expect, &choices))
}

/// Checks the name of a workload.
///
/// # Errors
/// No workload of this name is built in.
pub fn check_workload(name: &str) -> Result<(), OptionError> {
    if WORKLOADS.contains(&name) {
        return Ok(());
    }
    Err(OptionError::choose(format!("there is no workload `{name}`"), name, WORKLOADS))
}

/// Reads seeds: `16` (0 to 15), `3..9` or `3..=9`.
///
/// # Errors
/// The text is neither a number nor a range, or the range is empty.
pub fn parse_seeds(text: &str) -> Result<Range<u64>, OptionError> {
    const HELP: &str = "write a number of seeds (16) or a range (0..16)";
    let wrong = || OptionError::new(format!("`{text}` is not a range of seeds"), HELP);
    let number = |part: &str| part.trim().replace('_', "").parse::<u64>().map_err(|_| wrong());
    let range = match text.split_once("..") {
        None => 0..number(text)?,
        Some((start, end)) => match end.strip_prefix('=') {
            Some(last) => number(start)?..number(last)?.checked_add(1).ok_or_else(wrong)?,
            None => number(start)?..number(end)?,
        },
    };
    if range.is_empty() {
        return Err(OptionError::new(format!("the range of seeds `{text}` is empty"), HELP));
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_belong_to_workloads() {
        assert_eq!(check_expect("lost", "broadcast"), Ok(()));
        assert_eq!(check_expect("anything", "my-own"), Ok(()));
        let wrong = check_expect("lost", "lin-kv").unwrap_err().to_string();
        assert!(wrong.contains("nonlinearizable"), "{wrong}");
        let wrong = check_expect("nonlinearisable", "lin-kv").unwrap_err().to_string();
        assert!(wrong.contains("did you mean \"nonlinearizable\"?"), "{wrong}");
    }

    #[test]
    fn seeds_are_a_number_or_a_range() {
        assert_eq!(parse_seeds("16"), Ok(0..16));
        assert_eq!(parse_seeds("3..9"), Ok(3..9));
        assert_eq!(parse_seeds("3..=9"), Ok(3..10));
        for wrong in ["", "x", "5..5", "9..3", "0", "-1", "0..=18446744073709551615"] {
            assert!(parse_seeds(wrong).is_err(), "{wrong}");
        }
    }
}
