//! Checkers compared with their definitions, on random histories.
//!
//! Each file here defines one promise a second time, as literally and as slowly as possible, and shares no code with the
//! checker. Every history is judged by that definition and by the checker in every way that [`entry_points`](super::entry_points)
//! knows, and all of them must agree.
//!
//! Histories come from [`clients`] of a correct system. About half of them are damaged afterwards. The numbers of
//! processes, keys and values are often those that a program might use internally.
//!
//! A history is named by its number, so a failure can be repeated. Each checker is given a thousand histories; for more
//! see [`test_cases`](super::test_cases).

mod availability;
mod clients;
mod counter;
mod damage;
mod echo;
mod operations;
mod stats;
mod unique_ids;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::entry_points::judged;
use super::test_cases::cases;
use super::{Checker, Valid, Verdict};
use crate::history::{History, HistoryFormat, Op};
use crate::random::{Rng, stream};

/// Judges random histories. `draw` makes the history with a number, and what else belongs to it; `compare` judges it in
/// every way, and says how the judgements differ.
///
/// A history on which they differ is made as short as possible before it is shown.
fn run<T>(
    name: &str,
    usual: u32,
    draw: impl Fn(&mut Rng) -> (Vec<Op>, T),
    compare: impl Fn(&[Op], &T) -> Result<Valid, String>,
) {
    let cases = u64::from(cases(usual));
    let compare = |ops: &[Op], settings: &T| {
        catch_unwind(AssertUnwindSafe(|| compare(ops, settings))).unwrap_or_else(|_| Err("a panic".into()))
    };
    let mut counts = [0; 3];
    for case in 0..cases {
        let (mut ops, settings) = draw(&mut stream(case, name));
        match compare(&ops, &settings) {
            Ok(valid) => counts[valid as usize] += 1,
            Err(_) => {
                while let Some(shorter) = shorter(&ops, |ops| compare(ops, &settings).is_err()) {
                    ops = shorter;
                }
                let why = compare(&ops, &settings).expect_err("it differed");
                panic!("{name}, history {case}: {why}\n{}", text(&ops, HistoryFormat::JsonLines));
            }
        }
    }
    let [valid, unknown, invalid] = counts;
    println!("{name}: {cases} histories, {valid} valid, {unknown} unknown, {invalid} invalid");
    assert!(valid.min(invalid) * 10 > cases.saturating_sub(100), "{name}: {valid} valid, {invalid} invalid");
}

/// The history without one or more of its entries.
fn shorter(ops: &[Op], is_wrong: impl Fn(&[Op]) -> bool) -> Option<Vec<Op>> {
    let without = |from: usize, count: usize| [&ops[..from], &ops[from + count..]].concat();
    let sizes = [8, 4, 2, 1].into_iter().filter(|size| *size <= ops.len());
    let mut candidates = sizes.flat_map(|size| (0..=ops.len() - size).map(move |from| without(from, size)));
    candidates.find(|ops| is_wrong(ops))
}

fn text(ops: &[Op], format: HistoryFormat) -> String {
    let mut text = Vec::new();
    History { ops: ops.to_vec() }.write(&mut text, format).expect("a Vec takes everything");
    String::from_utf8(text).expect("histories are UTF-8")
}

/// What the checker says of the history, by every way in.
fn judge(checker: &dyn Checker, ops: &[Op]) -> Result<Verdict, String> {
    let verdict = judged(checker, &History { ops: ops.to_vec() });
    let proscribed = verdict.findings.iter().any(|finding| finding.proscribed);
    same("invalid, and something forbidden was found", &(verdict.valid == Valid::False), &proscribed)?;
    if verdict.valid == Valid::Unknown && verdict.reason.is_none() {
        return Err("unknown without a reason".into());
    }
    let evidence = verdict.findings.iter().flat_map(|finding| &finding.evidence);
    let mut positions = evidence.flat_map(|line| line.invocation.into_iter().chain(line.completion));
    same("evidence outside the history", &positions.any(|at| at >= ops.len()), &false)?;
    Ok(verdict)
}

/// Compares what a checker says with what the definition says.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: found {found:?}, expected {expected:?}")) }
}

/// Unless something is forbidden, an acknowledgement of another function than what was asked for leaves a doubt.
fn with_doubts(is_invalid: bool, doubts: bool) -> Valid {
    match (is_invalid, doubts) {
        (true, _) => Valid::False,
        (false, true) => Valid::Unknown,
        (false, false) => Valid::True,
    }
}
