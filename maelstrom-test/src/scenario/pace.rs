//! Detects that virtual time was slower than real time, and which node is the cause.
//!
//! The result depends on the machine, so it is printed to standard error only. The files of a run must not contain it.

use std::time::Duration;

use super::Run;
use crate::history::Nanos;

/// Runs that take less time cause no note.
const MIN_DURATION: Duration = Duration::from_secs(5);
/// Runs that take less than this multiple of their virtual time cause no note.
const MIN_RATIO: u32 = 2;

/// The wall-clock time of the nodes of a run in virtual time, including the tracer's work for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// All nodes together.
    pub total: Duration,
    /// The node with the longest time, and that time.
    pub busiest: Option<(String, Duration)>,
}

impl Pace {
    /// Creates the value from the names and times of the nodes.
    pub(super) fn new<'a>(busy: impl IntoIterator<Item = (&'a str, Duration)>) -> Pace {
        let busy: Vec<(&str, Duration)> = busy.into_iter().collect();
        // If several times are equal, the first node is reported.
        let busiest = busy.iter().rev().max_by_key(|(_, time)| *time).filter(|(_, time)| !time.is_zero());
        Pace {
            total: busy.iter().map(|(_, time)| *time).sum(),
            busiest: busiest.map(|(name, time)| ((*name).to_owned(), *time)),
        }
    }

    /// Returns a note if the nodes took much more wall-clock time than the run took virtual time.
    fn note(&self, simulated: Nanos) -> Option<String> {
        let simulated = Duration::from_nanos(simulated);
        if self.total < MIN_DURATION || self.total < simulated * MIN_RATIO {
            return None;
        }
        let (name, time) = self.busiest.as_ref()?;
        Some(format!(
            "virtual time was slower than real time: the nodes ran for {:.0} s to simulate {:.0} s, of which node {name} \
             ran for {:.0} s\n  help: nodes that poll or compute continuously may be faster in real time: `--time real`, \
             or `MAELSTROM_TIME=real` in tests",
            self.total.as_secs_f64(),
            simulated.as_secs_f64(),
            time.as_secs_f64(),
        ))
    }
}

impl Run {
    /// Returns a note for standard error if virtual time was slower than real time.
    pub(crate) fn pace_note(&self) -> Option<String> {
        self.pace.note(self.duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_and_slow_runs_get_a_note() {
        let seconds = Duration::from_secs;
        let note = |times: [u64; 3], simulated: u64| {
            let pace = Pace::new(["n0", "n1", "n2"].into_iter().zip(times.map(seconds)));
            pace.note(simulated * 1_000_000_000)
        };
        let expected = "virtual time was slower than real time: the nodes ran for 60 s to simulate 5 s, of which node n1 ran \
                        for 40 s";
        assert_eq!(note([10, 40, 10], 5).expect("there is a note").lines().next(), Some(expected));
        assert!(note([10, 40, 10], 5).is_some_and(|note| note.contains("help: ") && note.contains("`--time real`")));
        // In order: a run that is long but not slow, a run that is slow but short, and a run in real time.
        assert_eq!(note([10, 40, 10], 60), None);
        assert_eq!(note([1, 2, 1], 1), None);
        assert_eq!(note([0, 0, 0], 5), None);
        assert!(note([7, 7, 0], 5).is_some_and(|note| note.contains("node n0 ran for 7 s")));
    }
}
