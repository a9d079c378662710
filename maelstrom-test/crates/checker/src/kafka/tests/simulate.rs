//! A log that is correct, used by clients that crash and lose answers; and faults to plant into its history.

use std::collections::BTreeMap;

use crate::json::{Map, Value, json};
use maelstrom_random::Rng;
use rand::{RngExt, SeedableRng};

use crate::history::{History, Op, OpType};

const WORKERS: usize = 4;
const KEYS: u64 = 3;

/// What a worker is about to be told.
struct PendingCall {
    f: &'static str,
    kind: OpType,
    told: Value,
}

#[derive(Default)]
struct SimulatedWorker {
    process: u64,
    /// Next offset to read of each assigned key.
    positions: BTreeMap<String, i64>,
    open: Option<PendingCall>,
}

struct Simulation {
    random: Rng,
    logs: BTreeMap<String, Vec<(i64, u64)>>,
    committed: BTreeMap<String, i64>,
    workers: Vec<SimulatedWorker>,
    next_message: u64,
    ops: Vec<Op>,
}

/// The history of so many entries and a final phase in which every worker reads everything.
pub(super) fn simulate(seed: u64, length: usize) -> History {
    let workers = (0..WORKERS as u64).map(|process| SimulatedWorker { process, ..SimulatedWorker::default() });
    let mut simulation = Simulation {
        random: Rng::seed_from_u64(seed),
        logs: BTreeMap::new(),
        committed: BTreeMap::new(),
        workers: workers.collect(),
        next_message: 0,
        ops: Vec::new(),
    };
    while simulation.ops.len() < length {
        let worker = simulation.random.random_range(0..WORKERS);
        simulation.step(worker);
    }
    simulation.finish();
    History { ops: simulation.ops }
}

impl Simulation {
    /// The worker begins an operation, or hears how its last one ended. Effects happen when an operation begins.
    fn step(&mut self, worker: usize) {
        match self.workers[worker].open.take() {
            Some(open) => self.complete(worker, open),
            None => match self.random.random_range(0..20) {
                0..9 => self.send(worker),
                9..17 => self.poll(worker),
                17..19 => self.assign(worker, false),
                _ => self.begin(worker, "crash", Value::Null, OpType::Info, Value::Null),
            },
        }
    }

    fn push(&mut self, worker: usize, kind: OpType, f: &str, value: Value) {
        let index = self.ops.len() as u64;
        self.ops.push(Op { time: index * 1000, ..Op::new(index, kind, self.workers[worker].process, f, value) });
    }

    fn begin(&mut self, worker: usize, f: &'static str, asked: Value, kind: OpType, told: Value) {
        self.push(worker, OpType::Invoke, f, asked);
        self.workers[worker].open = Some(PendingCall { f, kind, told });
    }

    fn complete(&mut self, worker: usize, open: PendingCall) {
        self.push(worker, open.kind, open.f, open.told);
        if open.kind == OpType::Info {
            self.workers[worker].process += WORKERS as u64;
            self.workers[worker].positions.clear();
        }
    }

    fn send(&mut self, worker: usize) {
        let key = self.random.random_range(0..KEYS).to_string();
        self.next_message += 1;
        let message = self.next_message;
        let asked = json!([["send", key, message]]);
        let outcome = self.random.random_range(0..10);
        if outcome == 0 {
            return self.begin(worker, "send", asked.clone(), OpType::Fail, asked);
        }
        let log = self.logs.entry(key.clone()).or_default();
        let offset = log.last().map_or(0, |(last, _)| last + 1) + if outcome < 4 { 2 } else { 0 };
        log.push((offset, message));
        if outcome == 1 {
            self.begin(worker, "send", asked.clone(), OpType::Info, asked);
        } else {
            self.begin(worker, "send", asked, OpType::Ok, json!([["send", key, [offset, message]]]));
        }
    }

