//! [`Candidate`]: a smaller version of the failing run.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checker::CheckContext;
use crate::history::Nanos;
use crate::json::Value;
use crate::plan::{Fate, Fault, FaultEffect, MessageId, Operation, Overrides};
use crate::scenario::Config;
use crate::scenario::options::{Concurrency, Nodes};

/// A run to try: the failing run with other nodes, another length, and overrides.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) nodes: Vec<String>,
    pub(super) concurrency: usize,
    pub(super) time_limit: Nanos,
    pub(super) overrides: Overrides,
}

impl Candidate {
    /// Returns the failing run itself.
    pub(super) fn of(config: &Config) -> Candidate {
        let settings = &config.simulation.settings;
        Candidate {
            nodes: settings.nodes.clone(),
            concurrency: settings.concurrency,
            time_limit: settings.time_limit,
            overrides: config.simulation.plan.clone(),
        }
    }

    /// Returns the configuration of the candidate. It is stored with the options that differ, so that a replay repeats it.
    pub(super) fn config(&self, failing: &Config) -> Config {
        let mut config = failing.clone();
        let settings = &mut config.simulation.settings;
        if self.nodes != settings.nodes {
            config.given.nodes = Some(Nodes::Names(self.nodes.clone()));
            config.given.concurrency = Some(Concurrency::Total(self.concurrency as u64));
        }
        if self.time_limit != settings.time_limit {
            config.given.time_limit = Some(Duration::from_nanos(self.time_limit));
        }
        settings.nodes.clone_from(&self.nodes);
        settings.concurrency = self.concurrency;
        settings.time_limit = self.time_limit;
        config.simulation.plan = self.overrides.clone();
        config
    }

    /// Knows which node each client talks to.
    pub(super) fn context(&self) -> CheckContext {
        CheckContext { nodes: self.nodes.clone(), concurrency: self.concurrency, ..CheckContext::default() }
    }

    pub(super) fn operations(&self) -> &[Operation] {
        self.overrides.operations.as_deref().unwrap_or_default()
    }

    pub(super) fn faults(&self) -> &[Fault] {
        self.overrides.faults.as_deref().unwrap_or_default()
    }

    pub(super) fn with_operations(&self, operations: Vec<Operation>) -> Candidate {
        let mut candidate = self.clone();
        candidate.overrides.operations = Some(operations);
        candidate
    }

    pub(super) fn with_faults(&self, faults: Vec<Fault>) -> Candidate {
        let mut candidate = self.clone();
        candidate.overrides.faults = Some(faults);
        candidate
    }

    pub(super) fn ending(&self, end_ns: Option<Nanos>) -> Candidate {
        let mut candidate = self.clone();
        candidate.overrides.end_ns = end_ns;
        candidate
    }

    /// Returns the candidate with these fates, which replace the present fates of the same messages.
    pub(super) fn with_fates(&self, fates: impl IntoIterator<Item = Fate>) -> Candidate {
        let mut candidate = self.clone();
        let present = std::mem::take(&mut candidate.overrides.messages);
        let mut all: BTreeMap<MessageId, Vec<Nanos>> =
            present.into_iter().map(|Fate { id, delays_ns }| (id, delays_ns)).collect();
        all.extend(fates.into_iter().map(|Fate { id, delays_ns }| (id, delays_ns)));
        candidate.overrides.messages = all.into_iter().map(|(id, delays_ns)| Fate { id, delays_ns }).collect();
        candidate
    }

    /// Returns the candidate with each node in the place of the one `by` places before it. `None` if the workers are not spread
    /// evenly over the nodes.
    pub(super) fn rotated(&self, by: usize) -> Option<Candidate> {
        let (count, workers) = (self.nodes.len(), self.concurrency);
        if by == 0 {
            return Some(self.clone());
        }
        if workers % count != 0 {
            return None;
        }
        let mut candidate = self.clone();
        for operation in candidate.overrides.operations.iter_mut().flatten() {
            operation.worker = (operation.worker + by) % workers;
        }
        let moved = |node: &String| {
            let place = self.nodes.iter().position(|other| other == node);
            place.map_or_else(|| node.clone(), |place| self.nodes[(place + by) % count].clone())
        };
        let all = |nodes: &[String]| nodes.iter().map(moved).collect::<Vec<_>>();
        for fault in candidate.overrides.faults.iter_mut().flatten() {
            match &mut fault.does {
                FaultEffect::Partition(grudge) => {
                    *grudge = grudge.iter().map(|(node, dropped)| (moved(node), all(dropped))).collect();
                }
                FaultEffect::Kill(nodes) | FaultEffect::Pause(nodes) | FaultEffect::Packet { nodes, .. } => {
                    *nodes = all(nodes);
                }
                FaultEffect::Clock(shifts) => {
                    *shifts = shifts.iter().map(|(node, shift)| (moved(node), *shift)).collect();
                }
            }
            rename(&mut fault.value, &self.nodes, &moved);
        }
        Some(candidate)
    }

