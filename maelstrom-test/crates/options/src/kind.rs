//! The values that an option allows, and how they are read.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::duration::{format_duration, parse_duration};
use crate::nodes::parse_nodes;
use crate::{Concurrency, FrontEnd, OptionError, Value};

pub(crate) const ZERO: Duration = Duration::ZERO;
pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const DAY: Duration = HOUR.saturating_mul(24);

/// Limit on the number of client workers of a run.
const MAX_WORKERS: u64 = 100_000;

/// The values that an option allows.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
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
    /// A number of runs; `true`: 200, `false`: 0.
    Reruns,
    /// A time in a range, with its unit.
    Time {
        /// Shortest.
        min: Duration,
        /// Longest.
        max: Duration,
        /// Where a number without a unit is allowed, and what it counts.
        bare: Bare,
    },
    /// `true` or `false`.
    Flag,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Any of these, separated by commas; `none`: none of them.
    Set(&'static [&'static str]),
    /// Each front end has a form of its own.
    Special,
}

/// How many times a failing run is repeated at most to find the cause of its failure.
pub(crate) const DEFAULT_RERUNS: u64 = 200;
/// Limit on the number of repetitions.
const MAX_RERUNS: u64 = 1_000_000;

/// The unit of a time that is a number without a unit. 0 needs no unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bare {
    /// The original has a flag of this name that counts this unit. Every front end takes such numbers.
    Everywhere(Unit),
    /// Only the flag takes such numbers: the name of its argument says what they count.
    InFlag(Unit),
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
}

impl Bare {
    /// What numbers count where they are allowed.
    pub fn unit(self) -> Unit {
        match self {
            Bare::Everywhere(unit) | Bare::InFlag(unit) => unit,
        }
    }

    fn is_allowed(self, front_end: FrontEnd) -> bool {
        matches!(self, Bare::Everywhere(_)) || front_end == FrontEnd::CommandLine
    }
}

impl Unit {
    /// The name of a flag's argument that counts it.
    pub fn argument(self) -> &'static str {
        match self {
            Unit::Seconds => "SECONDS",
            Unit::Millis => "MILLIS",
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Unit::Seconds => "s",
            Unit::Millis => "ms",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Seconds => "seconds",
            Unit::Millis => "milliseconds",
        })
    }
}

impl Kind {
    /// Reads a value as people write it.
    pub(crate) fn parse(self, text: &str, front_end: FrontEnd) -> Result<Value, OptionError> {
        let text = text.trim();
        match self {
            Kind::Nodes => parse_nodes(text).map(Value::Nodes),
            Kind::Concurrency => parse_concurrency(text).map(Value::Concurrency),
            Kind::Int { min, max } => parse_int(text, min, max).map(Value::Int),
            Kind::Number { min, max } => parse_number(text, min, max).map(Value::Number),
            Kind::Probability => parse_number(text, 0.0, 1.0).map(Value::Number),
            Kind::Availability if text == "total" => Ok(Value::Number(1.0)),
            Kind::Availability => parse_number(text, 0.0, 1.0).map(Value::Number).map_err(|_| {
                OptionError::new(format!("`{text}` is not a share"), "write a number from 0 to 1, or \"total\"")
            }),
            Kind::Reruns => parse_reruns(text).map(Value::Int),
            Kind::Time { min, max, bare } => parse_time(text, min, max, bare, front_end).map(Value::Time),
            Kind::Flag => match text {
                "true" => Ok(Value::Flag(true)),
                "false" => Ok(Value::Flag(false)),
                _ => Err(OptionError::new(format!("`{text}` is neither true nor false"), "write true or false")),
            },
            Kind::Choice(choices) => check_choice(text, choices).map(Value::Name),
            Kind::Set(choices) => parse_set(text, choices).map(Value::Names),
            Kind::Special => Ok(Value::Name(text.into())),
        }
    }
}

