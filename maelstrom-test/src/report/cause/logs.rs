//! Chooses the lines of logs that explain the rows of a cause.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Cause, Fate, Matters, Row, RowKind};
use crate::history::Nanos;
use crate::protocol::NodeKind;
use crate::report::file_names::{self, NODE_LOGS};
use crate::report::node_log;

/// The maximum number of lines before each event, and their maximum age.
const LINES: usize = 2;
const AGE: Nanos = 1_000_000_000;
/// The same for a run that was not repeated. It is often longer and busier than a shrunk one.
const LINES_UNTESTED: usize = 1;
const AGE_UNTESTED: Nanos = 50_000_000;
/// The same before the wrong answer of such a run. One line after it is shown, too.
const LINES_OF_ANSWER: usize = 3;
/// The maximum number of rows of such a run, with the lines of logs.
const ROWS_UNTESTED: usize = 40;

/// A moment at which the log of a node is worth reading.
struct Moment {
    column: usize,
    time: Nanos,
    /// Whether the lines of this moment are wanted. Otherwise the lines before it, too.
    is_arrival: bool,
    /// Whether the node gives the wrong answer.
    is_wrong: bool,
}

impl Cause {
    /// Adds the lines that nodes wrote to standard error shortly before they sent a message or answered a client, and when
    /// a message arrived: at most two for each of these events. `directory` is the directory of the run with these events.
    ///
    /// Of a run that was not repeated, there is one line for each event, and some more at the wrong answer.
    pub fn add_log_lines(&mut self, directory: &Path) {
        let mut moments: Vec<Moment> = self.rows.iter().flat_map(moments).collect();
        moments.retain(|moment| self.columns.get(moment.column).is_some_and(|column| column.kind == NodeKind::Server));
        moments.sort_by_key(|moment| moment.time);
        let mut lines = Vec::new();
        // Of each node, the time of the last moment, and the end of its log until then.
        let mut seen: BTreeMap<usize, (Nanos, u64)> = BTreeMap::new();
        let is_untested = self.is_chosen;
        for Moment { column, time, is_arrival, is_wrong } in moments {
            let (count, age) = match is_untested {
                true if is_wrong => (LINES_OF_ANSWER, AGE),
                true => (LINES_UNTESTED, AGE_UNTESTED),
                false => (LINES, AGE),
            };
            let log = directory.join(NODE_LOGS).join(file_names::node_log(&self.columns[column].name));
            let (last, offset) = seen.get(&column).copied().unwrap_or_default();
            let from = match is_arrival {
                true => time,
                // Also lines from before the request. Those that are shown already are not shown again.
                false if is_untested && is_wrong => time.saturating_sub(age),
                false => last.max(time.saturating_sub(age)),
            };
            // A log that cannot be read explains nothing.
            let mut found = node_log::last_lines(&log, (from, time), offset, count).unwrap_or_default();
            if is_untested && is_wrong {
                let after = (time + 1, time.saturating_add(AGE_UNTESTED));
                found.extend(
                    node_log::last_lines(&log, after, offset, usize::MAX).unwrap_or_default().into_iter().take(1),
                );
            }
            let end = found.last().map_or(offset, |line| line.offset + 1);
            seen.insert(column, (time, end));
            lines.extend(
                found.into_iter().map(|line| Row {
                    matters: Matters::Context,
                    ..Row::new(line.time, column, RowKind::Log(line.text))
                }),
            );
        }
        // At the same time, a node writes to its log before it sends a message.
        self.rows.splice(0..0, lines);
        self.rows.sort_by_key(|row| row.time);
        if is_untested {
            // The first ones are the furthest from the wrong answer.
            let mut excess = self.rows.len().saturating_sub(ROWS_UNTESTED);
            self.rows.retain(|row| {
                let is_dropped = excess > 0 && matches!(row.kind, RowKind::Log(_));
                excess -= usize::from(is_dropped);
                !is_dropped
            });
        }
    }
}

