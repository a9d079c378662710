//! How operations become requests and answers become completions.

use crate::generator::Invocation;
use crate::history::OpType;
use crate::json::Value;
use crate::protocol::{Body, Malformed, RpcError};

/// What came back for a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A good answer, of the schema that [`Workload::rpcs`](super::Workload::rpcs) gives.
    Ok(Body),
    /// An error body.
    Error(RpcError),
    /// Nothing in time.
    Timeout,
    /// Something that is not of the schema; already reported. The operation should end `info`.
    Malformed(Malformed),
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// `Ok`, `Fail` or `Info`.
    pub kind: OpType,
    /// The result; `None`: the invocation's value.
    pub value: Option<Value>,
    /// What went wrong.
    pub error: Option<Value>,
}

impl Completion {
    /// It happened, and this is the result.
    pub fn ok(value: Value) -> Completion {
        Completion { kind: OpType::Ok, value: Some(value), error: None }
    }

    /// What an answer other than a good one means, by the rules of the protocol: `fail` if the error is definite or the operation
    /// idempotent, else `info`.
    ///
    /// ```
    /// use maelstrom_core::{history::OpType, workload::{Answer, Completion}};
    /// assert_eq!(Completion::not_ok(&Answer::Timeout, true).kind, OpType::Fail);
    /// assert_eq!(Completion::not_ok(&Answer::Timeout, false).kind, OpType::Info);
    /// ```
    pub fn not_ok(answer: &Answer, idempotent: bool) -> Completion {
        let (definite, error) = match answer {
            Answer::Ok(_) => (false, Value::Null),
            Answer::Error(error) => {
                let mut words = vec![Value::from(error.name()), Value::from(error.text.clone())];
                if error.name() == "unknown" {
                    words.push(Value::from(error.code));
                }
                if !error.extra.is_empty() {
                    words.push(Value::Object(error.extra.clone()));
                }
                (error.is_definite() || idempotent, Value::Array(words))
            }
            Answer::Timeout => (idempotent, Value::from("net-timeout")),
            Answer::Malformed(what) => (false, crate::json::json!(["malformed-response", what.to_string()])),
        };
        Completion { kind: if definite { OpType::Fail } else { OpType::Info }, value: None, error: Some(error) }
    }
}

/// What a client does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Send this request (with `type`, without `msg_id`) to the worker's node and wait for the answer.
    Call(Body),
    /// The operation is over.
    Done(Completion),
    /// The last answer matches its schema but not the request: report it as malformed, with this explanation, and end
    /// the operation `info`.
    Malformed(Malformed),
}

/// How operations become requests and answers become completions. One client performs one operation at a time; it
/// lives as long as its process, or, where clients are reusable, as long as the worker.
pub trait Client: Send {
    /// An operation begins.
    fn invoke(&mut self, op: &Invocation) -> Step;

    /// The answer to the last [`Step::Call`] of the operation `op`.
    fn answer(&mut self, op: &Invocation, answer: Answer) -> Step;
}

/// A request body of this type with these keys.
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

/// A client for operations that are one request each.
///
/// `request` makes the request of an operation, `result` the operation's value from a good answer (or says why the answer
/// does not match its request), `idempotent` names the operations that end `fail` instead of `info` if nobody knows whether
/// they happened, since that makes no difference.
///
/// ```
/// use maelstrom_core::generator::Invocation;
/// use maelstrom_core::workload::{Answer, Completion, Step, request, single_call};
/// use maelstrom_core::json::{Value, json};
/// let mut client = single_call(
///     |op| request("echo", [("echo", op.value.clone())]),
///     |_, mut answer| answer.remove("echo").ok_or_else(|| "echo is missing".into()),
///     &[],
/// );
/// let op = Invocation::new("echo", json!("hello"));
/// assert_eq!(client.invoke(&op), Step::Call(request("echo", [("echo", json!("hello"))])));
/// let answer = request("echo_ok", [("echo", json!("hello"))]);
/// assert_eq!(client.answer(&op, Answer::Ok(answer)), Step::Done(Completion::ok(json!("hello"))));
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
    fn invoke(&mut self, op: &Invocation) -> Step {
        Step::Call((self.request)(op))
    }

    fn answer(&mut self, op: &Invocation, answer: Answer) -> Step {
        match answer {
            Answer::Ok(body) => match (self.result)(op, body) {
                Ok(value) => Step::Done(Completion::ok(value)),
                Err(why) => Step::Malformed(why),
            },
            other => Step::Done(Completion::not_ok(&other, self.idempotent.contains(&&*op.f))),
        }
    }
}
