//! The checker against a literal reading of each anomaly's definition, on histories of a log that is nearly right.

use std::collections::{BTreeMap, BTreeSet};

use maelstrom_random::Rng;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};

use super::{found, history};
use crate::entry_points::judged;
use crate::test_cases::cases;
use crate::{Kafka, Valid};

const KEYS: [&str; 2] = ["x", "y"];
/// Messages 1 to 6 are sent, each once to each key.
const SENT: u64 = 6;

#[derive(Clone, Debug)]
enum Part {
    Send { key: usize, message: u64, outcome: Outcome },
    Poll(Vec<Row>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    At(i64),
    Failed,
    Unknown,
}

/// A message that a poll returned.
#[derive(Clone, Copy, Debug)]
struct Row {
    key: usize,
    offset: i64,
    message: u64,
}

#[derive(Clone, Debug)]
enum Action {
    Parts(Vec<Part>),
    /// The keys, and whether reading begins anew.
    Assign(Vec<usize>, bool),
}

type Operations = Vec<(u64, Action)>;

/// Where a message belongs. There are gaps between offsets.
fn true_offset(message: u64) -> i64 {
    message as i64 * 2
}

/// Operations one after another; one in ten facts is wrong.
fn draw(seed: u64, assigns: bool) -> Operations {
    let mut random = Rng::seed_from_u64(seed);
    let length = random.random_range(1..16);
    let mut next = [1; KEYS.len()];
    // How far each process has read.
    let mut read = [[0; KEYS.len()]; 3];
    let mut operations = Vec::new();
    for _ in 0..length {
        let process = random.random_range(0..3_usize);
        let mut send = |random: &mut Rng, is_alone: bool| {
            let key = random.random_range(0..KEYS.len());
            let message = next[key];
            next[key] += 1;
            let outcome = match random.random_range(0..20) {
                0 | 1 if is_alone => Outcome::Failed,
                2 | 3 if is_alone => Outcome::Unknown,
                4 | 5 => Outcome::At(random.random_range(0..14)),
                _ => Outcome::At(true_offset(message)),
            };
            (message <= SENT).then_some(Part::Send { key, message, outcome })
        };
        let mut poll = |random: &mut Rng| {
            let mut rows = Vec::new();
            for (key, read) in read[process].iter_mut().enumerate() {
                if random.random_ratio(1, 5) {
                    *read = random.random_range(0..SENT);
                }
                for _ in 0..random.random_range(0..4) {
                    let message = *read + 1;
                    *read = message % SENT;
                    let mut row = Row { key, offset: true_offset(message), message };
                    match random.random_range(0..40) {
                        0 | 1 => row.offset = random.random_range(0..14),
                        2 | 3 => row.message = random.random_range(1..SENT + 2),
                        _ => {}
                    }
                    rows.push(row);
                }
            }
            Part::Poll(rows)
        };
        let action = match random.random_range(0..10) {
            0..4 => Action::Parts(send(&mut random, true).into_iter().collect()),
            4..7 => Action::Parts(vec![poll(&mut random)]),
            7 => Action::Parts([send(&mut random, false), send(&mut random, false)].into_iter().flatten().collect()),
            8 => Action::Parts(send(&mut random, false).into_iter().chain([poll(&mut random)]).collect()),
            _ if !assigns => continue,
            _ => {
                let keys = (0..KEYS.len()).filter(|_| random.random()).collect();
                Action::Assign(keys, random.random())
            }
        };
        if !matches!(&action, Action::Parts(parts) if parts.is_empty()) {
            operations.push((process as u64, action));
        }
    }
    operations
}

/// In the notation of [`history`].
fn text(operations: &Operations) -> String {
    let part = |part: &Part| match part {
        Part::Send { key, message, outcome } => {
            let outcome = match outcome {
                Outcome::At(offset) => format!("@{offset}"),
                Outcome::Failed => "!".into(),
                Outcome::Unknown => "?".into(),
            };
            format!("send {} {message}{outcome}", KEYS[*key])
        }
        Part::Poll(rows) => {
            let of_key = |key: usize| {
                let rows = rows.iter().filter(|row| row.key == key);
                let rows: String = rows.map(|row| format!(" {}={}", row.offset, row.message)).collect();
                format!(" {}{rows}", KEYS[key])
            };
            format!("poll{}", (0..KEYS.len()).map(of_key).collect::<String>())
        }
    };
    let operation = |(process, action): &(u64, Action)| match action {
        Action::Parts(parts) => format!("{process} {}", parts.iter().map(part).collect::<Vec<_>>().join(" & ")),
        Action::Assign(keys, seeks) => {
            let keys: String = keys.iter().map(|key| format!(" {}", KEYS[*key])).collect();
            format!("{process} {}{keys}", if *seeks { "seek" } else { "assign" })
        }
    };
    operations.iter().map(operation).collect::<Vec<_>>().join("; ")
}

fn rows(action: &Action, key: usize) -> Vec<Row> {
    let Action::Parts(parts) = action else { return Vec::new() };
    let of_part = |part: &Part| if let Part::Poll(rows) = part { rows.clone() } else { Vec::new() };
    parts.iter().flat_map(of_part).filter(|row| row.key == key).collect()
}

fn sends(action: &Action, of_key: usize) -> Vec<(u64, Outcome)> {
    let Action::Parts(parts) = action else { return Vec::new() };
    let of_part = |part: &Part| match part {
        Part::Send { key, message, outcome } if *key == of_key => Some((*message, *outcome)),
        _ => None,
    };
    parts.iter().filter_map(of_part).collect()
}

fn placed(action: &Action, key: usize) -> Vec<i64> {
    let offset = |(_, outcome): (u64, Outcome)| if let Outcome::At(offset) = outcome { Some(offset) } else { None };
    sends(action, key).into_iter().filter_map(offset).collect()
}

/// The anomalies of one key, by their definitions, without cycles.
fn by_definition(operations: &Operations, key: usize) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    let polled: Vec<Row> = operations.iter().flat_map(|(_, action)| rows(action, key)).collect();
    let sent: Vec<(u64, Outcome)> = operations.iter().flat_map(|(_, action)| sends(action, key)).collect();
    let acknowledged = sent.iter().filter_map(|(message, outcome)| match outcome {
        Outcome::At(offset) => Some((*offset, *message)),
        _ => None,
    });
    let acknowledged: Vec<(i64, u64)> = acknowledged.collect();
    let facts: BTreeSet<(i64, u64)> =
        polled.iter().map(|row| (row.offset, row.message)).chain(acknowledged.iter().copied()).collect();
    let offsets: BTreeSet<i64> = facts.iter().map(|(offset, _)| *offset).collect();
    let position = |offset: i64| offsets.range(..offset).count();
    let mut add = |condition: bool, name: &'static str| {
        if condition {
            names.insert(name);
        }
    };
    for (offset, message) in &facts {
        add(facts.iter().any(|(other, value)| other == offset && value != message), "inconsistent-offsets");
        add(facts.iter().any(|(other, value)| other != offset && value == message), "duplicate");
    }
    for row in &polled {
        let sender = sent.iter().find(|(message, _)| *message == row.message);
        add(sender.is_some_and(|(_, outcome)| *outcome == Outcome::Failed), "G1a");
        add(sender.is_none() && !sent.is_empty(), "unexpected");
    }
    for (offset, message) in &acknowledged {
        let is_unpolled = !polled.iter().any(|row| row.message == *message);
        add(is_unpolled, "unseen");
        add(is_unpolled && polled.iter().any(|row| row.offset >= *offset), "lost-write");
    }
    let mut reading: BTreeMap<u64, i64> = BTreeMap::new();
    let mut sending: BTreeMap<u64, i64> = BTreeMap::new();
    for (process, action) in operations {
        let read: Vec<i64> = rows(action, key).iter().map(|row| row.offset).collect();
        for pair in read.windows(2) {
            add(pair[1] <= pair[0], "int-nonmonotonic-poll");
            add(pair[1] > pair[0] && position(pair[1]) > position(pair[0]) + 1, "int-poll-skip");
        }
        let wrote = placed(action, key);
        for pair in wrote.windows(2) {
            add(pair[1] <= pair[0], "int-nonmonotonic-send");
            add(pair[1] > pair[0] && position(pair[1]) > position(pair[0]) + 1, "int-send-skip");
        }
        let own = sends(action, key);
        add(rows(action, key).iter().any(|row| own.iter().any(|(sent, _)| *sent == row.message)), "precommitted-read");
        if let Action::Assign(keys, seeks) = action
            && (*seeks || !keys.contains(&key))
        {
            reading.remove(process);
        }
        if let (Some(first), Some(before)) = (read.first(), reading.get(process)) {
            add(first <= before, "nonmonotonic-poll");
            add(first > before && position(*first) > position(*before) + 1, "poll-skip");
        }
        if let Some(last) = read.iter().max() {
            reading.insert(*process, *last);
        }
        if let (Some(first), Some(before)) = (wrote.first(), sending.get(process)) {
            add(first <= before, "nonmonotonic-send");
        }
        if let Some(last) = wrote.last() {
            sending.insert(*process, *last);
        }
    }
    names
}

