//! JSON values that keep every number exactly.
//!
//! The names are those of `serde_json`. The difference is in the numbers: `serde_json` reads an integer beyond 64 bits,
//! or a decimal number with many digits, as floating point, and two numbers that differ only in the digits lost become
//! equal. Programs in Python, Ruby, Erlang and Haskell use such integers without noticing. Here, every number keeps its
//! value and compares by it:
//!
//! | numbers | are |
//! | --- | --- |
//! | `18446744073709551616`, `18446744073709551617` | different |
//! | `1`, `1.0` | different: one is an integer, the other a decimal number |
//! | `1.0`, `1.00`, `1e0`, `10e-1` | equal, and each is printed as it was written |
//! | `0`, `-0` | equal, and printed as `0` |
//! | `0.1`, `0.1000000000000000055511151231257827` | different, although their `f64` is the same |
//!
//! `serde_json` can keep numbers too, with its feature `arbitrary_precision`. This library must not switch that on:
//! Cargo unifies the features of a package, so the users' own programs would be built with it as well, and numbers in
//! their untagged and internally tagged enums could not be read any more.
//!
//! ```
//! use maelstrom_protocol::json::{self, Value, json};
//! let value = json::from_str(r#"{"id": 18446744073709551617, "x": [1.50, null]}"#)?;
//! assert_eq!(value.to_string(), r#"{"id":18446744073709551617,"x":[1.50,null]}"#);
//! assert_ne!(value["id"], json::from_str("18446744073709551616")?);
//! assert_eq!(value["x"], json!([1.5, Value::Null]));
//! # Ok::<(), json::Error>(())
//! ```
//!
//! What is nested deeper than [`MAX_DEPTH`] levels is not read.

mod compare;
mod convert;
mod interop;

mod macros;
mod number;
mod parse;
mod serde_impls;
mod value;

pub use crate::json_value as json;
pub use convert::ToJson;
pub use interop::Inexact;
pub use number::{NotANumber, Number};
#[doc(hidden)] // For the readers of histories, which are in another crate.
pub use parse::Parser;
pub use parse::{MAX_DEPTH, from_slice, from_str, object_from_str};
pub use serde_impls::{from_value, to_value};
pub use value::{Index, Value};

/// The entries of an object, ordered by key.
pub type Map<K = String, V = Value> = std::collections::BTreeMap<K, V>;

/// What is wrong with a text that is not JSON.
pub type Error = serde_json::Error;

#[cfg(test)]
mod tests;
