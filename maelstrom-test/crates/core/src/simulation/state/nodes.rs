//! [`Nodes`]: which node is down, booting, up or paused.

use std::collections::VecDeque;

use super::outbox::{OUTPUT_LIMIT, Outbox};
use crate::history::Nanos;
use crate::network::EndpointId;
use crate::protocol::{Body, Malformed, shorten};

/// How many of a node's last lines are kept for error messages.
const TAIL_LINES: usize = 32;
/// Bytes of each that are kept.
const TAIL_WIDTH: usize = 300;
/// Characters of a malformed line that are kept.
const MALFORMED_WIDTH: usize = 300;

/// Whether a node's program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ProcessState {
    #[default]
    Down,
    Up,
    Paused {
        since: Nanos,
    },
}

/// The requests that a node has to answer before it is ready.
#[derive(Debug)]
pub(in super::super) struct Boot {
    /// Who sends them.
    pub(in super::super) client: EndpointId,
    /// Type of the request that it has to answer now.
    pub(in super::super) request: String,
    /// The requests after that, the next one last.
    pub(in super::super) rest: Vec<Body>,
}

/// A malformed line that a node printed while it booted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedLine {
    /// What is wrong with it.
    pub malformed: Malformed,
    /// Its beginning.
    pub line: String,
    /// Its number in the node's standard output, from 1.
    pub line_number: u64,
}

/// The reason, the line, and a caret below the place of the fault.
impl std::fmt::Display for MalformedLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const BEFORE: usize = 40;
        const AFTER: usize = 36;
        let at = self.malformed.position_in(&self.line);
        let from = at.saturating_sub(BEFORE);
        let before: String = self.line.chars().skip(from).take(at - from).collect();
        let mut rest = self.line.chars().skip(at);
        let after: String = rest.by_ref().take(AFTER).collect();
        let [start, end] = [from > 0, rest.next().is_some()].map(|cut| if cut { "…" } else { "" });
        let caret = " ".repeat(start.chars().count() + at - from);
        let (reason, number) = (&self.malformed, self.line_number);
        write!(f, "line {number} is malformed: {reason}\n    {start}{before}{after}{end}\n    {caret}^")
    }
}

#[derive(Debug, Default)]
struct Node {
    process: ProcessState,
    outbox: Outbox,
    boot: Option<Boot>,
    /// It has sent a message in another node's name.
    sends_for_others: bool,
    /// When it closed its standard output since it was last started.
    output_closed: Option<Nanos>,
    /// The first malformed line since it was last started, while it boots.
    malformed: Option<MalformedLine>,
    lines_printed: u64,
    tail: VecDeque<Vec<u8>>,
}

/// The nodes under test, by number. All of them are down at first.
#[derive(Debug)]
pub(in super::super) struct Nodes {
    nodes: Vec<Node>,
}

impl Nodes {
    pub(in super::super) fn new(count: usize) -> Nodes {
        Nodes { nodes: (0..count).map(|_| Node::default()).collect() }
    }

    pub(in super::super) fn len(&self) -> usize {
        self.nodes.len()
    }

    // Processes.

    pub(in super::super) fn started(&mut self, node: usize) {
        self.nodes[node].process = ProcessState::Up;
        self.nodes[node].output_closed = None;
    }

    /// What waited for it is lost. Gives the time for which it had been paused, if it was.
    pub(in super::super) fn killed(&mut self, node: usize, now: Nanos) -> Option<Nanos> {
        let paused = self.paused_for(node, now);
        self.nodes[node].process = ProcessState::Down;
        self.nodes[node].outbox.clear();
        paused
    }

    pub(in super::super) fn paused(&mut self, node: usize, now: Nanos) {
        self.nodes[node].process = ProcessState::Paused { since: now };
    }

    /// Gives the time for which it had been paused, if it was.
    pub(in super::super) fn resumed(&mut self, node: usize, now: Nanos) -> Option<Nanos> {
        let paused = self.paused_for(node, now);
        self.nodes[node].process = ProcessState::Up;
        paused
    }

    fn paused_for(&self, node: usize, now: Nanos) -> Option<Nanos> {
        match self.nodes[node].process {
            ProcessState::Paused { since } => Some(now - since),
            ProcessState::Down | ProcessState::Up => None,
        }
    }

    pub(in super::super) fn all_down(&self) -> Vec<usize> {
        self.all(|process| process == ProcessState::Down)
    }

    pub(in super::super) fn all_paused(&self) -> Vec<usize> {
        self.all(|process| matches!(process, ProcessState::Paused { .. }))
    }

