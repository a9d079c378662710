//! Recorded histories with known verdicts.

use std::path::{Path, PathBuf};

use crate::json::Value;

use crate::history::{History, Op, OpType};
use crate::linearizable::Linearizable;
use crate::{CheckContext, Checker, Valid};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/corpora/linearizable")
}

fn read_history(path: &Path) -> History {
    let text = std::fs::read_to_string(path).expect("the history can be read");
    let entry = |(index, line): (usize, &str)| {
        let line: Value = crate::json::from_str(line).expect("one JSON object per line");
        let kind: OpType = crate::json::from_value(&line["type"]).expect("a known type");
        let process = line["process"].as_u64().expect("a process");
        let mut op =
            Op::new(index as u64, kind, process, line["f"].as_str().expect("a function"), line["value"].clone());
        op.error = line.get("error").cloned();
        op
    };
    History { ops: text.lines().enumerate().map(entry).collect() }
}

#[test]
fn recorded_histories_get_their_known_verdicts() {
    let Ok(index) = std::fs::read_to_string(folder().join("index.jsonl")) else {
        eprintln!("SKIPPED: no recorded histories in {}", folder().display());
        return;
    };
    let mut wrong = Vec::new();
    for line in index.lines() {
        let row: Value = crate::json::from_str(line).expect("one JSON object per line");
        let file = row["file"].as_str().expect("a file name");
        let history = read_history(&folder().join(file));
        let mut checker = Linearizable::register();
        if !row["initial"].is_null() {
            checker = checker.initial(row["initial"].clone()).ignoring_null_reads();
        }
        let verdict = checker.check(&history, &CheckContext::default());
        let expected = if row["linearizable"] == true { Valid::True } else { Valid::False };
        if verdict.valid != expected {
            wrong.push(format!("{file}: {:?}", verdict.valid));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
