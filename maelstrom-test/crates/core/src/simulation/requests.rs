//! Which life of a node made a request.
//!
//! A node that was killed and started again numbers its requests from 1 again, so an answer to its earlier life could
//! be taken for an answer to the present one. Only needed in runs with the `kill` fault; elsewhere it costs nothing.

use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::Number;
use crate::network::{Delivery, EndpointId};

/// Requests without an answer are forgotten, all at once, beyond this number.
const MOST_REQUESTS: usize = 1_000_000;

#[derive(Deserialize)]
struct Ids<'a> {
    #[serde(borrow, default)]
    msg_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    in_reply_to: Option<&'a RawValue>,
}

fn ids(body: &str) -> Option<Ids<'_>> {
    serde_json::from_str(body).ok()
}

/// Nodes may number their requests as they like; integers of any size are told apart.
fn number(id: Option<&RawValue>) -> Option<Number> {
    id?.get().parse().ok()
}

/// Requests between nodes that were delivered and not answered yet.
#[derive(Debug, Default)]
pub(super) struct Requests {
    enabled: bool,
    /// (who asked, who was asked, `msg_id`) → the life of the one who asked
    lives: FxHashMap<(EndpointId, EndpointId, Number), u32>,
}

impl Requests {
    pub(super) fn new(enabled: bool) -> Requests {
        Requests { enabled, ..Requests::default() }
    }

    /// A request reaches the node that is to answer it.
    pub(super) fn delivered(&mut self, request: &Delivery) {
        if !self.enabled {
            return;
        }
        if let Some(msg_id) = ids(request.body()).and_then(|ids| number(ids.msg_id)) {
            if self.lives.len() >= MOST_REQUESTS {
                self.lives.clear();
            }
            self.lives.insert((request.src, request.dest, msg_id), request.src_incarnation);
        }
    }

    /// The life of `asker` whose request this body, sent by `answerer`, answers; `None` if it answers none that is known.
    pub(super) fn answered_life(&mut self, asker: EndpointId, answerer: EndpointId, body: &str) -> Option<u32> {
        if !self.enabled {
            return None;
        }
        let in_reply_to = number(ids(body)?.in_reply_to)?;
        self.lives.remove(&(asker, answerer, in_reply_to))
    }
}
