//! [`Faults`]: what the nemesis does now and what it has achieved.

use std::collections::BTreeMap;

use crate::history::Nanos;
use crate::json::{Value, json};
use crate::nemesis::{Action, ClusterView, FaultKind, FaultOp, Nemesis, effect};
use crate::plan::Fault;

/// What one kind of fault did in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// How often a fault of this kind began. Its end is not counted.
    pub actions: u64,
    /// Effects by name. The kind had an effect if any of them is above 0.
    pub effects: BTreeMap<&'static str, u64>,
}

impl FaultCounts {
    /// Whether a fault of this kind took effect.
    pub fn had_effect(&self) -> bool {
        self.effects.values().any(|&count| count > 0)
    }

    /// As `results.json` shows it.
    pub fn to_json(&self) -> Value {
        json!({"actions": self.actions, "effects": self.effects})
    }
}

/// What faults did, for each kind that was requested. The counts of a kind that is impossible in the cluster are empty.
pub type FaultReport = BTreeMap<FaultKind, FaultCounts>;

/// The nemesis at work. It performs one operation at a time: an operation begins, waits for its effects, and is done.
#[derive(Debug)]
pub(in super::super) struct Faults {
    nemesis: Nemesis,
    report: FaultReport,
    /// The operation that is being carried out, and how many effects it still waits for.
    current: Option<(FaultOp, usize)>,
    /// While the cluster is healed: what is left to do, the next operation last.
    queue: Vec<FaultOp>,
    is_healing: bool,
    /// The faults that have begun.
    performed: Vec<Fault>,
    /// The position in `performed` of the active fault of each kind.
    active: BTreeMap<FaultKind, usize>,
}

impl Faults {
    pub(in super::super) fn new(requested: &[FaultKind], nemesis: Nemesis) -> Faults {
        let report = requested.iter().map(|&kind| (kind, FaultCounts::default())).collect();
        Faults {
            nemesis,
            report,
            current: None,
            queue: Vec::new(),
            is_healing: false,
            performed: Vec::new(),
            active: BTreeMap::new(),
        }
    }

    pub(in super::super) fn report(&self) -> &FaultReport {
        &self.report
    }

    /// When the next fault is due, in nanoseconds from the start of the main phase.
    pub(in super::super) fn next_time(&self) -> Option<Nanos> {
        self.nemesis.next_time()
    }

    pub(in super::super) fn is_idle(&self) -> bool {
        self.current.is_none()
    }

    pub(in super::super) fn is_healing(&self) -> bool {
        self.is_healing
    }

    /// The next operation that is due.
    pub(in super::super) fn next(&mut self, now: Nanos, view: &ClusterView<'_>) -> Option<FaultOp> {
        self.nemesis.act(now, view)
    }

    /// From now on faults are only ended.
    pub(in super::super) fn begin_healing(&mut self) {
        self.is_healing = true;
    }

    /// The next operation that ends a fault, if any is left.
    pub(in super::super) fn next_healing(&mut self, view: &ClusterView<'_>) -> Option<FaultOp> {
        if self.queue.is_empty() {
            self.queue = self.nemesis.heal(view);
            self.queue.reverse();
        }
        self.queue.pop()
    }

    /// An operation begins, at this time in nanoseconds from the start of the main phase.
    pub(in super::super) fn begin(&mut self, op: &FaultOp, now: Nanos, nodes: &[String]) {
        let kind = op.action.kind();
        let stopped = self.active.remove(&kind).filter(|_| !self.is_healing);
        if let Some(fault) = stopped {
            self.performed[fault].stop_ns = Some(now);
        }
        if let Some(does) = effect(&op.action, nodes) {
            self.report.entry(kind).or_default().actions += 1;
            self.active.insert(kind, self.performed.len());
            self.performed.push(Fault { start_ns: now, stop_ns: None, does, value: op.value.clone() });
        }
    }

    /// The faults that have begun. Those that ended with the main phase have no stop.
    pub(in super::super) fn performed(&self) -> &[Fault] {
        &self.performed
    }

    /// What did not happen as the plan says.
    pub(in super::super) fn unmet_overrides(&self) -> Vec<String> {
        self.nemesis.unmet_overrides()
    }

    /// The operation that began waits for this many effects.
    pub(in super::super) fn wait(&mut self, op: FaultOp, effects: usize) {
        self.current = Some((op, effects));
    }

    /// One effect of the current operation has come, or a node has booted. Gives the operation if it is done.
    pub(in super::super) fn effect(&mut self, is_any_booting: bool) -> Option<FaultOp> {
        let (op, waiting) = self.current.as_mut()?;
        *waiting = waiting.saturating_sub(1);
        let is_done = if op.action == Action::Start { !is_any_booting } else { *waiting == 0 };
        if is_done { self.current.take().map(|(op, _)| op) } else { None }
    }

    fn count(&mut self, kind: FaultKind, effect: &'static str, count: u64) {
        *self.report.entry(kind).or_default().effects.entry(effect).or_default() += count;
    }

    pub(in super::super) fn killed(&mut self, processes: u64) {
        self.count(FaultKind::Kill, "processes_killed", processes);
    }

    pub(in super::super) fn restarted(&mut self, nodes: usize) {
        self.count(FaultKind::Kill, "starts", u64::from(nodes > 0));
    }

    pub(in super::super) fn paused(&mut self, processes: u64) {
        self.count(FaultKind::Pause, "processes_paused", processes);
    }

    pub(in super::super) fn resumed(&mut self, after: Nanos) {
        self.count(FaultKind::Pause, "paused_ns", after);
    }

    pub(in super::super) fn clock_set(&mut self) {
        // To reset a clock is no fault.
        if let Some((FaultOp { action: Action::BumpClock(_), .. }, _)) = &self.current {
            self.count(FaultKind::Clock, "clocks_set", 1);
        }
    }
}
