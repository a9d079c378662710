//! The first step of the search: small versions of the failing run that the evidence suggests.
//!
//! | choice | versions, in the order in which they are tried |
//! | --- | --- |
//! | network | constant delays, delays as drawn |
//! | operations | those of the evidence, only on the keys that they share; those that wrote what these read, too; writes instead of `cas`; those that were in progress at the same time; those that began with a fault |
//! | faults | none; those that were active meanwhile; the same, but begun before the first operation |
//! | time | soon after the start, without long pauses; after a while, without long pauses; as in the failing run; with long pauses |
//! | nodes | as in the failing run; all operations at different nodes; if there are faults, each node in the place of another |
//!
//! Most of these versions run for a moment only, so many of them cost less than one run of the original. If none of them
//! fails, the operations on these keys are tried, then all of them.

use std::collections::BTreeSet;

use super::arrange;
use super::candidate::Candidate;
use super::judge::{Repeat, Stop};
use super::narrow::{self, Chain, Done};
use super::passes::Search;
use super::trial::Trial;
use crate::history::Nanos;
use crate::plan::{Fault, Operation, OperationPhase, OtherMessages};

const MILLISECOND: Nanos = 1_000_000;
/// How many of the small versions are tried.
const SMALL_VERSIONS: usize = 100;
/// How many operations a small version has.
const FEW: usize = 16;
/// When the first operation begins: at once, or when the nodes have had time to elect a leader.
const LEADS: [Nanos; 2] = [20 * MILLISECOND, 2_000 * MILLISECOND];
/// A time in which nodes notice a fault, and elect another leader.
const PATIENCE: Nanos = 1_500 * MILLISECOND;
/// How long a fault disturbs operations at most.
const DISTURBANCE: Nanos = 500 * MILLISECOND;
/// Of how many faults it is tried whether they disturbed operations.
const FEW_FAULTS: usize = 6;

