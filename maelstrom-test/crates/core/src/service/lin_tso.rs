//! `lin-tso`: a linearizable timestamp oracle.

use super::Service;
use crate::json::Value;
use crate::protocol::{Body, ErrorCode, RpcError};
use crate::random::Rng;

/// Responds to `ts` requests with 0, 1, 2, …
#[derive(Clone, Debug, Default)]
pub(crate) struct LinTso {
    next: u64,
}

impl Service for LinTso {
    fn handle(&mut self, _source: &str, request: &Body, _rng: &mut Rng) -> Body {
        match request.get("type").and_then(Value::as_str) {
            Some("ts") => {
                let ts = self.next;
                self.next += 1;
                Body::from_iter([("type".into(), "ts_ok".into()), ("ts".into(), ts.into())])
            }
            Some(other) => {
                RpcError::new(ErrorCode::NOT_SUPPORTED, format!("lin-tso supports ts, not \"{other}\"")).into_body()
            }
            None => RpcError::new(ErrorCode::MALFORMED_REQUEST, "the request has no type").into_body(),
        }
    }
}
