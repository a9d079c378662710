//! [`Requests`]: which incarnation of a node made a request.
//!
//! A node that was killed and restarted numbers its requests from 1 again. It could take a response to its earlier
//! incarnation for one to the present one. Only runs with the `kill` fault need this; in others it costs nothing.

use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::Number;
use crate::network::{Delivery, EndpointId};

/// When more requests than this wait for a response, all are forgotten.
const MAX_REQUESTS: usize = 1_000_000;

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

/// Nodes may number their requests with integers of any size.
fn number(id: Option<&RawValue>) -> Option<Number> {
    id?.get().parse().ok()
}

/// Requests between nodes that were delivered and not answered yet.
#[derive(Debug, Default)]
pub(in super::super) struct Requests {
    enabled: bool,
    /// (client, server, `msg_id`) → incarnation of the client
    incarnations: FxHashMap<(EndpointId, EndpointId, Number), u32>,
}

impl Requests {
    pub(in super::super) fn new(enabled: bool) -> Requests {
        Requests { enabled, ..Requests::default() }
    }

    /// A message is delivered to a node; if it is a request, its sender is remembered.
    pub(in super::super) fn delivered(&mut self, request: &Delivery) {
        if !self.enabled {
            return;
        }
        if let Some(msg_id) = ids(request.body()).and_then(|ids| number(ids.msg_id)) {
            if self.incarnations.len() >= MAX_REQUESTS {
                self.incarnations.clear();
            }
            self.incarnations.insert((request.src, request.dest, msg_id), request.src_incarnation);
        }
    }

    /// The incarnation of `client` whose request this body from `server` answers; `None` if it answers no known request.
    pub(in super::super) fn asking_incarnation(
        &mut self,
        client: EndpointId,
        server: EndpointId,
        body: &str,
    ) -> Option<u32> {
        if !self.enabled {
            return None;
        }
        let in_reply_to = number(ids(body)?.in_reply_to)?;
        self.incarnations.remove(&(client, server, in_reply_to))
    }
}
