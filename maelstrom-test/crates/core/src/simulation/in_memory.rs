//! Nodes that are functions: the whole simulation without a single process.
//!
//! This is how the core is tested, at millions of events per second; and how a node's logic, written as a function
//! from a message to messages, can be put through faults and checkers from an ordinary unit test.

use std::collections::VecDeque;

use crate::json::{Value, json};

use super::{Command, Config, Effect, Simulation};
use crate::history::Nanos;
use crate::protocol::Body;

/// A node in memory.
pub trait MemoryNode {
    /// A message arrived. `init` comes first, like any other message.
    fn on_message(&mut self, now: Nanos, message: &Value, out: &mut Sender);

    /// When [`MemoryNode::on_timer`] wants to be called; asked after every event.
    fn timer(&self) -> Option<Nanos> {
        None
    }

    /// The time of [`MemoryNode::timer`] has come.
    fn on_timer(&mut self, now: Nanos, out: &mut Sender) {
        let _ = (now, out);
    }
}

impl<F: FnMut(&Value, &mut Sender)> MemoryNode for F {
    fn on_message(&mut self, _now: Nanos, message: &Value, out: &mut Sender) {
        self(message, out);
    }
}

/// What a node sends.
#[derive(Debug, Default)]
pub struct Sender {
    name: String,
    lines: Vec<String>,
}

impl Sender {
    /// Prints a line as it is, message or not.
    pub fn print(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Sends a body to somebody.
    pub fn send(&mut self, dest: &str, body: Value) {
        self.lines.push(json!({"src": self.name, "dest": dest, "body": body}).to_string());
    }

    /// Answers a message: `in_reply_to` is added.
    pub fn reply(&mut self, to: &Value, mut body: Value) {
        body["in_reply_to"] = to["body"]["msg_id"].clone();
        let dest = to["src"].as_str().unwrap_or_default().to_owned();
        self.send(&dest, body);
    }

    /// Answers `init` and any request of the given types, with `<type>_ok` and nothing else. True if it did.
    pub fn acknowledge(&mut self, message: &Value, types: &[&str]) -> bool {
        let found = message["body"]["type"].as_str().unwrap_or_default();
        let known = found == "init" || types.contains(&found);
        if known {
            let answer = format!("{found}_ok");
            self.reply(message, json!({"type": answer}));
        }
        known
    }
}

struct Slot<N> {
    node: Option<N>,
    paused: bool,
    inbox: VecDeque<String>,
    out: Sender,
}

/// Runs a simulation to its end on nodes that `make` makes: once for each start of each node, kills included.
///
/// ```
/// use maelstrom_core::simulation::in_memory::{self, Sender};
/// use maelstrom_core::{simulation::Config, workload};
/// use maelstrom_core::json::{Value, json};
///
/// let settings = workload::Settings { time_limit: 5_000_000_000, ..Default::default() };
/// let config = Config::new(workload::by_name("echo").unwrap(), settings);
/// let run = in_memory::run(config, |_node| |message: &Value, out: &mut Sender| {
///     if !out.acknowledge(message, &[]) {
///         out.reply(message, json!({"type": "echo_ok", "echo": message["body"]["echo"]}));
///     }
/// });
/// assert!(run.failure().is_none() && run.history().ops.len() > 10);
/// ```
pub fn run<N: MemoryNode>(config: Config, mut make: impl FnMut(usize) -> N) -> Simulation {
    let names = config.settings.nodes.clone();
    let mut slots: Vec<Slot<N>> = names
        .iter()
        .map(|name| Slot {
            node: None,
            paused: false,
            inbox: VecDeque::new(),
            out: Sender { name: name.clone(), lines: Vec::new() },
        })
        .collect();
    let mut simulation = Simulation::new(config);
    let mut now = 0;
    loop {
        while let Some(command) = simulation.next_command() {
            let effect = carry_out(&mut slots, command, &mut make);
            simulation.on_effect(now, effect);
        }
        for (number, slot) in slots.iter_mut().enumerate() {
            step(&mut simulation, number, slot, now);
        }
        if simulation.is_over() {
            return simulation;
        }
        let timers = slots.iter().filter(|slot| !slot.paused).filter_map(|slot| slot.node.as_ref()?.timer());
        match timers.chain(simulation.next_wakeup()).min() {
            Some(time) => now = now.max(time),
            None => return simulation, // nothing will ever happen again: a bug, which the caller sees by its phase
        }
        simulation.advance_one(now);
    }
}

fn carry_out<N>(slots: &mut [Slot<N>], command: Command, make: &mut impl FnMut(usize) -> N) -> Effect {
    match command {
        Command::Start(node) => {
            slots[node].node = Some(make(node));
            Effect::Started(node)
        }
        Command::Kill(node) => {
            (slots[node].node, slots[node].paused) = (None, false);
            slots[node].inbox.clear();
            Effect::Killed(node, 1)
        }
        Command::Pause(node) => {
            slots[node].paused = true;
            Effect::Paused(node, 1)
        }
        Command::Resume(node) => {
            slots[node].paused = false;
            Effect::Resumed(node)
        }
        Command::BumpClock(node, _) | Command::ResetClock(node) => Effect::ClockSet(node),
    }
}

fn step<N: MemoryNode>(simulation: &mut Simulation, number: usize, slot: &mut Slot<N>, now: Nanos) {
    let output = simulation.output(number);
    if !output.is_empty() {
        let text = std::str::from_utf8(output).expect("messages are UTF-8");
        slot.inbox.extend(text.lines().map(str::to_owned));
        let written = output.len();
        simulation.consume_output(number, written);
    }
    let Some(node) = slot.node.as_mut().filter(|_| !slot.paused) else { return };
    while let Some(line) = slot.inbox.pop_front() {
        let message = crate::json::from_str(&line).expect("the network delivers JSON");
        node.on_message(now, &message, &mut slot.out);
    }
    if node.timer().is_some_and(|time| time <= now) {
        node.on_timer(now, &mut slot.out);
    }
    for line in std::mem::take(&mut slot.out.lines) {
        simulation.on_line(now, number, line.as_bytes());
    }
}

/// The body of a message as an object; empty if it has none.
pub fn body(message: &Value) -> Body {
    message["body"].as_object().cloned().unwrap_or_default()
}
