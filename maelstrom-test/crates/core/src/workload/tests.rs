//! The workloads on nodes in memory: operations of clients, histories and verdicts.

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

/// The parameters of a run.
#[derive(Clone, Copy)]
struct Parameters {
    /// Operations per second.
    rate_hz: f64,
    /// The seed of kills, pauses and partitions; `None` for a run without faults.
    fault_seed: Option<u64>,
}

fn without_faults(rate_hz: f64) -> Parameters {
    Parameters { rate_hz, fault_seed: None }
}

/// Runs a workload for a minute of simulated time on three nodes, which `make` creates.
fn run<N>(name: &str, parameters: Parameters, make: impl FnMut(usize) -> N) -> Run
where
    N: FnMut(&Value, &mut Sender),
{
    let workload = by_name(name).unwrap();
    let nodes: Vec<String> = (0..3).map(|i| format!("n{i}")).collect();
    let concurrency = workload.concurrency(None, nodes.len());
    let settings = Settings { nodes, concurrency, ..Settings::default() };
    let faults =
        parameters.fault_seed.map_or(vec![], |_| vec![FaultKind::Kill, FaultKind::Pause, FaultKind::Partition]);
    let (rate, seed) = (parameters.rate_hz, parameters.fault_seed.unwrap_or(0));
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

    /// The number of invocations of this function.
    fn count(&self, f: &str) -> usize {
        self.of(f, OpType::Invoke).len()
    }

    #[track_caller]
    fn assert_all_ok_and_valid(&self) {
        let not_ok = self.history.ops.iter().find(|op| op.kind == OpType::Fail || op.kind == OpType::Info);
        assert_eq!(not_ok, None);
        self.assert_valid();
    }

    #[track_caller]
    fn assert_invalid_for(&self, anomaly: &str) {
        let verdict = self.verdict();
        assert_eq!(verdict.valid, Valid::False, "{verdict:?}");
        assert!(verdict.findings.iter().any(|finding| finding.anomaly == anomaly), "{verdict:?}");
    }
}

/// State that all nodes share: the simplest correct distributed system.
fn shared<T: Default>() -> Rc<RefCell<T>> {
    Rc::default()
}

/// The share of a part in a whole.
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[test]
fn every_workload_has_a_name_documentation_and_schemas() {
    let names: Vec<String> = all().iter().map(|workload| workload.name().to_owned()).collect();
    assert_eq!(names, maelstrom_options::WORKLOADS);
    for workload in all() {
        assert!(!workload.doc().is_empty());
        assert!(workload.rpcs().iter().all(|rpc| !rpc.doc.is_empty()));
    }
}

