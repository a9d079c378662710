//! [`RpcError`]: error bodies; [`ErrorCode`]: the table of reserved codes.

use super::Body;
use crate::json::{Map, Value};

/// A reserved error code.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// The number in the body of an error.
    pub code: i64,
    /// The name in histories.
    pub name: &'static str,
    /// Whether the error is definite: the operation did not take effect and never will.
    pub definite: bool,
    /// The meaning, as one sentence for the documentation.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($constant:ident = $code:literal, $name:literal, $definite:literal, $meaning:literal;)*) => {
        impl ErrorCode {
            $(#[doc = $meaning] pub const $constant: ErrorCode =
                ErrorCode { code: $code, name: $name, definite: $definite, meaning: $meaning };)*
            /// All reserved codes, in ascending order.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$constant),*];
        }
    };
}

codes! {
    TIMEOUT = 0, "timeout", false, "No response within the timeout.";
    NODE_NOT_FOUND = 1, "node-not-found", true, "The destination does not exist.";
    NOT_SUPPORTED = 10, "not-supported", true, "The node does not support this request.";
    TEMPORARILY_UNAVAILABLE = 11, "temporarily-unavailable", true, "The operation cannot be performed now: there is no leader, or the node is not ready.";
    MALFORMED_REQUEST = 12, "malformed-request", true, "The request does not match what the node expects.";
    CRASH = 13, "crash", false, "An unexpected error. The safe default if no other code applies.";
    ABORT = 14, "abort", true, "The operation was aborted, for a reason that no other code describes.";
    KEY_DOES_NOT_EXIST = 20, "key-does-not-exist", true, "The key does not exist.";
    KEY_ALREADY_EXISTS = 21, "key-already-exists", true, "The key to be created already exists.";
    PRECONDITION_FAILED = 22, "precondition-failed", true, "A precondition does not hold, such as the `from` of a compare-and-set.";
    TXN_CONFLICT = 30, "txn-conflict", true, "A conflict aborted the transaction.";
}

impl ErrorCode {
    /// The reserved code with this number; `None` for custom codes.
    pub fn find(code: i64) -> Option<&'static ErrorCode> {
        ErrorCode::ALL.iter().find(|row| row.code == code)
    }
}

/// An error in a response.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcError {
    /// The number of a reserved code (see [`ErrorCode::ALL`]), or a custom one.
    pub code: i64,
    /// An explanation; may be empty.
    pub text: String,
    /// Additional keys of the body.
    pub extra: Map<String, Value>,
}

impl RpcError {
    /// Creates an error with a reserved code.
    ///
    /// ```
    /// use maelstrom_protocol::{ErrorCode, RpcError};
    /// let error = RpcError::new(ErrorCode::PRECONDITION_FAILED, "current value is 3, not 2");
    /// assert!(error.is_definite());
    /// assert_eq!(error.name(), "precondition-failed");
    /// ```
    pub fn new(code: ErrorCode, text: impl Into<String>) -> RpcError {
        RpcError { code: code.code, text: text.into(), extra: Map::new() }
    }

    /// Converts the error to a body, without `in_reply_to`.
    ///
    /// ```
    /// use maelstrom_protocol::{ErrorCode, RpcError};
    /// let body = RpcError::new(ErrorCode::ABORT, "no quorum").into_body();
    /// assert_eq!(maelstrom_protocol::json::Value::Object(body), maelstrom_protocol::json::json!({"type": "error", "code": 14, "text": "no quorum"}));
    /// ```
    pub fn into_body(self) -> Body {
        let mut body = self.extra;
        body.insert("type".into(), "error".into());
        body.insert("code".into(), self.code.into());
        body.insert("text".into(), self.text.into());
        body
    }

    /// Whether the operation did not take effect and never will. Custom codes are indefinite.
    pub fn is_definite(&self) -> bool {
        ErrorCode::find(self.code).is_some_and(|row| row.definite)
    }

    /// The name of the code; `unknown` for custom codes.
    pub fn name(&self) -> &'static str {
        ErrorCode::find(self.code).map_or("unknown", |row| row.name)
    }
}
