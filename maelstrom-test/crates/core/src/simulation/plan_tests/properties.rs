//! Properties of all runs.

use proptest::prelude::ProptestConfig;
use proptest::{prop_assert, proptest};

use super::*;
use crate::network::EventType;
use crate::plan::{Fate, Fault, MessageId, Operation, OperationPhase};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_run_that_is_told_what_another_did_is_the_same(shape in shapes()) {
        let mut first = shape.run(Overrides::default());
        let performed = first.performed();
        prop_assert_eq!((first.phase(), first.failure()), (Phase::Over, None));
        let mut second = shape.run(performed.clone().into_overrides());
        prop_assert_eq!(second.unmet_overrides(), Vec::<String>::new());
        for (first, second) in first.history().ops.iter().zip(&second.history().ops) {
            prop_assert_eq!(first, second);
        }
        prop_assert_eq!(first.history(), second.history());
        assert_same_journal(&mut first, &mut second)?;
        prop_assert_eq!(second.performed(), performed);
    }

    #[test]
    fn a_run_may_end_at_any_time(shape in shapes(), end in 0..6 * SECOND) {
        let whole = shape.run(Overrides::default());
        let mut cut = shape.run(Overrides { end_ns: Some(end), ..Overrides::default() });
        prop_assert_eq!((cut.phase(), cut.failure()), (Phase::Over, None));
        let entries = cut.history().ops.len();
        prop_assert_eq!(&cut.history().ops[..], &whole.history().ops[..entries]);
        prop_assert!(whole.history().ops.get(entries).is_none_or(|op| op.time >= end));
        prop_assert!(cut.history().ops.iter().all(|op| op.time < end));
        verdict(&cut);
        let mut again = shape.run(cut.performed().into_overrides());
        prop_assert_eq!(cut.history(), again.history());
        assert_same_journal(&mut cut, &mut again)?;
    }
}

/// The operations of the main phase: time, function, value.
fn main_operations(run: &Simulation) -> Vec<(Nanos, String, String)> {
    let performed = run.performed().operations.into_iter().filter(|operation| operation.phase == OperationPhase::Main);
    performed.map(|operation| (operation.time_ns, operation.f, operation.value.to_string())).collect()
}

/// The times of starts and stops, by kind of fault.
fn fault_times(run: &Simulation) -> BTreeMap<String, Vec<(Nanos, Option<Nanos>)>> {
    let mut times = BTreeMap::<_, Vec<_>>::new();
    for Fault { start_ns, stop_ns, does, .. } in run.performed().faults {
        let kind = format!("{does:?}").split(['(', ' ']).next().unwrap().to_owned();
        times.entry(kind).or_default().push((start_ns, stop_ns));
    }
    times
}

/// What was drawn for each message of the main phase: whether it was lost or duplicated, and its delays, whether or not it
/// could be delivered then. Messages that were still in flight at the end are left out.
fn drawn_fates(run: &Simulation) -> BTreeMap<MessageId, Vec<(EventType, Nanos)>> {
    let events = run.network().journal().kept();
    let mut fates: BTreeMap<u64, (MessageId, Nanos, Vec<_>)> = BTreeMap::new();
    let is_early = |time: Nanos| time < run.now().saturating_sub(200 * MILLISECOND);
    for event in events {
        if let Some(identity) = event.identity.clone().filter(|_| is_early(event.time)) {
            fates.insert(event.id, (identity, event.time, Vec::new()));
        } else if let Some((_, sent, fate)) = fates.get_mut(&event.id)
            && event.kind != EventType::Ignore
        {
            let kind = if event.kind == EventType::Drop { EventType::Recv } else { event.kind };
            fate.push((kind, event.time - *sent));
        }
    }
    fates.into_values().map(|(identity, _, fate)| (identity, fate)).collect()
}

