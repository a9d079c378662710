//! Requests to the key-value services, and their effect on the value of a key.

use crate::json::Value;
use crate::protocol::{Body, ErrorCode, RpcError};

/// A request to a key-value store.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    pub(super) key: Value,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Read,
    Write(Value),
    Cas { from: Value, to: Value, create: bool },
}

/// The result of a request.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) response: Body,
    /// The new value of the key, if the request writes.
    pub(super) write: Option<Value>,
}

impl Request {
    /// Parses the body of a request.
    ///
    /// # Errors
    /// The error body to respond with, if the request is malformed or unknown.
    pub(super) fn parse(service: &str, body: &Body) -> Result<Request, Body> {
        let fail = |code, text: String| Err(RpcError::new(code, text).into_body());
        let Some(kind) = body.get("type").and_then(Value::as_str) else {
            return fail(ErrorCode::MALFORMED_REQUEST, "the request has no type".into());
        };
        let required: &[&str] = match kind {
            "read" => &["key"],
            "write" => &["key", "value"],
            "cas" => &["key", "from", "to"],
            _ => {
                return fail(
                    ErrorCode::NOT_SUPPORTED,
                    format!("{service} supports read, write and cas, not \"{kind}\""),
                );
            }
        };
        if let Some(missing) = required.iter().find(|key| !body.contains_key(**key)) {
            return fail(
                ErrorCode::MALFORMED_REQUEST,
                format!("{kind} requires {}, but {missing} is missing", required.join(", ")),
            );
        }
        let create = match body.get("create_if_not_exists") {
            None => false,
            Some(Value::Bool(create)) => *create,
            Some(other) => {
                return fail(
                    ErrorCode::MALFORMED_REQUEST,
                    format!("create_if_not_exists should be a boolean, but is {other}"),
                );
            }
        };
        let get = |key: &str| body[key].clone();
        let kind = match kind {
            "read" => Kind::Read,
            "write" => Kind::Write(get("value")),
            _ => Kind::Cas { from: get("from"), to: get("to"), create },
        };
        Ok(Request { key: get("key"), kind })
    }

    /// Executes the request on a store in which the key has the value `current`.
    pub(super) fn execute(&self, current: Option<&Value>) -> Outcome {
        let error = |code, text| Outcome { response: RpcError::new(code, text).into_body(), write: None };
        match (&self.kind, current) {
            (Kind::Read, Some(value)) => {
                let mut response = response("read_ok");
                response.insert("value".into(), value.clone());
                Outcome { response, write: None }
            }
            (Kind::Write(value), _) => Outcome { response: response("write_ok"), write: Some(value.clone()) },
            (Kind::Cas { to, create: true, .. }, None) => {
                Outcome { response: response("cas_ok"), write: Some(to.clone()) }
            }
            (Kind::Read | Kind::Cas { .. }, None) => {
                error(ErrorCode::KEY_DOES_NOT_EXIST, format!("key {} does not exist", self.key))
            }
            (Kind::Cas { from, to, .. }, Some(value)) if from == value => {
                Outcome { response: response("cas_ok"), write: Some(to.clone()) }
            }
            (Kind::Cas { from, .. }, Some(value)) => {
                error(ErrorCode::PRECONDITION_FAILED, format!("current value {value} is not {from}"))
            }
        }
    }
}

/// A response that contains only its type.
fn response(kind: &str) -> Body {
    Body::from_iter([("type".to_owned(), Value::from(kind))])
}
