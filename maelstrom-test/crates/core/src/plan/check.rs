//! Refuses overrides that no run could follow.

use std::collections::BTreeSet;

use super::{FaultEffect, Overrides, PacketBehaviour};
use crate::history::Nanos;

/// The latest time in a plan: a year. Sums of such times do not overflow.
const MAX_TIME: Nanos = 365 * 24 * 3_600 * 1_000_000_000;

impl Overrides {
    /// Checks the values that a file may hold although no run could follow them.
    ///
    /// # Errors
    /// Names the first value that is wrong: a probability outside 0 to 1, a time of more than a year, or a node that one fault
    /// names twice.
    pub fn check(&self) -> Result<(), String> {
        let time = |what: String, time: Nanos| {
            if time <= MAX_TIME { Ok(()) } else { Err(format!("{what} is {time} ns, more than a year")) }
        };
        for (number, operation) in self.operations.iter().flatten().enumerate() {
            time(format!("`time_ns` of operation {number}"), operation.time_ns)?;
        }
        for (number, fault) in self.faults.iter().flatten().enumerate() {
            time(format!("`start_ns` of fault {number}"), fault.start_ns)?;
            time(format!("`stop_ns` of fault {number}"), fault.stop_ns.unwrap_or_default())?;
            check_effect(&fault.does).map_err(|wrong| format!("fault {number}: {wrong}"))?;
        }
        for fate in &self.messages {
            for delay in &fate.delays_ns {
                time(format!("a delay of {}", fate.id), *delay)?;
            }
        }
        time("`end_ns`".into(), self.end_ns.unwrap_or_default())
    }
}

fn check_effect(does: &FaultEffect) -> Result<(), String> {
    match does {
        FaultEffect::Partition(grudge) => grudge.values().try_for_each(|nodes| distinct(nodes)),
        FaultEffect::Kill(nodes) | FaultEffect::Pause(nodes) => distinct(nodes),
        FaultEffect::Packet { nodes, behaviour } => {
            distinct(nodes)?;
            match *behaviour {
                PacketBehaviour::Lose { probability } | PacketBehaviour::Duplicate { probability } => {
                    check_probability(probability)
                }
                PacketBehaviour::Reorder { probability, max_delay_ns } => {
                    check_probability(probability)?;
                    check_delay("max_delay_ns", max_delay_ns)
                }
                PacketBehaviour::Delay { mean_ns } => check_delay("mean_ns", mean_ns),
            }
        }
        FaultEffect::Clock(shifts) => match shifts.values().find(|shift| shift.unsigned_abs() > MAX_TIME) {
            Some(shift) => Err(format!("a clock is shifted by {shift} ns, more than a year")),
            None => Ok(()),
        },
    }
}

fn check_probability(probability: f64) -> Result<(), String> {
    if (0.0..=1.0).contains(&probability) {
        Ok(())
    } else {
        Err(format!("`probability` is {probability}, but must be between 0 and 1"))
    }
}

fn check_delay(name: &str, delay: Nanos) -> Result<(), String> {
    if delay <= MAX_TIME { Ok(()) } else { Err(format!("`{name}` is {delay} ns, more than a year")) }
}

fn distinct(nodes: &[String]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    match nodes.iter().find(|node| !seen.insert(*node)) {
        Some(twice) => Err(format!("it names node {twice} twice")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Fate, Fault, MessageId};

    fn with_fault(does: FaultEffect) -> Overrides {
        let fault = Fault { start_ns: 0, stop_ns: None, does, value: crate::json::Value::Null };
        Overrides { faults: Some(vec![fault]), ..Overrides::default() }
    }

    #[test]
    fn values_that_no_run_can_follow_are_refused() {
        let nodes = || vec!["n0".to_owned()];
        let packet = |behaviour| with_fault(FaultEffect::Packet { nodes: nodes(), behaviour });
        let id = MessageId { src: "n0".into(), incarnation: 0, dest: "n1".into(), number: 0 };
        let wrong = [
            (packet(PacketBehaviour::Lose { probability: 1.5 }), "`probability` is 1.5"),
            (packet(PacketBehaviour::Duplicate { probability: -0.1 }), "`probability` is -0.1"),
            (packet(PacketBehaviour::Reorder { probability: f64::NAN, max_delay_ns: 1 }), "`probability` is NaN"),
            (packet(PacketBehaviour::Delay { mean_ns: u64::MAX }), "`mean_ns`"),
            (with_fault(FaultEffect::Kill(vec!["n1".into(), "n1".into()])), "node n1 twice"),
            (with_fault(FaultEffect::Clock([("n0".into(), i64::MIN)].into())), "a clock is shifted"),
            (Overrides { end_ns: Some(u64::MAX), ..Overrides::default() }, "`end_ns`"),
            (
                Overrides { messages: vec![Fate { id, delays_ns: vec![u64::MAX] }], ..Overrides::default() },
                "a delay of message 0 from n0 to n1",
            ),
        ];
        for (overrides, reason) in wrong {
            let error = overrides.check().unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert_eq!(packet(PacketBehaviour::Lose { probability: 1.0 }).check(), Ok(()));
        assert_eq!(Overrides::default().check(), Ok(()));
    }
}
