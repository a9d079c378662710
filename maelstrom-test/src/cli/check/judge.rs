//! From entries to a verdict, with as little in memory as the checker needs.

use std::collections::BTreeMap;

use super::input::{Input, Source};
use crate::checker::{CheckContext, Checker, Verdict};
use crate::history::{History, Nanos, Op, Process};
use crate::report::HistoryCounts;

/// Histories of up to so many entries are kept: then the report can show latencies, too.
pub(super) const MOST_KEPT: u64 = 50_000;

/// So many entries of the nemesis are kept for the report of a history that is not kept itself.
const FAULTS: usize = 10_000;

/// A history's verdict, and what the report shows of the history.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    /// All entries; or those that the findings point to, and those of the nemesis.
    pub(super) history: History,
    /// Counts of all entries, if `history` does not hold them all.
    pub(super) tally: Option<HistoryCounts>,
}

impl Judged {
    /// The latest time of any entry.
    pub(super) fn duration(&self) -> Nanos {
        let latest = || self.history.ops.iter().map(|op| op.time).max().unwrap_or(0);
        self.tally.as_ref().map_or_else(latest, |tally| tally.duration)
    }
}

/// Reads and judges a history.
///
/// Entries go to the checker one by one, and are kept if there are no more than so many. Of a longer history, what the
/// findings point to is read again afterwards.
///
/// # Errors
/// A sentence that says what is wrong with the file, and where.
pub(super) fn judge(
    source: &Source,
    checker: &dyn Checker,
    context: &CheckContext,
    most_kept: u64,
) -> Result<Judged, String> {
    let mut stream = checker.stream(context);
    let mut tally = HistoryCounts::default();
    let mut history = History::default();
    let mut input = source.read()?;
    while let Some(op) = input.next()? {
        tally.add(&op);
        stream.push(&op);
        if tally.entries <= most_kept {
            history.ops.push(op);
        } else {
            history.ops = Vec::new();
        }
    }
    let mut verdict = stream.finish();
    let is_whole = tally.entries <= most_kept;
    if !is_whole && let Err(why) = look_up(source, &mut verdict, &mut history) {
        // The verdict stands; it is only told in fewer words.
        eprintln!("note: {why}");
    }
    checker.refine(&mut verdict, &history);
    Ok(Judged { verdict, history, tally: (!is_whole).then_some(tally) })
}

/// Reads what the findings point to into `history`, and lets them point there.
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

/// Where the findings' operations are in the history.
fn positions(verdict: &mut Verdict) -> impl Iterator<Item = &usize> {
    let lines = verdict.findings.iter().flat_map(|finding| &finding.evidence);
    lines.flat_map(|line| line.invocation.iter().chain(&line.completion))
}

/// Fills in the entries at these positions, and adds those of the nemesis.
fn pick(input: &mut Input, entries: &mut BTreeMap<usize, Option<Op>>) -> Result<(), String> {
    let mut position = 0;
    let mut faults = 0;
    while let Some(op) = input.next()? {
        if let Some(entry) = entries.get_mut(&position) {
            *entry = Some(op);
        } else if op.process == Process::Nemesis && faults < FAULTS {
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

    /// The report of a history, with and without the whole of it in memory; read from a file, and from a pipe.
    fn reports(history: &History, workload: &str, checker: &dyn Checker) -> [String; 3] {
        let mut text = Vec::new();
        history.write(&mut text, HistoryFormat::JsonLines).expect("it fits into memory");
        let path = std::env::temp_dir().join(format!("maelstrom-judge-{}-{workload}", std::process::id()));
        std::fs::write(&path, &text).expect("the folder for temporary files can be written");
        let file = path.to_str().expect("its name is plain");
        let context = CheckContext::default();
        let report = |source: Source, most_kept: u64| {
            let judged = judge(&source, checker, &context, most_kept).expect("it is a history");
            let text = super::super::show(&judged, "FILE", workload, &context, |view| {
                render(view, Style { full: true, ..Style::PLAIN })
            });
            // Latencies need the whole history.
            let shown = text.lines().filter(|line| !line.starts_with("  network"));
            let shown =
                shown.map(|line| line.split("client latency").next().unwrap_or(line).trim_end_matches([' ', '·']));
            let shown = shown.filter(|line| !line.is_empty() && !line.contains(" median "));
            shown.map(|line| format!("{line}\n")).collect::<String>()
        };
        let pipe = Source::passing("pipe", Box::new(std::io::Cursor::new(text)));
        let reports = [report(Source::open(file), u64::MAX), report(Source::open(file), 0), report(pipe, 0)];
        std::fs::remove_file(&path).expect("it is there");
        reports
    }

    #[test]
    fn what_is_not_kept_is_not_missed() {
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

    /// Of each workload a history that works and one that does not: the same, but for one value.
    #[test]
    fn every_workload_is_judged_without_its_history() {
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
                let mut history = History::read(text.replace("VALUE", value).as_bytes()).expect("it is a history");
                history.ops.iter_mut().zip(1..).for_each(|(op, at)| op.time = at * 1_000_000);
                let settings = crate::workload::Settings::default();
                let checker = crate::workload::by_name(workload).expect("it exists").checker(&settings);
                let verdict = checker.check(&history, &CheckContext::default());
                assert_eq!(verdict.valid, valid, "{workload}: {:?}", verdict);
                let [whole, file, pipe] = reports(&history, workload, &*checker);
                assert_eq!((&whole, &whole), (&file, &pipe), "{workload}");
                assert_eq!(whole.contains(" s  p0"), valid == Valid::False, "{workload}: {whole}");
            }
        }
    }
}
