//! Checks a history entry by entry, and keeps only what the checker and the report need.

use std::collections::BTreeMap;

use super::input::{Input, Source};
use crate::checker::{CheckContext, Checker, Verdict};
use crate::history::{History, Nanos, Op, Process};
use crate::report::HistoryCounts;

/// Histories with at most this number of entries are kept in memory, so that the report can also show latencies.
pub(super) const MAX_KEPT: u64 = 50_000;

/// The maximum number of entries of the nemesis that are kept of a longer history, for the report.
const MAX_FAULTS: usize = 10_000;

/// The result of a check: the verdict, and the entries for the report.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    /// All entries. Of a history that is not kept: the entries in the findings, and those of the nemesis.
    pub(super) history: History,
    /// The counts of all entries, if `history` does not contain all of them.
    pub(super) tally: Option<HistoryCounts>,
}

impl Judged {
    /// Returns the latest time of an entry.
    pub(super) fn duration(&self) -> Nanos {
        let latest = || self.history.ops.iter().map(|op| op.time).max().unwrap_or(0);
        self.tally.as_ref().map_or_else(latest, |tally| tally.duration)
    }
}

/// Reads and checks a history.
///
/// The checker receives the entries one by one. They are kept if their number is at most `max_kept`. A longer history is read
/// a second time for the entries in the findings.
///
/// # Errors
/// Fails if the history cannot be read or parsed, or has no entries. The message names the file and the position.
pub(super) fn judge(
    source: &Source,
    checker: &dyn Checker,
    context: &CheckContext,
    max_kept: u64,
) -> Result<Judged, String> {
    let mut stream = checker.stream(context);
    let mut tally = HistoryCounts::default();
    let mut history = History::default();
    let mut input = source.read()?;
    while let Some(op) = input.next()? {
        tally.add(&op);
        stream.push(&op);
        if tally.entries <= max_kept {
            history.ops.push(op);
        } else {
            history.ops = Vec::new();
        }
    }
    if tally.entries == 0 {
        // A valid verdict would hide that a recording failed.
        return Err(source.error("the history has no entries"));
    }
    let mut verdict = stream.finish();
    let is_whole = tally.entries <= max_kept;
    if !is_whole && let Err(why) = look_up(source, &mut verdict, &mut history) {
        // The verdict does not depend on the second pass. Only evidence is missing.
        eprintln!("note: {why}");
    }
    checker.refine(&mut verdict, &history);
    Ok(Judged { verdict, history, tally: (!is_whole).then_some(tally) })
}

/// Reads the entries in the findings into `history`, and changes the positions in the findings accordingly.
fn look_up(source: &Source, verdict: &mut Verdict, history: &mut History) -> Result<(), String> {
    let mut entries: BTreeMap<usize, Option<Op>> = positions(verdict).map(|at| (*at, None)).collect();
    let read = if entries.is_empty() {
        Ok(())
    } else {
        source.read_again().and_then(|mut input| pick(&mut input, &mut entries))
    };
    let kept: BTreeMap<usize, Op> = entries.into_iter().filter_map(|(at, op)| Some((at, op?))).collect();
    let places: BTreeMap<usize, usize> = kept.keys().copied().zip(0..).collect();
    for finding in &mut verdict.findings {
        for line in &mut finding.evidence {
            for position in [&mut line.invocation, &mut line.completion] {
                *position = position.and_then(|at| places.get(&at).copied());
            }
        }
    }
    history.ops = kept.into_values().collect();
    read
}

/// Returns the positions of the entries in the findings.
fn positions(verdict: &mut Verdict) -> impl Iterator<Item = &usize> {
    let lines = verdict.findings.iter().flat_map(|finding| &finding.evidence);
    lines.flat_map(|line| line.invocation.iter().chain(&line.completion))
}

