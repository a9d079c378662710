//! The protocol of nodes: messages, error codes, RPC schemas and names, and [JSON values](json) with exact numbers.
//!
//! | item | what it is |
//! | --- | --- |
//! | [`Envelope`] | a message as a node printed it: source and destination parsed, body unparsed |
//! | [`Malformed`] | what is wrong with a message, and where |
//! | [`ErrorCode`], [`RpcError`] | the reserved error codes, and errors in responses |
//! | [`Rpc`], [`Type`] | schemas of requests and responses |
//! | [`NodeKind`] | what a name stands for: a node, a client or a service |
//! | [`json`] | JSON values whose numbers keep their exact value |

#![cfg_attr(docsrs, feature(doc_cfg))]
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
pub use name::{NodeKind, SERVICE_NAMES, compare_names};
pub use schema::{Rpc, Type, shorten};

/// The body of a message.
pub type Body = crate::json::Map<String, crate::json::Value>;