/// Runs with so many workers that one is always idle, in which the workload draws values without regard to the worker.
fn spacious() -> impl Strategy<Value = Shape> {
    let workload = proptest::sample::select(&["echo", "broadcast", "txn-list-append", "txn-rw-register"][..]);
    (shapes(), workload).prop_map(|(shape, workload)| Shape { workload, rate: 20.0, workers: 24, ..shape })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Kills are left out: the time of a restart depends on messages. So are packet faults: they strike at a time, not at a
    /// message.
    #[test]
    fn a_lost_message_changes_no_other_choice(shape in spacious(), which in any::<proptest::sample::Index>()) {
        let faults = [FaultKind::Partition, FaultKind::Pause, FaultKind::Clock];
        let shape = Shape { faults: faults.into_iter().filter(|kind| shape.faults.contains(kind)).collect(), ..shape };
        let with = shape.run(Overrides::default());
        let fates = drawn_fates(&with);
        let id = which.get(&fates.keys().collect::<Vec<_>>()).to_owned();
        let lost = Fate { id: id.clone(), delays_ns: vec![] };
        let without = shape.run(Overrides { messages: vec![lost], ..Overrides::default() });
        prop_assert_eq!(without.unmet_overrides(), Vec::<String>::new());
        prop_assert_eq!(main_operations(&with), main_operations(&without));
        prop_assert_eq!(fault_times(&with), fault_times(&without));
        let others = drawn_fates(&without);
        prop_assert_eq!(&others[id], &[(EventType::Lose, 0)][..]);
        for (other, fate) in others.iter().filter(|(other, _)| *other != id) {
            prop_assert!(fates.get(other).is_none_or(|before| before == fate), "{}: {:?}, {:?}", other, fates.get(other), fate);
        }
    }

    #[test]
    fn an_operation_that_is_left_out_changes_no_other_one(shape in shapes(), which in any::<proptest::sample::Index>()) {
        let with = shape.run(Overrides::default()).performed().into_overrides();
        let mut operations = with.operations.clone().unwrap();
        operations.remove(which.index(operations.len()));
        let without = shape.run(Overrides { operations: Some(operations.clone()), ..with });
        let performed = without.performed().operations;
        let end_of_main_phase = without.main_began() + without.config().settings.time_limit;
        for worker in 0..without.config().settings.concurrency {
            let of_worker = |operation: &&Operation| operation.worker == worker;
            let mut done = performed.iter().filter(of_worker).peekable();
            let mut completions = completion_times(&without, worker).into_iter();
            let mut idle_since = 0;
            for told in operations.iter().filter(of_worker) {
                let began = match told.phase {
                    OperationPhase::Main => without.main_began(),
                    OperationPhase::Final => without.final_phase_began().unwrap(),
                };
                let Some(done) = done.next_if(|done| done.phase == told.phase) else {
                    prop_assert!(idle_since >= end_of_main_phase, "{:?} never began", told);
                    continue;
                };
                prop_assert_eq!((&told.f, &told.value), (&done.f, &done.value));
                prop_assert_eq!(began + done.time_ns, idle_since.max(began + told.time_ns));
                idle_since = completions.next().unwrap_or(Nanos::MAX);
            }
        }
    }

    #[test]
    fn a_fault_that_is_left_out_changes_no_other_choice(shape in spacious(), which in any::<proptest::sample::Index>()) {
        let shape = Shape { faults: vec![FaultKind::Partition, FaultKind::Pause, FaultKind::Packet], ..shape };
        let drawn = shape.run(Overrides::default());
        let mut faults = drawn.performed().faults;
        let left_out = faults.remove(which.index(faults.len()));
        let without = shape.run(Overrides { faults: Some(faults.clone()), ..Overrides::default() });
        prop_assert_eq!(without.unmet_overrides(), Vec::<String>::new());
        prop_assert_eq!(main_operations(&drawn), main_operations(&without));
        prop_assert_eq!(without.performed().faults, faults, "without {:?}", left_out);
    }
}

/// Faults, operations and fates that [`Overrides::check`] accepts, sensible or not.
fn any_overrides() -> impl Strategy<Value = Overrides> {
    use crate::plan::{FaultEffect, OtherMessages, PacketBehaviour};
    let time = || prop_oneof![0..5 * SECOND, Just(0)];
    let node = || proptest::sample::select(&["n0", "n1", "n9", "", "lin-kv", "w0"][..]).prop_map(str::to_owned);
    let nodes = move || proptest::collection::hash_set(node(), 0..3).prop_map(|nodes| nodes.into_iter().collect());
    let does = prop_oneof![
        nodes().prop_map(FaultEffect::Kill),
        nodes().prop_map(FaultEffect::Pause),
        proptest::collection::btree_map(node(), nodes(), 0..3).prop_map(FaultEffect::Partition),
        proptest::collection::btree_map(node(), -SECOND_I64..SECOND_I64, 0..3).prop_map(FaultEffect::Clock),
        (nodes(), 0.0..=1.0, time()).prop_map(|(nodes, probability, max_delay_ns)| FaultEffect::Packet {
            nodes,
            behaviour: PacketBehaviour::Reorder { probability, max_delay_ns },
        }),
    ];
    let fault = (time(), proptest::option::of(time()), does).prop_map(|(start_ns, stop_ns, does)| Fault {
        start_ns,
        stop_ns,
        does,
        value: crate::json::Value::Null,
    });
    let operation =
        (time(), 0..20_usize, any::<bool>(), any::<bool>()).prop_map(|(time_ns, worker, last, is_known)| Operation {
            phase: if last { OperationPhase::Final } else { OperationPhase::Main },
            time_ns,
            worker,
            f: if is_known { "read".into() } else { "fly".into() },
            value: crate::json::json!([1, null]),
            is_final: last,
            extra: crate::json::Map::new(),
        });
    let fate = (node(), 0..2_u32, node(), 0..9_u64, proptest::collection::vec(time(), 0..3)).prop_map(
        |(src, incarnation, dest, number, delays_ns)| Fate {
            id: MessageId { src, incarnation, dest, number },
            delays_ns,
        },
    );
    (
        proptest::option::of(proptest::collection::vec(operation, 0..9)),
        proptest::option::of(proptest::collection::vec(fault, 0..5)),
        any::<bool>(),
        proptest::collection::vec(fate, 0..5),
        proptest::option::of(0..9 * SECOND),
    )
        .prop_map(|(operations, faults, is_constant, messages, end_ns)| Overrides {
            operations,
            faults,
            other_messages: if is_constant { OtherMessages::Constant } else { OtherMessages::Drawn },
            messages,
            end_ns,
        })
}

const SECOND_I64: i64 = 1_000_000_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_plan_makes_a_run_panic(shape in shapes(), overrides in any_overrides()) {
        prop_assert_eq!(overrides.check(), Ok(()));
        let run = shape.run(overrides);
        prop_assert_eq!(run.phase(), Phase::Over);
    }
}

/// When the operations of a worker completed.
fn completion_times(run: &Simulation, worker: usize) -> Vec<Nanos> {
    let concurrency = run.config().settings.concurrency as u64;
    let is_own = |op: &&Op| op.process.client().is_some_and(|process| process % concurrency == worker as u64);
    let completions = run.history().ops.iter().filter(|op| op.kind != OpType::Invoke);
    completions.filter(is_own).map(|op| op.time).collect()
}
