//! Plans: what a run is told to do, it does, and what a run did is a plan.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use proptest::prelude::{Just, ProptestConfig, Strategy, any};
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::in_memory::{self, MemoryNode, Sender};
use super::*;
use crate::checker::CheckContext;
use crate::json::json;
use crate::network::{Distribution, EventType, NetworkConfig};
use crate::plan::{Fate, Fault, FaultEffect, MessageId, Operation, OperationPhase, OtherMessages, Overrides};
use crate::workload::{self, Settings};

const MILLISECOND: Nanos = 1_000_000;
const SECOND: Nanos = 1_000_000_000;
const WORKLOADS: [&str; 8] =
    ["echo", "broadcast", "g-set", "pn-counter", "lin-kv", "txn-list-append", "txn-rw-register", "kafka"];

/// What all nodes share: a shortcut for workloads in which only the operations matter here.
#[derive(Default)]
struct Database {
    values: BTreeMap<String, Value>,
    logs: BTreeMap<String, Vec<Value>>,
}

/// A node that speaks the protocols of all workloads. It greets its peers every now and then, so that faults of the network
/// have something to strike.
struct Node {
    name: String,
    peers: Vec<String>,
    due: Nanos,
    seen: BTreeSet<u64>,
    /// Requests that a service has to answer.
    asked: BTreeMap<u64, Value>,
    service: &'static str,
    database: Rc<RefCell<Database>>,
}

impl Node {
    fn respond(&mut self, message: &Value, out: &mut Sender) {
        let body = &message["body"];
        let database = &mut *self.database.borrow_mut();
        match body["type"].as_str().unwrap() {
            "init" => {
                self.name = body["node_id"].as_str().unwrap().to_owned();
                let names = body["node_ids"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
                self.peers = names.filter(|name| *name != self.name).collect();
            }
            "hi" => return,
            "echo" => out.reply(message, json!({"type": "echo_ok", "echo": body["echo"]})),
            "broadcast" | "forward" => {
                let is_new = self.seen.insert(body["message"].as_u64().unwrap());
                for peer in self.peers.iter().filter(|_| is_new) {
                    let forward = json!({"type": "forward", "message": body["message"]});
                    out.send(peer, forward);
                }
            }
            "add" => {
                let element = body.get("element").or(body.get("delta")).unwrap().clone();
                database.logs.entry("set".into()).or_default().push(element);
            }
            "read" if body.get("key").is_none() => {
                let elements = database.logs.get("set").cloned().unwrap_or_default();
                let value = if self.seen.is_empty() { json!(elements.len()) } else { Value::Null };
                out.reply(message, json!({"type": "read_ok", "messages": self.seen, "value": value}));
            }
            "read" | "write" | "cas" => {
                let number = self.asked.len() as u64 + 1;
                self.asked.insert(number, message.clone());
                let mut request = body.clone();
                request["msg_id"] = json!(number);
                out.send(self.service, request);
            }
            "read_ok" | "write_ok" | "cas_ok" | "error" => {
                if let Some(asking) = body["in_reply_to"].as_u64().and_then(|number| self.asked.get(&number)) {
                    out.reply(asking, body.clone());
                }
            }
            "txn" => {
                let mut txn = body["txn"].clone();
                for op in txn.as_array_mut().unwrap() {
                    let key = op[1].to_string();
                    match op[0].as_str().unwrap() {
                        "r" => op[2] = database.values.get(&key).cloned().unwrap_or_default(),
                        "w" => drop(database.values.insert(key, op[2].clone())),
                        _ => {
                            let list = database.values.entry(key).or_insert(json!([]));
                            list.as_array_mut().unwrap().push(op[2].clone());
                        }
                    }
                }
                out.reply(message, json!({"type": "txn_ok", "txn": txn}));
            }
            "send" => {
                let log = database.logs.entry(body["key"].as_str().unwrap().into()).or_default();
                log.push(body["msg"].clone());
                out.reply(message, json!({"type": "send_ok", "offset": log.len() - 1}));
            }
            "poll" => {
                let poll = |(key, from): (&String, &Value)| {
                    let log = database.logs.get(key)?.iter().enumerate().skip(from.as_u64()? as usize).take(4);
                    Some((key.clone(), log.map(|(offset, msg)| json!([offset, msg])).collect::<Value>()))
                };
                let msgs: BTreeMap<_, _> = body["offsets"].as_object().unwrap().iter().filter_map(poll).collect();
                out.reply(message, json!({"type": "poll_ok", "msgs": msgs}));
            }
            "list_committed_offsets" => out.reply(message, json!({"type": "list_committed_offsets_ok", "offsets": {}})),
            _ => {}
        }
        out.acknowledge(message, &["topology", "broadcast", "add", "commit_offsets"]);
    }
}

impl MemoryNode for Node {
    fn on_message(&mut self, _: Nanos, message: &Value, out: &mut Sender) {
        self.respond(message, out);
    }
    fn timer(&self) -> Option<Nanos> {
        (!self.peers.is_empty()).then_some(self.due)
    }
    fn on_timer(&mut self, now: Nanos, out: &mut Sender) {
        self.due = now + 40 * MILLISECOND;
        self.peers.iter().for_each(|peer| out.send(peer, json!({"type": "hi"})));
    }
}

/// Runs a configuration on nodes that ask this service.
fn run(config: Config, service: &'static str) -> Simulation {
    let database = Rc::<RefCell<Database>>::default();
    in_memory::run(config, |_| Node {
        name: String::new(),
        peers: Vec::new(),
        due: 0,
        seen: BTreeSet::new(),
        asked: BTreeMap::new(),
        service,
        database: database.clone(),
    })
}

fn config(workload: &str, seed: u64) -> Config {
    let workload = workload::by_name(workload).unwrap();
    let nodes: Vec<String> = (0..3).map(|i| format!("n{i}")).collect();
    let concurrency = workload.concurrency(None, nodes.len());
    let settings = Settings { nodes, concurrency, time_limit: 4 * SECOND, ..Settings::default() };
    let network = NetworkConfig {
        base_delay: NetworkConfig::VIRTUAL_BASE_DELAY,
        latency: 3 * MILLISECOND,
        distribution: Distribution::Exponential,
        ..NetworkConfig::default()
    };
    let (rate, timeout, quiet_period) = (20.0, Some(500 * MILLISECOND), SECOND);
    Config {
        network,
        rate,
        timeout,
        quiet_period,
        seed,
        nemesis_interval: SECOND / 2,
        ..Config::new(workload, settings)
    }
}

/// A run with some workload, network and faults.
#[derive(Clone, Debug)]
struct Shape {
    workload: &'static str,
    seed: u64,
    faults: Vec<FaultKind>,
    service: &'static str,
    p_loss: f64,
    p_duplicate: f64,
    rate: f64,
}

impl Shape {
    fn config(&self) -> Config {
        let mut config = config(self.workload, self.seed);
        (config.network.p_loss, config.network.p_duplicate) = (self.p_loss, self.p_duplicate);
        Config { faults: self.faults.clone(), rate: self.rate, ..config }
    }

