//! `jepsen.log`: the events of a run in chronological order.
//!
//! ```text
//!    0.731 s  op     0  :invoke  :read  nil
//!    0.732 s  fault  :nemesis  :info  :start-partition  …
//!    0.733 s  net    {"seq":6,"time":733000000,"type":"send","message":{…}}
//!    0.734 s  n1     a line of the node's standard error
//! ```
//!
//! | entries | are logged | also printed to standard error |
//! | --- | --- | --- |
//! | operations and faults | always | no |
//! | lines of the nodes' standard error | with `--log-stderr` | yes |
//! | events of the network | with `--log-net-send` and `--log-net-recv` | yes |
//!
//! Lines of nodes are read after each step of the run. In virtual time, their times are exact.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

use super::Config;
use crate::executor::NodeProgram;
use crate::history::{HistoryFormat, HistoryWriter, Nanos, Op, Process};
use crate::report::file_names;
use crate::simulation::Simulation;

/// The maximum number of bytes that are kept of an incomplete line.
const MAX_LINE: usize = 64 << 10;

/// The writer of the log.
pub(super) struct RunLog {
    file: BufWriter<File>,
    sent: bool,
    received: bool,
    nodes: Vec<NodeLines>,
    /// The number of bytes of the current chunk of the journal that were read.
    seen: usize,
    /// When a node last wrote to its log, if this is known.
    node_wrote: Nanos,
}

impl RunLog {
    pub(super) fn new(config: &Config, programs: &[NodeProgram]) -> io::Result<RunLog> {
        let file = BufWriter::new(File::create(config.directory.join(file_names::LOG))?);
        let nodes = if config.log_stderr { programs.iter().map(NodeLines::open).collect() } else { Ok(Vec::new()) };
        Ok(RunLog {
            file,
            sent: config.log_net_send,
            received: config.log_net_recv,
            nodes: nodes?,
            seen: 0,
            node_wrote: 0,
        })
    }

    /// Writes the new entries of the history, events of the network and lines of nodes.
    pub(super) fn follow(&mut self, simulation: &Simulation, new: &[Op]) -> io::Result<()> {
        let mut ops = new.iter().peekable();
        let mut echo = Vec::new();
        if self.sent || self.received {
            let chunk = &simulation.network().journal().chunk()[self.seen..];
            self.seen += chunk.len();
            for event in chunk.split_inclusive(|&byte| byte == b'\n') {
                let Some((time, is_sent)) = head(event) else { continue };
                while let Some(op) = ops.next_if(|op| op.time <= time) {
                    entry(&mut self.file, op)?;
                }
                if if is_sent { self.sent } else { self.received } {
                    line(&mut self.file, time, "net", event.trim_ascii_end())?;
                    echo.extend_from_slice(event);
                }
            }
        }
        for op in ops {
            entry(&mut self.file, op)?;
        }
        // A node may have written after a timer of its own, of which the simulation knows nothing.
        let now = simulation.now().max(self.node_wrote);
        for node in &mut self.nodes {
            node.follow(|name, text| {
                echo.extend_from_slice(format!("{name}: ").as_bytes());
                echo.extend_from_slice(text);
                echo.push(b'\n');
                line(&mut self.file, now, name, text)
            })?;
        }
        if !echo.is_empty() {
            // Standard error may be closed. The log has the same lines.
            let _ = io::stderr().write_all(&echo);
        }
        Ok(())
    }

    /// Must be called when a node has written to its log, before the lines are read.
    pub(super) fn node_wrote(&mut self, time: Nanos) {
        self.node_wrote = time;
    }

    /// Must be called when the chunk of the journal was taken, because the next event begins a new one.
    pub(super) fn chunk_taken(&mut self) {
        self.seen = 0;
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn entry(out: &mut impl Write, op: &Op) -> io::Result<()> {
    let mut text = Vec::new();
    HistoryWriter::new(&mut text, HistoryFormat::Text).write(op)?;
    let what = if op.process == Process::Nemesis { "fault" } else { "op" };
    line(out, op.time, what, text.trim_ascii_end())
}

fn line(out: &mut impl Write, time: Nanos, what: &str, text: &[u8]) -> io::Result<()> {
    write!(out, "{:>5}.{:03} s  {what:<5}  ", time / 1_000_000_000, time / 1_000_000 % 1000)?;
    out.write_all(text)?;
    out.write_all(b"\n")
}

/// Returns the time of a line of the journal, and whether the event occurs when a message is sent.
fn head(event: &[u8]) -> Option<(Nanos, bool)> {
    let after = |text: &[u8], name: &[u8]| {
        let at = text.windows(name.len()).take(80).position(|window| window == name)?;
        Some(at + name.len())
    };
    let time = &event[after(event, b"\"time\":")?..];
    let digits = time.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let kind = &time[after(time, b"\"type\":\"")?..];
    let sent: [&[u8]; 4] = [b"send\"", b"lose\"", b"duplicate\"", b"delay\""];
    let is_sent = sent.iter().any(|name| kind.starts_with(name));
    Some((std::str::from_utf8(&time[..digits]).ok()?.parse().ok()?, is_sent))
}

/// The lines of a node's standard error.
struct NodeLines {
    name: String,
    log: File,
    /// The beginning of an incomplete line.
    partial: Vec<u8>,
}

impl NodeLines {
    fn open(program: &NodeProgram) -> io::Result<NodeLines> {
        Ok(NodeLines { name: program.name.clone(), log: File::open(&program.log)?, partial: Vec::new() })
    }

    fn follow(&mut self, mut write: impl FnMut(&str, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut buffer = [0; 16 << 10];
        loop {
            let count = self.log.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            for part in buffer[..count].split_inclusive(|&byte| byte == b'\n') {
                self.partial.extend_from_slice(part);
                if part.ends_with(b"\n") || self.partial.len() >= MAX_LINE {
                    write(&self.name, self.partial.trim_ascii_end())?;
                    self.partial.clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_kind_of_events_are_parsed() {
        let told = |text: &str| head(text.as_bytes());
        assert_eq!(told(r#"{"seq":1,"time":25,"type":"send","message":{"type":"recv"}}"#), Some((25, true)));
        assert_eq!(told(r#"{"seq":1,"time":25,"type":"recv","id":3}"#), Some((25, false)));
        assert_eq!(told(r#"{"seq":1,"time":25,"type":"delay","id":3}"#), Some((25, true)));
        assert_eq!(told(r#"{"seq":1,"time":25,"type":"drop","id":3}"#), Some((25, false)));
        assert_eq!(told("nonsense"), None);
    }

    #[test]
    fn lines_are_logged_when_they_are_complete() {
        let path = std::env::temp_dir().join(format!("maelstrom-lines-{}", std::process::id()));
        let mut log = File::create(&path).unwrap();
        let mut lines = NodeLines { name: "n1".into(), log: File::open(&path).unwrap(), partial: Vec::new() };
        let mut follow = || {
            let mut logged = Vec::new();
            lines
                .follow(|name, text| {
                    logged.push(format!("{name}: {}", String::from_utf8_lossy(text)));
                    Ok(())
                })
                .unwrap();
            logged
        };
        log.write_all(b"one\ntw").unwrap();
        assert_eq!(follow(), ["n1: one"]);
        log.write_all(b"o\n").unwrap();
        assert_eq!(follow(), ["n1: two"]);
        assert!(follow().is_empty());
        std::fs::remove_file(&path).unwrap();
    }
}
