//! [`Nemesis`]: when faults happen.

use std::collections::VecDeque;

use crate::json::{Map, Value, json};
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::grudge::{self, Shape};
use super::planned::{PlannedFaults, Step};
use super::{Action, FaultKind, FaultOp, PacketBehaviour, targets};
use crate::history::Nanos;
use crate::plan::Fault;
use crate::random::{Rng, choice, hash};

/// Clocks are shifted by 2^[`CLOCK_MIN_EXPONENT`] to 2^[`CLOCK_MAX_EXPONENT`] milliseconds: 4 ms to more than 4 minutes.
const CLOCK_MAX_EXPONENT: f64 = 18.0;
const CLOCK_MIN_EXPONENT: f64 = 2.0;

/// The kinds of choice.
const TIME: u64 = hash("time of a fault");
const TARGETS: u64 = hash("targets of a fault");

/// The state of the cluster that the nemesis bases its decisions on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClusterView<'a> {
    /// The likely leader: the node that sent the most messages to other nodes since the last action.
    pub(crate) leader: Option<usize>,
    /// Nodes whose process was killed.
    pub(crate) down: &'a [usize],
    /// Nodes whose process is paused.
    pub(crate) paused: &'a [usize],
}

/// Decides on faults. Each kind alternates between starting and stopping, with its own timeline.
#[derive(Clone, Debug)]
pub(crate) struct Nemesis {
    nodes: Vec<String>,
    interval: Nanos,
    time_limit: Nanos,
    seed: u64,
    timelines: Vec<Timeline>,
    /// The faults that are spelled out; none are drawn then.
    planned: Option<PlannedFaults>,
}

/// The schedule of one kind of fault.
#[derive(Clone, Debug)]
struct Timeline {
    kind: FaultKind,
    /// The actions that are spelled out, the next one first.
    planned: VecDeque<(Nanos, Step)>,
    /// The number of the next action.
    number: u64,
    /// When the next action would be due if none had been late.
    undisturbed: Nanos,
    /// When the next action is due.
    due: Nanos,
    active: bool,
}

impl Timeline {
    /// A generator for the next action.
    fn choice(&self, seed: u64, what: u64) -> Rng {
        choice(seed, what, &[hash(self.kind.name()), self.number])
    }
}

impl Nemesis {
    /// Creates a nemesis for the given kinds of fault. Each kind acts every `interval` nanoseconds on average, during a
    /// main phase of `time_limit` nanoseconds.
    ///
    /// Kinds that are impossible with these nodes (a partition of one node) are omitted, and reported in the returned
    /// notes.
    pub(crate) fn new(
        kinds: &[FaultKind],
        nodes: &[String],
        interval: Nanos,
        time_limit: Nanos,
        seed: u64,
    ) -> (Nemesis, Vec<String>) {
        let mut kinds = kinds.to_vec();
        kinds.sort_unstable();
        kinds.dedup();
        let (mut timelines, mut notes) = (Vec::new(), Vec::new());
        for kind in kinds {
            if let Some(note) = impossible(kind, nodes.len()) {
                notes.push(note);
                continue;
            }
            let mut timeline =
                Timeline { kind, planned: VecDeque::new(), number: 0, undisturbed: 0, due: 0, active: false };
            let latest = time_limit.min(interval.saturating_mul(2)) / 4;
            timeline.undisturbed = timeline.choice(seed, TIME).random_range(0..=latest);
            timeline.due = timeline.undisturbed;
            timelines.push(timeline);
        }
        (Nemesis { nodes: nodes.to_vec(), interval, time_limit, seed, timelines, planned: None }, notes)
    }

    /// Creates a nemesis that performs the faults of a plan.
    pub(crate) fn planned(faults: &[Fault], nodes: &[String], time_limit: Nanos) -> Nemesis {
        let faults = PlannedFaults::new(faults, nodes);
        let timelines = faults.kinds().into_iter().map(|kind| {
            let planned = faults.timeline(kind);
            let due = planned.front().map_or(Nanos::MAX, |&(time, _)| time);
            Timeline { kind, planned, number: 0, undisturbed: due, due, active: false }
        });
        let timelines = timelines.collect();
        Nemesis { nodes: nodes.to_vec(), interval: 0, time_limit, seed: 0, timelines, planned: Some(faults) }
    }

    /// The kinds of fault that it performs.
    pub(crate) fn kinds(&self) -> Vec<FaultKind> {
        self.timelines.iter().map(|timeline| timeline.kind).collect()
    }

    /// What did not happen as the plan says.
    pub(crate) fn unmet_overrides(&self) -> Vec<String> {
        self.planned.as_ref().map(PlannedFaults::unmet).unwrap_or_default()
    }

