//! Generators for append-only logs: sends, polls, assignments and crashes, and a final phase in which every worker reads
//! all messages.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;

use super::{Generator, Invocation, MicroOp, Next, TxnSource, Worker};
use crate::history::{Nanos, Op, OpType};
use crate::json::{Map, Value, json};
use crate::random::Rng;

/// Mean time between two crashes of one worker.
const CRASH_INTERVAL: Nanos = 30_000_000_000;
/// One in this many operations is an `assign`.
const ASSIGN_RATIO: u32 = 64;
/// Maximum duration of the final phase of a worker.
const FINAL_TIME: Nanos = 10_000_000_000;
/// Mean time between two polls in the final phase.
const FINAL_POLL_INTERVAL: Nanos = 200_000_000;

/// The highest known offset of each key.
#[derive(Clone, Debug, Default)]
struct Offsets(BTreeMap<String, i64>);

impl Offsets {
    fn add(&mut self, key: &str, offset: i64) {
        match self.0.get_mut(key) {
            Some(highest) => *highest = offset.max(*highest),
            None => drop(self.0.insert(key.to_owned(), offset)),
        }
    }

    /// Adds the offsets of a successful `send`.
    fn add_sends(&mut self, op: &Op) {
        for send in op.value.as_array().into_iter().flatten() {
            if let (Some("send"), Some(key), Some(offset)) = (send[0].as_str(), send[1].as_str(), send[2][0].as_i64()) {
                self.add(key, offset);
            }
        }
    }

    /// Adds the offsets of a successful `poll`.
    fn add_polls(&mut self, op: &Op) {
        for poll in op.value.as_array().into_iter().flatten() {
            for (key, messages) in poll[1].as_object().into_iter().flatten() {
                for offset in messages.as_array().into_iter().flatten().filter_map(|message| message[0].as_i64()) {
                    self.add(key, offset);
                }
            }
        }
    }

    /// The keys whose highest offset in `other` is lower or missing.
    fn beyond<'a>(&'a self, other: &'a Offsets) -> impl Iterator<Item = &'a String> + 'a {
        let behind = |key: &str, offset: i64| other.0.get(key).is_none_or(|seen| *seen < offset);
        self.0.iter().filter(move |(key, offset)| behind(key, **offset)).map(|(key, _)| key)
    }
}

/// Operations of the main phase: `send` and `poll` equally often on a few active keys, an occasional `assign` of these
/// keys, and an occasional `crash`.
///
/// One in three `assign` operations also includes the keys with messages that no worker has polled yet. A process without
/// assigned keys performs `assign` before it polls, since a poll without keys returns nothing.
pub(crate) struct Kafka {
    source: TxnSource,
    crash_interval: Nanos,
    next_crash: Option<Nanos>,
    sent: Offsets,
    polled: Offsets,
    assigned: BTreeSet<u64>,
}

impl Kafka {
    /// Creates a generator for `concurrency` workers that draws keys and values from `source`.
    pub(crate) fn new(source: TxnSource, concurrency: usize) -> Kafka {
        Kafka {
            source,
            crash_interval: CRASH_INTERVAL / concurrency.max(1) as u64,
            next_crash: None,
            sent: Offsets::default(),
            polled: Offsets::default(),
            assigned: BTreeSet::new(),
        }
    }

    /// Whether a crash is due. If so, draws the time of the next one.
    fn crash_due(&mut self, now: Nanos, rng: &mut Rng) -> bool {
        let due = self.next_crash.is_some_and(|time| time <= now);
        if due || self.next_crash.is_none() {
            self.next_crash = Some(now + rng.random_range(0..=2 * self.crash_interval));
        }
        due
    }

    fn assign(&self, rng: &mut Rng) -> Invocation {
        let mut keys: Vec<String> = self.source.active_keys().map(|key| key.to_string()).collect();
        if rng.random_ratio(1, 3) {
            keys.extend(self.sent.beyond(&self.polled).cloned());
        }
        Invocation::new("assign", key_list(keys))
    }
}

/// A list of distinct keys. Shorter keys come first, so that numeric keys are in numeric order.
fn key_list(mut keys: Vec<String>) -> Value {
    keys.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    keys.dedup();
    keys.into()
}

fn crash() -> Invocation {
    Invocation::new("crash", Value::Null)
}

fn poll() -> Invocation {
    Invocation::new("poll", json!([["poll"]]))
}

impl Generator for Kafka {
    fn next(&mut self, worker: Worker, rng: &mut Rng) -> Next {
        if self.crash_due(worker.now, rng) {
            return Next::Op(crash());
        }
        if rng.random_ratio(1, ASSIGN_RATIO) {
            return Next::Op(self.assign(rng));
        }
        Next::Op(match self.source.micro_op(rng) {
            MicroOp::Write(key, value) => Invocation::new("send", json!([["send", key.to_string(), value]])),
            MicroOp::Read(_) if self.assigned.contains(&worker.process) => poll(),
            MicroOp::Read(_) => self.assign(rng),
        })
    }

