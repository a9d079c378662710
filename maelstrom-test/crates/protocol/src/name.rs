//! Names of nodes, clients and services.

use std::cmp::Ordering;

/// The names of the services that nodes can call.
pub const SERVICE_NAMES: [&str; 4] = ["lin-kv", "lin-tso", "lww-kv", "seq-kv"];

/// What a name stands for on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeKind {
    /// A node under test.
    Server,
    /// A client.
    Client,
    /// A service.
    Service,
}

impl NodeKind {
    /// What a name stands for. Names beginning with `c` are reserved for clients.
    ///
    /// ```
    /// use maelstrom_protocol::NodeKind;
    /// assert_eq!(NodeKind::of_name("n3"), NodeKind::Server);
    /// assert_eq!(NodeKind::of_name("c3"), NodeKind::Client);
    /// assert_eq!(NodeKind::of_name("seq-kv"), NodeKind::Service);
    /// ```
    pub fn of_name(name: &str) -> NodeKind {
        if SERVICE_NAMES.contains(&name) {
            NodeKind::Service
        } else if name.starts_with('c') {
            NodeKind::Client
        } else {
            NodeKind::Server
        }
    }
}

/// Compares names by their letters, then by their number. Services come last.
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
        (NodeKind::of_name(name) == NodeKind::Service, letters, name[letters.len()..].parse().ok(), name)
    }
    key(a).cmp(&key(b))
}
