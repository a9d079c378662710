//! Checks that every entry point of a checker gives the same verdict. Tests call [`judged`] instead of a checker.

use super::{CheckContext, Checker, Finding, Verdict};
use crate::history::{History, HistoryFormat, HistoryReader, Op, OpType, Process};
use crate::json::json;
use crate::stream::stream_whole;

/// The verdict of a checker on a history.
///
/// # Panics
/// If the verdict differs
/// - when the history is written, read again and checked entry by entry, as `maelstrom check` does, or
/// - when processes have other numbers and the history has entries of the nemesis.
pub(crate) fn judged(checker: &dyn Checker, history: &History) -> Verdict {
    let context = CheckContext::default();
    let verdict = checker.check(history, &context);
    for format in [HistoryFormat::JsonLines, HistoryFormat::Edn] {
        let mut again = stream_whole(checker, &written_and_read(history, format), &context);
        checker.refine(&mut again, history);
        assert_eq!(summary(&again), summary(&verdict), "streamed as {format:?}: {history:?}");
    }
    let renumbered = renumbered(history);
    let again = checker.check(&renumbered, &context);
    let names = |verdict: &Verdict| verdict.findings.iter().map(name).collect::<Vec<_>>();
    assert_eq!((again.valid, names(&again)), (verdict.valid, names(&verdict)), "renumbered: {history:?}");
    verdict
}

fn written_and_read(history: &History, format: HistoryFormat) -> History {
    let mut text = Vec::new();
    history.write(&mut text, format).expect("memory can be written");
    let reader = HistoryReader::new(&text[..]).expect("memory can be read");
    History { ops: reader.map(|op| op.expect("what was written can be read")).collect() }
}

fn name(finding: &Finding) -> (String, bool) {
    (finding.anomaly.clone(), finding.proscribed)
}

/// Everything except the proofs, which may differ.
fn summary(verdict: &Verdict) -> impl PartialEq + std::fmt::Debug {
    let findings: Vec<_> = verdict.findings.iter().map(|finding| (name(finding), finding.headline.clone())).collect();
    (verdict.valid, verdict.reason.clone(), findings, verdict.details.clone())
}

/// The same history with other process numbers, and with entries of the nemesis.
fn renumbered(history: &History) -> History {
    let mut ops = Vec::new();
    for (position, op) in history.ops.iter().enumerate() {
        if position % 3 == 1 {
            let (kind, f) =
                [(OpType::Info, "start-partition"), (OpType::Invoke, "read"), (OpType::Ok, "add")][position % 9 / 3];
            let fault = Op { time: op.time, ..Op::new(0, kind, 0, f, json!(position)) };
            ops.push(Op { process: Process::Nemesis, ..fault });
        }
        let process = op.process.client().map_or(Process::Nemesis, |process| Process::Client(u64::MAX - process));
        ops.push(Op { process, ..op.clone() });
    }
    (0..).zip(&mut ops).for_each(|(index, op)| op.index = index);
    History { ops }
}
