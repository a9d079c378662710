//! Messages, bodies, errors, node names: the language that nodes speak.

mod error;
mod message;
mod name;
mod scan;
mod schema;

pub use error::{ErrorCode, RpcError};
pub use message::Envelope;
pub(crate) use message::place_of;
pub use name::{NodeKind, SERVICE_NAMES, compare_names, name_kind};
pub use schema::{Rpc, Type, shorten};

/// The body of a message.
pub type Body = crate::json::Map<String, crate::json::Value>;
