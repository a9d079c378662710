//! Plans: what a run is told to do, it does, and what a run did is a plan.

mod examples;
mod properties;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use proptest::prelude::{Just, Strategy, any};
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert_eq, prop_oneof};

use super::in_memory::{self, MemoryNode, Sender};
use super::*;
use crate::checker::CheckContext;
use crate::json::json;
use crate::network::{Distribution, NetworkConfig};
use crate::plan::Overrides;
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
                let is_new = self.seen.insert(body["message"].as_u64().unwrap_or_default());
                for peer in self.peers.iter().filter(|_| is_new) {
                    let forward = json!({"type": "forward", "message": body["message"]});
                    out.send(peer, forward);
                }
            }
            "add" => {
                let element = body.get("element").or(body.get("delta")).cloned().unwrap_or_default();
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
                for op in txn.as_array_mut().into_iter().flatten().filter(|op| op.as_array().is_some()) {
                    let key = op[1].to_string();
                    match op[0].as_str().unwrap_or_default() {
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
                let log = database.logs.entry(body["key"].to_string()).or_default();
                log.push(body["msg"].clone());
                out.reply(message, json!({"type": "send_ok", "offset": log.len() - 1}));
            }
            "poll" => {
                let poll = |(key, from): (&String, &Value)| {
                    let log = database
                        .logs
                        .get(&json!(key).to_string())?
                        .iter()
                        .enumerate()
                        .skip(from.as_u64()? as usize)
                        .take(4);
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
    /// The number of workers; 0 for that of the workload.
    workers: usize,
}

impl Shape {
    fn config(&self) -> Config {
        let mut config = config(self.workload, self.seed);
        (config.network.p_loss, config.network.p_duplicate) = (self.p_loss, self.p_duplicate);
        if self.workers > 0 {
            config.settings.concurrency = self.workers;
        }
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
            workers: 0,
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