    fn update(&mut self, op: &Op) {
        match (op.kind, &*op.f) {
            (OpType::Ok, "send") => self.sent.add_sends(op),
            (OpType::Ok, "poll") => self.polled.add_polls(op),
            (OpType::Ok, "assign") => self.assigned.extend(op.process.client()),
            _ => {}
        }
    }
}

/// The final phase: every worker crashes, assigns itself all keys from the beginning, and polls until it has received every
/// offset that is known to exist, for at most [`FINAL_TIME`]. After a failed `assign` or any `info` completion it assigns
/// again.
///
/// It also needs the history entries of the main phase.
#[derive(Clone, Debug, Default)]
pub(crate) struct KafkaFinal {
    keys: BTreeSet<String>,
    existing: Offsets,
    workers: BTreeMap<usize, Reader>,
}

/// The final phase of one worker.
#[derive(Clone, Debug)]
struct Reader {
    process: u64,
    deadline: Nanos,
    /// The earliest time of its next operation.
    next: Nanos,
    crashed: bool,
    assigned: bool,
    polled: Offsets,
}

impl Generator for KafkaFinal {
    fn next(&mut self, worker: Worker, rng: &mut Rng) -> Next {
        let now = worker.now;
        let reader = self.workers.entry(worker.index).or_insert_with(|| Reader {
            process: worker.process,
            deadline: now + FINAL_TIME,
            next: now,
            crashed: false,
            assigned: false,
            polled: Offsets::default(),
        });
        reader.process = worker.process;
        if !reader.crashed {
            reader.crashed = true;
            return Next::Op(crash().in_final_phase());
        }
        let caught_up = self.existing.beyond(&reader.polled).next().is_none();
        if now >= reader.deadline || self.keys.is_empty() || (reader.assigned && caught_up) {
            return Next::Done;
        }
        if now < reader.next {
            return Next::At(reader.next);
        }
        reader.next = now + rng.random_range(0..=2 * FINAL_POLL_INTERVAL);
        if reader.assigned {
            return Next::Op(poll().in_final_phase());
        }
        let mut assign = Invocation::new("assign", key_list(self.keys.iter().cloned().collect())).in_final_phase();
        assign.extra = Some(Box::new(Map::from_iter([("seek_to_beginning".to_owned(), Value::Bool(true))])));
        Next::Op(assign)
    }

