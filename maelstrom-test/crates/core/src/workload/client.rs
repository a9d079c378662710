//! [`Client`]: turns operations into requests, and responses into completions.

use crate::generator::Invocation;
use crate::history::OpType;
use crate::json::Value;
use crate::protocol::{Body, Malformed, RpcError};

/// The response to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// A response that matches the schema in [`Workload::rpcs`](super::Workload::rpcs).
    Ok(Body),
    /// An error.
    Error(RpcError),
    /// No response within the client request timeout.
    Timeout,
    /// A response that does not match the schema. It is already reported; the operation should end `info`.
    Malformed(Malformed),
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// `Ok`, `Fail` or `Info`.
    pub kind: OpType,
    /// The result; `None` for the value of the invocation.
    pub value: Option<Value>,
    /// The error, unless the operation ended `ok`.
    pub error: Option<Value>,
}

impl Completion {
    /// The operation succeeded with this result.
    pub fn ok(value: Value) -> Completion {
        Completion { kind: OpType::Ok, value: Some(value), error: None }
    }

    /// The completion for a response other than [`Response::Ok`]: `fail` if the error is definite or the operation
    /// idempotent, otherwise `info`.
    ///
    /// ```
    /// use maelstrom_core::{history::OpType, workload::{Completion, Response}};
    /// assert_eq!(Completion::not_ok(&Response::Timeout, true).kind, OpType::Fail);
    /// assert_eq!(Completion::not_ok(&Response::Timeout, false).kind, OpType::Info);
    /// ```
    pub fn not_ok(response: &Response, idempotent: bool) -> Completion {
        let (definite, error) = match response {
            Response::Ok(_) => (false, Value::Null),
            Response::Error(error) => {
                let mut words = vec![Value::from(error.name()), Value::from(error.text.clone())];
                if error.name() == "unknown" {
                    words.push(Value::from(error.code));
                }
                if !error.extra.is_empty() {
                    words.push(Value::Object(error.extra.clone()));
                }
                (error.is_definite() || idempotent, Value::Array(words))
            }
            Response::Timeout => (idempotent, Value::from("net-timeout")),
            Response::Malformed(what) => (false, crate::json::json!(["malformed-response", what.to_string()])),
        };
        Completion { kind: if definite { OpType::Fail } else { OpType::Info }, value: None, error: Some(error) }
    }
}

/// What a client does next in its operation.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientStep {
    /// Send this request to the worker's node and wait for the response. The body has a `type`, but no `msg_id`.
    Call(Body),
    /// Complete the operation.
    Done(Completion),
    /// Report the last response as malformed, with this explanation, and end the operation `info`. For responses that
    /// match their schema, but not their request.
    Malformed(Malformed),
}

/// Turns operations into requests, and responses into completions.
///
/// A client performs one operation at a time. It is used for one process, or, if clients are
/// [reusable](super::Workload::reusable_clients), for all processes of its worker.
pub trait Client: Send {
    /// Starts an operation.
    fn invoke(&mut self, op: &Invocation) -> ClientStep;

    /// Continues the operation `op` with the response to its last [`ClientStep::Call`].
    fn on_response(&mut self, op: &Invocation, response: Response) -> ClientStep;
}

/// Creates a request body with this type and these entries.
///
/// ```
/// use maelstrom_core::workload::request;
/// let body = request("write", [("key", "x".into()), ("value", 3.into())]);
/// assert_eq!(maelstrom_core::json::Value::Object(body), maelstrom_core::json::json!({"type": "write", "key": "x", "value": 3}));
/// ```
pub fn request<const N: usize>(name: &str, keys: [(&str, Value); N]) -> Body {
    let mut body = Body::from_iter(keys.map(|(key, value)| (key.to_owned(), value)));
    body.insert("type".into(), name.into());
    body
}

/// Creates a client for operations that consist of one request each.
///
/// - `request` creates the request of an operation.
/// - `result` computes the value of the operation from a response that matches its schema. Its error explains why the
///   response does not match the request.
/// - `idempotent` lists the functions of idempotent operations. They end `fail` instead of `info` if it is unknown whether
///   they took effect.
///
/// ```
/// use maelstrom_core::generator::Invocation;
/// use maelstrom_core::workload::{Response, Completion, ClientStep, request, single_call};
/// use maelstrom_core::json::{Value, json};
/// let mut client = single_call(
///     |op| request("echo", [("echo", op.value.clone())]),
///     |_, mut response| response.remove("echo").ok_or_else(|| "echo is missing".into()),
///     &[],
/// );
/// let op = Invocation::new("echo", json!("hello"));
/// assert_eq!(client.invoke(&op), ClientStep::Call(request("echo", [("echo", json!("hello"))])));
/// let response = request("echo_ok", [("echo", json!("hello"))]);
/// assert_eq!(client.on_response(&op, Response::Ok(response)), ClientStep::Done(Completion::ok(json!("hello"))));
/// ```
pub fn single_call(
    request: impl Fn(&Invocation) -> Body + Send + 'static,
    result: impl Fn(&Invocation, Body) -> Result<Value, Malformed> + Send + 'static,
    idempotent: &'static [&'static str],
) -> Box<dyn Client> {
    Box::new(SingleCall { request, result, idempotent })
}

struct SingleCall<Q, R> {
    request: Q,
    result: R,
    idempotent: &'static [&'static str],
}

impl<Q, R> Client for SingleCall<Q, R>
where
    Q: Fn(&Invocation) -> Body + Send,
    R: Fn(&Invocation, Body) -> Result<Value, Malformed> + Send,
{
    fn invoke(&mut self, op: &Invocation) -> ClientStep {
        ClientStep::Call((self.request)(op))
    }

    fn on_response(&mut self, op: &Invocation, response: Response) -> ClientStep {
        match response {
            Response::Ok(body) => match (self.result)(op, body) {
                Ok(value) => ClientStep::Done(Completion::ok(value)),
                Err(why) => ClientStep::Malformed(why),
            },
            other => ClientStep::Done(Completion::not_ok(&other, self.idempotent.contains(&&*op.f))),
        }
    }
}
