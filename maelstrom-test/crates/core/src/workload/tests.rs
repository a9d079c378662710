//! The workloads on nodes in memory: what clients do, what the history says, and what the checkers make of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use proptest::prelude::{Just, Strategy, any};
use proptest::{collection, prop_assert, prop_oneof, proptest};

use super::*;
use crate::checker::anomalies;
use crate::checker::{CheckContext, Valid, Verdict};
use crate::generator::Next;
use crate::history::{History, Op, OpType};
use crate::json::{Value, json};
use crate::nemesis::FaultKind;
use crate::simulation::in_memory::{self, Sender};
use crate::simulation::{Config, Phase};

const SECOND: Nanos = 1_000_000_000;
/// Seeds of runs with faults.
const SEEDS: u64 = 4;

/// A finished run.
struct Run {
    workload: Arc<dyn Workload>,
    settings: Settings,
    history: History,
}

/// How a workload is run.
#[derive(Clone, Copy)]
struct Weather {
    /// Operations per second.
    rate: f64,
    /// Kills, pauses and partitions from this seed.
    storm: Option<u64>,
}

/// Nothing goes wrong.
fn calm(rate: f64) -> Weather {
    Weather { rate, storm: None }
}

/// Runs a workload for a minute of simulated time on three nodes; `make` makes each node's answer to a request.
fn run<N>(name: &str, weather: Weather, make: impl FnMut(usize) -> N) -> Run
where
    N: FnMut(&Value, &mut Sender),
{
    let workload = by_name(name).unwrap();
    let nodes: Vec<String> = (0..3).map(|i| format!("n{i}")).collect();
    let concurrency = workload.concurrency(None, nodes.len());
    let settings = Settings { nodes, concurrency, ..Settings::default() };
    let faults = weather.storm.map_or(vec![], |_| vec![FaultKind::Kill, FaultKind::Pause, FaultKind::Partition]);
    let (rate, seed) = (weather.rate, weather.storm.unwrap_or(0));
    let config = Config { rate, faults, seed, ..Config::new(workload.clone(), settings.clone()) };
    let mut simulation = in_memory::run(config, make);
    assert_eq!((simulation.phase(), simulation.failure()), (Phase::Over, None));
    assert_eq!(simulation.exceptions().count(), 0, "{:?}", simulation.exceptions().verdict(false));
    Run { workload, settings, history: simulation.take_history() }
}

impl Run {
    fn verdict(&self) -> Verdict {
        let context = CheckContext {
            nodes: self.settings.nodes.clone(),
            concurrency: self.settings.concurrency,
            ..CheckContext::default()
        };
        self.workload.checker(&self.settings).check(&self.history, &context)
    }

    #[track_caller]
    fn assert_valid(&self) {
        let verdict = self.verdict();
        assert_eq!(verdict.valid, Valid::True, "{verdict:?}");
    }

    fn of(&self, f: &str, kind: OpType) -> Vec<&Op> {
        self.history.ops.iter().filter(|op| &*op.f == f && op.kind == kind).collect()
    }

    /// How many operations of this function were invoked.
    fn count(&self, f: &str) -> usize {
        self.of(f, OpType::Invoke).len()
    }

    #[track_caller]
    fn assert_all_ok_and_valid(&self) {
        let odd = self.history.ops.iter().find(|op| op.kind == OpType::Fail || op.kind == OpType::Info);
        assert_eq!(odd, None);
        self.assert_valid();
    }

    #[track_caller]
    fn assert_invalid_for(&self, anomaly: &str) {
        let verdict = self.verdict();
        assert_eq!(verdict.valid, Valid::False, "{verdict:?}");
        assert!(verdict.findings.iter().any(|finding| finding.anomaly == anomaly), "{verdict:?}");
    }
}

/// Something that all nodes share: the simplest correct distributed system.
fn shared<T: Default>() -> Rc<RefCell<T>> {
    Rc::default()
}

/// A share that a number is about.
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[test]
fn all_have_their_names_docs_and_schemas() {
    let names: Vec<String> = all().iter().map(|workload| workload.name().to_owned()).collect();
    assert_eq!(names, maelstrom_options::WORKLOADS);
    for workload in all() {
        assert!(!workload.doc().is_empty());
        assert!(workload.rpcs().iter().all(|rpc| !rpc.doc.is_empty()));
    }
}

