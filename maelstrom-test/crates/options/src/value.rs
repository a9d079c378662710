//! What option values look like, and how they are read.

use crate::suggest::did_you_mean;

/// The form of an option's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A number of nodes, or their names separated by commas.
    Nodes,
    /// A number, or a multiple of the number of nodes (`2n`).
    Concurrency,
    /// An integer in a range.
    Int {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A number in a range.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// A number from 0 to 1.
    Probability,
    /// A number from 0 to 1, or `total`.
    Availability,
    /// A time; a bare number counts seconds.
    Seconds {
        /// Shortest, in nanoseconds.
        min: u64,
        /// Longest, in nanoseconds.
        max: u64,
    },
    /// A time; a bare number counts milliseconds.
    Millis {
        /// Longest, in nanoseconds.
        max: u64,
    },
    /// `true` or `false`.
    Flag,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Any of these, separated by commas; `none`: none of them.
    Set(&'static [&'static str]),
    /// Something that each front end reads itself.
    Special,
}

/// A value that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An integer; of nodes and workers their number.
    Int(u64),
    /// So many times the number of nodes.
    PerNode(u64),
    /// A number.
    Number(f64),
    /// A time in nanoseconds.
    Nanos(u64),
    /// Yes or no.
    Flag(bool),
    /// A name.
    Name(String),
    /// Names.
    Names(Vec<String>),
}

/// Most nodes that a run can have.
const MAX_NODES: u64 = 1_000;
/// Most client workers that a run can have.
const MAX_WORKERS: u64 = 100_000;

impl Kind {
    /// Reads a value as people write it. The error is a sentence that names the choices.
    pub fn parse(self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        match self {
            Kind::Nodes => parse_nodes(text),
            Kind::Concurrency => match text.strip_suffix('n') {
                Some(times) => parse_int(times, 1, MAX_WORKERS).map(Value::PerNode),
                None => parse_int(text, 1, MAX_WORKERS).map(Value::Int),
            }
            .map_err(|_| {
                format!("`{text}` is not a number of workers; write a number (10) or a multiple of the nodes (\"2n\")")
            }),
            Kind::Int { min, max } => parse_int(text, min, max).map(Value::Int),
            Kind::Number { min, max } => parse_number(text, min, max).map(Value::Number),
            Kind::Probability => parse_number(text, 0.0, 1.0).map(Value::Number),
            Kind::Availability if text == "total" => Ok(Value::Number(1.0)),
            Kind::Availability => parse_number(text, 0.0, 1.0)
                .map(Value::Number)
                .map_err(|_| format!("`{text}` is not a share; write a number from 0 to 1, or \"total\"")),
            Kind::Seconds { min, max } => parse_time(text, 1_000_000_000, min, max),
            Kind::Millis { max } => parse_time(text, 1_000_000, 0, max),
            Kind::Flag => match text {
                "true" => Ok(Value::Flag(true)),
                "false" => Ok(Value::Flag(false)),
                _ => Err(format!("`{text}` is neither true nor false")),
            },
            Kind::Choice(choices) => check_choice(text, choices).map(Value::Name),
            Kind::Set(choices) => parse_set(text, choices),
            Kind::Special => Ok(Value::Name(text.into())),
        }
    }
}

fn parse_int(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let range = if max == u64::MAX { format!("{min} or more") } else { format!("from {min} to {max}") };
    let wrong = || format!("`{text}` is not an integer {range}");
    let number: u64 = text.replace('_', "").parse().map_err(|_| wrong())?;
    if (min..=max).contains(&number) { Ok(number) } else { Err(wrong()) }
}

fn parse_number(text: &str, min: f64, max: f64) -> Result<f64, String> {
    let wrong = || format!("`{text}` is not a number from {min} to {max}");
    let number: f64 = text.replace('_', "").parse().map_err(|_| wrong())?;
    if (min..=max).contains(&number) { Ok(number) } else { Err(wrong()) }
}