    /// Returns the candidate with only these nodes. Workers are renumbered, because a worker's number decides which node it
    /// talks to. `None` if an operation needs another node. `workers` rounds the number of workers as the workload does.
    pub(super) fn with_nodes(&self, nodes: &[String], workers: impl Fn(usize) -> usize) -> Option<Candidate> {
        let mut candidate = self.clone();
        candidate.nodes = nodes.to_vec();
        // The workers of each node are numbered in the order of their first operation.
        let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
        let mut of_node = vec![0; nodes.len()];
        for operation in candidate.overrides.operations.iter_mut().flatten() {
            let node = &self.nodes[operation.worker % self.nodes.len()];
            let node = nodes.iter().position(|other| other == node)?;
            operation.worker = *numbers.entry(operation.worker).or_insert_with(|| {
                of_node[node] += 1;
                (of_node[node] - 1) * nodes.len() + node
            });
        }
        let needed = numbers.values().max().map_or(1, |last| last + 1).max(nodes.len());
        candidate.concurrency = workers(needed);
        let left_out =
            |name: &str| self.nodes.iter().any(|node| node == name) && !nodes.iter().any(|node| node == name);
        for fault in candidate.overrides.faults.iter_mut().flatten() {
            retain_nodes(&mut fault.does, nodes);
            remove_names(&mut fault.value, &left_out);
        }
        candidate.overrides.messages.retain(|Fate { id, .. }| !left_out(&id.src) && !left_out(&id.dest));
        (candidate.concurrency >= needed).then_some(candidate)
    }
}

/// Renames nodes in the description of a fault. Lists of nodes stay in order.
fn rename(value: &mut Value, nodes: &[String], renamed: &impl Fn(&String) -> String) {
    match value {
        Value::String(text) => *text = renamed(text),
        Value::Array(values) => {
            values.iter_mut().for_each(|value| rename(value, nodes, renamed));
            let place = |value: &Value| nodes.iter().position(|node| Some(&**node) == value.as_str());
            if values.iter().all(|value| place(value).is_some()) {
                values.sort_by_key(place);
            }
        }
        Value::Object(entries) => {
            let entries_renamed = std::mem::take(entries).into_iter().map(|(key, mut value)| {
                rename(&mut value, nodes, renamed);
                (renamed(&key), value)
            });
            *entries = entries_renamed.collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Removes nodes from the description of a fault.
fn remove_names(value: &mut Value, is_removed: &impl Fn(&str) -> bool) {
    match value {
        Value::Array(values) => {
            values.retain(|value| !value.as_str().is_some_and(is_removed));
            values.iter_mut().for_each(|value| remove_names(value, is_removed));
        }
        Value::Object(entries) => {
            entries.retain(|name, _| !is_removed(name));
            entries.values_mut().for_each(|value| remove_names(value, is_removed));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Removes all other nodes from a fault.
pub(super) fn retain_nodes(does: &mut FaultEffect, nodes: &[String]) {
    match does {
        FaultEffect::Partition(grudge) => {
            grudge.retain(|node, _| nodes.contains(node));
            grudge.values_mut().for_each(|dropped| dropped.retain(|node| nodes.contains(node)));
        }
        FaultEffect::Kill(targets) | FaultEffect::Pause(targets) | FaultEffect::Packet { nodes: targets, .. } => {
            targets.retain(|node| nodes.contains(node));
        }
        FaultEffect::Clock(shifts) => shifts.retain(|node, _| nodes.contains(node)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Map, json};
    use crate::plan::OperationPhase;

    fn candidate(concurrency: usize) -> Candidate {
        let nodes = || ["n0", "n1", "n2"].map(str::to_owned).to_vec();
        let operation = Operation {
            phase: OperationPhase::Main,
            time_ns: 0,
            worker: 2,
            f: "read".into(),
            value: Value::Null,
            is_final: false,
            extra: Map::new(),
        };
        let grudge = [("n2".to_owned(), vec!["n0".to_owned(), "n1".to_owned()])].into();
        let partition = Fault {
            start_ns: 1,
            stop_ns: None,
            does: FaultEffect::Partition(grudge),
            value: json!(["one", [["n2"], ["n0", "n1"]]]),
        };
        let overrides =
            Overrides { operations: Some(vec![operation]), faults: Some(vec![partition]), ..Overrides::default() };
        Candidate { nodes: nodes(), concurrency, time_limit: 9, overrides }
    }

    #[test]
    fn nodes_change_places_with_their_clients_and_faults() {
        let rotated = candidate(6).rotated(1).unwrap();
        assert_eq!(rotated.operations()[0].worker, 3);
        let fault = &rotated.faults()[0];
        assert_eq!(fault.value, json!(["one", [["n0"], ["n1", "n2"]]]));
        let FaultEffect::Partition(grudge) = &fault.does else { panic!("{fault:?}") };
        assert_eq!(*grudge, [("n0".to_owned(), vec!["n1".to_owned(), "n2".to_owned()])].into());
        assert_eq!(rotated.rotated(2).unwrap().operations()[0].worker, 5);
        assert_eq!(candidate(6).rotated(0), Some(candidate(6)));
        assert_eq!(candidate(4).rotated(1), None, "some nodes have more clients than others");
    }

    #[test]
    fn workers_are_renumbered_for_fewer_nodes() {
        let nodes = ["n0".to_owned(), "n2".to_owned()];
        let fewer = candidate(6).with_nodes(&nodes, |needed| needed).unwrap();
        assert_eq!((fewer.operations()[0].worker, fewer.concurrency), (1, 2));
        let FaultEffect::Partition(grudge) = &fewer.faults()[0].does else { panic!("a partition stays one") };
        assert_eq!(*grudge, [("n2".to_owned(), vec!["n0".to_owned()])].into());
        assert_eq!(fewer.faults()[0].value, json!(["one", [["n2"], ["n0"]]]));
        assert_eq!(candidate(6).with_nodes(&nodes[..1], |needed| needed), None, "n2 is needed");
    }
}
