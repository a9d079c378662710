//! Messages, bodies, error codes and node names: the protocol that nodes speak, and [JSON values](json) that keep every
//! number exactly.

// Tests may read files and the environment; the library may not: see `clippy.toml`.
#![cfg_attr(test, allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types))]

mod error;
pub mod json;
mod malformed;
mod message;
mod name;
mod scan;
mod schema;

pub use error::{ErrorCode, RpcError};
pub use malformed::Malformed;
pub use message::Envelope;
pub use name::{NodeKind, SERVICE_NAMES, compare_names, name_kind};
pub use schema::{Rpc, Type, shorten};

/// The body of a message.
pub type Body = crate::json::Map<String, crate::json::Value>;