    /// When the next action is due, in nanoseconds from the start of the main phase. `None` if no further action is due
    /// in the main phase.
    pub(crate) fn next_time(&self) -> Option<Nanos> {
        self.timelines.iter().map(|timeline| timeline.due).min().filter(|&due| due < self.time_limit)
    }

    /// Returns the next action that is due, if there is one. Of several, that of the first kind of fault comes first.
    pub(crate) fn act(&mut self, now: Nanos, view: &ClusterView<'_>) -> Option<FaultOp> {
        let is_due = |timeline: &&mut Timeline| timeline.due <= now && timeline.due < self.time_limit;
        let timeline = self.timelines.iter_mut().find(is_due)?;
        if let Some(faults) = &mut self.planned {
            let (_, step) = timeline.planned.pop_front()?;
            timeline.due = timeline.planned.front().map_or(Nanos::MAX, |&(time, _)| time);
            timeline.active = matches!(step, Step::Start(_));
            return Some(match step {
                Step::Stop => stop(timeline.kind, &self.nodes, view),
                Step::Start(position) => {
                    let (fault, action) = faults.begin(position);
                    FaultOp { f: timeline.kind.functions().0, value: fault.value.clone(), action }
                }
            });
        }
        timeline.active = !timeline.active;
        let op = if timeline.active {
            start(timeline.kind, &self.nodes, view, &mut timeline.choice(self.seed, TARGETS))
        } else {
            stop(timeline.kind, &self.nodes, view)
        };
        timeline.number += 1;
        let wait = timeline.choice(self.seed, TIME).random_range(0..=self.interval.saturating_mul(2));
        timeline.undisturbed = timeline.undisturbed.saturating_add(wait);
        // The next action is not delayed by one that was late, but it must not come right after it either.
        timeline.due = timeline.undisturbed.max(now.saturating_add(wait / 2));
        Some(op)
    }

    /// Returns actions that end all active faults. No action is due afterwards.
    pub(crate) fn heal(&mut self, view: &ClusterView<'_>) -> Vec<FaultOp> {
        let mut ops = Vec::new();
        for timeline in &mut self.timelines {
            let has_effect = match timeline.kind {
                FaultKind::Kill => !view.down.is_empty(),
                FaultKind::Pause => !view.paused.is_empty(),
                _ => false,
            };
            if timeline.active || has_effect {
                ops.push(stop(timeline.kind, &self.nodes, view));
            }
            (timeline.active, timeline.due) = (false, Nanos::MAX);
        }
        ops
    }
}

/// Why a kind of fault is impossible with this number of nodes; `None` if it is possible.
fn impossible(kind: FaultKind, nodes: usize) -> Option<String> {
    let needs_two = matches!(kind, FaultKind::Partition | FaultKind::Packet);
    (needs_two && nodes < 2)
        .then(|| format!("no {kind} faults: they concern messages between nodes, and there is only one node"))
}

/// The names of some nodes.
fn names(nodes: &[String], which: &[usize]) -> Value {
    which.iter().map(|&node| nodes[node].as_str()).collect()
}

/// The action that starts a fault.
fn start(kind: FaultKind, nodes: &[String], view: &ClusterView<'_>, rng: &mut Rng) -> FaultOp {
    let n = nodes.len();
    let (value, action) = match kind {
        FaultKind::Partition => partition(nodes, view, rng),
        FaultKind::Kill => {
            let (spec, targets) = targets::draw(n, view.leader, view.down, rng);
            (json!([spec, names(nodes, &targets)]), Action::Kill(targets))
        }
        FaultKind::Pause => {
            let (spec, targets) = targets::draw(n, view.leader, &[view.down, view.paused].concat(), rng);
            (json!([spec, names(nodes, &targets)]), Action::Pause(targets))
        }
        FaultKind::Packet => {
            let (spec, targets) = targets::draw(n, view.leader, &[], rng);
            let behaviour = *BEHAVIOURS.choose(rng).expect("there are behaviours");
            (json!([spec, names(nodes, &targets), describe(behaviour)]), Action::Packet { targets, behaviour })
        }
        FaultKind::Clock => {
            let (spec, targets) = targets::draw(n, view.leader, view.down, rng);
            let shifts: Vec<(usize, i64)> = targets.iter().map(|&node| (node, clock_shift(rng))).collect();
            let shown: Map<String, Value> = shifts
                .iter()
                .map(|&(node, nanos)| (nodes[node].clone(), format!("{:+} ms", nanos / 1_000_000).into()))
                .collect();
            (json!([spec, shown]), Action::BumpClock(shifts))
        }
    };
    FaultOp { f: kind.functions().0, value, action }
}

