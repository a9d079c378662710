//! Time of the kafka checker: `cargo bench --bench kafka`.
//!
//! The histories are those of a correct log. As in the workload, sends and polls are equally frequent, ten keys are active at
//! a time, and each key has sixteen messages. At the end, a process polls all messages. The time should grow almost linearly.

use std::hint::black_box;
use std::time::{Duration, Instant};

use maelstrom::checker::{CheckContext, Checker, Kafka, Valid};
use maelstrom::history::{History, Op, OpType};
use maelstrom::json::{Map, Value, json};
use maelstrom::random::Rng;
use rand::{RngExt, SeedableRng};

const PROCESSES: u64 = 20;
const ACTIVE_KEYS: u64 = 10;
const MESSAGES_PER_KEY: usize = 16;

fn main() {
    for operations in [100_000, 300_000, 1_000_000] {
        let history = history(operations);
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let begin = Instant::now();
            let verdict = black_box(Kafka::default().check(&history, &CheckContext::default()));
            best = best.min(begin.elapsed());
            assert_eq!(verdict.valid, Valid::True, "{:?}", verdict.findings);
        }
        println!("kafka, {operations} operations: {:.0} ms (best of three)", best.as_secs_f64() * 1e3);
    }
}

#[derive(Default)]
struct Cluster {
    /// The messages of each key. Their positions are their offsets.
    logs: Vec<Vec<u64>>,
    /// The assigned keys of each process, with the next offset of each.
    positions: Vec<Vec<(usize, usize)>>,
    ops: Vec<Op>,
}

fn history(operations: usize) -> History {
    let mut random = Rng::seed_from_u64(1);
    let mut cluster = Cluster { positions: vec![Vec::new(); PROCESSES as usize], ..Cluster::default() };
    // The active keys. A full key is replaced by a new one.
    let mut active: Vec<usize> = (0..ACTIVE_KEYS as usize).collect();
    cluster.logs.resize(active.len(), Vec::new());
    for _ in 0..operations {
        let process = random.random_range(0..PROCESSES);
        if random.random_ratio(1, 64) || cluster.positions[process as usize].is_empty() {
            cluster.assign(process, active.clone());
        } else if random.random() {
            let slot = random.random_range(0..active.len());
            if cluster.logs[active[slot]].len() == MESSAGES_PER_KEY {
                active[slot] = cluster.logs.len();
                cluster.logs.push(Vec::new());
            }
            cluster.send(process, active[slot]);
        } else {
            cluster.poll(process);
        }
    }
    let all = (0..cluster.logs.len()).collect();
    cluster.positions.push(Vec::new());
    cluster.assign(PROCESSES, all);
    cluster.poll(PROCESSES);
    History { ops: cluster.ops }
}

impl Cluster {
    fn push(&mut self, process: u64, f: &str, argument: Value, result: Value) {
        for (kind, value) in [(OpType::Invoke, argument), (OpType::Ok, result)] {
            let index = self.ops.len() as u64;
            self.ops.push(Op { time: index * 1000, ..Op::new(index, kind, process, f, value) });
        }
    }

    fn send(&mut self, process: u64, key: usize) {
        let offset = self.logs[key].len();
        let message = offset as u64 + 1;
        self.logs[key].push(message);
        let name = key.to_string();
        self.push(process, "send", json!([["send", name, message]]), json!([["send", name, [offset, message]]]));
    }

    fn poll(&mut self, process: u64) {
        let mut messages: Map = Map::new();
        for (key, position) in &mut self.positions[process as usize] {
            let new = self.logs[*key].iter().enumerate().skip(*position);
            let list: Vec<Value> = new.map(|(offset, message)| json!([offset, message])).collect();
            if !list.is_empty() {
                messages.insert(key.to_string(), list.into());
            }
            *position = self.logs[*key].len();
        }
        self.push(process, "poll", json!([["poll"]]), json!([["poll", messages]]));
    }

    fn assign(&mut self, process: u64, keys: Vec<usize>) {
        let names: Vec<String> = keys.iter().map(usize::to_string).collect();
        let before = std::mem::take(&mut self.positions[process as usize]);
        let position = |key: usize| before.iter().find(|(other, _)| *other == key).map_or(0, |(_, position)| *position);
        self.positions[process as usize] = keys.into_iter().map(|key| (key, position(key))).collect();
        self.push(process, "assign", json!(names), json!(names));
    }
}
