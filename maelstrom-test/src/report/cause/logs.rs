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

/// A moment at which the log of a node is worth reading.
struct Moment {
    column: usize,
    time: Nanos,
    /// Whether the lines of this moment are wanted. Otherwise the lines before it, too.
    is_arrival: bool,
}

impl Cause {
    /// Adds the lines that nodes wrote to standard error shortly before they sent a message or answered a client, and when
    /// a message arrived: at most two for each of these events. `directory` is the directory of the reduced run.
    pub fn add_log_lines(&mut self, directory: &Path) {
        let mut moments: Vec<Moment> = self.rows.iter().flat_map(moments).collect();
        moments.retain(|moment| self.columns.get(moment.column).is_some_and(|column| column.kind == NodeKind::Server));
        moments.sort_by_key(|moment| moment.time);
        let mut lines = Vec::new();
        // Of each node, the time of the last moment, and the end of its log until then.
        let mut seen: BTreeMap<usize, (Nanos, u64)> = BTreeMap::new();
        for Moment { column, time, is_arrival } in moments {
            let log = directory.join(NODE_LOGS).join(file_names::node_log(&self.columns[column].name));
            let (last, offset) = seen.get(&column).copied().unwrap_or_default();
            let from = if is_arrival { time } else { last.max(time.saturating_sub(AGE)) };
            // A log that cannot be read explains nothing.
            let found = node_log::last_lines(&log, (from, time), offset, LINES).unwrap_or_default();
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
    }
}

fn moments(row: &Row) -> Vec<Moment> {
    let moment = |column, time, is_arrival| Moment { column, time, is_arrival };
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

    #[test]
    fn lines_before_messages_and_at_arrivals_are_added_once() {
        let mut cause = sample::stale_leader();
        cause.rows.retain(|row| !matches!(row.kind, RowKind::Log(_)));
        let directory = std::env::temp_dir().join(format!("maelstrom-cause-logs-{}", std::process::id()));
        fs::create_dir_all(directory.join(NODE_LOGS)).unwrap();
        let write = |node: &str, lines: &[(u64, &str)]| {
            let (mut log, mut times) = (String::new(), String::new());
            for (millis, text) in lines {
                times += &format!("[{},{},0]\n", log.len(), millis * MS);
                log += &format!("{text}\n");
            }
            fs::write(directory.join(NODE_LOGS).join(file_names::node_log(node)), log).unwrap();
            fs::write(directory.join(NODE_LOGS).join(file_names::node_log_times(node)), times).unwrap();
        };
        write("n0", &[(1, "old"), (4_231, "read of key 3"), (4_231, "answer from state"), (4_300, "too late")]);
        write(
            "n1",
            &[
                (900, "old"),
                (1_500, "one"),
                (2_012, "two"),
                (2_014, "three"),
                (4_100, "four"),
                (4_204, "write"),
                (4_206, "send"),
            ],
        );
        write("n2", &[(2_015, "voted"), (2_016, "vote sent"), (4_209, "appended")]);
        cause.add_log_lines(&directory);
        let logs = cause.rows.iter().filter_map(|row| match &row.kind {
            RowKind::Log(text) => Some(format!("{} {} {text}", row.time / MS, cause.columns[row.column?].name)),
            _ => None,
        });
        assert_eq!(
            logs.collect::<Vec<_>>(),
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
        assert!(cause.rows.is_sorted_by_key(|row| row.time));
        fs::remove_dir_all(&directory).unwrap();
    }
}
