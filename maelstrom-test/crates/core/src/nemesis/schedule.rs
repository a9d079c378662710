//! When faults happen.

use crate::json::{Map, Value, json};
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::grudge::{self, Shape};
use super::{Action, FaultKind, FaultOp, PacketBehaviour, targets};
use crate::history::Nanos;
use crate::random::{Rng, stream};

/// Clocks are shifted by at most two to the power of this, in milliseconds: more than four minutes.
const CLOCK_MAX_EXPONENT: f64 = 18.0;
/// … and by at least two to the power of this.
const CLOCK_MIN_EXPONENT: f64 = 2.0;

/// What the nemesis may know of the cluster.
#[derive(Clone, Copy, Debug, Default)]
pub struct View<'a> {
    /// The likely leader: the node that sent most messages to other nodes since the last action.
    pub leader: Option<usize>,
    /// Nodes whose process was killed.
    pub down: &'a [usize],
    /// Nodes whose process stands still.
    pub paused: &'a [usize],
}

/// Decides on faults: each kind alternates between starting and stopping, by a clock and a random stream of its own.
#[derive(Clone, Debug)]
pub struct Nemesis {
    nodes: Vec<String>,
    interval: Nanos,
    time_limit: Nanos,
    lanes: Vec<Lane>,
}

/// One kind of fault.
#[derive(Clone, Debug)]
struct Lane {
    kind: FaultKind,
    rng: Rng,
    due: Nanos,
    active: bool,
}

impl Nemesis {
    /// Faults of these kinds, each acting every `interval` nanoseconds on average during a main phase of `time_limit`.
    ///
    /// Also returns notes on faults that cannot exist with these nodes (a partition of one node); they are left out.
    pub fn new(
        kinds: &[FaultKind],
        nodes: &[String],
        interval: Nanos,
        time_limit: Nanos,
        seed: u64,
    ) -> (Nemesis, Vec<String>) {
        let mut kinds = kinds.to_vec();
        kinds.sort_unstable();
        kinds.dedup();
        let (mut lanes, mut notes) = (Vec::new(), Vec::new());
        for kind in kinds {
            if let Some(note) = impossible(kind, nodes.len()) {
                notes.push(note);
                continue;
            }
            let mut rng = stream(seed, &format!("nemesis {kind}"));
            let due = rng.random_range(0..=time_limit.min(interval.saturating_mul(2)) / 4);
            lanes.push(Lane { kind, rng, due, active: false });
        }
        (Nemesis { nodes: nodes.to_vec(), interval, time_limit, lanes }, notes)
    }

    /// The kinds of fault that this nemesis performs.
    pub fn kinds(&self) -> impl Iterator<Item = FaultKind> + '_ {
        self.lanes.iter().map(|lane| lane.kind)
    }

    /// When the next action is due, in nanoseconds from the start of the main phase; `None` if none is before its end.
    pub fn next_time(&self) -> Option<Nanos> {
        self.lanes.iter().map(|lane| lane.due).min().filter(|&due| due < self.time_limit)
    }

    /// Performs the earliest action; to be called when it is due.
    ///
    /// # Panics
    /// If there are no faults at all, so that nothing can be due.
    pub fn act(&mut self, now: Nanos, view: &View<'_>) -> FaultOp {
        let lane = self.lanes.iter_mut().min_by_key(|lane| lane.due).expect("an action is due, so there are faults");
        lane.due = now.saturating_add(lane.rng.random_range(0..=self.interval.saturating_mul(2)));
        lane.active = !lane.active;
        if lane.active { start(lane, &self.nodes, view) } else { stop(lane.kind, &self.nodes, view) }
    }

    /// Ends everything that is still going on. From now on nothing is due.
    pub fn heal(&mut self, view: &View<'_>) -> Vec<FaultOp> {
        let mut steps = Vec::new();
        for lane in self.lanes.iter_mut() {
            let left = match lane.kind {
                FaultKind::Kill => !view.down.is_empty(),
                FaultKind::Pause => !view.paused.is_empty(),
                _ => false,
            };
            if lane.active || left {
                steps.push(stop(lane.kind, &self.nodes, view));
            }
            (lane.active, lane.due) = (false, Nanos::MAX);
        }
        steps
    }
}

/// Why a fault cannot exist with so many nodes.
fn impossible(kind: FaultKind, nodes: usize) -> Option<String> {
    let needs_two = matches!(kind, FaultKind::Partition | FaultKind::Packet);
    (needs_two && nodes < 2)
        .then(|| format!("no {kind} faults: they concern messages between nodes, and there is only one node"))
}