impl<R: Repeat<Trial = Trial>> Search<'_, R> {
    /// Adopts the first of the versions that the evidence suggests.
    pub(super) fn start(&mut self) -> Result<(), Stop> {
        let performed = &self.trial.performed;
        let operations = performed.operations.clone();
        let spelled_out = self
            .best
            .with_operations(operations.clone())
            .with_faults(performed.faults.clone())
            .ending(performed.end_ns);
        let mut small = Vec::new();
        let mut large = Vec::new();
        if let Some(finding) = &self.trial.finding {
            let workload = self.workload.name();
            let done = narrow::operations(&self.trial.history);
            let evidence = narrow::in_evidence(finding, &done);
            let explained = narrow::explained(workload, &done, &evidence, Chain::Whole, FEW.max(evidence.len()));
            let pick = |numbers: &BTreeSet<usize>| -> Vec<Operation> {
                numbers.iter().filter_map(|number| operations.get(*number)).cloned().collect()
            };
            let keys = narrow::common_keys(workload, &pick(&evidence));
            if !evidence.is_empty() && evidence.len() <= FEW {
                small = self.small_versions(&spelled_out, &done, &evidence, &explained, &keys);
            }
            let shared = narrow::on_keys(workload, &operations, &keys);
            if shared.len() < operations.len() {
                large.push(shared);
            }
        }
        small.truncate(SMALL_VERSIONS);
        if self.adopt(&small)?.is_some() {
            return Ok(());
        }
        large.push(operations);
        let mut candidates = Vec::new();
        for selected in large {
            for network in [OtherMessages::Constant, OtherMessages::Drawn] {
                for faults in [Vec::new(), spelled_out.faults().to_vec()] {
                    let candidate = spelled_out.with_operations(selected.clone()).with_faults(faults);
                    candidates.push(with_network(&self.cut(&candidate), network));
                }
            }
        }
        candidates.push(spelled_out);
        candidates.dedup();
        self.adopt(&candidates)?;
        Ok(())
    }

    /// Returns the candidate with an end soon after the proof of the failure. A failure that is proved in the final phase needs
    /// that phase, so the main phase is cut instead.
    fn cut(&self, candidate: &Candidate) -> Candidate {
        if has_final_phase(candidate) {
            self.shortened(candidate)
        } else {
            candidate.ending(self.end().map(|end| end + self.trial.longest_operation))
        }
    }

    /// Returns small versions, in the order in which they are tried.
    fn small_versions(
        &self,
        spelled_out: &Candidate,
        done: &[Done<'_>],
        evidence: &BTreeSet<usize>,
        explained: &BTreeSet<usize>,
        keys: &BTreeSet<String>,
    ) -> Vec<Candidate> {
        let workload = self.workload.name();
        let all = &self.trial.performed.operations;
        let mut selections: Vec<Vec<Operation>> = Vec::new();
        for numbers in [evidence, explained] {
            let picked: Vec<Operation> = numbers.iter().filter_map(|number| all.get(*number)).cloned().collect();
            for selection in [narrow::on_keys(workload, &picked, keys), picked] {
                if !selections.contains(&selection) {
                    selections.push(selection);
                }
            }
        }
        // A chain of `cas` operations can be long. A write has the same effect, and needs no other operation before it.
        let short = narrow::explained(workload, done, evidence, Chain::EndsAtCas, FEW);
        let picked: Vec<Operation> =
            short.iter().filter_map(|number| all.get(*number)).map(narrow::without_cas).collect();
        let written = narrow::on_keys(workload, &picked, keys);
        if !selections.contains(&written) {
            selections.push(written);
        }
        let rotated = selections[selections.len().saturating_sub(2)..].to_vec();
        let context = self.best.context();
        let node = |process| context.node_of(process).map(str::to_owned);
        let overlapping = narrow::with_overlapping(done, explained, node, FEW);
        let picked: Vec<Operation> = overlapping.iter().filter_map(|number| all.get(*number)).cloned().collect();
        let overlapping_operations = spelled_out.with_operations(picked);
        let longest = explained.iter().filter_map(|number| duration(&done[*number])).max().unwrap_or_default();
        // Long enough for an operation to complete before the next one begins.
        let pause = longest.clamp(10 * MILLISECOND, 100 * MILLISECOND) + 10 * MILLISECOND;
        let overlap = overlapping.iter().any(|a| overlapping.iter().any(|b| a != b && done[*a].overlaps(&done[*b])));
        let mut versions = Vec::new();
        for network in [OtherMessages::Constant, OtherMessages::Drawn] {
            let mut add = |arranged: Candidate| {
                versions.push(with_network(&self.bounded(&arranged, longest), network));
            };
            for selection in &selections {
                for with_faults in self.choices_of_faults(&spelled_out.with_operations(selection.clone())) {
                    for lead in LEADS {
                        let sooner = arrange::with_gaps(&with_faults, |number, gap| {
                            gap.min(if number == 0 { lead } else { pause })
                        });
                        if overlap {
                            add(arrange::together(&sooner, pause));
                        }
                        add(sooner);
                    }
                    // Operations that followed each other may fail together at different nodes.
                    if let Some(spread) = arrange::spread(&with_faults) {
                        let sooner = arrange::with_gaps(&spread, |_, gap| gap.min(pause));
                        add(arrange::together(&sooner, 2 * pause));
                    }
                    add(with_faults);
                }
            }
            // Another node may be the leader than in the failing run.
            for selection in &rotated {
                let active = self.active_faults(&spelled_out.with_operations(selection.clone()));
                if active.faults().is_empty() {
                    continue;
                }
                for patience in [0, PATIENCE] {
                    let slower = arrange::with_gaps(&active, |number, gap| {
                        if number == 0 { LEADS[1] } else { gap.clamp(patience, 2 * PATIENCE) }
                    });
                    (0..slower.nodes.len()).filter_map(|by| slower.rotated(by)).for_each(&mut add);
                }
            }
            // A sum does not tell which operations it is wrong about. Those that a fault disturbed are likely ones.
            if evidence.len() == 1 {
                for fault in spelled_out.faults().iter().take(FEW_FAULTS) {
                    let selected = spelled_out.with_operations(self.operations_at(fault.start_ns, evidence));
                    for start_ns in self.starts_of_fault(fault.start_ns) {
                        let stop_ns = fault.stop_ns.filter(|stop| *stop > start_ns);
                        let disturbed = selected.with_faults(vec![Fault { start_ns, stop_ns, ..fault.clone() }]);
                        add(arrange::with_gaps(&disturbed, |number, gap| {
                            gap.min(if number == 0 { LEADS[0] } else { DISTURBANCE })
                        }));
                    }
                }
            }
            // Threads of one node may hinder each other.
            if overlapping.len() > explained.len() {
                let active = self.active_faults(&overlapping_operations);
                for with_faults in [active.with_faults(Vec::new()), active] {
                    let sooner = arrange::with_gaps(&with_faults, |_, gap| gap.min(pause));
                    add(arrange::together(&sooner, pause));
                }
            }
        }
        let mut unique: Vec<Candidate> = Vec::new();
        for version in versions {
            if !unique.contains(&version) {
                unique.push(version);
            }
        }
        unique
    }

    /// Returns when a fault could begin that begins at this time in the failing run: then, or so soon after one of the last
    /// operations before it that the answer to a message is on its way.
    fn starts_of_fault(&self, start: Nanos) -> Vec<Nanos> {
        /// How many operations are considered.
        const OPERATIONS: usize = 3;
        let operations = self.trial.performed.operations.iter();
        let before = operations.rev().filter(|op| op.phase == OperationPhase::Main && op.time_ns <= start);
        let shortly_after = before.take(OPERATIONS).map(|operation| operation.time_ns + self.usual_delay * 3 / 2);
        std::iter::once(start).chain(shortly_after).collect()
    }

    /// Returns the operations that began at about this time, and those of the evidence.
    fn operations_at(&self, time: Nanos, evidence: &BTreeSet<usize>) -> Vec<Operation> {
        let numbered = self.trial.performed.operations.iter().enumerate();
        let in_main = numbered.clone().filter(|(_, operation)| operation.phase == OperationPhase::Main);
        let mut closest: Vec<usize> = in_main.map(|(number, _)| number).collect();
        closest.sort_by_key(|number| self.trial.performed.operations[*number].time_ns.abs_diff(time));
        closest.truncate(FEW);
        let is_wanted = |number: &usize| closest.contains(number) || evidence.contains(number);
        numbered.filter(|(number, _)| is_wanted(number)).map(|(_, operation)| operation.clone()).collect()
    }

    /// Returns the candidate with several choices of its faults.
    fn choices_of_faults(&self, candidate: &Candidate) -> Vec<Candidate> {
        let active = self.active_faults(candidate);
        let early = arrange::faults_first(&active);
        let mut choices = vec![candidate.with_faults(Vec::new()), active, early];
        choices.dedup();
        choices
    }

    /// Returns the candidate with those of its faults that were active while its operations were in progress.
    fn active_faults(&self, candidate: &Candidate) -> Candidate {
        let times = || {
            let in_main = candidate.operations().iter().filter(|op| op.phase == OperationPhase::Main);
            in_main.map(|operation| operation.time_ns)
        };
        let first = times().min().unwrap_or_default();
        let last = if has_final_phase(candidate) { Nanos::MAX } else { times().max().unwrap_or(Nanos::MAX) };
        let last = last.saturating_add(self.trial.longest_operation);
        let is_active = |fault: &&Fault| fault.start_ns <= last && fault.stop_ns.is_none_or(|stop| stop >= first);
        candidate.with_faults(candidate.faults().iter().filter(is_active).cloned().collect())
    }

    /// Returns a small version that ends when its operations must have completed.
    fn bounded(&self, candidate: &Candidate, longest: Nanos) -> Candidate {
        if has_final_phase(candidate) {
            return self.shortened(&candidate.ending(None));
        }
        let last = candidate.operations().iter().map(|operation| operation.time_ns).max().unwrap_or_default();
        candidate.ending(Some(self.trial.main_began + last + longest + 50 * MILLISECOND))
    }
}

fn has_final_phase(candidate: &Candidate) -> bool {
    candidate.operations().iter().any(|operation| operation.phase == OperationPhase::Final)
}

fn with_network(candidate: &Candidate, network: OtherMessages) -> Candidate {
    let mut candidate = candidate.clone();
    candidate.overrides.other_messages = network;
    candidate
}

/// How long an operation was in progress.
fn duration(done: &Done<'_>) -> Option<Nanos> {
    done.completion.map(|(_, completion)| completion.time.saturating_sub(done.invocation.time))
}
