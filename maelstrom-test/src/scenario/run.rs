//! Finished runs: what happened, and what the checkers say of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::checker::{Finding, Valid, Verdict};
use crate::history::{History, Nanos, OpType};
use crate::network;
use crate::scenario::options;
use crate::workload::Settings;

/// A run that is over: its verdict, its history, its statistics. Its files are in [`Run::directory`].
#[derive(Clone, Debug)]
pub struct Run {
    /// How it is called: the test case's name, or the workload's.
    pub name: String,
    /// The workload's name.
    pub workload: String,
    /// The seed of all its randomness.
    pub seed: u64,
    /// Which clock it ran on, and why.
    pub clock: Clock,
    /// What the checkers say, overall and part by part.
    pub verdict: RunVerdict,
    /// Every invocation and completion of clients and nemesis.
    pub history: History,
    /// Messages that were sent and received.
    pub net: NetStats,
    /// Faults that were asked for, and what they did.
    pub faults: Vec<FaultCount>,
    /// What people should know: options that were adapted, faults that cannot exist, …
    pub notes: Vec<String>,
    /// Nodes, concurrency and whatever else the workload knew.
    pub settings: Settings,
    /// The scenario in a line: `lin-kv, 5 nodes, partition, …`.
    pub scenario: String,
    /// The directory with its files.
    pub directory: PathBuf,
    /// How long it took in its own time.
    pub duration: Nanos,
    /// How long it took on the wall clock.
    pub wall: Duration,
    /// Why it broke off, if it did.
    pub broke: Option<String>,
    /// False if something was noticed that a second run with the same seed may do differently.
    pub reproducible: bool,
    /// The command that runs it again.
    pub again: Option<String>,
}

/// The clock that a run used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Simulated time.
    Virtual,
    /// The wall clock; the reason is given where `auto` would have preferred virtual time.
    Real(Option<String>),
}

/// What the checkers say of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunVerdict {
    /// `perf`, `timeline`, `exceptions`, `stats`, `availability`, `net`, `workload`: each with its verdict, in this
    /// order.
    pub parts: Vec<(&'static str, Verdict)>,
}

impl RunVerdict {
    /// The worst of all parts; unknown if there are none.
    pub fn valid(&self) -> Valid {
        self.parts.iter().map(|(_, verdict)| verdict.valid).max().unwrap_or(Valid::Unknown)
    }

    /// One part by its name.
    pub fn part(&self, name: &str) -> Option<&Verdict> {
        self.parts.iter().find(|(part, _)| *part == name).map(|(_, verdict)| verdict)
    }

    /// Everything that was found, the workload's findings first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        let of = |workload: bool| self.parts.iter().filter(move |(name, _)| (*name == "workload") == workload);
        of(true).chain(of(false)).flat_map(|(_, verdict)| &verdict.findings)
    }

    /// Names of the anomalies that make the run invalid, without repetition, in the order of
    /// [`RunVerdict::findings`].
    pub fn anomalies(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for finding in self.findings().filter(|finding| finding.proscribed) {
            if !names.contains(&finding.anomaly.as_str()) {
                names.push(finding.anomaly.as_str());
            }
        }
        names
    }

    /// Whether an anomaly was found (proscribed or not): the same name, or its form on single items.
    pub fn has_anomaly(&self, name: &str) -> bool {
        self.findings().any(|finding| options::is_anomaly(name, &finding.anomaly))
    }

    /// The verdict in a few words: `valid`, `unknown: no operations`, `not linearizable (key 3)`.
    pub fn headline(&self) -> String {
        match self.valid() {
            Valid::True => "valid".into(),
            Valid::Unknown => {
                let why = self.parts.iter().filter(|(_, part)| part.valid == Valid::Unknown);
                let why: Vec<&str> = why.filter_map(|(_, part)| part.reason.as_deref()).collect();
                if why.is_empty() { "unknown".into() } else { format!("unknown: {}", why.join("; ")) }
            }
            Valid::False => {
                let finding = self.findings().find(|finding| finding.proscribed);
                finding.map_or_else(|| "invalid".into(), |finding| finding.headline.clone())
            }
        }
    }

    /// As it stands in `results.json`.
    pub fn to_json(&self) -> Value {
        let mut results = Map::new();
        results.insert("version".into(), 1.into());
        results.insert("valid".into(), self.valid().to_json());
        for (name, part) in &self.parts {
            let mut entry = Map::new();
            entry.insert("valid".into(), part.valid.to_json());
            entry.extend(part.reason.as_ref().map(|reason| ("reason".to_string(), reason.as_str().into())));
            entry.extend(part.details.iter().map(|(key, value)| (key.clone(), value.clone())));
            results.insert((*name).into(), Value::Object(entry));
        }
        Value::Object(results)
    }
}

/// Messages of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Messages sent.
    pub send_count: u64,
    /// Messages received, copies included.
    pub recv_count: u64,
    /// Distinct messages.
    pub msg_count: u64,
    /// Distinct messages per client operation invoked; infinite if there were messages and no operations.
    pub msgs_per_op: f64,
}

/// Message statistics of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NetStats {
    /// Everything.
    pub all: Traffic,
    /// Either side is a client.
    pub clients: Traffic,
    /// Neither side is a client.
    pub servers: Traffic,
}

