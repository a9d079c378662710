//! Single plans.

use super::*;
use crate::network::EventType;
use crate::plan::{Fate, Fault, FaultEffect, MessageId, Operation, OperationPhase, OtherMessages};

fn operation(phase: OperationPhase, time_ns: Nanos, worker: usize, value: Value) -> Operation {
    let is_final = phase == OperationPhase::Final;
    Operation { phase, time_ns, worker, f: "echo".into(), value, is_final, extra: Default::default() }
}

/// The invocations of a run: seconds, worker, value.
fn invocations(run: &Simulation) -> Vec<(f64, u64, String)> {
    let invoked = run.history().ops.iter().filter(|op| op.kind == OpType::Invoke);
    let concurrency = run.config().settings.concurrency as u64;
    let round = |time: Nanos| ((time - run.main_began()) as f64 / 1e7).round() / 100.0;
    invoked.map(|op| (round(op.time), op.process.client().unwrap() % concurrency, op.value.to_string())).collect()
}

#[test]
fn operations_begin_as_they_are_spelled_out_or_when_their_worker_is_idle() {
    use OperationPhase::{Final, Main};
    let operations = vec![
        operation(Main, SECOND, 1, json!("a")),
        operation(Main, SECOND, 1, json!("waits")),
        operation(Main, 2 * SECOND, 0, json!("b")),
        operation(Main, SECOND / 2, 2, json!("early")),
        operation(Main, 3 * SECOND, 7, json!("nobody's")),
        operation(Main, 5 * SECOND, 0, json!("too late")),
        operation(Final, 0, 0, json!("no final phase")),
    ];
    let plan = Overrides { operations: Some(operations), ..Overrides::default() };
    let mut slow = config("echo", 1);
    slow.network.client_latency = 100 * MILLISECOND;
    slow.network.distribution = Distribution::Constant;
    let run = run(Config { plan, ..slow }, "lin-kv");
    let expected = [(0.5, 2, "\"early\""), (1.0, 1, "\"a\""), (1.2, 1, "\"waits\""), (2.0, 0, "\"b\"")]
        .map(|(time, worker, value)| (time, worker, value.to_owned()));
    assert_eq!(invocations(&run), expected);
    assert_eq!(
        run.unmet_overrides(),
        [
            "operation 4 (echo \"nobody's\" of worker 7) never began: there is no such worker",
            "operation 5 (echo \"too late\" of worker 0) never began",
            "operation 6 (echo \"no final phase\" of worker 0) never began",
        ]
    );
}

#[test]
fn a_plan_without_final_operations_has_no_final_phase() {
    let mut read = operation(OperationPhase::Final, SECOND, 1, Value::Null);
    read.f = "read".into();
    let with = |operations: Vec<Operation>| {
        let plan = Overrides { operations: Some(operations), ..Overrides::default() };
        let run = run(Config { plan, ..config("g-set", 1) }, "lin-kv");
        assert_eq!((run.phase(), run.failure(), run.unmet_overrides().len()), (Phase::Over, None, 0));
        let after_main = (run.now() - run.main_began()) as f64 / 1e9 - 4.0;
        (run.final_phase_began().is_some(), run.history().ops.len(), after_main)
    };
    assert_eq!(with(vec![]), (false, 0, 0.0));
    let (has_final_phase, entries, after_main) = with(vec![read]);
    assert_eq!((has_final_phase, entries), (true, 2));
    assert!(after_main > 2.0, "a quiet period of 1 s, and the operation after another one: {after_main}");
}

#[test]
fn faults_begin_and_end_as_they_are_spelled_out() {
    let fault = |start_ns: Nanos, stop_ns, does, value: &str| Fault { start_ns, stop_ns, does, value: json!(value) };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let faults = vec![
        fault(SECOND, Some(2 * SECOND), FaultEffect::Kill(names(&["n1", "n7"])), "kill 1"),
        fault(SECOND, None, FaultEffect::Pause(names(&["n0"])), "pause 0"),
        fault(2 * SECOND, Some(9 * SECOND), FaultEffect::Pause(names(&["n2"])), "pause 2"),
        fault(SECOND, None, FaultEffect::Kill(names(&["n8"])), "kill 8"),
        fault(4 * SECOND, None, FaultEffect::Clock([("n0".into(), 5)].into()), "too late"),
    ];
    let plan = Overrides { faults: Some(faults), operations: Some(vec![]), ..Overrides::default() };
    let run = run(Config { plan, ..config("echo", 1) }, "lin-kv");
    let mut entries: Vec<String> = Vec::new();
    for op in &run.history().ops {
        let time = ((op.time - run.main_began()) as f64 / 1e7).round() / 100.0;
        entries.push(format!("{time} {} {}", op.f, op.value));
    }
    entries.dedup();
    assert_eq!(
        entries,
        [
            "1 kill \"kill 1\"",
            "1 pause \"pause 0\"",
            "2 start [\"n1\"]",
            "2 resume [\"n0\"]",
            "2 pause \"pause 2\"",
            "4 resume [\"n2\"]",
        ]
    );
    assert_eq!(
        run.unmet_overrides(),
        [
            "fault 0 (kill \"kill 1\") concerns n7, but there is no such node",
            "fault 3 (kill \"kill 8\") concerns n8, but there is no such node",
            "fault 3 (kill \"kill 8\") never began",
            "fault 4 (bump-clock \"too late\") never began",
        ]
    );
    let stops: Vec<Option<bool>> =
        run.performed().faults.iter().map(|fault| fault.stop_ns.map(|stop| stop > fault.start_ns)).collect();
    assert_eq!(stops, [Some(true), Some(true), None]);
}