/// The action that ends a fault.
fn stop(kind: FaultKind, nodes: &[String], view: &ClusterView<'_>) -> FaultOp {
    let (value, action) = match kind {
        FaultKind::Partition => ("network healed".into(), Action::Heal),
        FaultKind::Kill => (names(nodes, view.down), Action::Start),
        FaultKind::Pause => (names(nodes, view.paused), Action::Resume),
        FaultKind::Packet => ("messages travel as usual".into(), Action::StopPacket),
        FaultKind::Clock => ("clocks set right".into(), Action::ResetClock),
    };
    FaultOp { f: kind.functions().1, value, action }
}

/// A random partition. Its value contains the two parts; if the cut has no parts, it contains the grudge.
fn partition(nodes: &[String], view: &ClusterView<'_>, rng: &mut Rng) -> (Value, Action) {
    let (cut, shape) = grudge::draw(nodes.len(), view.leader, rng).expect("partitions have at least two nodes");
    let grudge = shape.grudge(nodes.len());
    let shown = match shape {
        Shape::Parts(one, other) => json!([names(nodes, &one), names(nodes, &other)]),
        Shape::Overlapping(grudge) => {
            let entries = nodes.iter().cloned().zip(grudge.iter().map(|dropped| names(nodes, dropped)));
            Value::Object(entries.collect())
        }
    };
    (json!([cut.name(), shown]), Action::Partition(grudge))
}

/// What `packet` faults do. The values are high enough to affect a protocol, and low enough for it to make progress.
const BEHAVIOURS: [PacketBehaviour; 4] = [
    PacketBehaviour::Lose { probability: 0.2 },
    PacketBehaviour::Duplicate { probability: 0.2 },
    PacketBehaviour::Delay { mean_ns: 100_000_000 },
    PacketBehaviour::Reorder { probability: 0.2, max_delay_ns: 100_000_000 },
];

/// The description of a behaviour in the history.
fn describe(behaviour: PacketBehaviour) -> String {
    let percent = |p: f64| (p * 100.0).round();
    let millis = |nanos: u64| nanos / 1_000_000;
    match behaviour {
        PacketBehaviour::Lose { probability } => format!("lose {}%", percent(probability)),
        PacketBehaviour::Duplicate { probability } => format!("duplicate {}%", percent(probability)),
        PacketBehaviour::Delay { mean_ns } => format!("delay by {} ms on average", millis(mean_ns)),
        PacketBehaviour::Reorder { probability, max_delay_ns } => {
            format!("reorder {}%, by up to {} ms", percent(probability), millis(max_delay_ns))
        }
    }
}

