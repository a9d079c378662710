//! `lin-kv`: a linearizable key-value store.

use rustc_hash::FxHashMap;

use super::Service;
use super::kv::Request;
use crate::json::Value;
use crate::protocol::Body;
use crate::random::Rng;

/// One map. Requests execute in the order of their arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinKv {
    map: FxHashMap<Value, Value>,
}

impl Service for LinKv {
    fn handle(&mut self, _source: &str, request: &Body, _rng: &mut Rng) -> Body {
        let request = match Request::parse("lin-kv", request) {
            Ok(request) => request,
            Err(error) => return error,
        };
        let outcome = request.execute(self.map.get(&request.key));
        if let Some(value) = outcome.write {
            self.map.insert(request.key, value);
        }
        outcome.response
    }
}