/// What depends on who could have seen a message.
const OF_READERS: [&str; 2] = ["lost-write", "unseen"];

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(2000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anomalies_are_found_exactly_where_they_are_defined(seed in any::<u64>(), assigns in any::<bool>()) {
        let operations = draw(seed, assigns);
        let text = text(&operations);
        let has_assigned = operations.iter().any(|(_, action)| matches!(action, Action::Assign(..)));
        let defined: BTreeSet<&str> = (0..KEYS.len()).flat_map(|key| by_definition(&operations, key)).collect();
        let verdict = judged(&Kafka::default(), &history(&text));
        let all: BTreeSet<&str> =
            verdict.details["error_types"].as_array().expect("a list").iter().filter_map(|name| name.as_str()).collect();
        let cycles = all.iter().any(|name| name.starts_with("G1c"));
        for name in all.union(&defined).filter(|name| !name.starts_with("G1c")) {
            let (is_found, is_defined) = (all.contains(name), defined.contains(name));
            if has_assigned && OF_READERS.contains(name) {
                prop_assert!(is_defined || !is_found, "{} in {}", name, text);
            } else {
                prop_assert_eq!(is_found, is_defined, "{} in {}", name, text);
            }
        }
        let is_broken = cycles || all.iter().any(|name| *name != "int-send-skip");
        prop_assert_eq!(verdict.valid == Valid::False, is_broken, "{}", text);
        // Without a reader that must have seen a message, nobody knows.
        let is_missed = OF_READERS.iter().any(|name| defined.contains(name));
        prop_assert!(!(verdict.valid == Valid::True && is_missed), "{}", text);
        prop_assert!(found(&verdict).iter().all(|name| all.contains(name)), "{}", text);
    }
}