/// The names of some nodes.
fn names(nodes: &[String], which: &[usize]) -> Value {
    which.iter().map(|&node| nodes[node].as_str()).collect()
}

/// The beginning of a fault.
fn start(lane: &mut Lane, nodes: &[String], view: &View<'_>) -> FaultOp {
    let rng = &mut lane.rng;
    let n = nodes.len();
    let (value, action) = match lane.kind {
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
    FaultOp { f: lane.kind.functions().0, value, action }
}

/// The end of a fault.
fn stop(kind: FaultKind, nodes: &[String], view: &View<'_>) -> FaultOp {
    let (value, action) = match kind {
        FaultKind::Partition => ("network healed".into(), Action::Heal),
        FaultKind::Kill => (names(nodes, view.down), Action::Start),
        FaultKind::Pause => (names(nodes, view.paused), Action::Resume),
        FaultKind::Packet => ("messages travel as usual".into(), Action::StopPacket),
        FaultKind::Clock => ("clocks set right".into(), Action::ResetClock),
    };
    FaultOp { f: kind.functions().1, value, action }
}

/// A partition; its value shows the two parts, or, where there are none, who drops whose messages.
fn partition(nodes: &[String], view: &View<'_>, rng: &mut Rng) -> (Value, Action) {
    let (cut, shape) = grudge::draw(nodes.len(), view.leader, rng).expect("partitions have at least two nodes");
    let grudge = shape.grudge(nodes.len());
    let shown = match shape {
        Shape::Parts(one, other) => json!([names(nodes, &one), names(nodes, &other)]),
        Shape::Web(grudge) => {
            let entries = nodes.iter().cloned().zip(grudge.iter().map(|dropped| names(nodes, dropped)));
            Value::Object(entries.collect())
        }
    };
    (json!([cut.name(), shown]), Action::Partition(grudge))
}

/// What happens to messages: enough that a protocol notices, little enough that it still gets on.
const BEHAVIOURS: [PacketBehaviour; 4] = [
    PacketBehaviour::Lose(0.2),
    PacketBehaviour::Duplicate(0.2),
    PacketBehaviour::Delay(100_000_000),
    PacketBehaviour::Reorder(0.2, 100_000_000),
];

/// A behaviour in words.
fn describe(behaviour: PacketBehaviour) -> String {
    let percent = |p: f64| (p * 100.0).round();
    let millis = |nanos: u64| nanos / 1_000_000;
    match behaviour {
        PacketBehaviour::Lose(p) => format!("lose {}%", percent(p)),
        PacketBehaviour::Duplicate(p) => format!("duplicate {}%", percent(p)),
        PacketBehaviour::Delay(mean) => format!("delay by {} ms on average", millis(mean)),
        PacketBehaviour::Reorder(p, most) => format!("reorder {}%, by up to {} ms", percent(p), millis(most)),
    }
}

/// A shift forward or back. Its magnitude is exponential, so that small and large ones are equally likely.
fn clock_shift(rng: &mut Rng) -> i64 {
    let millis = rng.random_range(CLOCK_MIN_EXPONENT..=CLOCK_MAX_EXPONENT).exp2() as i64;
    let sign = if rng.random() { 1 } else { -1 };
    sign * millis * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    fn nodes(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("n{i}")).collect()
    }

    /// All steps of a run with the cluster's state kept as the simulation does.
    fn run(kinds: &[FaultKind], n: usize, seed: u64) -> Vec<(Nanos, FaultOp)> {
        let (mut nemesis, _) = Nemesis::new(kinds, &nodes(n), 10 * SECOND, 300 * SECOND, seed);
        let (mut steps, mut down, mut paused) = (Vec::new(), Vec::new(), Vec::new());
        let mut apply = |now, step: FaultOp, down: &mut Vec<usize>, paused: &mut Vec<usize>| {
            match &step.action {
                Action::Kill(targets) => down.extend(targets),
                Action::Start => down.clear(),
                Action::Pause(targets) => paused.extend(targets),
                Action::Resume => paused.clear(),
                _ => {}
            }
            steps.push((now, step));
        };
        while let Some(now) = nemesis.next_time() {
            let step = nemesis.act(now, &View { leader: Some(0), down: &down, paused: &paused });
            apply(now, step, &mut down, &mut paused);
        }
        for step in nemesis.heal(&View { leader: None, down: &down, paused: &paused }) {
            apply(300 * SECOND, step, &mut down, &mut paused);
        }
        assert!(down.is_empty() && paused.is_empty());
        steps
    }

    #[test]
    fn each_kind_alternates_and_ends_healed() {
        for seed in 0..20 {
            let steps = run(&FaultKind::ALL, 5, seed);
            for kind in FaultKind::ALL {
                let (start, stop) = kind.functions();
                let own: Vec<&str> =
                    steps.iter().map(|(_, step)| step.f).filter(|f| *f == start || *f == stop).collect();
                assert!(own.len() >= 2 && own.len().is_multiple_of(2), "{own:?}");
                assert!(own.chunks(2).all(|pair| pair == [start, stop]), "{own:?}");
            }
        }
    }

    #[test]
    fn kinds_do_not_shift_one_another() {
        let alone = run(&[FaultKind::Partition], 5, 3);
        let mut together = run(&FaultKind::ALL, 5, 3);
        together.retain(|(_, step)| step.f.ends_with("-partition"));
        assert_eq!(alone, together);
        assert_ne!(alone, run(&[FaultKind::Partition], 5, 4));
    }

    #[test]
    fn waits_are_uniform_up_to_twice_the_interval_and_the_first_is_early() {
        let mut waits = Vec::new();
        for seed in 0..200 {
            let steps = run(&[FaultKind::Kill], 3, seed);
            assert!(steps[0].0 <= 5 * SECOND);
            // The last step is the healing, which has no wait of its own.
            waits.extend(steps[..steps.len() - 1].windows(2).map(|pair| pair[1].0 - pair[0].0));
        }
        assert!(waits.iter().all(|&wait| wait <= 20 * SECOND));
        let mean = waits.iter().sum::<Nanos>() / waits.len() as Nanos;
        assert!((9 * SECOND..11 * SECOND).contains(&mean), "{mean}");
    }

    #[test]
    fn a_short_run_sees_its_fault_in_its_first_quarter() {
        for seed in 0..50 {
            let (nemesis, _) = Nemesis::new(&[FaultKind::Pause], &nodes(3), 10 * SECOND, 4 * SECOND, seed);
            assert!(nemesis.next_time().unwrap() <= SECOND);
        }
    }

    #[test]
    fn impossible_faults_are_noted() {
        let (nemesis, notes) = Nemesis::new(&FaultKind::ALL, &nodes(1), SECOND, SECOND, 0);
        assert_eq!(nemesis.kinds().collect::<Vec<_>>(), [FaultKind::Kill, FaultKind::Pause, FaultKind::Clock]);
        assert_eq!(notes.len(), 2);
        let (nemesis, _) = Nemesis::new(&[FaultKind::Partition], &nodes(1), SECOND, SECOND, 0);
        assert_eq!(nemesis.next_time(), None);
    }

    #[test]
    fn killed_nodes_are_not_killed_paused_or_bumped() {
        for seed in 0..50 {
            let mut down: Vec<usize> = Vec::new();
            for (_, step) in run(&[FaultKind::Kill, FaultKind::Pause, FaultKind::Clock], 4, seed) {
                match step.action {
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
    fn values_say_what_was_done_to_whom() {
        let nodes = nodes(3);
        let view = View { leader: Some(2), down: &[1], paused: &[] };
        assert_eq!(stop(FaultKind::Kill, &nodes, &view).value, json!(["n1"]));
        let (mut nemesis, _) = Nemesis::new(&[FaultKind::Kill], &nodes, SECOND, SECOND, 0);
        let step = nemesis.act(0, &View { leader: None, down: &[0, 1], paused: &[] });
        assert_eq!(step.action, Action::Kill(vec![2]));
        assert_eq!(step.value.as_array().unwrap()[1], json!(["n2"]));
    }

    #[test]
    fn the_value_of_a_partition_is_its_grudge() {
        let nodes = nodes(5);
        let (mut parts, mut webs) = (0, 0);
        for seed in 0..100 {
            let (value, action) = partition(&nodes, &View::default(), &mut stream(seed, "test"));
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
                    webs += 1;
                    assert_eq!(value[0], "majorities-ring");
                    for (node, dropped) in grudge.iter().enumerate() {
                        assert_eq!(shown[&nodes[node]], names(&nodes, dropped));
                    }
                }
            }
        }
        assert!(parts > 0 && webs > 0);
    }
}
