//! [`update`]: changes a value in `lin-kv` by compare-and-set, with retries.

use crate::{ErrorCode, Kv, Node, Result, Server};
use serde_json::Value;

/// Reads a key, computes a new value and an outcome from the current value, and replaces the value. If another node changed
/// the value in the meantime, the update is retried. A change that keeps the value needs no write.
pub(super) fn update<S: Server, T: 'static>(
    node: &mut Node<S>,
    key: String,
    mut change: impl FnMut(Option<Value>) -> Result<(Value, T)> + 'static,
    then: impl FnOnce(&mut S, &mut Node<S>, Result<T>) + 'static,
) {
    Kv::LIN.read(node, key.clone(), move |server, node, current| {
        let current = match current {
            Ok(current) => current,
            Err(error) => return then(server, node, Err(error)),
        };
        let (new, outcome) = match change(current.clone()) {
            Ok(changed) => changed,
            Err(error) => return then(server, node, Err(error)),
        };
        if current.as_ref() == Some(&new) {
            return then(server, node, Ok(outcome));
        }
        Kv::LIN.cas(node, key.clone(), current, new, move |server, node, done| match done {
            Ok(()) => then(server, node, Ok(outcome)),
            Err(error) if error.code == ErrorCode::PRECONDITION_FAILED.code => update(node, key, change, then),
            Err(error) => then(server, node, Err(error)),
        });
    });
}