fn parse_concurrency(text: &str) -> Result<Concurrency, OptionError> {
    match text.strip_suffix('n') {
        Some(times) => parse_int(times, 1, MAX_WORKERS).map(Concurrency::PerNode),
        None => parse_int(text, 1, MAX_WORKERS).map(Concurrency::Total),
    }
    .map_err(|_| {
        OptionError::new(
            format!("`{text}` is not a number of workers"),
            format!("write a number from 1 to {MAX_WORKERS}, or a multiple of the number of nodes: \"2n\""),
        )
    })
}

fn parse_reruns(text: &str) -> Result<u64, OptionError> {
    match text {
        "true" => Ok(DEFAULT_RERUNS),
        "false" => Ok(0),
        _ => parse_int(text, 0, MAX_RERUNS).map_err(|_| {
            OptionError::new(
                format!("`{text}` is not a number of runs"),
                format!("write a number from 0 to {MAX_RERUNS}, true or false"),
            )
        }),
    }
}

pub(crate) fn parse_int(text: &str, min: u64, max: u64) -> Result<u64, OptionError> {
    let range = if max == u64::MAX { format!("of {min} or more") } else { format!("from {min} to {max}") };
    parse_in_range(text, min, max, "an integer", &range)
}

fn parse_number(text: &str, min: f64, max: f64) -> Result<f64, OptionError> {
    parse_in_range(text, min, max, "a number", &format!("from {min} to {max}"))
}

fn parse_in_range<T: FromStr + PartialOrd>(
    text: &str,
    min: T,
    max: T,
    what: &str,
    range: &str,
) -> Result<T, OptionError> {
    let wrong = |why: &str| OptionError::new(format!("`{text}` is {why}"), format!("write {what} {range}"));
    let number: T = text.replace('_', "").parse().map_err(|_| wrong(&format!("not {what}")))?;
    if (min..=max).contains(&number) { Ok(number) } else { Err(wrong("out of range")) }
}

fn parse_time(
    text: &str,
    min: Duration,
    max: Duration,
    bare: Bare,
    front_end: FrontEnd,
) -> Result<Duration, OptionError> {
    let unit = bare.unit();
    let is_bare = text.replace('_', "").parse::<f64>().is_ok();
    let is_allowed = bare.is_allowed(front_end);
    let with_unit = if is_bare { format!("{text}{}", unit.suffix()) } else { text.to_owned() };
    let Some(time) = parse_duration(&with_unit) else {
        let numbers = if is_allowed { format!(", or a number of {unit}") } else { String::new() };
        return Err(OptionError::new(
            format!("`{text}` is not a time"),
            format!("write a number with its unit: \"100ms\", \"10s\", \"2m\"{numbers}"),
        ));
    };
    if is_bare && !is_allowed && !time.is_zero() {
        return Err(OptionError::new(
            format!("`{text}` has no unit"),
            format!("write \"{text}s\" for seconds or \"{text}ms\" for milliseconds"),
        ));
    }
    if !(min..=max).contains(&time) {
        return Err(OptionError::new(
            format!("`{text}` is out of range"),
            format!("write a time from {} to {}", format_duration(min), format_duration(max)),
        ));
    }
    Ok(time)
}

fn check_choice(text: &str, choices: &[&str]) -> Result<String, OptionError> {
    if choices.contains(&text) {
        return Ok(text.into());
    }
    Err(OptionError::choose(format!("`{text}` is none of the choices"), text, choices))
}

