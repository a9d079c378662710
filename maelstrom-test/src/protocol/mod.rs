//! Messages, bodies, errors, node names: the language that nodes speak.

mod error;
mod name;

pub use error::{ErrorCode, RpcError};
pub use name::{NodeKind, SERVICE_NAMES, compare_names, name_kind};
