//! The nodes as the core sees them: up, paused or down, with bytes to be written to them.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::agenda::Event;
use super::{Failure, Simulation};
use crate::checker::exceptions::{Exception, ExceptionKind};
use crate::history::Nanos;
use crate::protocol::place_of;

/// Bytes that may wait for a node that does not read.
pub const OUTPUT_LIMIT: usize = 256 << 20;
/// How many of a node's last lines are kept for error messages.
const TAIL_LINES: usize = 32;
/// Bytes of each that are kept.
const TAIL_WIDTH: usize = 300;
/// A program that ends closes its output first; one that still runs after this time has closed it by itself.
const TIME_TO_END: Nanos = 100_000_000;

/// What the executor is to do with a node. Each command is answered by an [`Effect`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start its program.
    Start(usize),
    /// SIGKILL to its process tree.
    Kill(usize),
    /// SIGSTOP to its process tree.
    Pause(usize),
    /// SIGCONT to its process tree.
    Resume(usize),
    /// Shift its clock, in addition to earlier shifts, by nanoseconds.
    BumpClock(usize, i64),
    /// Its clock is right again.
    ResetClock(usize),
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The program runs.
    Started(usize),
    /// So many processes were killed; none is left.
    Killed(usize, u64),
    /// So many processes stand still.
    Paused(usize, u64),
    /// They run again.
    Resumed(usize),
    /// The clock is shifted, or right again.
    ClockSet(usize),
}

/// How a node's program ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// In words: `exit status 1`, `signal 11 (SIGSEGV)`.
    pub status: String,
    /// The last lines of its standard error.
    pub stderr: Vec<String>,
    /// Where all of its standard error is.
    pub log: Option<PathBuf>,
}

/// Whether a node's program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Life {
    #[default]
    Down,
    Up,
    Paused {
        since: Nanos,
    },
}

#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) life: Life,
    pub(super) outbox: Outbox,
    /// Set-up requests that the node still has to answer, while it boots.
    pub(super) boot: Option<super::boot::Boot>,
    /// It has sent a message under another name than its own.
    pub(super) sends_for_others: bool,
    /// When it closed its standard output in its present life.
    output_closed: Option<Nanos>,
    /// What was wrong with the first malformed message since it was started, while it boots.
    pub(super) complaint: Option<Complaint>,
    lines: u64,
    tail: VecDeque<Vec<u8>>,
}

/// A malformed message of a node that boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong with it.
    pub cause: String,
    /// Its beginning.
    pub line: String,
    /// Its number in the node's standard output, from 1.
    pub line_number: u64,
}

impl Complaint {
    /// The cause, the line, and a caret at the place.
    fn text(&self) -> String {
        const BEFORE: usize = 40;
        const AFTER: usize = 36;
        let at = place_of(&self.cause, &self.line);
        let from = at.saturating_sub(BEFORE);
        let before: String = self.line.chars().skip(from).take(at - from).collect();
        let mut rest = self.line.chars().skip(at);
        let after: String = rest.by_ref().take(AFTER).collect();
        let [start, end] = [from > 0, rest.next().is_some()].map(|cut| if cut { "…" } else { "" });
        let caret = " ".repeat(start.chars().count() + at - from);
        let (cause, number) = (&self.cause, self.line_number);
        format!("line {number} is malformed: {cause}\n    {start}{before}{after}{end}\n    {caret}^")
    }
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

impl Node {
    pub(super) fn printed(&mut self, line: &[u8]) {
        self.lines += 1;
        let mut kept =
            if self.tail.len() == TAIL_LINES { self.tail.pop_front().unwrap_or_default() } else { Vec::new() };
        kept.clear();
        kept.extend_from_slice(&line[..line.len().min(TAIL_WIDTH)]);
        self.tail.push_back(kept);
    }

    pub(super) fn lines_printed(&self) -> u64 {
        self.lines
    }

    pub(super) fn tail(&self) -> Vec<String> {
        self.tail.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }
}

/// Bytes on their way to a node's standard input.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    written: usize,
}