/// Reads the entries at these positions, and adds those of the nemesis.
fn pick(input: &mut Input, entries: &mut BTreeMap<usize, Option<Op>>) -> Result<(), String> {
    let mut position = 0;
    let mut faults = 0;
    while let Some(op) = input.next()? {
        if let Some(entry) = entries.get_mut(&position) {
            *entry = Some(op);
        } else if op.process == Process::Nemesis && faults < MAX_FAULTS {
            entries.insert(position, Some(op));
            faults += 1;
        }
        position += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::Valid;
    use crate::checker::txn::{ListAppend, Options};
    use crate::history::HistoryFormat;
    use crate::report::text::{Style, render};

    /// Returns three reports of a history: kept in memory, read from a file twice, and read from a pipe.
    fn reports(history: &History, workload: &str, checker: &dyn Checker) -> [String; 3] {
        let mut text = Vec::new();
        history.write(&mut text, HistoryFormat::JsonLines).expect("writing to memory does not fail");
        let path = std::env::temp_dir().join(format!("maelstrom-judge-{}-{workload}", std::process::id()));
        std::fs::write(&path, &text).expect("the directory for temporary files is writable");
        let file = path.to_str().expect("the path is valid UTF-8");
        let context = CheckContext::default();
        let report = |source: Source, max_kept: u64| {
            let judged = judge(&source, checker, &context, max_kept).expect("the history is well-formed");
            let text = super::super::show(&judged, "FILE", workload, &context, |view| {
                render(view, Style { full: true, width: 1000, ..Style::PLAIN })
            });
            // Only the report of a history in memory has latencies.
            let shown = text.lines().filter(|line| !line.starts_with("  network"));
            let shown =
                shown.map(|line| line.split("client latency").next().unwrap_or(line).trim_end_matches([' ', '·']));
            let shown = shown.filter(|line| !line.is_empty() && !line.contains(" median "));
            shown.map(|line| format!("{line}\n")).collect::<String>()
        };
        let pipe = Source::stream("pipe", Box::new(std::io::Cursor::new(text)));
        let reports = [report(Source::open(file), u64::MAX), report(Source::open(file), 0), report(pipe, 0)];
        std::fs::remove_file(&path).expect("the file exists");
        reports
    }

    #[test]
    fn reports_do_not_depend_on_whether_the_history_is_kept() {
        use crate::checker::txn::simulated::{Database, Isolation};
        let checker = ListAppend::new(Options::default());
        for isolation in [Isolation::StrictSerializable, Isolation::ReadCommitted, Isolation::None] {
            let mut history = Database { isolation, ..Database::default() }.history();
            let fault =
                Op { process: Process::Nemesis, ..Op::new(0, crate::history::OpType::Info, 0, "kill", "n1".into()) };
            history.ops.insert(3, Op { time: history.ops[3].time, ..fault });
            let [whole, file, pipe] = reports(&history, "txn-list-append", &checker);
            assert_eq!((&whole, &whole), (&file, &pipe));
            assert_eq!(whole.contains("T1 < T2"), isolation != Isolation::StrictSerializable, "{whole}");
        }
    }

    /// Checks a valid and an invalid history of each workload, which differ in one value.
    #[test]
    fn every_workload_is_checked_without_keeping_the_history() {
        for (workload, text, [right, wrong]) in [
            ("echo", "{:type :invoke, :f :echo, :value 1} {:type :ok, :f :echo, :value VALUE}", ["1", "2"]),
            ("unique-ids", "{:type :ok, :f :generate, :value 1} {:type :ok, :f :generate, :value VALUE}", ["2", "1"]),
            (
                "broadcast",
                "{:type :invoke, :f :broadcast, :value 1} {:type :ok, :f :broadcast, :value 1}
                 {:type :invoke, :f :read, :final? true} {:type :ok, :f :read, :final? true, :value [VALUE]}",
                ["1", ""],
            ),
            (
                "pn-counter",
                "{:type :invoke, :f :add, :value -1} {:type :ok, :f :add, :value -1}
                 {:type :invoke, :f :read, :final? true} {:type :ok, :f :read, :final? true, :value VALUE}",
                ["-1", "1"],
            ),
            (
                "lin-kv",
                "{:type :invoke, :f :write, :value [1 1]} {:type :ok, :f :write, :value [1 1]}
                 {:type :invoke, :f :read, :value [1 nil]} {:type :ok, :f :read, :value [1 VALUE]}",
                ["1", "nil"],
            ),
            (
                "kafka",
                "{:type :ok, :f :send, :value [[:send 1 [0 7]]]} {:type :ok, :f :send, :value [[:send 1 [1 8]]]}
                 {:type :ok, :f :poll, :value [[:poll {1 [[0 7] [1 VALUE]]}]]}",
                ["8", "9"],
            ),
        ] {
            for (value, valid) in [(right, Valid::True), (wrong, Valid::False)] {
                let mut history =
                    History::read(text.replace("VALUE", value).as_bytes()).expect("the history is well-formed");
                history.ops.iter_mut().zip(1..).for_each(|(op, at)| op.time = at * 1_000_000);
                let settings = crate::workload::Settings::default();
                let checker = crate::workload::by_name(workload).expect("the workload exists").checker(&settings);
                let verdict = checker.check(&history, &CheckContext::default());
                assert_eq!(verdict.valid, valid, "{workload}: {:?}", verdict);
                let [whole, file, pipe] = reports(&history, workload, &*checker);
                assert_eq!((&whole, &whole), (&file, &pipe), "{workload}");
                assert_eq!(whole.contains(" s  p0"), valid == Valid::False, "{workload}: {whole}");
            }
        }
    }
}