    fn all(&self, matches: impl Fn(ProcessState) -> bool) -> Vec<usize> {
        (0..self.nodes.len()).filter(|&node| matches(self.nodes[node].process)).collect()
    }

    /// Those that run or are paused.
    pub(in super::super) fn alive_among(&self, nodes: &[usize]) -> Vec<usize> {
        nodes.iter().copied().filter(|&node| self.nodes[node].process != ProcessState::Down).collect()
    }

    /// Those that run.
    pub(in super::super) fn up_among(&self, nodes: &[usize]) -> Vec<usize> {
        nodes.iter().copied().filter(|&node| self.nodes[node].process == ProcessState::Up).collect()
    }

    // Booting.

    pub(in super::super) fn begin_boot(&mut self, node: usize, boot: Boot) {
        self.nodes[node].malformed = None;
        self.nodes[node].boot = Some(boot);
    }

    pub(in super::super) fn boot_of(&mut self, node: usize) -> Option<&mut Boot> {
        self.nodes[node].boot.as_mut()
    }

    pub(in super::super) fn end_boot(&mut self, node: usize) {
        self.nodes[node].boot = None;
    }

    pub(in super::super) fn is_any_booting(&self) -> bool {
        self.nodes.iter().any(|node| node.boot.is_some())
    }

    // Standard input.

    /// False if more waits for the node now than is allowed.
    pub(in super::super) fn write(&mut self, node: usize, line: &str) -> bool {
        let outbox = &mut self.nodes[node].outbox;
        outbox.push(line);
        outbox.pending().len() <= OUTPUT_LIMIT
    }

    pub(in super::super) fn pending_output(&self, node: usize) -> &[u8] {
        self.nodes[node].outbox.pending()
    }

    pub(in super::super) fn consume_output(&mut self, node: usize, count: usize) {
        self.nodes[node].outbox.consume(count);
    }

    // Standard output.

    pub(in super::super) fn printed(&mut self, node: usize, line: &[u8]) {
        let node = &mut self.nodes[node];
        node.lines_printed += 1;
        let oldest = if node.tail.len() == TAIL_LINES { node.tail.pop_front() } else { None };
        let mut kept = oldest.unwrap_or_default();
        kept.clear();
        kept.extend_from_slice(&line[..line.len().min(TAIL_WIDTH)]);
        node.tail.push_back(kept);
    }

    pub(in super::super) fn lines_printed(&self, node: usize) -> u64 {
        self.nodes[node].lines_printed
    }

    /// The last lines that a node printed, at most this many, the oldest first.
    pub(in super::super) fn last_lines(&self, node: usize, most: usize) -> Vec<String> {
        let tail = &self.nodes[node].tail;
        let text = |line: &Vec<u8>| String::from_utf8_lossy(line).into_owned();
        tail.iter().skip(tail.len().saturating_sub(most)).map(text).collect()
    }

    /// All lines of a node that are kept.
    pub(in super::super) fn tail(&self, node: usize) -> Vec<String> {
        self.last_lines(node, TAIL_LINES)
    }

    /// True the first time that it is called for a node.
    pub(in super::super) fn begins_to_send_for_others(&mut self, node: usize) -> bool {
        !std::mem::replace(&mut self.nodes[node].sends_for_others, true)
    }

    /// Keeps the first malformed line of a node that boots.
    pub(in super::super) fn keep_malformed(&mut self, node: usize, malformed: &Malformed, line: &str) {
        let node = &mut self.nodes[node];
        if node.boot.is_some() && node.malformed.is_none() {
            let line = shorten(line, MALFORMED_WIDTH);
            node.malformed =
                Some(MalformedLine { malformed: malformed.clone(), line, line_number: node.lines_printed });
        }
    }

    pub(in super::super) fn take_malformed(&mut self, node: usize) -> Option<MalformedLine> {
        self.nodes[node].malformed.take()
    }

    /// False if it was closed before.
    pub(in super::super) fn close_output(&mut self, node: usize, now: Nanos) -> bool {
        let is_first = self.nodes[node].output_closed.is_none();
        self.nodes[node].output_closed.get_or_insert(now);
        is_first
    }

    /// Whether the process that closed its output at this time is still alive.
    pub(in super::super) fn is_alive_without_output(&self, node: usize, closed: Nanos) -> bool {
        self.nodes[node].process != ProcessState::Down && self.nodes[node].output_closed == Some(closed)
    }
}