impl NetStats {
    /// From the network's counts and the number of client operations invoked.
    pub fn new(stats: &network::Stats, ops: u64) -> NetStats {
        let traffic = |counts: &network::Counts| Traffic {
            send_count: counts.send_count,
            recv_count: counts.recv_count,
            msg_count: counts.msg_count,
            msgs_per_op: if counts.msg_count == 0 { 0.0 } else { counts.msg_count as f64 / ops as f64 },
        };
        NetStats { all: traffic(&stats.all), clients: traffic(&stats.clients), servers: traffic(&stats.servers) }
    }

    /// As it stands in `results.json`.
    pub fn to_json(&self) -> Map<String, Value> {
        let counts = |traffic: &Traffic| json!({"send_count": traffic.send_count, "recv_count": traffic.recv_count, "msg_count": traffic.msg_count});
        let with_ratio = |traffic: &Traffic| {
            let mut entry = counts(traffic);
            entry["msgs_per_op"] = traffic.msgs_per_op.into();
            entry
        };
        let mut results = Map::new();
        results.insert("all".into(), with_ratio(&self.all));
        results.insert("clients".into(), counts(&self.clients));
        results.insert("servers".into(), with_ratio(&self.servers));
        results
    }
}

/// A kind of fault that was asked for, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultCount {
    /// `partition`, `kill`, …
    pub kind: String,
    /// How often it was started.
    pub actions: u64,
    /// What it did: `messages cut`, `processes killed`, `paused ms`, … with how much of it.
    pub effects: Vec<(String, u64)>,
}

impl FaultCount {
    /// Whether it had any effect at all.
    pub fn had_effect(&self) -> bool {
        self.effects.iter().any(|(_, count)| *count > 0)
    }
}

/// Operations of one kind, counted by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpCounts {
    /// Begun.
    pub invoked: u64,
    /// Happened.
    pub ok: u64,
    /// Did not happen.
    pub fail: u64,
    /// Nobody knows.
    pub info: u64,
}

impl Run {
    /// Whether every part of the verdict is valid.
    pub fn is_valid(&self) -> bool {
        self.broke.is_none() && self.verdict.valid() == Valid::True
    }

    /// How many client operations there were, of all kinds together.
    pub fn ops(&self) -> OpCounts {
        self.count(|_| true)
    }

    /// How many client operations of one kind there were: `run.ops_of("read").ok`.
    pub fn ops_of(&self, f: &str) -> OpCounts {
        self.count(|other| other == f)
    }

    fn count(&self, wanted: impl Fn(&str) -> bool) -> OpCounts {
        let mut counts = OpCounts::default();
        for op in self.history.ops.iter().filter(|op| op.process.client().is_some() && wanted(&op.f)) {
            match op.kind {
                OpType::Invoke => counts.invoked += 1,
                OpType::Ok => counts.ok += 1,
                OpType::Fail => counts.fail += 1,
                OpType::Info => counts.info += 1,
            }
        }
        counts
    }

    /// How long the successful operations took, all kinds together.
    pub fn latency(&self) -> Durations {
        self.latencies(|_| true)
    }

    /// How long the successful operations of one kind took.
    pub fn latency_of(&self, f: &str) -> Durations {
        self.latencies(|other| other == f)
    }

    fn latencies(&self, wanted: impl Fn(&str) -> bool) -> Durations {
        let pairs = self.history.pairs().into_iter().filter_map(|pair| match self.history.entries(pair) {
            (Some(from), Some(to)) if to.kind == OpType::Ok && wanted(&from.f) => {
                Some(to.time.saturating_sub(from.time))
            }
            _ => None,
        });
        Durations::new(pairs.collect())
    }

    /// Faults that were asked for and never had an effect.
    pub fn faults_without_effect(&self) -> Vec<&str> {
        self.faults.iter().filter(|fault| !fault.had_effect()).map(|fault| fault.kind.as_str()).collect()
    }

    /// One of its files: `run.file("history.jsonl")`.
    pub fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.join(name)
    }
}

/// A sample of times, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    sorted: Vec<Nanos>,
}

impl Durations {
    /// A sample of times in nanoseconds.
    pub fn new(mut nanos: Vec<Nanos>) -> Durations {
        nanos.sort_unstable();
        Durations { sorted: nanos }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The smallest time that the share `q` (0 … 1) of the sample does not exceed; 0 gives the least, 1 the greatest.
    /// Of an empty sample it is [`Duration::MAX`], so that a test that asks for a short time does not pass because
    /// nothing happened.
    ///
    /// ```
    /// use maelstrom::scenario::Durations;
    /// use std::time::Duration;
    /// let sample = Durations::new(vec![30, 10, 20, 40]);
    /// assert_eq!(sample.quantile(0.5), Duration::from_nanos(20));
    /// assert_eq!(sample.quantile(1.0), Duration::from_nanos(40));
    /// assert_eq!(Durations::default().quantile(0.5), Duration::MAX);
    /// ```
    pub fn quantile(&self, q: f64) -> Duration {
        let rank = (q.clamp(0.0, 1.0) * self.sorted.len() as f64).ceil() as usize;
        match self.sorted.get(rank.saturating_sub(1)) {
            Some(nanos) => Duration::from_nanos(*nanos),
            None => Duration::MAX,
        }
    }

    /// All of them, in nanoseconds, ascending.
    pub fn as_nanos(&self) -> &[Nanos] {
        &self.sorted
    }
}