    fn poll(&mut self, worker: usize) {
        let limit = self.random.random_range(1..6);
        let mut messages = Map::new();
        let outcome = self.random.random_range(0..10);
        for (key, position) in &mut self.workers[worker].positions {
            let log = self.logs.get(key).map_or(&[][..], Vec::as_slice);
            let from = log.partition_point(|(offset, _)| offset < position);
            let polled = &log[from..log.len().min(from + limit)];
            let Some((last, _)) = polled.last() else { continue };
            messages.insert(key.clone(), json!(polled));
            self.committed.insert(key.clone(), *last);
            if outcome > 1 {
                *position = last + 1;
            }
        }
        match outcome {
            0 => self.begin(worker, "poll", json!([["poll"]]), OpType::Fail, json!([["poll"]])),
            1 => self.begin(worker, "poll", json!([["poll"]]), OpType::Info, json!([["poll"]])),
            _ => self.begin(worker, "poll", json!([["poll"]]), OpType::Ok, json!([["poll", messages]])),
        }
    }

    fn assign(&mut self, worker: usize, everything: bool) {
        let keys: Vec<String> =
            (0..KEYS).filter(|_| everything || self.random.random()).map(|key| key.to_string()).collect();
        let before = std::mem::take(&mut self.workers[worker].positions);
        let position = |key: &String| match (before.get(key), self.committed.get(key)) {
            _ if everything => 0,
            (Some(position), _) => *position,
            (None, committed) => committed.map_or(0, |committed| committed + 1),
        };
        self.workers[worker].positions = keys.iter().map(|key| (key.clone(), position(key))).collect();
        self.begin(worker, "assign", json!(keys), OpType::Ok, json!(keys));
        if everything {
            let extra = Map::from_iter([("seek_to_beginning".to_string(), json!(true))]);
            self.ops.last_mut().unwrap().extra = Some(Box::new(extra));
        }
    }

    fn finish(&mut self) {
        for worker in 0..WORKERS {
            if let Some(open) = self.workers[worker].open.take() {
                self.complete(worker, open);
            }
        }
        for worker in 0..WORKERS {
            self.assign(worker, true);
            while let Some(open) = self.workers[worker].open.take() {
                self.complete(worker, open);
                let behind = |(key, log): (&String, &Vec<(i64, u64)>)| {
                    let read = self.workers[worker].positions.get(key);
                    log.last().is_some_and(|(last, _)| read.is_none_or(|position| position <= last))
                };
                if self.logs.iter().any(behind) {
                    if self.workers[worker].positions.is_empty() {
                        self.assign(worker, true)
                    } else {
                        self.poll(worker)
                    }
                }
            }
        }
    }
}

/// Something to change in a history so that it shows an anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlantedFault {
    HideMessage,
    FailSend,
    ChangeMessage,
    CopyMessage,
    InventMessage,
    SkipWithin,
    SwapWithin,
    SkipBetween,
    RepeatBetween,
    SwapSends,
    SendBackwards,
    SendApart,
    PollOwn,
    SendLast,
}

impl PlantedFault {
    pub(super) const ALL: [PlantedFault; 14] = [
        PlantedFault::HideMessage,
        PlantedFault::FailSend,
        PlantedFault::ChangeMessage,
        PlantedFault::CopyMessage,
        PlantedFault::InventMessage,
        PlantedFault::SkipWithin,
        PlantedFault::SwapWithin,
        PlantedFault::SkipBetween,
        PlantedFault::RepeatBetween,
        PlantedFault::SwapSends,
        PlantedFault::SendBackwards,
        PlantedFault::SendApart,
        PlantedFault::PollOwn,
        PlantedFault::SendLast,
    ];