#[test]
fn names_of_anomalies_are_unique_within_a_workload_and_have_meanings() {
    for workload in maelstrom_options::WORKLOADS {
        let known = anomalies::of_workload(workload).expect(workload);
        for (i, anomaly) in known.iter().enumerate() {
            assert!(known[..i].iter().all(|other| other.name != anomaly.name), "{workload} {}", anomaly.name);
            assert!(anomaly.meaning.ends_with('.'), "{}", anomaly.meaning);
            assert_eq!(anomalies::check_name(workload, anomaly.name), Ok(()));
        }
    }
    assert_eq!(anomalies::of_workload("raft"), None);
    assert_eq!(anomalies::check_name("my-own", "anything"), Ok(()));
}

#[test]
fn echo() {
    let good = run("echo", calm(20.0), |_| {
        |message: &Value, out: &mut Sender| {
            if !out.acknowledge(message, &[]) {
                out.reply(message, json!({"type": "echo_ok", "echo": message["body"]["echo"]}));
            }
        }
    });
    good.assert_all_ok_and_valid();
    let values: BTreeSet<String> =
        good.of("echo", OpType::Invoke).iter().map(|op| op.value.as_str().unwrap().to_owned()).collect();
    assert!(values.iter().all(|value| {
        let number = value.strip_prefix("Please echo ").and_then(|number| number.parse::<u32>().ok());
        number.is_some_and(|number| number < 128)
    }));
    assert!(values.len() > 120);
    let bad = run("echo", calm(20.0), |_| {
        |message: &Value, out: &mut Sender| {
            if !out.acknowledge(message, &[]) {
                out.reply(message, json!({"type": "echo_ok", "echo": "Please echo 1"}));
            }
        }
    });
    bad.assert_invalid_for("wrong-echo");
}

#[test]
fn unique_ids() {
    let ids = |by_node: bool| {
        run("unique-ids", calm(20.0), move |node| {
            let mut count = 0;
            move |message: &Value, out: &mut Sender| {
                if !out.acknowledge(message, &[]) {
                    count += 1;
                    let id = if by_node { json!([node, count]) } else { json!(count) };
                    out.reply(message, json!({"type": "generate_ok", "id": id}));
                }
            }
        })
    };
    ids(true).assert_all_ok_and_valid();
    ids(false).assert_invalid_for("duplicated");
}

/// Floods messages along the topology; with `forgetful`, nodes do not tell their neighbours of every tenth.
fn broadcast_run(forgetful: bool) -> Run {
    run("broadcast", calm(20.0), move |node| {
        let (mut neighbours, mut seen) = (Vec::new(), BTreeSet::new());
        move |message: &Value, out: &mut Sender| {
            let body = &message["body"];
            match body["type"].as_str().unwrap() {
                "topology" => neighbours = body["topology"][format!("n{node}")].as_array().unwrap().clone(),
                "read" => return out.reply(message, json!({"type": "read_ok", "messages": seen})),
                _ => {}
            }
            if let Some(heard) = body["message"].as_u64()
                && seen.insert(heard)
                && !(forgetful && heard % 10 == 0)
            {
                for neighbour in neighbours.iter().filter(|neighbour| **neighbour != message["src"]) {
                    out.send(neighbour.as_str().unwrap(), json!({"type": "heard", "message": heard}));
                }
            }
            out.acknowledge(message, &["topology", "broadcast"]);
        }
    })
}

#[test]
fn broadcast() {
    let good = broadcast_run(false);
    good.assert_all_ok_and_valid();
    let values: Vec<u64> = good.of("broadcast", OpType::Invoke).iter().filter_map(|op| op.value.as_u64()).collect();
    assert!(values.iter().copied().eq(0..values.len() as u64), "0, 1, 2, …");
    assert!((0.42..0.58).contains(&ratio(values.len(), values.len() + good.count("read"))));
    let finals = good.of("read", OpType::Ok).iter().filter(|op| op.is_final).count();
    assert_eq!(finals, 3, "each worker reads at the end");
    broadcast_run(true).assert_invalid_for("lost");
}