fn parse_nodes(text: &str) -> Result<Value, String> {
    if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') && !text.contains(',') {
        return parse_int(text, 1, MAX_NODES)
            .map(Value::Int)
            .map_err(|_| format!("`{text}` is not a number of nodes from 1 to {MAX_NODES}"));
    }
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_string()).collect();
    if let [name] = &names[..]
        && let Some(number) = number_in_words(name)
    {
        return Err(format!("`{name}` would be the name of the only node; write `{number}` for a number of nodes"));
    }
    for (i, name) in names.iter().enumerate() {
        check_node_name(name)?;
        if names[..i].contains(name) {
            return Err(format!("there are two nodes named `{name}`"));
        }
    }
    Ok(Value::Names(names))
}

/// The number that a word stands for.
fn number_in_words(word: &str) -> Option<usize> {
    const WORDS: [&str; 12] =
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.iter().position(|known| word.eq_ignore_ascii_case(known)).map(|place| place + 1)
}

/// Judges the name of a node.
pub fn check_node_name(name: &str) -> Result<(), String> {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let why = if name.is_empty() {
        "it is empty"
    } else if name.starts_with('c') {
        "names that begin with `c` are clients'"
    } else if ["lin-kv", "lin-tso", "lww-kv", "seq-kv"].contains(&name) {
        "a service has that name"
    } else if !name.chars().all(safe) || name.starts_with('.') || name.len() > 100 {
        "it must be safe as a file name: letters, digits, `_`, `-` and `.` (not first), at most 100 of them"
    } else {
        return Ok(());
    };
    Err(format!("a node cannot be named `{name}`: {why}"))
}

fn parse_time(text: &str, unit: u64, min: u64, max: u64) -> Result<Value, String> {
    let bare = if unit == 1_000_000 { "milliseconds" } else { "seconds" };
    let nanos = parse_duration(text, unit)
        .ok_or_else(|| format!("`{text}` is not a time; write \"100ms\", \"10s\", \"2m\", or a number of {bare}"))?;
    if !(min..=max).contains(&nanos) {
        return Err(format!("`{text}` is out of range: from {} to {}", format_nanos(min), format_nanos(max)));
    }
    Ok(Value::Nanos(nanos))
}

/// Reads a time in nanoseconds: `100ms`, `1.5s`, `2m`, `1h`, `250us`, `10ns`; a bare number counts `unit` nanoseconds.
pub fn parse_duration(text: &str, unit: u64) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let unit = match &text[digits.len()..] {
        "" => unit,
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let number: f64 = digits.trim().replace('_', "").parse().ok()?;
    let nanos = number * unit as f64;
    (number.is_finite() && (0.0..1e19).contains(&nanos)).then_some(nanos.round() as u64)
}

