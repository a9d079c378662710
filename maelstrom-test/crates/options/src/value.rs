//! Values of options, read and checked.

use std::fmt;
use std::time::Duration;

use crate::Nodes;
use crate::duration::format_exactly;

/// Where options are written. The front ends allow the same values, except for times without a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrontEnd {
    /// `#[maelstrom::test(…)]`.
    Attribute,
    /// The methods of `Scenario`.
    #[default]
    Builder,
    /// Flags, and the options of stored runs.
    CommandLine,
}

/// The number of client workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// So many.
    Total(u64),
    /// So many times the number of nodes.
    PerNode(u64),
}

impl Concurrency {
    /// The number of workers for this number of nodes.
    pub fn workers(self, nodes: usize) -> usize {
        match self {
            Concurrency::Total(workers) => workers as usize,
            Concurrency::PerNode(times) => (times as usize).saturating_mul(nodes),
        }
    }
}

/// The value of an option of any kind.
///
/// Its text is the value as people write it; reading that gives the same value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Nodes.
    Nodes(Nodes),
    /// A number of workers.
    Concurrency(Concurrency),
    /// An integer.
    Int(u64),
    /// A number.
    Number(f64),
    /// A time.
    Time(Duration),
    /// Yes or no.
    Flag(bool),
    /// A name.
    Name(String),
    /// Names.
    Names(Vec<String>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nodes(Nodes::Count(count)) => write!(f, "{count}"),
            Value::Concurrency(Concurrency::Total(workers)) => write!(f, "{workers}"),
            Value::Concurrency(Concurrency::PerNode(times)) => write!(f, "{times}n"),
            Value::Int(int) => write!(f, "{int}"),
            Value::Number(number) => write!(f, "{number}"),
            Value::Time(time) => f.write_str(&format_exactly(*time)),
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::Name(name) => f.write_str(name),
            Value::Names(names) if names.is_empty() => f.write_str("none"),
            Value::Names(names) | Value::Nodes(Nodes::Names(names)) => f.write_str(&names.join(",")),
        }
    }
}

/// A type of values, as a row of the table names it.
pub(crate) trait ValueType: Clone {
    fn from_value(value: Value) -> Option<Self>;
    fn into_value(self) -> Value;
}

macro_rules! value_types {
    ($($type:ty: $variant:ident;)*) => {
        $(impl ValueType for $type {
            fn from_value(value: Value) -> Option<$type> {
                if let Value::$variant(value) = value { Some(value) } else { None }
            }

            fn into_value(self) -> Value {
                Value::$variant(self)
            }
        })*
    };
}

value_types! {
    Nodes: Nodes;
    Concurrency: Concurrency;
    u64: Int;
    f64: Number;
    Duration: Time;
    bool: Flag;
    String: Name;
    Vec<String>: Names;
}
