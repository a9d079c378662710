//! The nodes of a run: how many there are, or their names.

use crate::OptionError;
use crate::kind::parse_int;

/// Limit on the number of nodes of a run.
const MAX_NODES: u64 = 1_000;
/// Limit on the length of a node's name, which is part of file names.
const MAX_NAME: usize = 100;

/// The nodes of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// So many, named `n0`, `n1`, …
    Count(u64),
    /// Those of these names.
    Names(Vec<String>),
}

impl Nodes {
    /// The names of all nodes, in order.
    ///
    /// ```
    /// assert_eq!(maelstrom_options::Nodes::Count(2).names(), ["n0", "n1"]);
    /// ```
    pub fn names(self) -> Vec<String> {
        match self {
            Nodes::Count(count) => (0..count).map(|i| format!("n{i}")).collect(),
            Nodes::Names(names) => names,
        }
    }
}

pub(crate) fn parse_nodes(text: &str) -> Result<Nodes, OptionError> {
    if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') && !text.contains(',') {
        return parse_int(text, 1, MAX_NODES).map(Nodes::Count).map_err(|_| {
            OptionError::new(
                format!("`{text}` is not a number of nodes"),
                format!("write a number from 1 to {MAX_NODES}, or the names of the nodes separated by commas"),
            )
        });
    }
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_string()).collect();
    if let [name] = &names[..]
        && let Some(number) = number_in_words(name)
    {
        return Err(OptionError::new(
            format!("`{name}` would be the name of the only node"),
            format!("write `{number}` for a number of nodes"),
        ));
    }
    for (i, name) in names.iter().enumerate() {
        check_node_name(name)?;
        if names[..i].contains(name) {
            return Err(OptionError::new(format!("there are two nodes named `{name}`"), "give each node its own name"));
        }
    }
    Ok(Nodes::Names(names))
}

/// The number that a word stands for.
fn number_in_words(word: &str) -> Option<usize> {
    const WORDS: [&str; 12] =
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.iter().position(|known| word.eq_ignore_ascii_case(known)).map(|place| place + 1)
}

fn check_node_name(name: &str) -> Result<(), OptionError> {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let (why, help) = if name.is_empty() {
        ("it is empty", "separate the names by single commas")
    } else if name.starts_with('c') {
        ("names beginning with `c` are reserved for clients", "choose another first letter")
    } else if ["lin-kv", "lin-tso", "lww-kv", "seq-kv"].contains(&name) {
        ("a service has that name", "choose another name")
    } else if !name.chars().all(safe) || name.starts_with('.') || name.len() > MAX_NAME {
        (
            "it is not safe as a file name",
            "use at most 100 letters, digits, `_`, `-` and `.`, which must not be the first",
        )
    } else {
        return Ok(());
    };
    Err(OptionError::new(format!("a node cannot be named `{name}`: {why}"), help))
}