    fn update(&mut self, op: &Op) {
        if op.kind == OpType::Invoke && &*op.f == "send" {
            let sends = op.value.as_array().into_iter().flatten();
            self.keys.extend(sends.filter_map(|send| send[1].as_str()).map(str::to_owned));
        }
        let mut reader = self.workers.values_mut().find(|reader| op.process.client() == Some(reader.process));
        match (op.kind, &*op.f) {
            (OpType::Ok, "send") => self.existing.add_sends(op),
            (OpType::Ok, "poll") => {
                self.existing.add_polls(op);
                if let Some(reader) = &mut reader {
                    reader.polled.add_polls(op);
                }
            }
            _ => {}
        }
        if let Some(reader) = reader {
            match (op.kind, &*op.f) {
                (OpType::Ok, "assign") => reader.assigned = true,
                (OpType::Info, _) => reader.assigned = false,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    const SECOND: Nanos = 1_000_000_000;

    fn op(generator: &mut impl Generator, worker: Worker, rng: &mut Rng) -> Invocation {
        match generator.next(worker, rng) {
            Next::Op(op) => op,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_main_phase_has_the_documented_proportions() {
        let mut rng = stream(0, "test");
        let mut generator = Kafka::new(TxnSource::new(10, 16), 5);
        (0..5).for_each(|process| generator.update(&Op::new(0, OpType::Ok, process, "assign", json!(["0"]))));
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        // 6400 operations in 300 seconds by 5 workers: 50 crashes, 100 assigns.
        for i in 0..6400 {
            let worker = Worker { index: i % 5, process: i as u64 % 5, now: i as u64 * 300 * SECOND / 6400 };
            *counts.entry(op(&mut generator, worker, &mut rng).f.to_string()).or_default() += 1;
        }
        assert!((35..65).contains(&counts["crash"]), "{counts:?}");
        assert!((70..130).contains(&counts["assign"]), "{counts:?}");
        assert!((2950..3350).contains(&counts["send"]), "{counts:?}");
        assert!((2950..3350).contains(&counts["poll"]), "{counts:?}");
    }

    #[test]
    fn a_new_process_assigns_before_it_polls() {
        let mut rng = stream(0, "test");
        let mut generator = Kafka::new(TxnSource::new(2, 16), 1);
        for i in 0..100 {
            let op = op(&mut generator, Worker { index: 0, process: i, now: 0 }, &mut rng);
            assert!(["send", "assign"].contains(&&*op.f));
            if &*op.f == "assign" {
                assert_eq!(op.value.as_array().unwrap().len(), 2);
            }
        }
    }

    #[test]
    fn some_assigns_include_keys_with_unpolled_messages() {
        let mut rng = stream(0, "test");
        let mut generator = Kafka::new(TxnSource::new(1, 1), 1);
        generator.update(&Op::new(0, OpType::Ok, 0, "send", json!([["send", "77", [3, 1]]])));
        generator.update(&Op::new(0, OpType::Ok, 0, "send", json!([["send", "88", [3, 1]]])));
        generator.update(&Op::new(0, OpType::Ok, 0, "poll", json!([["poll", {"77": [[0, 5], [3, 1]]}]])));
        let with = (0..300).filter(|_| {
            let keys = generator.assign(&mut rng).value;
            assert!(keys == json!(["0"]) || keys == json!(["0", "88"]), "{keys}");
            keys == json!(["0", "88"])
        });
        assert!((70..130).contains(&with.count()));
    }

    /// The final phase of one worker, whose time advances only while it waits.
    struct Phase {
        generator: KafkaFinal,
        rng: Rng,
        worker: Worker,
    }

    impl Phase {
        fn new() -> Phase {
            let mut generator = KafkaFinal::default();
            for (i, key) in ["2", "10"].into_iter().enumerate() {
                generator.update(&Op::new(0, OpType::Invoke, 0, "send", json!([["send", key, 1]])));
                generator.update(&Op::new(0, OpType::Ok, 0, "send", json!([["send", key, [i, 1]]])));
            }
            Phase { generator, rng: stream(0, "test"), worker: Worker { index: 0, process: 0, now: SECOND } }
        }

        /// The next operation, after waiting for [`Next::At`]; `None` if the worker is done.
        fn next(&mut self) -> Option<Invocation> {
            loop {
                match self.generator.next(self.worker, &mut self.rng) {
                    Next::Op(op) => return Some(op),
                    Next::At(time) => {
                        assert!(time > self.worker.now && time <= self.worker.now + 2 * FINAL_POLL_INTERVAL);
                        self.worker.now = time;
                    }
                    Next::Pending => panic!("an idle reader never waits for other workers"),
                    Next::Done => return None,
                }
            }
        }

        fn complete(&mut self, kind: OpType, f: &str, value: Value) {
            self.generator.update(&Op::new(0, kind, self.worker.process, f, value));
            if kind == OpType::Info {
                self.worker.process += 5;
            }
        }
    }

    #[test]
    fn a_reader_polls_until_it_has_all_offsets() {
        let mut phase = Phase::new();
        let first = phase.next().unwrap();
        assert!(&*first.f == "crash" && first.is_final);
        phase.complete(OpType::Info, "crash", Value::Null);
        let assign = phase.next().unwrap();
        assert_eq!((&*assign.f, assign.value), ("assign", json!(["2", "10"])));
        assert_eq!(assign.extra.unwrap()["seek_to_beginning"], true);
        phase.complete(OpType::Fail, "assign", json!(["2", "10"]));
        assert_eq!(&*phase.next().unwrap().f, "assign");
        phase.complete(OpType::Ok, "assign", json!(["2", "10"]));
        assert_eq!(&*phase.next().unwrap().f, "poll");
        phase.complete(OpType::Ok, "poll", json!([["poll", {"2": [[0, 1]]}]]));
        assert_eq!(&*phase.next().unwrap().f, "poll");
        phase.complete(OpType::Info, "poll", json!([["poll"]]));
        assert_eq!(&*phase.next().unwrap().f, "assign");
        phase.complete(OpType::Ok, "assign", json!(["2", "10"]));
        assert_eq!(&*phase.next().unwrap().f, "poll");
        phase.complete(OpType::Ok, "poll", json!([["poll", {"10": [[1, 1]], "2": []}]]));
        assert_eq!(phase.next(), None);
    }

    #[test]
    fn a_reader_stops_after_ten_seconds() {
        let mut phase = Phase::new();
        phase.next();
        phase.complete(OpType::Info, "crash", Value::Null);
        phase.next();
        phase.complete(OpType::Ok, "assign", json!(["2", "10"]));
        let mut polls = 0;
        while let Some(op) = phase.next() {
            assert_eq!(&*op.f, "poll");
            phase.complete(OpType::Ok, "poll", json!([["poll", {}]]));
            polls += 1;
        }
        assert!(phase.worker.now >= 11 * SECOND && phase.worker.now < 12 * SECOND);
        assert!((40..60).contains(&polls), "{polls}");
    }

    #[test]
    fn without_sends_the_final_phase_ends_after_the_crash() {
        let mut phase = Phase { generator: KafkaFinal::default(), ..Phase::new() };
        assert_eq!(&*phase.next().unwrap().f, "crash");
        phase.complete(OpType::Info, "crash", Value::Null);
        assert_eq!(phase.next(), None);
    }
}