fn parse_set(text: &str, choices: &[&str]) -> Result<Vec<String>, OptionError> {
    let mut names = Vec::new();
    if text.is_empty() || text == "none" {
        return Ok(names);
    }
    for name in text.split(',').map(str::trim) {
        let name = check_choice(name, choices)?;
        if names.contains(&name) {
            return Err(OptionError::new(format!("`{name}` is named twice"), "name it once"));
        }
        names.push(name);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Nodes;

    const FAULTS: Kind = Kind::Set(&["partition", "kill"]);
    const SECONDS: Kind = Kind::Time { min: ZERO, max: DAY, bare: Bare::Everywhere(Unit::Seconds) };
    const MILLIS: Kind = Kind::Time { min: ZERO, max: HOUR, bare: Bare::InFlag(Unit::Millis) };

    #[test]
    fn values_are_read_as_people_write_them() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>();
        let nodes = |list: &[&str]| Value::Nodes(Nodes::Names(names(list)));
        let millis = |count| Value::Time(Duration::from_millis(count));
        for (kind, text, value) in [
            (Kind::Nodes, "5", Value::Nodes(Nodes::Count(5))),
            (Kind::Nodes, "n1, n2", nodes(&["n1", "n2"])),
            (Kind::Nodes, "solo", nodes(&["solo"])),
            (Kind::Nodes, "one,two", nodes(&["one", "two"])),
            (Kind::Concurrency, "10", Value::Concurrency(Concurrency::Total(10))),
            (Kind::Concurrency, "2n", Value::Concurrency(Concurrency::PerNode(2))),
            (Kind::Int { min: 1, max: 9_999 }, "1_000", Value::Int(1000)),
            (Kind::Number { min: 0.0, max: 10.0 }, "0.5", Value::Number(0.5)),
            (Kind::Reruns, "true", Value::Int(DEFAULT_RERUNS)),
            (Kind::Reruns, "false", Value::Int(0)),
            (Kind::Reruns, "500", Value::Int(500)),
            (Kind::Availability, "total", Value::Number(1.0)),
            (Kind::Availability, "0.99", Value::Number(0.99)),
            (SECONDS, "10", millis(10_000)),
            (SECONDS, "0.25", millis(250)),
            (SECONDS, "100ms", millis(100)),
            (MILLIS, "0", millis(0)),
            (MILLIS, "2 s", millis(2_000)),
            (Kind::Flag, "true", Value::Flag(true)),
            (FAULTS, "partition,kill", Value::Names(names(&["partition", "kill"]))),
            (FAULTS, "none", Value::Names(vec![])),
        ] {
            assert_eq!(kind.parse(text, FrontEnd::Attribute), Ok(value), "{text}");
        }
        assert_eq!(MILLIS.parse("100", FrontEnd::CommandLine), Ok(millis(100)));
    }

    #[test]
    fn wrong_values_are_refused_with_the_choices() {
        for (kind, text, says) in [
            (Kind::Nodes, "0", "number of nodes"),
            (Kind::Nodes, "-3", "number of nodes"),
            (Kind::Nodes, "c1,n2", "reserved for clients"),
            (Kind::Nodes, "seq-kv", "service"),
            (Kind::Nodes, "n1,n1", "two nodes"),
            (Kind::Nodes, "a/b", "file name"),
            (Kind::Nodes, "..", "file name"),
            (Kind::Nodes, "three", "the only node\n  help: write `3`"),
            (Kind::Nodes, "n1,", "empty"),
            (Kind::Concurrency, "n", "number of workers"),
            (Kind::Concurrency, "0", "number of workers"),
            (
                Kind::Reruns,
                "many",
                "`many` is not a number of runs\n  help: write a number from 0 to 1000000, true or false",
            ),
            (Kind::Probability, "1.5", "from 0 to 1"),
            (Kind::Probability, "NaN", "from 0 to 1"),
            (Kind::Int { min: 1, max: u64::MAX }, "0", "`0` is out of range\n  help: write an integer of 1 or more"),
            (Kind::Int { min: 1, max: 9 }, "-1", "`-1` is not an integer\n  help: write an integer from 1 to 9"),
            (Kind::Availability, "most", "total"),
            (SECONDS, "2d", "`2d` is not a time\n  help: write a number with its unit: \"100ms\", \"10s\", \"2m\", or"),
            (SECONDS, "25h", "`25h` is out of range\n  help: write a time from 0 to 24h"),
            (MILLIS, "5 parsecs", "\"2m\""),
            (MILLIS, "-5", "`-5` is not a time"),
            (MILLIS, "inf", "is not a time"),
            (MILLIS, "500", "`500` has no unit\n  help: write \"500s\" for seconds or \"500ms\" for milliseconds"),
            (FAULTS, "partitoin", "did you mean \"partition\"?"),
            (FAULTS, "kill,kill", "twice"),
            (Kind::Flag, "yes", "neither"),
        ] {
            let error = kind.parse(text, FrontEnd::Builder).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