/// A shared set; with `forgets`, one element is acknowledged and not kept.
fn g_set_run(forgets: bool, weather: Weather) -> Run {
    let set = shared::<Vec<Value>>();
    run("g-set", weather, move |_| {
        let set = set.clone();
        move |message: &Value, out: &mut Sender| {
            let body = &message["body"];
            match body["type"].as_str().unwrap() {
                "read" => out.reply(message, json!({"type": "read_ok", "value": *set.borrow()})),
                "add" if forgets && body["element"] == 17 => {}
                "add" => set.borrow_mut().push(body["element"].clone()),
                _ => {}
            }
            out.acknowledge(message, &["add"]);
        }
    })
}

#[test]
fn g_set() {
    g_set_run(false, calm(20.0)).assert_all_ok_and_valid();
    // What no read ever shows is lost too, since the final reads came after its acknowledgement.
    g_set_run(true, calm(20.0)).assert_invalid_for("lost");
}

/// A shared counter; with `twice`, one addition in twenty counts twice.
fn counter_run(name: &str, twice: bool, weather: Weather) -> Run {
    let state = shared::<(i64, u64)>();
    run(name, weather, move |_| {
        let state = state.clone();
        move |message: &Value, out: &mut Sender| {
            let body = &message["body"];
            let (sum, adds) = &mut *state.borrow_mut();
            if body["type"] == "read" {
                return out.reply(message, json!({"type": "read_ok", "value": *sum}));
            }
            if let Some(delta) = body["delta"].as_i64() {
                *adds += 1;
                *sum += if twice && *adds % 20 == 0 { 2 * delta } else { delta };
            }
            out.acknowledge(message, &["add"]);
        }
    })
}

#[test]
fn counters() {
    for (name, deltas) in [("g-counter", 0..=4), ("pn-counter", -5..=4)] {
        let good = counter_run(name, false, calm(20.0));
        good.assert_all_ok_and_valid();
        let drawn: BTreeSet<i64> = good.of("add", OpType::Invoke).iter().filter_map(|op| op.value.as_i64()).collect();
        assert!(drawn.into_iter().eq(deltas), "{name}");
        assert_eq!(good.of("read", OpType::Ok).iter().filter(|op| op.is_final).count(), 3);
        counter_run(name, true, calm(20.0)).assert_invalid_for("wrong-sum");
    }
}

/// A shared map by the service's own code; with `stale`, nodes answer reads from what they themselves last saw written.
fn lin_kv_run(stale: bool, weather: Weather) -> Run {
    let kv = shared::<crate::service::LinKv>();
    run("lin-kv", weather, move |_| {
        let kv = kv.clone();
        let mut last: BTreeMap<String, Value> = BTreeMap::new();
        move |message: &Value, out: &mut Sender| {
            if out.acknowledge(message, &[]) {
                return;
            }
            let request = in_memory::body(message);
            let mut rng = crate::random::stream(0, "unused");
            let answer = crate::service::Service::handle(&mut *kv.borrow_mut(), "", &request, &mut rng);
            let key = request["key"].to_string();
            if answer["type"] == "write_ok" {
                last.insert(key.clone(), request["value"].clone());
            }
            match last.get(&key).filter(|_| stale && request["type"] == "read") {
                Some(value) => out.reply(message, json!({"type": "read_ok", "value": value})),
                None => out.reply(message, answer.into()),
            }
        }
    })
}

#[test]
fn lin_kv() {
    let good = lin_kv_run(false, calm(50.0));
    good.assert_valid();
    assert!(good.history.ops.iter().all(|op| op.kind != OpType::Info));
    let (reads, writes, cas) = (good.count("read"), good.count("write"), good.count("cas"));
    assert!((0.46..0.54).contains(&ratio(reads, reads + writes + cas)), "{reads} {writes} {cas}");
    assert!((0.28..0.38).contains(&ratio(writes, writes + cas)), "{reads} {writes} {cas}");
    for op in good.of("read", OpType::Invoke) {
        assert!(op.process.client().unwrap() % 6 < 3, "the first half of each group reads: {op:?}");
    }
    let failed = good.of("cas", OpType::Fail);
    let names: BTreeSet<&str> = failed.iter().filter_map(|op| op.error.as_ref()?[0].as_str()).collect();
    assert!(names.contains("precondition-failed"));
    lin_kv_run(true, calm(50.0)).assert_invalid_for("nonlinearizable");
}