fn moments(row: &Row) -> Vec<Moment> {
    let moment = |column, time, is_arrival| Moment { column, time, is_arrival, is_wrong: row.is_wrong && !is_arrival };
    match (&row.kind, row.column) {
        (RowKind::Message(message), Some(column)) => {
            let arrival = match message.fate {
                Fate::Received { time } | Fate::Late { time } => Some(moment(message.to, time, true)),
                Fate::Lost { .. } | Fate::InFlight => None,
            };
            std::iter::once(moment(column, row.time, false)).chain(arrival).collect()
        }
        (RowKind::Complete(operation), _) => {
            let time = operation.node_time.unwrap_or(row.time);
            operation.node.map(|node| moment(node, time, false)).into_iter().collect()
        }
        (RowKind::Invoke(operation), _) => {
            operation.node.zip(operation.node_time).map(|(node, time)| moment(node, time, true)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::report::cause::sample;
    use crate::report::sample::MS;

    /// Returns the lines of logs that are added to a cause, of nodes that wrote these lines at these times in milliseconds.
    fn added(mut cause: Cause, test: &str, logs: &[(&str, &[(u64, &str)])]) -> Vec<String> {
        cause.rows.retain(|row| !matches!(row.kind, RowKind::Log(_)));
        let directory = std::env::temp_dir().join(format!("maelstrom-cause-logs-{test}-{}", std::process::id()));
        fs::create_dir_all(directory.join(NODE_LOGS)).unwrap();
        for (node, lines) in logs {
            let (mut log, mut times) = (String::new(), String::new());
            for (millis, text) in *lines {
                times += &format!("[{},{},0]\n", log.len(), millis * MS);
                log += &format!("{text}\n");
            }
            fs::write(directory.join(NODE_LOGS).join(file_names::node_log(node)), log).unwrap();
            fs::write(directory.join(NODE_LOGS).join(file_names::node_log_times(node)), times).unwrap();
        }
        cause.add_log_lines(&directory);
        fs::remove_dir_all(&directory).unwrap();
        assert!(cause.rows.is_sorted_by_key(|row| row.time));
        let text = |row: &Row| match &row.kind {
            RowKind::Log(text) => Some(format!("{} {} {text}", row.time / MS, cause.columns[row.column?].name)),
            _ => None,
        };
        cause.rows.iter().filter_map(text).collect()
    }

    #[test]
    fn a_run_that_was_not_repeated_has_more_lines_at_the_wrong_answer() {
        let cause = Cause { is_chosen: true, ..sample::stale_leader() };
        let n0: &[(u64, &str)] = &[
            (3_900, "one"),
            (4_000, "two"),
            (4_100, "three"),
            (4_200, "four"),
            (4_232, "after"),
            (4_240, "long after"),
        ];
        let n1: &[(u64, &str)] = &[(1_900, "old"), (2_012, "two"), (2_014, "three")];
        assert_eq!(
            added(cause.clone(), "chosen", &[("n0", n0), ("n1", n1)]),
            ["2014 n1 three", "4000 n0 two", "4100 n0 three", "4200 n0 four", "4232 n0 after"]
        );
        let mut many = cause;
        many.rows.retain(|row| !matches!(row.kind, RowKind::Log(_)));
        many.rows.splice(0..0, vec![many.rows[0].clone(); ROWS_UNTESTED - 2 - many.rows.len()]);
        assert_eq!(added(many, "many", &[("n0", n0), ("n1", n1)]), ["4200 n0 four", "4232 n0 after"]);
    }

    #[test]
    fn lines_before_messages_and_at_arrivals_are_added_once() {
        let n0: &[(u64, &str)] =
            &[(1, "old"), (4_231, "read of key 3"), (4_231, "answer from state"), (4_300, "too late")];
        let n1: &[(u64, &str)] = &[
            (900, "old"),
            (1_500, "one"),
            (2_012, "two"),
            (2_014, "three"),
            (4_100, "four"),
            (4_204, "write"),
            (4_206, "send"),
        ];
        let n2: &[(u64, &str)] = &[(2_015, "voted"), (2_016, "vote sent"), (4_209, "appended")];
        assert_eq!(
            added(sample::stale_leader(), "search", &[("n0", n0), ("n1", n1), ("n2", n2)]),
            [
                "2012 n1 two",
                "2014 n1 three",
                "2015 n2 voted",
                "2016 n2 vote sent",
                "4204 n1 write",
                "4206 n1 send",
                "4209 n2 appended",
                "4231 n0 read of key 3",
                "4231 n0 answer from state",
            ]
        );
    }
}
