//! Node names and their order.

use std::cmp::Ordering;

/// The four services that nodes can call, by name.
pub const SERVICE_NAMES: [&str; 4] = ["lin-kv", "lin-tso", "lww-kv", "seq-kv"];

/// What a name stands for on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeKind {
    /// A node under test.
    Server,
    /// A client: its name begins with `c`.
    Client,
    /// One of the services.
    Service,
}

/// Tells what a name stands for.
///
/// ```
/// use maelstrom_protocol::{NodeKind, name_kind};
/// assert_eq!(name_kind("n3"), NodeKind::Server);
/// assert_eq!(name_kind("c3"), NodeKind::Client);
/// assert_eq!(name_kind("seq-kv"), NodeKind::Service);
/// ```
pub fn name_kind(name: &str) -> NodeKind {
    if SERVICE_NAMES.contains(&name) {
        NodeKind::Service
    } else if name.starts_with('c') {
        NodeKind::Client
    } else {
        NodeKind::Server
    }
}

/// Orders names by their letters, then by their number; services come last.
///
/// ```
/// use maelstrom_protocol::compare_names;
/// let mut names = vec!["n10", "lin-kv", "n2", "c1"];
/// names.sort_by(|a, b| compare_names(a, b));
/// assert_eq!(names, ["c1", "n2", "n10", "lin-kv"]);
/// ```
pub fn compare_names(a: &str, b: &str) -> Ordering {
    fn key(name: &str) -> (bool, &str, Option<u64>, &str) {
        let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
        (name_kind(name) == NodeKind::Service, letters, name[letters.len()..].parse().ok(), name)
    }
    key(a).cmp(&key(b))
}
