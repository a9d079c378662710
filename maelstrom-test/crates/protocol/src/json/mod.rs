//! JSON values that keep every number exactly.
//!
//! The names are those of `serde_json`. The difference is in the numbers. `serde_json` parses an integer of more than 64
//! bits, or a decimal number with many digits, as floating point, so that two numbers may become equal by rounding.
//! Programs in Python, Ruby, Erlang and Haskell use such integers routinely. Here, every number keeps its exact value, and
//! is compared by it:
//!
//! | numbers | are |
//! | --- | --- |
//! | `18446744073709551616`, `18446744073709551617` | different |
//! | `1`, `1.0` | different: one is an integer, the other a decimal number |
//! | `1.0`, `1.00`, `1e0`, `10e-1` | equal; each is printed as it was written |
//! | `0`, `-0` | equal; both are printed as `0` |
//! | `0.1`, `0.1000000000000000055511151231257827` | different, although their `f64` is the same |
//!
//! `serde_json` keeps exact numbers with its feature `arbitrary_precision`, but this library must not enable it. Cargo
//! unifies the features of a package, so users' programs would be built with the feature as well, and could no longer
//! deserialize numbers in untagged and internally tagged enums.
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
//! Values nested more than [`MAX_DEPTH`] levels deep are not parsed.

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
pub use interop::InexactNumber;
pub use number::{Number, ParseNumberError};
#[doc(hidden)] // For the parsers of histories, which are in another crate.
pub use parse::Parser;
pub use parse::{MAX_DEPTH, from_slice, from_str, object_from_str};
pub use serde_impls::{from_value, to_value};
pub use value::{Index, Value};

/// The entries of an object, ordered by key.
pub type Map<K = String, V = Value> = std::collections::BTreeMap<K, V>;

/// An error of parsing or serializing JSON.
pub type Error = serde_json::Error;

#[cfg(test)]
mod tests;
