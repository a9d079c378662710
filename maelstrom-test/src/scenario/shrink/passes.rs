//! The passes: each tries smaller versions of the failing run, and adopts those that still fail in the same way.
//!
//! | pass | what it tries |
//! | --- | --- |
//! | `start` | the operations of the evidence, or of its keys; no faults; to end just after the completion that proves the failure |
//! | faults | fewer faults |
//! | operations | fewer operations, smaller transactions |
//! | faults | fewer targets, shorter ones |
//! | time | operations and faults follow each other sooner |
//! | nodes | fewer nodes |
//! | network | all delays constant, then as few other delays as possible |
//!
//! Passes are repeated while they help. Lists are minimised with *delta debugging* (A. Zeller, R. Hildebrandt: Simplifying and
//! isolating failure-inducing input, 2002): leave out halves, then quarters, and so on, down to single elements.

use std::collections::BTreeSet;

use super::arrange;
use super::candidate::Candidate;
use super::failure::proved_at;
use super::judge::{Judge, Repeat, Stop};
use super::matter::delays;
use super::narrow::{self, Chain};
use super::trial::Trial;
use crate::history::Nanos;
use crate::plan::{Fate, Fault, FaultEffect, OperationPhase, OtherMessages};
use crate::workload::Workload;

/// The search at work: the smallest version so far, and what its run showed.
pub(super) struct Search<'a, R: Repeat<Trial = Trial>> {
    pub(super) judge: Judge<'a, R>,
    pub(super) workload: &'a dyn Workload,
    /// How long a message between nodes takes usually.
    pub(super) usual_delay: Nanos,
    pub(super) best: Candidate,
    pub(super) trial: Trial,
    /// Whether `best` was run, and not only the failing run itself.
    pub(super) has_repeated: bool,
}