    pub(super) fn anomaly(self) -> &'static str {
        match self {
            PlantedFault::HideMessage => "lost-write",
            PlantedFault::FailSend => "G1a",
            PlantedFault::ChangeMessage => "inconsistent-offsets",
            PlantedFault::CopyMessage => "duplicate",
            PlantedFault::InventMessage => "unexpected",
            PlantedFault::SkipWithin => "int-poll-skip",
            PlantedFault::SwapWithin => "int-nonmonotonic-poll",
            PlantedFault::SkipBetween => "poll-skip",
            PlantedFault::RepeatBetween => "nonmonotonic-poll",
            PlantedFault::SwapSends => "nonmonotonic-send",
            PlantedFault::SendBackwards => "int-nonmonotonic-send",
            PlantedFault::SendApart => "int-send-skip",
            PlantedFault::PollOwn => "precommitted-read",
            PlantedFault::SendLast => "unseen",
        }
    }

    /// Plants the fault somewhere; false if the history has no place for it.
    pub(super) fn plant(self, history: &mut History, seed: u64) -> bool {
        let mut random = Rng::seed_from_u64(seed ^ 0x5EED);
        match self {
            PlantedFault::HideMessage => hide(history, &mut random),
            PlantedFault::FailSend => fail_send(history, &mut random),
            PlantedFault::ChangeMessage => in_poll(history, &mut random, 1, |list, at| list[at][1] = json!("changed")),
            PlantedFault::CopyMessage => {
                in_poll(history, &mut random, 1, |list, at| list.push(json!([1_000_000, list[at][1]])))
            }
            PlantedFault::InventMessage => {
                in_poll(history, &mut random, 1, |list, _| list.push(json!([1_000_000, "invented"])))
            }
            PlantedFault::SkipWithin => {
                in_poll(history, &mut random, 3, |list, at| drop(list.remove(at.clamp(1, list.len() - 2))))
            }
            PlantedFault::SwapWithin => {
                in_poll(history, &mut random, 2, |list, at| list.swap(at.max(1), at.max(1) - 1))
            }
            PlantedFault::SkipBetween => between_polls(history, &mut random, |_, next| drop(next.remove(0))),
            PlantedFault::RepeatBetween => {
                between_polls(history, &mut random, |last, next| next.insert(0, last.clone()))
            }
            PlantedFault::SwapSends => swap_sends(history, &mut random),
            PlantedFault::SendBackwards => {
                append(history, json!([["send", "0", [1_000_001, "b"]], ["send", "0", [1_000_000, "a"]]]))
            }
            PlantedFault::SendApart => {
                append(history, json!([["send", "0", [1_000_000, "a"]], ["send", "0", [1_000_002, "c"]]]))
                    && append(history, json!([["send", "0", [1_000_001, "b"]]]))
            }
            PlantedFault::PollOwn => {
                append(history, json!([["send", "0", [1_000_000, "a"]], ["poll", {"0": [[1_000_000, "a"]]}]]))
            }
            PlantedFault::SendLast => {
                append(history, json!([["send", "0", [1_000_000, "a"]]])) && read_nothing(history)
            }
        }
    }
}

/// Positions of ok entries with this function.
fn ok(history: &History, f: &str) -> Vec<usize> {
    (0..history.ops.len()).filter(|&i| history.ops[i].kind == OpType::Ok && &*history.ops[i].f == f).collect()
}

fn choose<T: Clone>(items: &[T], random: &mut Rng) -> Option<T> {
    if items.is_empty() { None } else { Some(items[random.random_range(0..items.len())].clone()) }
}

/// All lists of messages of a poll.
fn lists(op: &mut Op) -> impl Iterator<Item = (&String, &mut Vec<Value>)> {
    let polls = op.value.as_array_mut().into_iter().flatten().filter_map(|poll| poll.get_mut(1)?.as_object_mut());
    polls.flat_map(|map| map.iter_mut()).filter_map(|(key, list)| Some((key, list.as_array_mut()?)))
}

/// Takes an acknowledged message, but not the last one of its key, out of all polls.
fn hide(history: &mut History, random: &mut Rng) -> bool {
    let mut highest: BTreeMap<String, i64> = BTreeMap::new();
    for at in ok(history, "poll") {
        for (key, list) in lists(&mut history.ops[at]) {
            let top = list.iter().filter_map(|message| message[0].as_i64()).max().unwrap_or(0);
            let entry = highest.entry(key.clone()).or_default();
            *entry = top.max(*entry);
        }
    }
    let sends = ok(history, "send").into_iter().map(|at| history.ops[at].value[0].clone());
    let inner =
        |send: &Value| highest.get(send[1].as_str().unwrap()).is_some_and(|top| send[2][0].as_i64().unwrap() < *top);
    let sends: Vec<Value> = sends.filter(inner).collect();
    let Some(send) = choose(&sends, random) else { return false };
    for at in ok(history, "poll") {
        lists(&mut history.ops[at])
            .for_each(|(key, list)| list.retain(|message| *key != send[1] || *message != send[2]));
    }
    true
}

