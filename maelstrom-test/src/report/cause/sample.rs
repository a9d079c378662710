//! A sample cause for the tests of reports.

use super::*;
use crate::report::sample::MS;

/// A leader that was cut off answers a read from its own state.
pub(in crate::report) fn stale_leader() -> Cause {
    let columns = vec![
        Column::process(4, Some("c9".into())),
        Column { side: Some(1), ..Column::node("n1") },
        Column { side: Some(1), ..Column::node("n2") },
        Column { side: Some(0), ..Column::node("n0") },
        Column::process(1, Some("c6".into())),
    ];
    let message = |id, to, kind: &str, text: &str, fate| {
        let body = format!(
            r#"{{"type":"{kind}","term":2,"entries":[{{"term":1,"op":{{"key":3,"value":1}}}}],"msg_id":{id}}}"#
        );
        RowKind::Message(Message { id, to, kind: kind.into(), text: text.into(), body, fate, other_fate: None })
    };
    let operation = |index, kind, f: &str, text: &str, node, message, millis: u64| Operation {
        index,
        f: f.into(),
        kind: Some(kind),
        text: text.into(),
        node: Some(node),
        message: Some(message),
        node_time: Some(millis * MS),
        body: format!(r#"{{"type":"{f}","key":3,"msg_id":{message}}}"#),
    };
    let fault = Fault { number: 0, kind: "partition".into(), text: "n0 | n1 n2".into() };
    let log = |millis: u64, column, text: &str| Row {
        matters: Matters::Context,
        ..Row::new(millis * MS, column, RowKind::Log(text.into()))
    };
    let wrong = "answered from its own state, 17 ms after n1 had acknowledged 2";
    let rows = vec![
        Row::new(2_010 * MS, None, RowKind::FaultStart(fault)),
        log(2_013, 1, "election timeout, candidate in term 2"),
        Row::new(2_014 * MS, 1, message(112, 2, "request_vote", "term 2", Fate::Received { time: 2_015 * MS })),
        log(2_015, 2, "voted for n1 in term 2"),
        Row {
            matters: Matters::OneOf(2),
            ..Row::new(2_016 * MS, 2, message(115, 1, "vote", "term 2", Fate::Received { time: 2_017 * MS }))
        },
        Row::new(4_203 * MS, 0, RowKind::Invoke(operation(4, OpType::Invoke, "write", "write 3 ← 2", 1, 203, 4_204))),
        Row::new(
            4_206 * MS,
            1,
            message(206, 2, "append_entries", "term 2, 1 entry", Fate::Received { time: 4_209 * MS }),
        ),
        Row::new(
            4_206 * MS,
            1,
            message(
                207,
                3,
                "append_entries",
                "term 2, 1 entry",
                Fate::Lost { reason: "cut by the partition".into(), time: Some(4_208 * MS) },
            ),
        ),
        Row::new(4_214 * MS, 0, RowKind::Complete(operation(5, OpType::Ok, "write_ok", "", 1, 211, 4_213))),
        Row::new(4_230 * MS, 4, RowKind::Invoke(operation(6, OpType::Invoke, "read", "read 3", 3, 214, 4_231))),
        log(4_231, 3, "leader in term 1: read key 3"),
        Row {
            is_wrong: true,
            note: wrong.into(),
            ..Row::new(4_232 * MS, 4, RowKind::Complete(operation(7, OpType::Ok, "read_ok", "1", 3, 215, 4_231)))
        },
    ];
    Cause {
        is_chosen: false,
        anomaly: "nonlinearizable".into(),
        checker: "workload".into(),
        headline: "not linearizable (key 3)".into(),
        sentence: Some(
            "n0 answered a read from its own state, asking nobody. It had heard nothing from n1 and n2 since 2.010 s."
                .into(),
        ),
        columns,
        rows,
        operations: Reduction { total: 5_411, kept: 3 },
        faults: Reduction { total: 12, kept: 1 },
        messages: Some(Reduction { total: 31_204, kept: 7 }),
        reruns: 143,
        budget: 200,
        incomplete: None,
        plan: "shrunk/plan.json".into(),
        directory: Some("shrunk".into()),
        remarks: Vec::new(),
        wall: Duration::from_millis(8_400),
        repeats_in: Duration::from_millis(40),
    }
}

/// A cause with many nodes and rows.
pub(in crate::report) fn large() -> Cause {
    let mut cause = stale_leader();
    cause.columns.extend((3..12).map(|node| Column::node(format!("n{node}"))));
    let rows: Vec<Row> = cause.rows[2..5].to_vec();
    for round in 1..20 {
        let node = 5 + round as usize % 9;
        let later = |row: &Row| {
            let mut row = Row { time: row.time + round * 3 * MS, ..row.clone() };
            match &mut row.kind {
                RowKind::Message(message) if row.column == Some(1) => message.to = node,
                _ => row.column = Some(node),
            }
            row
        };
        cause.rows.extend(rows.iter().map(later));
    }
    cause.rows.sort_by_key(|row| row.time);
    cause
}