    fn run(&self, plan: Overrides) -> Simulation {
        run(Config { plan, ..self.config() }, self.service)
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    let faults = proptest::sample::subsequence(FaultKind::ALL.to_vec(), 0..=5);
    let service = prop_oneof![Just("lin-kv"), Just("seq-kv"), Just("lww-kv")];
    let workload = proptest::sample::select(&WORKLOADS[..]);
    let p = || prop_oneof![Just(0.0), Just(0.1)];
    let rate = prop_oneof![Just(20.0), Just(200.0)];
    (workload, any::<u64>(), faults, service, p(), p(), rate).prop_map(
        |(workload, seed, faults, service, p_loss, p_duplicate, rate)| Shape {
            workload,
            seed,
            faults,
            service,
            p_loss,
            p_duplicate,
            rate,
        },
    )
}

fn journal(run: &mut Simulation) -> String {
    String::from_utf8(run.network_mut().journal_mut().take(Vec::new())).unwrap()
}

fn assert_same_journal(first: &mut Simulation, second: &mut Simulation) -> Result<(), TestCaseError> {
    for (first, second) in journal(first).lines().zip(journal(second).lines()) {
        prop_assert_eq!(first, second);
    }
    prop_assert_eq!(first.network().journal().events(), second.network().journal().events());
    Ok(())
}

fn verdict(run: &Simulation) -> crate::checker::Verdict {
    let Config { workload, settings, .. } = run.config();
    let (nodes, concurrency) = (settings.nodes.clone(), settings.concurrency);
    workload.checker(settings).check(run.history(), &CheckContext { nodes, concurrency, ..CheckContext::default() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

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
fn all_other_messages_may_have_the_mean_delay() {
    let mut constant = config("echo", 1);
    (constant.network.p_loss, constant.network.p_duplicate) = (0.5, 0.5);
    constant.plan.other_messages = OtherMessages::Constant;
    let mut run = run(constant, "lin-kv");
    let (mean, clients_mean) = (3 * MILLISECOND + 100_000, 100_000);
    for number in 2..12 {
        assert_eq!(fate_of(&run, &id("n0", "n1", number)), [(EventType::Send, 0), (EventType::Recv, mean)]);
        assert_eq!(fate_of(&run, &id("w0", "n0", number)), [(EventType::Send, 0), (EventType::Recv, clients_mean)]);
    }
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
