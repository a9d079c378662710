//! Whether virtual time fell behind real time, and which node is to blame.
//!
//! The answer depends on the machine, so it goes to standard error only: no file of a run may hold it.

use std::time::Duration;

use super::Run;
use crate::history::Nanos;

/// Runs that take less than this are not worth a word.
const NOTICEABLE: Duration = Duration::from_secs(5);
/// How many times its own time a run must take.
const FACTOR: u32 = 2;

/// How long the nodes of a run in virtual time ran on the wall clock, the tracer's work for them included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// All nodes together.
    pub total: Duration,
    /// The node that ran longest, and how long.
    pub busiest: Option<(String, Duration)>,
}

impl Pace {
    /// From the nodes' names with their times.
    pub(super) fn new<'a>(busy: impl IntoIterator<Item = (&'a str, Duration)>) -> Pace {
        let busy: Vec<(&str, Duration)> = busy.into_iter().collect();
        // The first of several that are equal.
        let busiest = busy.iter().rev().max_by_key(|(_, time)| *time).filter(|(_, time)| !time.is_zero());
        Pace {
            total: busy.iter().map(|(_, time)| *time).sum(),
            busiest: busiest.map(|(name, time)| ((*name).to_owned(), *time)),
        }
    }

    /// What to say of nodes that took clearly longer on the wall clock than the run did in its own time.
    fn note(&self, simulated: Nanos) -> Option<String> {
        let simulated = Duration::from_nanos(simulated);
        if self.total < NOTICEABLE || self.total < simulated * FACTOR {
            return None;
        }
        let (name, time) = self.busiest.as_ref()?;
        Some(format!(
            "virtual time fell behind real time: the nodes ran for {:.0} s to simulate {:.0} s, node {name} for {:.0} s of it\n  \
             help: a node that polls or computes without pause may be faster in real time: `--time real` (in tests \
             `MAELSTROM_TIME=real`)",
            self.total.as_secs_f64(),
            simulated.as_secs_f64(),
            time.as_secs_f64(),
        ))
    }
}

impl Run {
    /// A note for standard error if virtual time fell behind real time; `None` in real time.
    pub(crate) fn pace_note(&self) -> Option<String> {
        self.pace.note(self.duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_runs_that_fall_behind_get_a_note() {
        let seconds = Duration::from_secs;
        let note = |times: [u64; 3], simulated: u64| {
            let pace = Pace::new(["n0", "n1", "n2"].into_iter().zip(times.map(seconds)));
            pace.note(simulated * 1_000_000_000)
        };
        let expected =
            "virtual time fell behind real time: the nodes ran for 60 s to simulate 5 s, node n1 for 40 s of it";
        assert_eq!(note([10, 40, 10], 5).expect("it fell behind").lines().next(), Some(expected));
        assert!(note([10, 40, 10], 5).is_some_and(|note| note.contains("help: ") && note.contains("`--time real`")));
        // Long, but longer still in its own time; slow, but short; nodes that never ran, as in real time.
        assert_eq!(note([10, 40, 10], 60), None);
        assert_eq!(note([1, 2, 1], 1), None);
        assert_eq!(note([0, 0, 0], 5), None);
        assert!(note([7, 7, 0], 5).is_some_and(|note| note.contains("node n0 for 7 s")));
    }
}