/// A random shift forwards or backwards, in nanoseconds. The logarithm of its magnitude is uniform, so that every order
/// of magnitude is equally likely.
fn clock_shift(rng: &mut Rng) -> i64 {
    let millis = rng.random_range(CLOCK_MIN_EXPONENT..=CLOCK_MAX_EXPONENT).exp2() as i64;
    let sign = if rng.random() { 1 } else { -1 };
    sign * millis * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    const SECOND: Nanos = 1_000_000_000;

    fn nodes(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("n{i}")).collect()
    }

    /// All actions of a run, with the state of the cluster maintained as the simulation does.
    fn run(kinds: &[FaultKind], n: usize, seed: u64) -> Vec<(Nanos, FaultOp)> {
        let (mut nemesis, _) = Nemesis::new(kinds, &nodes(n), 10 * SECOND, 300 * SECOND, seed);
        let (mut ops, mut down, mut paused) = (Vec::new(), Vec::new(), Vec::new());
        let mut apply = |now, op: FaultOp, down: &mut Vec<usize>, paused: &mut Vec<usize>| {
            match &op.action {
                Action::Kill(targets) => down.extend(targets),
                Action::Start => down.clear(),
                Action::Pause(targets) => paused.extend(targets),
                Action::Resume => paused.clear(),
                _ => {}
            }
            ops.push((now, op));
        };
        while let Some(now) = nemesis.next_time() {
            let op = nemesis.act(now, &ClusterView { leader: Some(0), down: &down, paused: &paused }).unwrap();
            apply(now, op, &mut down, &mut paused);
        }
        for op in nemesis.heal(&ClusterView { leader: None, down: &down, paused: &paused }) {
            apply(300 * SECOND, op, &mut down, &mut paused);
        }
        assert!(down.is_empty() && paused.is_empty());
        ops
    }

    #[test]
    fn each_kind_alternates_and_is_healed_at_the_end() {
        for seed in 0..20 {
            let ops = run(&FaultKind::ALL, 5, seed);
            for kind in FaultKind::ALL {
                let (start, stop) = kind.functions();
                let own: Vec<&str> = ops.iter().map(|(_, op)| op.f).filter(|f| *f == start || *f == stop).collect();
                assert!(own.len() >= 2 && own.len().is_multiple_of(2), "{own:?}");
                assert!(own.chunks(2).all(|pair| pair == [start, stop]), "{own:?}");
            }
        }
    }

    #[test]
    fn kinds_do_not_affect_each_others_schedule() {
        let alone = run(&[FaultKind::Partition], 5, 3);
        let mut together = run(&FaultKind::ALL, 5, 3);
        together.retain(|(_, op)| op.f.ends_with("-partition"));
        assert_eq!(alone, together);
        assert_ne!(alone, run(&[FaultKind::Partition], 5, 4));
    }

    #[test]
    fn intervals_are_uniform_up_to_twice_the_mean_and_the_first_action_is_early() {
        let mut intervals = Vec::new();
        for seed in 0..200 {
            let ops = run(&[FaultKind::Kill], 3, seed);
            assert!(ops[0].0 <= 5 * SECOND);
            // The last action is the healing, which does not follow an interval.
            intervals.extend(ops[..ops.len() - 1].windows(2).map(|pair| pair[1].0 - pair[0].0));
        }
        assert!(intervals.iter().all(|&interval| interval <= 20 * SECOND));
        let mean = intervals.iter().sum::<Nanos>() / intervals.len() as Nanos;
        assert!((9 * SECOND..11 * SECOND).contains(&mean), "{mean}");
    }

    #[test]
    fn the_first_fault_of_a_short_run_is_in_its_first_quarter() {
        for seed in 0..50 {
            let (nemesis, _) = Nemesis::new(&[FaultKind::Pause], &nodes(3), 10 * SECOND, 4 * SECOND, seed);
            assert!(nemesis.next_time().unwrap() <= SECOND);
        }
    }

    #[test]
    fn impossible_faults_are_omitted_with_a_note() {
        let (nemesis, notes) = Nemesis::new(&FaultKind::ALL, &nodes(1), SECOND, SECOND, 0);
        let kinds: Vec<FaultKind> = nemesis.timelines.iter().map(|timeline| timeline.kind).collect();
        assert_eq!(kinds, [FaultKind::Kill, FaultKind::Pause, FaultKind::Clock]);
        assert_eq!(notes.len(), 2);
        let (nemesis, _) = Nemesis::new(&[FaultKind::Partition], &nodes(1), SECOND, SECOND, 0);
        assert_eq!(nemesis.next_time(), None);
    }

    #[test]
    fn killed_nodes_are_not_killed_paused_or_bumped() {
        for seed in 0..50 {
            let mut down: Vec<usize> = Vec::new();
            for (_, op) in run(&[FaultKind::Kill, FaultKind::Pause, FaultKind::Clock], 4, seed) {
                match op.action {
                    Action::Kill(targets) => down.extend(targets),
                    Action::Start => down.clear(),
                    Action::Pause(targets) => assert!(targets.iter().all(|node| !down.contains(node))),
                    Action::BumpClock(shifts) => {
                        for (node, nanos) in shifts {
                            assert!(!down.contains(&node));
                            assert!(nanos != 0 && nanos.abs() <= (1 << 18) * 1_000_000);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn values_name_the_affected_nodes() {
        let nodes = nodes(3);
        let view = ClusterView { leader: Some(2), down: &[1], paused: &[] };
        assert_eq!(stop(FaultKind::Kill, &nodes, &view).value, json!(["n1"]));
        let (mut nemesis, _) = Nemesis::new(&[FaultKind::Kill], &nodes, SECOND, SECOND, 0);
        let now = nemesis.next_time().unwrap();
        let op = nemesis.act(now, &ClusterView { leader: None, down: &[0, 1], paused: &[] }).unwrap();
        assert_eq!(op.action, Action::Kill(vec![2]));
        assert_eq!(op.value.as_array().unwrap()[1], json!(["n2"]));
    }

    #[test]
    fn the_value_of_a_partition_describes_its_grudge() {
        let nodes = nodes(5);
        let (mut parts, mut overlapping) = (0, 0);
        for seed in 0..100 {
            let (value, action) = partition(&nodes, &ClusterView::default(), &mut stream(seed, "test"));
            let Action::Partition(grudge) = action else { panic!("{action:?}") };
            match &value[1] {
                Value::Array(sides) => {
                    parts += 1;
                    let inside = |node: usize| sides[0].as_array().unwrap().contains(&json!(nodes[node]));
                    for (node, dropped) in grudge.iter().enumerate() {
                        assert!((0..5).all(|other| dropped.contains(&other) == (inside(node) != inside(other))));
                    }
                }
                shown => {
                    overlapping += 1;
                    assert_eq!(value[0], "majorities-ring");
                    for (node, dropped) in grudge.iter().enumerate() {
                        assert_eq!(shown[&nodes[node]], names(&nodes, dropped));
                    }
                }
            }
        }
        assert!(parts > 0 && overlapping > 0);
    }
}