/// Turns an acknowledged send into one that failed.
fn fail_send(history: &mut History, random: &mut Rng) -> bool {
    let Some(at) = choose(&ok(history, "send"), random) else { return false };
    let message = history.ops[at].value[0][2][1].clone();
    history.ops[at].kind = OpType::Fail;
    history.ops[at].value[0][2] = message;
    true
}

/// Changes a random list of at least `size` messages.
fn in_poll(history: &mut History, random: &mut Rng, size: usize, change: impl FnOnce(&mut Vec<Value>, usize)) -> bool {
    let mut polls = ok(history, "poll");
    polls.retain(|&at| lists(&mut history.ops[at]).any(|(_, list)| list.len() >= size));
    let Some(at) = choose(&polls, random) else { return false };
    let (_, list) = lists(&mut history.ops[at]).find(|(_, list)| list.len() >= size).unwrap();
    let place = random.random_range(0..list.len());
    change(list, place);
    true
}

/// Changes the second of two successive polls of one process: `change` gets the last message of the first one.
fn between_polls(history: &mut History, random: &mut Rng, change: impl FnOnce(&Value, &mut Vec<Value>)) -> bool {
    let mut last: BTreeMap<(u64, String), Value> = BTreeMap::new();
    let mut places = Vec::new();
    for at in 0..history.ops.len() {
        let process = history.ops[at].process.client().unwrap();
        if &*history.ops[at].f == "assign" {
            last.retain(|(other, _), _| *other != process);
        } else if history.ops[at].kind == OpType::Ok && &*history.ops[at].f == "poll" {
            for (key, list) in lists(&mut history.ops[at]) {
                let top = list.last().unwrap().clone();
                if let Some(before) = last.insert((process, key.clone()), top).filter(|_| list.len() > 1) {
                    places.push((at, key.clone(), before));
                }
            }
        }
    }
    let Some((at, key, before)) = choose(&places, random) else { return false };
    let (_, list) = lists(&mut history.ops[at]).find(|(other, _)| **other == key).unwrap();
    change(&before, list);
    true
}

/// Exchanges the offsets of two acknowledged sends of one process to one key.
fn swap_sends(history: &mut History, random: &mut Rng) -> bool {
    let sends = ok(history, "send");
    let same = |&(a, b): &(usize, usize)| {
        let (a, b) = (&history.ops[a], &history.ops[b]);
        a.process == b.process && a.value[0][1] == b.value[0][1]
    };
    let pairs = (0..sends.len()).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| (sends[j], sends[i]));
    let Some((a, b)) = choose(&pairs.filter(same).collect::<Vec<_>>(), random) else { return false };
    let (first, second) = (history.ops[a].value[0][2][0].clone(), history.ops[b].value[0][2][0].clone());
    history.ops[a].value[0][2][0] = second;
    history.ops[b].value[0][2][0] = first;
    true
}

/// Adds an operation of a process of its own.
fn append(history: &mut History, told: Value) -> bool {
    let index = history.ops.len() as u64;
    let asked: Value = told
        .as_array()
        .unwrap()
        .iter()
        .map(|part| match part[0].as_str() {
            Some("send") => json!(["send", part[1], part[2][1]]),
            _ => json!(["poll"]),
        })
        .collect();
    history.ops.push(Op::new(index, OpType::Invoke, 1000 + index, "txn", asked));
    history.ops.push(Op::new(index + 1, OpType::Ok, 1000 + index, "txn", told));
    true
}

/// Adds a process that asks for everything, and is told that there is nothing.
fn read_nothing(history: &mut History) -> bool {
    let index = history.ops.len() as u64;
    let extra = Map::from_iter([("seek_to_beginning".to_string(), json!(true))]);
    for (f, asked, told) in [("assign", json!(["0"]), json!(["0"])), ("poll", json!([["poll"]]), json!([["poll", {}]]))]
    {
        for (kind, value) in [(OpType::Invoke, asked), (OpType::Ok, told)] {
            let op = Op::new(history.ops.len() as u64, kind, 1000 + index, f, value);
            history.ops.push(Op { extra: (f == "assign").then(|| Box::new(extra.clone())), ..op });
        }
    }
    true
}
