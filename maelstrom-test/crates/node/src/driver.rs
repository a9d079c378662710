//! [`Driver`]: runs a server without I/O. It takes lines of input, produces lines of output, and reports when its next
//! timer is due. [`run`](super::run) and [`LocalNode`](super::LocalNode) are built on it.

use std::time::Duration;

use super::{Message, Node, Result, Server};

type Start<S> = Box<dyn FnOnce(&mut Node<S>) -> S>;

/// A server before and after `init`.
pub(super) struct Driver<S> {
    state: State<S>,
    now: Duration,
    /// Messages that arrived before `init`: other nodes may be initialised earlier.
    early: Vec<Message>,
}

enum State<S> {
    Uninitialised(Option<Start<S>>),
    Running { node: Box<Node<S>>, server: S },
}

impl<S: Server> Driver<S> {
    pub(super) fn new(start: impl FnOnce(&mut Node<S>) -> S + 'static) -> Driver<S> {
        Driver { state: State::Uninitialised(Some(Box::new(start))), now: Duration::ZERO, early: Vec::new() }
    }

    /// Advances the time since the node started. It never goes backwards.
    pub(super) fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        if let State::Running { node, .. } = &mut self.state {
            node.advance(self.now);
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.now
    }

    /// When the next task of [`run_due_tasks`](Driver::run_due_tasks) is due.
    pub(super) fn next_timer(&self) -> Option<Duration> {
        match &self.state {
            State::Running { node, .. } => node.next_timer(),
            State::Uninitialised(_) => None,
        }
    }

    /// Runs all tasks that are due.
    pub(super) fn run_due_tasks(&mut self) {
        if let State::Running { node, server } = &mut self.state {
            node.run_due_tasks(server);
        }
    }

    /// Handles one line of input. Lines that are not messages are reported on standard error and ignored.
    pub(super) fn receive(&mut self, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        match Message::read(line) {
            Ok(message) => self.deliver(message),
            Err(error) => eprintln!("not a message ({error}): {}", String::from_utf8_lossy(line)),
        }
    }

    fn deliver(&mut self, message: Message) {
        match &mut self.state {
            State::Running { node, .. } if message.kind() == "init" => node.reply(&message, ()),
            State::Running { node, server } => node.dispatch(server, message),
            State::Uninitialised(start) if message.kind() == "init" => match names(&message) {
                Ok((id, ids)) => {
                    let mut node = Box::new(Node::new(id, ids, self.now));
                    let server = start.take().expect("the first init starts the server")(&mut node);
                    node.reply(&message, ());
                    self.state = State::Running { node, server };
                    for message in std::mem::take(&mut self.early) {
                        self.deliver(message);
                    }
                }
                Err(error) => eprintln!("{}", error.text),
            },
            State::Uninitialised(_) => self.early.push(message),
        }
    }

    /// The buffered output; `None` before `init`.
    pub(super) fn output(&mut self) -> Option<&mut Vec<u8>> {
        match &mut self.state {
            State::Running { node, .. } => Some(&mut node.output),
            State::Uninitialised(_) => None,
        }
    }

    /// The server; `None` before `init`.
    pub(super) fn server(&self) -> Option<&S> {
        match &self.state {
            State::Running { server, .. } => Some(server),
            State::Uninitialised(_) => None,
        }
    }
}

fn names(init: &Message) -> Result<(String, Vec<String>)> {
    Ok((init.get("node_id")?, init.get("node_ids")?))
}
