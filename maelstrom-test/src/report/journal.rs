//! The network events that a report shows: the first events of the run, and the events around the proof of an anomaly.
//!
//! Only the first events of a long run are kept in memory. The others are in `messages.jsonl`. Its lines are in the order of
//! time, so a moment is found by binary search.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{RunView, lines};
use crate::history::Nanos;
use crate::network::{Cause, EventType, JournalEvent, Reason};
use crate::plan::MessageId;

/// The number of findings whose events are read, of operations per finding, and of events per operation.
const FINDINGS: usize = 3;
const OPERATIONS: usize = 12;
const EVENTS: usize = 400;

/// Returns the events in memory, followed by the events during the operations that prove the first findings.
///
/// Returns only the events in memory if the file cannot be read.
pub(super) fn with_proof<'a>(view: &RunView<'a>, path: &Path) -> Cow<'a, [JournalEvent]> {
    let Some(last) = view.journal.last().filter(|last| last.seq + 1 < view.journal_events) else {
        return Cow::Borrowed(view.journal);
    };
    let mut all = view.journal.to_vec();
    for (from, to) in intervals(view, last.time) {
        let known = all.last().map_or(0, |event| event.seq);
        all.extend(read(path, from, to, known, EVENTS).unwrap_or_default());
    }
    Cow::Owned(all)
}

/// Returns the intervals of time that the diagram of messages shows, in ascending order. They do not overlap.
pub(super) fn shown(view: &RunView<'_>) -> Vec<(Nanos, Nanos)> {
    let Some(last) = view.journal.last().filter(|last| last.seq + 1 < view.journal_events) else {
        return vec![(0, Nanos::MAX)];
    };
    let mut shown = vec![(0, last.time)];
    for (from, to) in intervals(view, last.time) {
        match shown.last_mut() {
            Some(before) if from <= before.1 => before.1 = before.1.max(to),
            _ => shown.push((from, to)),
        }
    }
    shown
}

/// Returns the times of the operations that prove the first findings, from `after` on, in ascending order.
fn intervals(view: &RunView<'_>, after: Nanos) -> Vec<(Nanos, Nanos)> {
    let findings = view.violations();
    let mut intervals = Vec::new();
    for finding in findings.iter().take(FINDINGS) {
        for line in finding.evidence.iter().take(OPERATIONS) {
            let time = |at: Option<usize>| Some(view.history.ops.get(at?)?.time);
            let Some(from) = time(line.invocation.or(line.completion)) else { continue };
            let to = time(line.completion).unwrap_or(from).max(from);
            if to >= after {
                intervals.push((from.max(after), to));
            }
        }
    }
    intervals.sort_unstable();
    intervals
}

#[derive(Deserialize)]
struct Line<'a> {
    seq: u64,
    time: Nanos,
    #[serde(rename = "type")]
    kind: &'a str,
    id: Option<u64>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    number: Option<u64>,
    #[serde(default)]
    incarnation: u32,
    src: Option<String>,
    dest: Option<String>,
    reason: Option<&'a str>,
    fault: Option<u64>,
    #[serde(default)]
    delay_ns: Nanos,
}

#[derive(Deserialize)]
struct Envelope {
    id: u64,
    src: String,
    dest: String,
}

impl Line<'_> {
    fn event(self) -> Option<JournalEvent> {
        let kind = EventType::from_name(self.kind)?;
        let message = self.message.map_or("", |message| message.get());
        let envelope = serde_json::from_str::<Envelope>(message).ok();
        let id = self.id.or_else(|| envelope.as_ref().map(|envelope| envelope.id))?;
        let identity = envelope.zip(self.number).map(|(envelope, number)| MessageId {
            src: self.src.unwrap_or(envelope.src),
            incarnation: self.incarnation,
            dest: self.dest.unwrap_or(envelope.dest),
            number,
        });
        let reason = self.reason.and_then(Reason::from_name);
        let cause = reason.map(|reason| Cause { reason, fault: self.fault, delay_ns: self.delay_ns });
        Some(JournalEvent { seq: self.seq, time: self.time, kind, id, message: message.into(), cause, identity })
    }
}

/// Returns all events of an interval (both ends included): those in memory, which are the first ones of `total`, or those of
/// the file. Returns `None` if there are more than `limit`, or the file cannot be read.
pub(crate) fn between<'a>(
    kept: &'a [JournalEvent],
    total: u64,
    path: &Path,
    (from, to): (Nanos, Nanos),
    limit: usize,
) -> Option<Cow<'a, [JournalEvent]>> {
    let last = kept.last()?;
    if last.seq + 1 >= total || last.time > to {
        return Some(Cow::Borrowed(kept));
    }
    let events = read(path, from, to, 0, limit).ok()?;
    (events.len() < limit).then_some(Cow::Owned(events))
}

/// Reads the events of an interval (both ends included) with a sequence number above `known`, at most `limit`.
fn read(path: &Path, from: Nanos, to: Nanos, known: u64, limit: usize) -> io::Result<Vec<JournalEvent>> {
    let mut reader = BufReader::new(File::open(path)?);
    lines::seek(&mut reader, |line| serde_json::from_slice::<Line<'_>>(line).is_ok_and(|line| line.time < from))?;
    let mut line = Vec::new();
    let mut events = Vec::new();
    while events.len() < limit {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let Ok(parsed) = serde_json::from_slice::<Line<'_>>(&line) else { continue };
        if parsed.time > to {
            break;
        }
        if parsed.time >= from && parsed.seq > known {
            events.extend(parsed.event());
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn events_around_the_proof_are_read_from_the_file() {
        let path = std::env::temp_dir().join(format!("maelstrom-journal-{}", std::process::id()));
        let text: String = (0..50_000u64)
            .map(|seq| {
                let time = seq * 1_000_000;
                match seq % 2 {
                    _ if seq == 12_041 => {
                        format!(r#"{{"seq":{seq},"time":{time},"type":"drop","id":12040,"reason":"partition","fault":3}}"#)
                            + "\n"
                    }
                    0 => format!(r#"{{"seq":{seq},"time":{time},"type":"send","message":{{"id":{seq},"src":"c1","dest":"n1","body":{{"type":"read"}}}}}}"#) + "\n",
                    _ => format!(r#"{{"seq":{seq},"time":{time},"type":"recv","id":{}}}"#, seq - 1) + "\n",
                }
            })
            .collect();
        std::fs::write(&path, text).unwrap();
        let sample = sample::stale_read();
        let kept = [JournalEvent {
            seq: 10,
            time: 10_000_000,
            kind: EventType::Recv,
            id: 0,
            message: "".into(),
            cause: None,
            identity: None,
        }];
        let view = RunView { journal: &kept, journal_events: 50_000, ..sample.view() };
        let events = with_proof(&view, &path);
        // 12.031–12.035 s and 12.040–12.042 s
        let range = |limit| between(&kept, 50_000, &path, (12_031_000_000, 12_040_000_000), limit);
        assert_eq!(range(100).map(|events| events.len()), Some(10));
        assert_eq!(range(5), None);
        let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, [10, 12_031, 12_032, 12_033, 12_034, 12_035, 12_040, 12_041, 12_042]);
        assert_eq!((events[2].id, events[2].kind), (12_032, EventType::Send));
        assert!(events[2].message.starts_with("{\"id\":12032,"));
        let cut = Some(Cause::new(Reason::Partition, Some(3)));
        assert_eq!((events[7].id, events[7].kind, events[7].cause), (12_040, EventType::Drop, cut));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(with_proof(&view, &path).len(), 1);
    }
}