#[test]
fn anomalies_have_unique_names_and_a_meaning() {
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
fn echo_detects_wrong_payloads() {
    let correct = run("echo", without_faults(20.0), |_| {
        |message: &Value, out: &mut Sender| {
            if !out.acknowledge(message, &[]) {
                out.reply(message, json!({"type": "echo_ok", "echo": message["body"]["echo"]}));
            }
        }
    });
    correct.assert_all_ok_and_valid();
    let values: BTreeSet<String> =
        correct.of("echo", OpType::Invoke).iter().map(|op| op.value.as_str().unwrap().to_owned()).collect();
    assert!(values.iter().all(|value| {
        let number = value.strip_prefix("Please echo ").and_then(|number| number.parse::<u32>().ok());
        number.is_some_and(|number| number < 128)
    }));
    assert!(values.len() > 120);
    let faulty = run("echo", without_faults(20.0), |_| {
        |message: &Value, out: &mut Sender| {
            if !out.acknowledge(message, &[]) {
                out.reply(message, json!({"type": "echo_ok", "echo": "Please echo 1"}));
            }
        }
    });
    faulty.assert_invalid_for("wrong-echo");
}

#[test]
fn unique_ids_detects_duplicates() {
    let ids = |by_node: bool| {
        run("unique-ids", without_faults(20.0), move |node| {
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

/// Nodes that flood messages along the topology. With `incomplete`, they do not forward every tenth message.
fn broadcast_run(incomplete: bool) -> Run {
    run("broadcast", without_faults(20.0), move |node| {
        let (mut neighbours, mut seen) = (Vec::new(), BTreeSet::new());
        move |message: &Value, out: &mut Sender| {
            let body = &message["body"];
            match body["type"].as_str().unwrap() {
                "topology" => neighbours = body["topology"][format!("n{node}")].as_array().unwrap().clone(),
                "read" => return out.reply(message, json!({"type": "read_ok", "messages": seen})),
                _ => {}
            }
            if let Some(received) = body["message"].as_u64()
                && seen.insert(received)
                && !(incomplete && received % 10 == 0)
            {
                for neighbour in neighbours.iter().filter(|neighbour| **neighbour != message["src"]) {
                    out.send(neighbour.as_str().unwrap(), json!({"type": "forward", "message": received}));
                }
            }
            out.acknowledge(message, &["topology", "broadcast"]);
        }
    })
}

#[test]
fn broadcast_detects_lost_messages() {
    let correct = broadcast_run(false);
    correct.assert_all_ok_and_valid();
    let values: Vec<u64> = correct.of("broadcast", OpType::Invoke).iter().filter_map(|op| op.value.as_u64()).collect();
    assert!(values.iter().copied().eq(0..values.len() as u64), "0, 1, 2, …");
    assert!((0.42..0.58).contains(&ratio(values.len(), values.len() + correct.count("read"))));
    let finals = correct.of("read", OpType::Ok).iter().filter(|op| op.is_final).count();
    assert_eq!(finals, 3, "each worker reads at the end");
    broadcast_run(true).assert_invalid_for("lost");
}

/// Nodes with a shared set. With `loses`, one element is acknowledged but not added.
fn g_set_run(loses: bool, parameters: Parameters) -> Run {
    let set = shared::<Vec<Value>>();
    run("g-set", parameters, move |_| {
        let set = set.clone();
        move |message: &Value, out: &mut Sender| {
            let body = &message["body"];
            match body["type"].as_str().unwrap() {
                "read" => out.reply(message, json!({"type": "read_ok", "value": *set.borrow()})),
                "add" if loses && body["element"] == 17 => {}
                "add" => set.borrow_mut().push(body["element"].clone()),
                _ => {}
            }
            out.acknowledge(message, &["add"]);
        }
    })
}

#[test]
fn g_set_detects_lost_elements() {
    g_set_run(false, without_faults(20.0)).assert_all_ok_and_valid();
    // An element that no read returns is lost as well, since the final reads follow its acknowledgement.
    g_set_run(true, without_faults(20.0)).assert_invalid_for("lost");
}

/// Nodes with a shared counter. With `twice`, one addition in twenty counts twice.
fn counter_run(name: &str, twice: bool, parameters: Parameters) -> Run {
    let state = shared::<(i64, u64)>();
    run(name, parameters, move |_| {
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
fn counters_detect_wrong_sums() {
    for (name, deltas) in [("g-counter", 0..=4), ("pn-counter", -5..=4)] {
        let correct = counter_run(name, false, without_faults(20.0));
        correct.assert_all_ok_and_valid();
        let drawn: BTreeSet<i64> =
            correct.of("add", OpType::Invoke).iter().filter_map(|op| op.value.as_i64()).collect();
        assert!(drawn.into_iter().eq(deltas), "{name}");
        assert_eq!(correct.of("read", OpType::Ok).iter().filter(|op| op.is_final).count(), 3);
        counter_run(name, true, without_faults(20.0)).assert_invalid_for("wrong-sum");
    }
}

/// Nodes that share an instance of the service `lin-kv`. With `stale`, a node returns the value that it wrote last itself.
fn lin_kv_run(stale: bool, parameters: Parameters) -> Run {
    let kv = shared::<crate::service::LinKv>();
    run("lin-kv", parameters, move |_| {
        let kv = kv.clone();
        let mut last: BTreeMap<String, Value> = BTreeMap::new();
        move |message: &Value, out: &mut Sender| {
            if out.acknowledge(message, &[]) {
                return;
            }
            let request = in_memory::body(message);
            let mut rng = crate::random::stream(0, "unused");
            let response = crate::service::Service::handle(&mut *kv.borrow_mut(), "", &request, &mut rng);
            let key = request["key"].to_string();
            if response["type"] == "write_ok" {
                last.insert(key.clone(), request["value"].clone());
            }
            match last.get(&key).filter(|_| stale && request["type"] == "read") {
                Some(value) => out.reply(message, json!({"type": "read_ok", "value": value})),
                None => out.reply(message, response.into()),
            }
        }
    })
}

#[test]
fn lin_kv_detects_stale_reads() {
    let correct = lin_kv_run(false, without_faults(50.0));
    correct.assert_valid();
    assert!(correct.history.ops.iter().all(|op| op.kind != OpType::Info));
    let (reads, writes, cas) = (correct.count("read"), correct.count("write"), correct.count("cas"));
    assert!((0.46..0.54).contains(&ratio(reads, reads + writes + cas)), "{reads} {writes} {cas}");
    assert!((0.28..0.38).contains(&ratio(writes, writes + cas)), "{reads} {writes} {cas}");
    for op in correct.of("read", OpType::Invoke) {
        assert!(op.process.client().unwrap() % 6 < 3, "only the first half of each group reads: {op:?}");
    }
    let failed = correct.of("cas", OpType::Fail);
    let names: BTreeSet<&str> = failed.iter().filter_map(|op| op.error.as_ref()?[0].as_str()).collect();
    assert!(names.contains("precondition-failed"));
    lin_kv_run(true, without_faults(50.0)).assert_invalid_for("nonlinearizable");
}

#[test]
fn lin_kv_reads_of_missing_keys_fail_with_the_error() {
    let empty = run("lin-kv", without_faults(5.0), |_| {
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
fn lin_kv_rounds_its_concurrency_up_and_scales_its_timeout_with_the_latency() {
    assert_eq!(LinKv.concurrency(None, 5), 10);
    assert_eq!(LinKv.concurrency(Some(1), 5), 10);
    assert_eq!(LinKv.concurrency(Some(20), 5), 20);
    assert_eq!(LinKv.concurrency(Some(21), 5), 30);
    let timeout = |latency| LinKv.client_timeout(&Settings { latency, ..Settings::default() });
    assert_eq!((timeout(0), timeout(SECOND / 2)), (SECOND, 5 * SECOND));
}

#[test]
fn reads_without_a_response_fail_and_writes_are_indeterminate() {
    for name in ["broadcast", "g-set", "g-counter", "pn-counter", "lin-kv"] {
        let unresponsive = run(name, without_faults(5.0), |_| {
            |message: &Value, out: &mut Sender| _ = out.acknowledge(message, &["topology"])
        });
        for op in unresponsive.history.ops.iter().filter(|op| op.kind != OpType::Invoke) {
            assert_eq!(op.kind, if &*op.f == "read" { OpType::Fail } else { OpType::Info }, "{name}: {op:?}");
        }
    }
}

/// Nodes with a shared database of lists or registers. With `fractured`, the first operation of a transaction reads the
/// state before the previous transaction.
fn txn_run(name: &str, fractured: bool, parameters: Parameters) -> Run {
    let state = shared::<[BTreeMap<String, Value>; 2]>();
    run(name, parameters, move |_| {
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
                let past = fractured && i == 0;
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
fn transactions_detect_fractured_reads() {
    for name in ["txn-list-append", "txn-rw-register"] {
        let correct = txn_run(name, false, without_faults(50.0));
        correct.assert_all_ok_and_valid();
        let lengths: BTreeSet<usize> =
            correct.of("txn", OpType::Invoke).iter().map(|op| op.value.as_array().unwrap().len()).collect();
        assert_eq!(lengths, BTreeSet::from([1, 2, 3, 4]));
        assert_eq!(txn_run(name, true, without_faults(50.0)).verdict().valid, Valid::False, "{name}");
    }
}

/// Nodes with shared logs. With `skips`, polls omit every tenth message.
fn kafka_run(skips: bool, parameters: Parameters) -> Run {
    let logs = shared::<(BTreeMap<String, Vec<Value>>, BTreeMap<String, i64>)>();
    run("kafka", parameters, move |_| {
        let logs = logs.clone();
        move |message: &Value, out: &mut Sender| {
            if out.acknowledge(message, &[]) {
                return;
            }
            let (logs, committed) = &mut *logs.borrow_mut();
            let body = &message["body"];
            let response = match body["type"].as_str().unwrap() {
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
                _ => {
                    json!({"type": "list_committed_offsets_ok", "offsets": committed_offsets(committed, &body["keys"])})
                }
            };
            out.reply(message, response);
        }
    })
}

/// The committed offsets of these keys.
fn committed_offsets(committed: &BTreeMap<String, i64>, keys: &Value) -> BTreeMap<String, i64> {
    let keys = keys.as_array().unwrap().iter().filter_map(Value::as_str);
    keys.filter_map(|key| Some((key.to_owned(), *committed.get(key)?))).collect()
}

#[test]
fn kafka_detects_skipped_messages() {
    let correct = kafka_run(false, without_faults(50.0));
    assert!(correct.history.ops.iter().all(|op| op.kind != OpType::Fail));
    assert!(correct.history.ops.iter().all(|op| op.kind != OpType::Info || &*op.f == "crash"));
    correct.assert_valid();
    let assigns = correct.of("assign", OpType::Ok);
    assert_eq!(assigns.iter().filter(|op| op.extra("seek_to_beginning").is_some()).count(), 3);
    kafka_run(true, without_faults(50.0)).assert_invalid_for("int-poll-skip");
}

/// The nodes share their state on stable storage. Requests are lost or execute late, but the system is correct.
#[test]
fn a_correct_system_is_valid_under_faults() {
    for seed in 0..SEEDS {
        let faulty = Parameters { rate_hz: 20.0, fault_seed: Some(seed) };
        let mut runs = vec![g_set_run(false, faulty), lin_kv_run(false, faulty), kafka_run(false, faulty)];
        runs.extend(["g-counter", "pn-counter"].map(|name| counter_run(name, false, faulty)));
        runs.extend(["txn-list-append", "txn-rw-register"].map(|name| txn_run(name, false, faulty)));
        for run in runs {
            assert!(run.history.ops.iter().any(|op| op.kind == OpType::Info && op.process.client().is_some()));
            let verdict = run.verdict();
            assert_eq!(verdict.valid, Valid::True, "{} {seed}: {verdict:?}", run.workload.name());
        }
    }
}

/// Any JSON. Keys and values of real responses occur more often than by chance.
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
    /// No response makes a client panic, and every operation completes.
    #[test]
    fn clients_handle_any_response(responses in collection::vec(any_json(), 1..20), seed in any::<u64>()) {
        let settings = Settings::default();
        for workload in all() {
            let mut rng = crate::random::stream(seed, "test");
            let (mut generator, mut client) = (workload.generator(&settings), workload.client(0, &settings));
            for response in &responses {
                let worker = crate::generator::Worker { index: 7, process: 7, now: 0 };
                let Next::Op(op) = generator.next(worker, &mut rng) else { continue };
                let mut step = client.invoke(&op);
                for _ in 0..3 {
                    if matches!(step, ClientStep::Call(_)) {
                        let body = response.as_object().cloned().unwrap_or_default();
                        step = client.on_response(&op, Response::Ok(body));
                    }
                }
                prop_assert!(!matches!(step, ClientStep::Call(_)), "the operation of {} never completes", workload.name());
            }
        }
    }
}
