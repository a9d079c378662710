//! Error bodies and the table of their codes.

use super::Body;
use crate::json::{Map, Value};

/// A row of the table of error codes that the protocol reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// The number in the body.
    pub code: i64,
    /// Its name, as histories show it.
    pub name: &'static str,
    /// True: the operation did not and will never happen.
    pub definite: bool,
    /// For the documentation.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($constant:ident = $code:literal, $name:literal, $definite:literal, $meaning:literal;)*) => {
        impl ErrorCode {
            $(#[doc = $meaning] pub const $constant: ErrorCode =
                ErrorCode { code: $code, name: $name, definite: $definite, meaning: $meaning };)*
            /// All reserved codes, ascending.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$constant),*];
        }
    };
}

codes! {
    TIMEOUT = 0, "timeout", false, "No answer in time.";
    NODE_NOT_FOUND = 1, "node-not-found", true, "Sent to a node that does not exist.";
    NOT_SUPPORTED = 10, "not-supported", true, "The node does not implement this request.";
    TEMPORARILY_UNAVAILABLE = 11, "temporarily-unavailable", true, "Cannot be done now (no leader, not ready, …).";
    MALFORMED_REQUEST = 12, "malformed-request", true, "The request made no sense to the node.";
    CRASH = 13, "crash", false, "Something unexpected went wrong; a safe default for anything.";
    ABORT = 14, "abort", true, "Did not happen, for a reason of no other code.";
    KEY_DOES_NOT_EXIST = 20, "key-does-not-exist", true, "Operation on a missing key.";
    KEY_ALREADY_EXISTS = 21, "key-already-exists", true, "Creation of a key that exists.";
    PRECONDITION_FAILED = 22, "precondition-failed", true, "For example a compare-and-set whose `from` did not match.";
    TXN_CONFLICT = 30, "txn-conflict", true, "Transaction aborted by a conflict.";
}

impl ErrorCode {
    /// The row of a code; `None` for the user's own.
    pub fn find(code: i64) -> Option<&'static ErrorCode> {
        ErrorCode::ALL.iter().find(|row| row.code == code)
    }
}

/// An error as a node or service answered it.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcError {
    /// One of [`ErrorCode::ALL`], or the user's own.
    pub code: i64,
    /// Explanation for people; may be empty.
    pub text: String,
    /// Further keys of the body.
    pub extra: Map<String, Value>,
}

impl RpcError {
    /// An error of the table with a text.
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

    /// The error as a body, without `in_reply_to`.
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

    /// True if the operation did not and will never happen. Unknown codes are indefinite.
    pub fn is_definite(&self) -> bool {
        ErrorCode::find(self.code).is_some_and(|row| row.definite)
    }

    /// The code's name; `unknown` for codes that the table does not have.
    pub fn name(&self) -> &'static str {
        ErrorCode::find(self.code).map_or("unknown", |row| row.name)
    }
}