impl Outbox {
    fn push(&mut self, line: &str) {
        if self.written > 0 && self.written * 2 > self.bytes.len() {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(b'\n');
    }

    fn pending(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    fn consume(&mut self, count: usize) {
        self.written += count;
        if self.written == self.bytes.len() {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
        if self.bytes.capacity() > 1 << 20 {
            self.bytes = Vec::new();
        }
    }
}

impl Simulation {
    /// The next thing to do with a node.
    pub fn next_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// What became of a command.
    pub fn on_effect(&mut self, now: Nanos, effect: Effect) {
        self.now = now;
        match effect {
            Effect::Started(node) => {
                self.nodes[node].life = Life::Up;
                self.nodes[node].output_closed = None;
                self.network.bring_up(node);
                self.begin_init(node);
            }
            Effect::Killed(node, processes) => {
                self.end_pause(node);
                self.nodes[node].life = Life::Down;
                self.nodes[node].outbox.clear();
                self.faults.killed(processes);
            }
            Effect::Paused(node, processes) => {
                self.nodes[node].life = Life::Paused { since: now };
                self.faults.paused(processes);
            }
            Effect::Resumed(node) => {
                self.end_pause(node);
                self.nodes[node].life = Life::Up;
            }
            Effect::ClockSet(_) => self.faults.clock_set(),
        }
        self.fault_effect();
    }

    fn end_pause(&mut self, node: usize) {
        if let Life::Paused { since } = self.nodes[node].life {
            self.faults.resumed(self.now - since);
        }
    }

    /// A node's program ended by itself while it should be running. (The end of a killed one is an [`Effect::Killed`].)
    pub fn on_exit(&mut self, now: Nanos, node: usize, exit: Exit) {
        self.now = now;
        if self.is_over() {
            return;
        }
        let name = self.config.settings.nodes[node].clone();
        let stdout = self.nodes[node].tail();
        self.fail(Failure::NodeExited { node: name, status: exit.status, stdout, stderr: exit.stderr, log: exit.log });
    }

    /// A node's standard output has come to its end, and the node may be running still.
    pub fn on_output_closed(&mut self, now: Nanos, node: usize) {
        self.now = now;
        if !self.is_over() && self.nodes[node].output_closed.is_none() {
            self.nodes[node].output_closed = Some(now);
            self.agenda.add(now + TIME_TO_END, Event::OutputClosed(node, now));
        }
    }

    /// Reports a node that lives on without an output. One that was killed or started again meanwhile is none.
    pub(super) fn output_stays_closed(&mut self, node: usize, closed: Nanos) {
        let state = &self.nodes[node];
        if state.life == Life::Down || state.output_closed != Some(closed) {
            return;
        }
        self.exceptions.record(&Exception {
            kind: ExceptionKind::ClosedStdout,
            node: &self.config.settings.nodes[node],
            cause: "it closed its standard output and kept running; a node must keep it open until the run ends",
            expected: None,
            example: "",
            line_number: state.lines_printed(),
            time: closed,
        });
    }

    /// What is to be written to a node's standard input.
    pub fn output(&self, node: usize) -> &[u8] {
        self.nodes[node].outbox.pending()
    }

    /// So many bytes of [`Simulation::output`] were written.
    pub fn consume_output(&mut self, node: usize, count: usize) {
        self.nodes[node].outbox.consume(count);
    }

    pub(super) fn write_to_node(&mut self, node: usize, line: &str) {
        let outbox = &mut self.nodes[node].outbox;
        outbox.push(line);
        if outbox.pending().len() > OUTPUT_LIMIT {
            let node = self.config.settings.nodes[node].clone();
            self.fail(Failure::NodeDoesNotRead { node, bytes: OUTPUT_LIMIT });
        }
    }

    pub(super) fn nodes_in(&self, life: impl Fn(Life) -> bool) -> Vec<usize> {
        (0..self.nodes.len()).filter(|&node| life(self.nodes[node].life)).collect()
    }

    /// Nodes that are down.
    pub fn nodes_down(&self) -> Vec<usize> {
        self.nodes_in(|life| life == Life::Down)
    }
}