#[test]
fn lin_kv_reads_of_missing_keys_fail_with_the_reason() {
    let empty = run("lin-kv", calm(5.0), |_| {
        |message: &Value, out: &mut Sender| {
            if !out.acknowledge(message, &["write"]) {
                out.reply(message, json!({"type": "error", "code": 20, "text": "not here"}));
            }
        }
    });
    let read = empty.of("read", OpType::Fail)[0];
    assert_eq!((&read.value, &read.error), (&json!([0, null]), &Some(json!(["key-does-not-exist", "not here"]))));
    empty.assert_invalid_for("nonlinearizable");
}

#[test]
fn lin_kv_rounds_its_concurrency_up_and_is_patient_with_slow_networks() {
    assert_eq!(LinKv.concurrency(None, 5), 10);
    assert_eq!(LinKv.concurrency(Some(1), 5), 10);
    assert_eq!(LinKv.concurrency(Some(20), 5), 20);
    assert_eq!(LinKv.concurrency(Some(21), 5), 30);
    let timeout = |latency| LinKv.timeout(&Settings { latency, ..Settings::default() });
    assert_eq!((timeout(0), timeout(SECOND / 2)), (SECOND, 5 * SECOND));
}

#[test]
fn reads_without_an_answer_fail_and_writes_are_indeterminate() {
    for name in ["broadcast", "g-set", "g-counter", "pn-counter", "lin-kv"] {
        let mute =
            run(name, calm(5.0), |_| |message: &Value, out: &mut Sender| _ = out.acknowledge(message, &["topology"]));
        for op in mute.history.ops.iter().filter(|op| op.kind != OpType::Invoke) {
            assert_eq!(op.kind, if &*op.f == "read" { OpType::Fail } else { OpType::Info }, "{name}: {op:?}");
        }
    }
}

/// A shared database of lists or registers; with `torn`, the first operation of a transaction sees the past.
fn txn_run(name: &str, torn: bool, weather: Weather) -> Run {
    let state = shared::<[BTreeMap<String, Value>; 2]>();
    run(name, weather, move |_| {
        let state = state.clone();
        move |message: &Value, out: &mut Sender| {
            if out.acknowledge(message, &[]) {
                return;
            }
            let [now, before] = &mut *state.borrow_mut();
            let mut txn = message["body"]["txn"].clone();
            let snapshot = now.clone();
            for (i, op) in txn.as_array_mut().unwrap().iter_mut().enumerate() {
                let key = op[1].to_string();
                let past = torn && i == 0;
                match op[0].as_str().unwrap() {
                    "r" => op[2] = if past { &*before } else { &*now }.get(&key).cloned().unwrap_or_default(),
                    "w" => drop(now.insert(key, op[2].clone())),
                    _ => now.entry(key).or_insert(json!([])).as_array_mut().unwrap().push(op[2].clone()),
                }
            }
            *before = snapshot;
            out.reply(message, json!({"type": "txn_ok", "txn": txn}));
        }
    })
}

#[test]
fn transactions() {
    for name in ["txn-list-append", "txn-rw-register"] {
        let good = txn_run(name, false, calm(50.0));
        good.assert_all_ok_and_valid();
        let lengths: BTreeSet<usize> =
            good.of("txn", OpType::Invoke).iter().map(|op| op.value.as_array().unwrap().len()).collect();
        assert_eq!(lengths, BTreeSet::from([1, 2, 3, 4]));
        assert_eq!(txn_run(name, true, calm(50.0)).verdict().valid, Valid::False, "{name}");
    }
}