fn id(src: &str, dest: &str, number: u64) -> MessageId {
    MessageId { src: src.into(), incarnation: 0, dest: dest.into(), number }
}

/// What happened to a message, with the times after its sending.
fn fate_of(run: &Simulation, id: &MessageId) -> Vec<(EventType, Nanos)> {
    let events = run.network().journal().kept();
    let Some(sent) = events.iter().find(|event| event.identity.as_ref() == Some(id)) else { return Vec::new() };
    events.iter().filter(|event| event.id == sent.id).map(|event| (event.kind, event.time - sent.time)).collect()
}

#[test]
fn messages_have_the_fates_that_are_spelled_out() {
    use EventType::{Duplicate, Lose, Recv, Send};
    let (lost, twice, request) = (id("n0", "n1", 3), id("n0", "n1", 50), id("w0", "n0", 1));
    let fate = |id: &MessageId, delays_ns: &[Nanos]| Fate { id: id.clone(), delays_ns: delays_ns.to_vec() };
    let mut given = config("echo", 1);
    // Even a partition and a network that loses everything cannot stop the message.
    given.network.p_loss = 1.0;
    given.plan.faults = Some(vec![Fault {
        start_ns: 0,
        stop_ns: None,
        does: FaultEffect::Partition([("n1".into(), vec!["n0".into()])].into()),
        value: Value::Null,
    }]);
    let never = id("n0", "c0", 0);
    given.plan.messages = vec![
        fate(&lost, &[]),
        fate(&twice, &[5, 9_000]),
        fate(&request, &[77]),
        fate(&never, &[]),
        fate(&id("n0", "n1", 60), &[1]),
    ];
    given.plan.messages[4].id.incarnation = 3;
    let run = run(given, "lin-kv");
    assert_eq!(fate_of(&run, &lost), [(Send, 0), (Lose, 0)]);
    assert_eq!(fate_of(&run, &twice), [(Send, 0), (Duplicate, 0), (Recv, 5), (Recv, 9_000)]);
    assert_eq!(fate_of(&run, &request), [(Send, 0), (Recv, 77)]);
    assert_eq!(
        run.unmet_overrides(),
        ["message 0 from n0 to c0 was never sent", "message 60 from n0 to n1 after 3 restarts was never sent"]
    );
}

#[test]
fn all_other_messages_may_have_the_constant_delay_of_their_link() {
    let mut constant = config("echo", 1);
    (constant.network.p_loss, constant.network.p_duplicate) = (0.5, 0.5);
    constant.plan.other_messages = OtherMessages::Constant;
    let mut run = run(constant, "lin-kv");
    let (of_nodes, of_clients) = (3 * MILLISECOND, 0);
    let mut delays = BTreeSet::new();
    for (src, dest, mean) in [("n0", "n1", of_nodes), ("n1", "n0", of_nodes), ("w0", "n0", of_clients)] {
        let fate = fate_of(&run, &id(src, dest, 2));
        let [(EventType::Send, 0), (EventType::Recv, delay)] = fate[..] else { panic!("{fate:?}") };
        assert!((50_000 + mean * 9 / 10..=150_000 + mean * 11 / 10).contains(&delay), "{delay}");
        delays.insert(delay);
        for number in 3..12 {
            assert_eq!(fate_of(&run, &id(src, dest, number)), fate);
        }
    }
    assert_eq!(delays.len(), 3, "links differ");
    assert!(!journal(&mut run).contains("\"lose\""));
}

#[test]
fn a_message_that_is_delivered_in_spite_of_everything_does_not_reach_a_node_that_is_down() {
    let mut down = config("echo", 1);
    let does = FaultEffect::Kill(vec!["n1".into()]);
    down.plan.faults = Some(vec![Fault { start_ns: SECOND, stop_ns: Some(2 * SECOND), does, value: Value::Null }]);
    let late = id("n0", "n1", 30);
    down.plan.messages = vec![Fate { id: late.clone(), delays_ns: vec![MILLISECOND] }];
    let run = run(down, "lin-kv");
    let kept = fate_of(&run, &late);
    assert_eq!(kept, [(EventType::Send, 0), (EventType::Drop, MILLISECOND)]);
    let restarted = MessageId { incarnation: 1, ..id("n1", "n0", 0) };
    assert!(!fate_of(&run, &restarted).is_empty(), "the restarted node counts anew");
}

#[test]
fn clients_are_named_by_their_workers_in_the_journal() {
    // The first request is never answered, so the worker goes on with another client.
    let mut silent = config("echo", 1);
    silent.plan.messages = vec![Fate { id: id("w1", "n1", 0), delays_ns: vec![] }];
    let mut run = run(silent, "lin-kv");
    let text = journal(&mut run);
    for part in ["\"number\":0,\"src\":\"boot n1\",\"message\"", "\"number\":0,\"dest\":\"boot n1\",\"message\""] {
        assert!(text.contains(part), "{part}");
    }
    for part in ["\"number\":0,\"src\":\"w1\",\"message\"", "\"number\":0,\"src\":\"w1.1\",\"message\""] {
        assert!(text.contains(part), "{part}");
    }
}