impl<R: Repeat<Trial = Trial>> Search<'_, R> {
    /// Runs all passes until none of them helps.
    pub(super) fn shrink(&mut self) -> Result<(), Stop> {
        self.start()?;
        loop {
            let before = self.best.clone();
            self.fewer_faults()?;
            self.fewer_operations()?;
            self.cut_again()?;
            self.smaller_faults()?;
            self.sooner()?;
            self.fewer_nodes()?;
            self.constant_network()?;
            if self.best == before {
                return Ok(());
            }
        }
    }

    /// Adopts the first candidate that still fails. Returns its position.
    pub(super) fn adopt(&mut self, candidates: &[Candidate]) -> Result<Option<usize>, Stop> {
        let Some((index, trial)) = self.judge.first(candidates)? else { return Ok(None) };
        self.best = candidates[index].clone();
        // Operations after the end of the run never began, and others began when their worker was idle.
        self.best.overrides.operations = Some(trial.performed.operations.clone());
        self.trial = trial;
        self.has_repeated = true;
        Ok(Some(index))
    }

    /// Minimises a list by delta debugging. `build` returns the best candidate so far with the given part of the list.
    fn minimize<T: Clone>(
        &mut self,
        mut items: Vec<T>,
        build: impl Fn(&Candidate, Vec<T>) -> Candidate,
    ) -> Result<Vec<T>, Stop> {
        if items.is_empty() {
            return Ok(items);
        }
        let none = build(&self.best, Vec::new());
        if self.adopt(&[none])?.is_some() {
            return Ok(Vec::new());
        }
        let mut parts = 2;
        while items.len() >= 2 {
            parts = parts.min(items.len());
            let chunk = |part: usize| part * items.len() / parts..(part + 1) * items.len() / parts;
            let without = |part: usize| {
                let left_out = chunk(part);
                let kept = items.iter().enumerate().filter(|(index, _)| !left_out.contains(index));
                kept.map(|(_, item)| item.clone()).collect::<Vec<T>>()
            };
            let candidates: Vec<Candidate> = (0..parts).map(|part| build(&self.best, without(part))).collect();
            match self.adopt(&candidates)? {
                Some(part) => {
                    items = without(part);
                    parts = (parts - 1).max(2);
                }
                None if parts == items.len() => break,
                None => parts *= 2,
            }
        }
        Ok(items)
    }

    /// The end of the run: just after the proof, if there is one.
    pub(super) fn end(&self) -> Option<Nanos> {
        let finding = self.trial.finding.as_ref()?;
        Some(proved_at(finding, &self.trial.history)? + 1)
    }

    /// Returns the candidate with a main phase that ends after its last operation and its last fault.
    pub(super) fn shortened(&self, candidate: &Candidate) -> Candidate {
        const MARGIN: Nanos = 1_000_000;
        let main = candidate.operations().iter().filter(|operation| operation.phase == OperationPhase::Main);
        let longest = self.trial.longest_operation;
        let last = main.map(|operation| operation.time_ns + longest).max().unwrap_or_default();
        let faults = candidate.faults().iter().map(|fault| fault.stop_ns.unwrap_or(fault.start_ns + MARGIN));
        let end = faults.max().unwrap_or_default().max(last) + MARGIN;
        let mut shorter = candidate.clone();
        shorter.time_limit = shorter.time_limit.min(end);
        shorter
    }

    /// Returns the best candidate with a later end, because the start of the nodes may take another time.
    fn later_end(&self) -> Candidate {
        const MARGIN: Nanos = 10_000_000;
        self.best.ending(self.best.overrides.end_ns.map(|end| end + MARGIN))
    }

    /// Ends the run earlier, after operations and faults were left out.
    fn cut_again(&mut self) -> Result<(), Stop> {
        let mut candidates = Vec::new();
        if let Some(end) = self.end()
            && self.best.overrides.end_ns.is_none_or(|present| end < present)
        {
            candidates.push(self.best.ending(Some(end)));
        }
        let shorter = self.shortened(&self.best);
        if shorter.time_limit < self.best.time_limit && self.best.overrides.end_ns.is_none() {
            candidates.push(shorter);
        }
        self.adopt(&candidates)?;
        Ok(())
    }

    fn fewer_faults(&mut self) -> Result<(), Stop> {
        let began: Vec<Fault> = self.best.faults().to_vec();
        self.minimize(began, Candidate::with_faults)?;
        Ok(())
    }

    /// Fewer targets, shorter faults.
    fn smaller_faults(&mut self) -> Result<(), Stop> {
        for number in 0..self.best.faults().len() {
            self.fewer_targets(number)?;
            self.shorter_fault(number)?;
        }
        Ok(())
    }

    fn fewer_targets(&mut self, number: usize) -> Result<(), Stop> {
        let fault = &self.best.faults()[number];
        let targets = match &fault.does {
            FaultEffect::Kill(nodes) | FaultEffect::Pause(nodes) | FaultEffect::Packet { nodes, .. } => nodes.clone(),
            FaultEffect::Clock(shifts) => shifts.keys().cloned().collect(),
            // A partition without one of its nodes is another partition.
            FaultEffect::Partition(_) => return Ok(()),
        };
        if targets.len() < 2 {
            return Ok(());
        }
        let without = |left_out: &String| {
            let mut faults = self.best.faults().to_vec();
            let rest: Vec<String> = targets.iter().filter(|node| *node != left_out).cloned().collect();
            super::candidate::retain_nodes(&mut faults[number].does, &rest);
            self.best.with_faults(faults)
        };
        let candidates: Vec<Candidate> = targets.iter().map(without).collect();
        match self.adopt(&candidates)? {
            Some(_) => self.fewer_targets(number),
            None => Ok(()),
        }
    }

    fn shorter_fault(&mut self, number: usize) -> Result<(), Stop> {
        // Each turn halves the fault or ends the search.
        for _ in 0..6 {
            let fault = &self.best.faults()[number];
            let end = fault.stop_ns.unwrap_or_else(|| self.trial.main_phase.max(fault.start_ns));
            let length = end.saturating_sub(fault.start_ns);
            if length < 1_000_000 {
                return Ok(());
            }
            let changed = |start_ns: Nanos, stop_ns: Option<Nanos>| {
                let mut faults = self.best.faults().to_vec();
                faults[number].start_ns = start_ns;
                faults[number].stop_ns = stop_ns;
                faults.sort_by_key(|fault| fault.start_ns);
                self.best.with_faults(faults)
            };
            let candidates = [
                changed(fault.start_ns, Some(fault.start_ns + length / 2)),
                changed(fault.start_ns + length / 2, fault.stop_ns),
            ];
            if self.adopt(&candidates)?.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Fewer operations, then smaller transactions.
    pub(super) fn fewer_operations(&mut self) -> Result<(), Stop> {
        /// With so many operations, those of the evidence are kept at first.
        const MANY: usize = 24;
        let operations = self.best.operations().to_vec();
        if operations.len() > MANY {
            let wanted = self.explained();
            let others: Vec<usize> = (0..operations.len()).filter(|number| !wanted.contains(number)).collect();
            let with = |best: &Candidate, others: Vec<usize>| {
                let others: BTreeSet<usize> = others.into_iter().collect();
                let numbered = operations.iter().enumerate();
                let kept = numbered.filter(|(number, _)| wanted.contains(number) || others.contains(number));
                best.with_operations(kept.map(|(_, operation)| operation.clone()).collect())
            };
            self.minimize(others, with)?;
        }
        let operations = self.best.operations().to_vec();
        self.minimize(operations, Candidate::with_operations)?;
        let operations = self.best.operations().to_vec();
        let all = narrow::parts(&operations);
        if all.is_empty() {
            return Ok(());
        }
        let build = |best: &Candidate, left: Vec<narrow::Part>| {
            best.with_operations(narrow::with_parts(&operations, &all, &left))
        };
        self.minimize(all.clone(), build)?;
        Ok(())
    }

    /// Returns the numbers of the operations that are the evidence in the best run, or explain it.
    fn explained(&self) -> BTreeSet<usize> {
        let Some(finding) = &self.trial.finding else { return BTreeSet::new() };
        let done = narrow::operations(&self.trial.history);
        let evidence = narrow::in_evidence(finding, &done);
        let limit = 2 * evidence.len() + 8;
        narrow::explained(self.workload.name(), &done, &evidence, Chain::Whole, limit)
    }

    /// Shorter times between operations and faults, all of them first, then single ones.
    fn sooner(&mut self) -> Result<(), Stop> {
        /// Gaps below are not worth a repetition.
        const SHORT: Nanos = 20_000_000;
        for divisor in [16, 4, 2] {
            let candidate = self.with_gaps(|_, gap| if gap > SHORT { gap / divisor } else { gap });
            if candidate != self.later_end() && self.adopt(&[candidate])?.is_some() {
                self.cut_again()?;
                break;
            }
        }
        // Each adopted candidate divides a gap, so this ends.
        loop {
            let mut gaps = Vec::new();
            self.with_gaps(|number, gap| {
                gaps.push((gap, number));
                gap
            });
            gaps.retain(|(gap, _)| *gap > SHORT);
            gaps.sort_unstable_by(|a, b| b.cmp(a));
            let divided = |number: usize, divisor: Nanos| {
                self.with_gaps(|other, gap| if other == number { gap / divisor } else { gap })
            };
            let candidates: Vec<Candidate> =
                gaps.iter().take(4).flat_map(|(_, number)| [divided(*number, 8), divided(*number, 2)]).collect();
            if self.adopt(&candidates)?.is_none() {
                return Ok(());
            }
            self.cut_again()?;
        }
    }

    /// Returns the best candidate with other times between its moments.
    fn with_gaps(&self, gap: impl FnMut(usize, Nanos) -> Nanos) -> Candidate {
        arrange::with_gaps(&self.later_end(), gap)
    }

    /// Fewer nodes: those that clients talk to and that faults strike first.
    fn fewer_nodes(&mut self) -> Result<(), Stop> {
        let nodes = self.best.nodes.clone();
        let talked_to: BTreeSet<&String> =
            self.best.operations().iter().map(|operation| &nodes[operation.worker % nodes.len()]).collect();
        let mut order: Vec<&String> = nodes.iter().collect();
        order.sort_by_key(|node| !talked_to.contains(node));
        let workers = |needed: usize, count: usize| self.workload.concurrency(Some(needed), count);
        let smallest = talked_to.len().max(1);
        let candidates: Vec<Candidate> = (smallest..nodes.len())
            .filter_map(|count| {
                let kept: Vec<String> = nodes.iter().filter(|node| order[..count].contains(node)).cloned().collect();
                self.later_end().with_nodes(&kept, |needed| workers(needed, count))
            })
            .collect();
        self.adopt(&candidates)?;
        self.cut_again()
    }

    /// All delays constant. If the failure needs other delays, as few of them as possible.
    fn constant_network(&mut self) -> Result<(), Stop> {
        if self.best.overrides.other_messages == OtherMessages::Constant {
            let fates = self.best.overrides.messages.clone();
            self.minimize(fates, with_only_fates)?;
            return Ok(());
        }
        let mut constant = self.later_end();
        constant.overrides.other_messages = OtherMessages::Constant;
        let mut spelled_out = constant.clone();
        spelled_out.overrides.messages = delays(&self.trial.journal);
        if self.adopt(&[constant, spelled_out])? == Some(1) {
            let fates = self.best.overrides.messages.clone();
            self.minimize(fates, with_only_fates)?;
        }
        self.cut_again()
    }
}

fn with_only_fates(best: &Candidate, fates: Vec<Fate>) -> Candidate {
    let mut candidate = best.clone();
    candidate.overrides.messages = fates;
    candidate
}