/// Logs shared by all nodes; with `skips`, polls leave out every tenth message.
fn kafka_run(skips: bool, weather: Weather) -> Run {
    let logs = shared::<(BTreeMap<String, Vec<Value>>, BTreeMap<String, i64>)>();
    run("kafka", weather, move |_| {
        let logs = logs.clone();
        move |message: &Value, out: &mut Sender| {
            if out.acknowledge(message, &[]) {
                return;
            }
            let (logs, committed) = &mut *logs.borrow_mut();
            let body = &message["body"];
            let answer = match body["type"].as_str().unwrap() {
                "send" => {
                    let log = logs.entry(body["key"].as_str().unwrap().into()).or_default();
                    log.push(body["msg"].clone());
                    json!({"type": "send_ok", "offset": log.len() - 1})
                }
                "poll" => {
                    let poll = |(key, from): (&String, &Value)| {
                        let log = logs.get(key)?.iter().enumerate().skip(from.as_u64()? as usize).take(4);
                        let kept = log.filter(|(offset, _)| !(skips && offset % 10 == 9));
                        Some((key.clone(), kept.map(|(offset, msg)| json!([offset, msg])).collect::<Value>()))
                    };
                    let msgs: BTreeMap<_, _> = body["offsets"].as_object().unwrap().iter().filter_map(poll).collect();
                    json!({"type": "poll_ok", "msgs": msgs})
                }
                "commit_offsets" => {
                    for (key, offset) in body["offsets"].as_object().unwrap() {
                        committed.insert(key.clone(), offset.as_i64().unwrap());
                    }
                    json!({"type": "commit_offsets_ok"})
                }
                _ => json!({"type": "list_committed_offsets_ok", "offsets": known(committed, &body["keys"])}),
            };
            out.reply(message, answer);
        }
    })
}

/// The offsets of the keys that have one.
fn known(committed: &BTreeMap<String, i64>, keys: &Value) -> BTreeMap<String, i64> {
    let keys = keys.as_array().unwrap().iter().filter_map(Value::as_str);
    keys.filter_map(|key| Some((key.to_owned(), *committed.get(key)?))).collect()
}

#[test]
fn kafka() {
    let good = kafka_run(false, calm(50.0));
    assert!(good.history.ops.iter().all(|op| op.kind != OpType::Fail));
    assert!(good.history.ops.iter().all(|op| op.kind != OpType::Info || &*op.f == "crash"));
    good.assert_valid();
    let assigns = good.of("assign", OpType::Ok);
    assert_eq!(assigns.iter().filter(|op| op.extra("seek_to_beginning").is_some()).count(), 3);
    kafka_run(true, calm(50.0)).assert_invalid_for("int-poll-skip");
}

/// Nodes that share their state on stable storage: requests go astray or are carried out late, but nothing is wrong.
#[test]
fn faults_do_not_make_a_correct_system_look_wrong() {
    for seed in 0..SEEDS {
        let storm = Weather { rate: 20.0, storm: Some(seed) };
        let mut runs = vec![g_set_run(false, storm), lin_kv_run(false, storm), kafka_run(false, storm)];
        runs.extend(["g-counter", "pn-counter"].map(|name| counter_run(name, false, storm)));
        runs.extend(["txn-list-append", "txn-rw-register"].map(|name| txn_run(name, false, storm)));
        for run in runs {
            assert!(run.history.ops.iter().any(|op| op.kind == OpType::Info && op.process.client().is_some()));
            let verdict = run.verdict();
            assert_eq!(verdict.valid, Valid::True, "{} {seed}: {verdict:?}", run.workload.name());
        }
    }
}

/// Any JSON, with the keys and values that answers have more often than chance would.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        Just(Value::from(u64::MAX)),
        any::<f64>().prop_map(Value::from),
        "[a-z0-3]{0,2}".prop_map(Value::from),
    ];
    let key = prop_oneof!["[0-9]", Just("offsets".to_owned()), Just("msgs".to_owned()), Just("txn".to_owned())];
    leaf.prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            collection::btree_map(key.clone(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    /// Whatever nodes answer: no client panics, and every operation ends.
    #[test]
    fn clients_survive_any_answer(answers in collection::vec(any_json(), 1..20), seed in any::<u64>()) {
        let settings = Settings::default();
        for workload in all() {
            let mut rng = crate::random::stream(seed, "test");
            let (mut generator, mut client) = (workload.generator(&settings), workload.client(0, &settings));
            for answer in &answers {
                let worker = crate::generator::Worker { index: 7, process: 7, now: 0 };
                let Next::Op(op) = generator.next(worker, &mut rng) else { continue };
                let mut step = client.invoke(&op);
                for _ in 0..3 {
                    if matches!(step, Step::Call(_)) {
                        let body = answer.as_object().cloned().unwrap_or_default();
                        step = client.answer(&op, Answer::Ok(body));
                    }
                }
                prop_assert!(!matches!(step, Step::Call(_)), "{} goes on for ever", workload.name());
            }
        }
    }
}
