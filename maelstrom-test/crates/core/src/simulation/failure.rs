//! [`Failure`]: why a run was aborted.

use std::path::PathBuf;

use super::state::MalformedLine;

/// Why a run was aborted. Each message says what happened, on which node, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A node's program exited before the run was over.
    #[error("node {node} exited ({status}) before the run was over{}", tails(.stdout, .stderr, .log))]
    NodeExited {
        /// Its name.
        node: String,
        /// Exit status or signal, in words.
        status: String,
        /// The last lines of its standard output.
        stdout: Vec<String>,
        /// The last lines of its standard error.
        stderr: Vec<String>,
        /// Where all of its standard error is.
        log: Option<PathBuf>,
    },
    /// A node did not respond to `init` or to a set-up request.
    #[error(
        "node {node} did not answer `{request}` within {} s; expected {expected}, {}",
        timeout / 1_000_000_000, printed(.stdout, .malformed.as_deref())
    )]
    NoResponse {
        /// Its name.
        node: String,
        /// The request's type.
        request: String,
        /// The expected response.
        expected: String,
        /// How long the simulation waited, in nanoseconds.
        timeout: u64,
        /// The last lines of its standard output.
        stdout: Vec<String>,
        /// Its first malformed line.
        malformed: Option<Box<MalformedLine>>,
    },
    /// The response of a node to `init` or to a set-up request is wrong.
    #[error("node {node} answered `{request}` with {response}; expected {expected} ({why})")]
    WrongResponse {
        /// Its name.
        node: String,
        /// The request's type.
        request: String,
        /// The body of the response.
        response: String,
        /// The expected response.
        expected: String,
        /// What exactly is wrong.
        why: String,
    },
    /// A node does not read its standard input.
    #[error("node {node} does not read its standard input: {} MiB are waiting for it, which is the limit", bytes >> 20)]
    NodeDoesNotRead {
        /// Its name.
        node: String,
        /// How much may wait.
        bytes: usize,
    },
    /// A node printed a line that is too long.
    #[error(
        "node {node} printed more than {} MiB without a line feed, which is the limit; \
         every message must be one line that ends with a line feed",
        limit >> 20
    )]
    LineTooLong {
        /// Its name.
        node: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// A node printed too much at one instant of virtual time.
    #[error(
        "node {node} floods its standard output: it printed {} MiB without waiting for a message or a timer; \
         the last line: {last}",
        bytes >> 20
    )]
    Floods {
        /// Its name.
        node: String,
        /// How much it printed, in bytes.
        bytes: usize,
        /// The last line of that, shortened.
        last: String,
    },
    /// Nodes send faster than the network delivers.
    #[error(
        "{} MiB of messages are in flight, which is the limit; the last of them comes from node {node}, \
         which should send less, or wait for responses",
        bytes >> 20
    )]
    NetworkFull {
        /// Who sent the last one.
        node: String,
        /// The limit in bytes.
        bytes: usize,
    },
    /// Messages multiply without end.
    #[error("the nodes sent more than {limit} messages {}; the busiest links are {}{}", bound(*.at_once), links.join(", "), lines(.node, .last))]
    TooManyMessages {
        /// The limit.
        limit: u64,
        /// It is that of one instant of virtual time, not that of the run.
        at_once: bool,
        /// The busiest links with their counts, the busiest first.
        links: Vec<String>,
        /// The node that sent most on one of them.
        node: String,
        /// The last lines that it printed.
        last: Vec<String>,
    },
    /// A node's program could not be started.
    #[error("cannot start node {node}: {why}")]
    CannotStart {
        /// Its name.
        node: String,
        /// The cause and the remedy.
        why: String,
    },
    /// A node computes without end.
    #[error(
        "node {node} hangs: it used {seconds} s of processor time without reading, writing, waiting or reading a clock"
    )]
    Hung {
        /// Its name.
        node: String,
        /// How long it computed.
        seconds: u64,
    },
    /// The user interrupted the run.
    #[error("interrupted; what was recorded so far is kept")]
    Interrupted,
    /// The executor failed: the machine lacks something, or forbids it.
    #[error("{0}")]
    Machine(String),
}

impl Failure {
    /// The failure in a few words, for the first line of a report.
    pub fn headline(&self) -> String {
        match self {
            Failure::NodeExited { node, status, .. } => format!("{node} exited unexpectedly ({status})"),
            Failure::NoResponse { node, request, .. } => format!("{node} did not answer {request}"),
            Failure::WrongResponse { node, request, .. } => format!("{node} answered {request} wrongly"),
            Failure::NodeDoesNotRead { node, .. } => format!("{node} does not read its standard input"),
            Failure::LineTooLong { node, .. } => format!("{node} printed an endless line"),
            Failure::Floods { node, .. } => format!("{node} floods its standard output"),
            Failure::NetworkFull { .. } => "too many messages are in flight".into(),
            Failure::TooManyMessages { .. } => "the nodes sent too many messages".into(),
            Failure::CannotStart { node, .. } => format!("{node} cannot be started"),
            Failure::Hung { node, .. } => format!("{node} hangs"),
            Failure::Interrupted => "interrupted".into(),
            Failure::Machine(_) => "the run was aborted".into(),
        }
    }

    /// The node that it concerns.
    pub fn node(&self) -> Option<&str> {
        match self {
            Failure::NodeExited { node, .. }
            | Failure::NoResponse { node, .. }
            | Failure::WrongResponse { node, .. }
            | Failure::NodeDoesNotRead { node, .. }
            | Failure::LineTooLong { node, .. }
            | Failure::Floods { node, .. }
            | Failure::NetworkFull { node, .. }
            | Failure::TooManyMessages { node, .. }
            | Failure::CannotStart { node, .. }
            | Failure::Hung { node, .. } => Some(node),
            Failure::Interrupted | Failure::Machine(_) => None,
        }
    }
}

fn printed(stdout: &[String], malformed: Option<&MalformedLine>) -> String {
    if let Some(malformed) = malformed {
        return format!("but {malformed}");
    }
    match stdout.last() {
        None => "but it printed nothing; does it read standard input line by line, and flush standard output after each message?"
            .into(),
        Some(last) if stdout.len() == 1 => format!("but it printed: {last}"),
        Some(last) => format!("but it printed {} lines or more, the last: {last}", stdout.len()),
    }
}

fn bound(at_once: bool) -> &'static str {
    if at_once {
        "at one instant, which is the limit"
    } else {
        "in this run, which is the limit (option `max_messages`)"
    }
}

fn lines(node: &str, last: &[String]) -> String {
    let lines: String = last.iter().map(|line| format!("\n    {line}")).collect();
    format!("\n  the last lines of {node}:{lines}")
}

fn tails(stdout: &[String], stderr: &[String], log: &Option<PathBuf>) -> String {
    let mut text = String::new();
    for (name, lines) in [("output", stdout), ("error", stderr)] {
        if lines.is_empty() {
            text += &format!("\n  it printed nothing on standard {name}");
        } else {
            text += &format!("\n  last lines on standard {name}:");
            lines.iter().for_each(|line| text += &format!("\n    {line}"));
        }
    }
    if let Some(log) = log {
        text += &format!("\n  the whole log: {}", log.display());
    }
    text
}