/// A time as people write it: `0`, `250us`, `100ms`, `1.5s`, `2m`, `1h`.
pub fn format_nanos(nanos: u64) -> String {
    const UNITS: [(u64, &str); 6] = [
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    if nanos == 0 {
        return "0".into();
    }
    let whole = UNITS.iter().find(|(unit, _)| nanos.is_multiple_of(*unit)).unwrap_or(&UNITS[5]);
    if nanos / whole.0 < 1000 {
        return format!("{}{}", nanos / whole.0, whole.1);
    }
    let (unit, name) = UNITS[2..].iter().find(|(unit, _)| nanos >= *unit).unwrap_or(&UNITS[5]);
    format!("{}{name}", nanos as f64 / *unit as f64)
}

fn check_choice(text: &str, choices: &[&str]) -> Result<String, String> {
    if choices.contains(&text) {
        return Ok(text.into());
    }
    Err(format!(
        "`{text}` is none of the choices{}; they are: {}",
        did_you_mean(text, choices.iter().copied()),
        choices.join(", ")
    ))
}

fn parse_set(text: &str, choices: &[&str]) -> Result<Value, String> {
    let mut names = Vec::new();
    if text.is_empty() || text == "none" {
        return Ok(Value::Names(names));
    }
    for name in text.split(',').map(str::trim) {
        let name = check_choice(name, choices)?;
        if names.contains(&name) {
            return Err(format!("`{name}` is named twice"));
        }
        names.push(name);
    }
    Ok(Value::Names(names))
}

macro_rules! from {
    ($($type:ty: $value:ident => $text:expr;)*) => {
        $(impl From<$type> for Written {
            fn from($value: $type) -> Written {
                Written($text)
            }
        })*
    };
}

/// An option's value as it is written: what the builder's methods accept (numbers, texts, `Duration`s, lists of
/// names), before it is read by the option's [`Kind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written(pub String);

from! {
    u64: value => value.to_string();
    u32: value => value.to_string();
    i32: value => value.to_string();
    usize: value => value.to_string();
    f64: value => value.to_string();
    bool: value => value.to_string();
    &str: value => value.to_string();
    String: value => value;
    &String: value => value.clone();
    std::time::Duration: value => format!("{}ns", value.as_nanos());
    &[&str]: value => value.join(",");
    Vec<&str>: value => value.join(",");
    Vec<String>: value => value.join(",");
}

impl<const N: usize> From<[&str; N]> for Written {
    fn from(value: [&str; N]) -> Written {
        Written(value.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULTS: Kind = Kind::Set(&["partition", "kill"]);

    #[test]
    fn values_are_read_as_people_write_them() {
        let seconds = Kind::Seconds { min: 0, max: u64::MAX };
        let millis = Kind::Millis { max: u64::MAX };
        for (kind, text, value) in [
            (Kind::Nodes, "5", Value::Int(5)),
            (Kind::Nodes, "n1, n2", Value::Names(vec!["n1".into(), "n2".into()])),
            (Kind::Nodes, "solo", Value::Names(vec!["solo".into()])),
            (Kind::Nodes, "one,two", Value::Names(vec!["one".into(), "two".into()])),
            (Kind::Concurrency, "10", Value::Int(10)),
            (Kind::Concurrency, "2n", Value::PerNode(2)),
            (Kind::Int { min: 1, max: 9_999 }, "1_000", Value::Int(1000)),
            (Kind::Number { min: 0.0, max: 10.0 }, "0.5", Value::Number(0.5)),
            (Kind::Availability, "total", Value::Number(1.0)),
            (Kind::Availability, "0.99", Value::Number(0.99)),
            (seconds, "10", Value::Nanos(10_000_000_000)),
            (seconds, "0.25", Value::Nanos(250_000_000)),
            (seconds, "100ms", Value::Nanos(100_000_000)),
            (millis, "100", Value::Nanos(100_000_000)),
            (millis, "2 s", Value::Nanos(2_000_000_000)),
            (Kind::Flag, "true", Value::Flag(true)),
            (FAULTS, "partition,kill", Value::Names(vec!["partition".into(), "kill".into()])),
            (FAULTS, "none", Value::Names(vec![])),
        ] {
            assert_eq!(kind.parse(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn wrong_values_are_refused_with_the_choices() {
        for (kind, text, says) in [
            (Kind::Nodes, "0", "number of nodes"),
            (Kind::Nodes, "-3", "number of nodes"),
            (Kind::Nodes, "c1,n2", "clients'"),
            (Kind::Nodes, "seq-kv", "service"),
            (Kind::Nodes, "n1,n1", "two nodes"),
            (Kind::Nodes, "a/b", "file name"),
            (Kind::Nodes, "..", "file name"),
            (Kind::Nodes, "three", "the only node; write `3`"),
            (Kind::Nodes, "n1,", "empty"),
            (Kind::Concurrency, "n", "number of workers"),
            (Kind::Concurrency, "0", "number of workers"),
            (Kind::Probability, "1.5", "from 0 to 1"),
            (Kind::Probability, "NaN", "from 0 to 1"),
            (Kind::Availability, "most", "total"),
            (Kind::Seconds { min: 0, max: 5_000_000_000 }, "6s", "out of range: from 0 to 5s"),
            (Kind::Millis { max: u64::MAX }, "5 parsecs", "number of milliseconds"),
            (Kind::Millis { max: u64::MAX }, "-5", "number of milliseconds"),
            (FAULTS, "partitoin", "did you mean \"partition\"?"),
            (FAULTS, "kill,kill", "twice"),
            (Kind::Flag, "yes", "neither"),
        ] {
            let error = kind.parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn written_times_read_back() {
        for nanos in
            [0, 1, 999, 1_000, 250_000, 100_000_000, 1_500_000_000, 60_000_000_000, 90_000_000_000, 86_400_000_000_000]
        {
            assert_eq!(parse_duration(&format_nanos(nanos), 1), Some(nanos), "{}", format_nanos(nanos));
        }
        assert_eq!(format_nanos(1_500_000_000), "1.5s");
        assert_eq!(format_nanos(100_000_000), "100ms");
    }
}
