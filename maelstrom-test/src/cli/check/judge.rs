//! From entries to a verdict, with as little in memory as the checker needs.

use std::collections::BTreeMap;

use super::input::Input;
use crate::checker::{CheckContext, Checker, Stream, Verdict};
use crate::history::{History, Nanos, Op, Process};
use crate::report::Tally;

/// So many entries of the nemesis are kept for the report of a history that is not kept itself.
const FAULTS: usize = 10_000;

/// A history's verdict, and what the report shows of the history.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    /// All entries; or those that the findings point to, and those of the nemesis.
    pub(super) history: History,
    /// Counts of all entries, if `history` does not hold them all.
    pub(super) tally: Option<Tally>,
}

impl Judged {
    /// The latest time of any entry.
    pub(super) fn duration(&self) -> Nanos {
        let latest = || self.history.ops.iter().map(|op| op.time).max().unwrap_or(0);
        self.tally.as_ref().map_or_else(latest, |tally| tally.duration)
    }
}

/// Reads and judges a file, or standard input (`-`).
///
/// # Errors
/// A sentence that says what is wrong with the file, and where.
pub(super) fn judge(file: &str, checker: &dyn Checker, context: &CheckContext) -> Result<Judged, String> {
    let mut input = Input::open(file)?;
    if let Some(stream) = checker.stream(context) {
        return streamed(file, input, checker, stream);
    }
    let mut history = History::default();
    while let Some(op) = input.next()? {
        history.ops.push(op);
    }
    Ok(Judged { verdict: checker.check(&history, context), history, tally: None })
}

/// Entries go to the checker one by one. What the findings point to is read again afterwards.
fn streamed(
    file: &str,
    mut input: Input,
    checker: &dyn Checker,
    mut stream: Box<dyn Stream>,
) -> Result<Judged, String> {
    let mut tally = Tally::default();
    while let Some(op) = input.next()? {
        tally.add(&op);
        stream.push(&op);
    }
    let mut verdict = stream.finish();
    // Standard input cannot be read again; the findings' words must do.
    let mut entries: BTreeMap<usize, Option<Op>> = positions(&mut verdict).map(|at| (*at, None)).collect();
    if file != "-" && !entries.is_empty() {
        pick(&mut Input::open(file)?, &mut entries)?;
    }
    let kept: BTreeMap<usize, Op> = entries.into_iter().filter_map(|(at, op)| Some((at, op?))).collect();
    let places: BTreeMap<usize, usize> = kept.keys().copied().zip(0..).collect();
    for finding in &mut verdict.findings {
        for line in &mut finding.evidence {
            for position in [&mut line.invocation, &mut line.completion] {
                *position = position.and_then(|at| places.get(&at).copied());
            }
        }
    }
    let history = History { ops: kept.into_values().collect() };
    checker.refine(&mut verdict, &history);
    Ok(Judged { verdict, history, tally: Some(tally) })
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
    use crate::checker::txn::{ListAppend, Options};
    use crate::history::HistoryFormat;
    use crate::report::text::{Style, render};

    /// The report of a history, read from a file, with and without the whole of it in memory.
    fn reports(history: &History, checker: &dyn Checker) -> [String; 2] {
        struct Whole<'a>(&'a dyn Checker);
        impl Checker for Whole<'_> {
            fn check(&self, history: &History, context: &CheckContext) -> Verdict {
                self.0.check(history, context)
            }
        }
        let path = std::env::temp_dir().join(format!("maelstrom-judge-{}-{}", std::process::id(), history.ops.len()));
        let mut text = Vec::new();
        history.write(&mut text, HistoryFormat::JsonLines).expect("it fits into memory");
        std::fs::write(&path, text).expect("the folder for temporary files can be written");
        let file = path.to_str().expect("its name is plain");
        let context = CheckContext::default();
        let report = |checker: &dyn Checker| {
            let judged = judge(file, checker, &context).expect("it is a history");
            let text = super::super::show(&judged, "FILE", "txn-list-append", &context, |view| {
                render(view, Style { full: true, ..Style::PLAIN })
            });
            // Latencies need the whole history.
            let shown = text.lines().filter(|line| !line.starts_with("  network"));
            let shown = shown.map(|line| line.split("latency").next().unwrap_or(line).trim_end_matches([' ', '·']));
            shown.filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect::<String>()
        };
        let reports = [report(&Whole(checker)), report(checker)];
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
            let [whole, streamed] = reports(&history, &checker);
            assert_eq!(whole, streamed);
            assert_eq!(whole.contains("T1 < T2"), isolation != Isolation::StrictSerializable, "{whole}");
        }
    }
}
