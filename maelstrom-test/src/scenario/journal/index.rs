//! [`Index`]: finds messages by their ends, by operations and by requests.

use std::collections::BTreeMap;

use super::messages::{Messages, Sent};
use crate::checker::CheckContext;
use crate::history::{History, Nanos, OpType, Pair};

/// The messages of a journal, with the ways to find them.
pub(super) struct Index {
    pub(super) messages: Messages,
    /// The messages from each client, node and service, and to each, in the order in which they were sent.
    from: BTreeMap<String, Vec<u64>>,
    to: BTreeMap<String, Vec<u64>>,
}

/// The first request of an operation and the response that completed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) request: Option<u64>,
    pub(super) response: Option<u64>,
}

impl Index {
    pub(super) fn new(messages: Messages) -> Index {
        let (mut from, mut to): (BTreeMap<String, Vec<u64>>, BTreeMap<String, Vec<u64>>) = Default::default();
        for (id, sent) in &messages.by_id {
            from.entry(sent.src.clone()).or_default().push(*id);
            to.entry(sent.dest.clone()).or_default().push(*id);
        }
        Index { messages, from, to }
    }

    pub(super) fn get(&self, id: u64) -> Option<&Sent> {
        self.messages.by_id.get(&id)
    }

    fn among<'a>(&'a self, ids: Option<&'a Vec<u64>>) -> impl DoubleEndedIterator<Item = (u64, &'a Sent)> {
        ids.into_iter().flatten().filter_map(|id| Some((*id, self.get(*id)?)))
    }

    /// Returns the messages to a client, node or service.
    pub(super) fn to(&self, name: &str) -> impl DoubleEndedIterator<Item = (u64, &Sent)> {
        self.among(self.to.get(name))
    }

    /// Returns the messages of an operation, by client, node and exact time.
    pub(super) fn call(&self, operation: Pair, history: &History, context: &CheckContext) -> Call {
        let entry = |at: Option<usize>| history.ops.get(at?);
        let Some(invoked) = entry(operation.invocation) else { return Call::default() };
        let Some(process) = invoked.process.client() else { return Call::default() };
        let Some(node) = context.node_of(process) else { return Call::default() };
        // The identity of a client's message names its worker.
        let worker = format!("w{}.", process % context.concurrency.max(1) as u64);
        let is_of_worker =
            |sent: &Sent| sent.identity.as_ref().is_some_and(|identity| identity.src.starts_with(&worker));
        let requests = || self.to(node).filter(|(_, sent)| sent.is_from_client() && sent.time == invoked.time);
        let request = requests().find(|(_, sent)| is_of_worker(sent)).or_else(|| requests().next());
        let completed = entry(operation.completion).filter(|op| op.kind != OpType::Info);
        let response = request.zip(completed).and_then(|((_, request), completed)| {
            let received = |sent: &Sent| sent.src == node && sent.received == Some(completed.time);
            self.to(&request.src).find(|(_, sent)| received(sent))
        });
        Call { request: request.map(|(id, _)| id), response: response.map(|(id, _)| id) }
    }

    /// Returns the messages that a client, node or service sent in an interval.
    pub(super) fn sent_between(&self, name: &str, (from, to): (Nanos, Nanos)) -> impl Iterator<Item = (u64, &Sent)> {
        // Messages are numbered in the order in which they are sent.
        let ids = self.from.get(name).map(Vec::as_slice).unwrap_or_default();
        let time = |id: &u64| self.get(*id).map_or(0, |sent| sent.time);
        let first = ids.partition_point(|id| time(id) < from);
        ids[first..].iter().filter_map(|id| Some((*id, self.get(*id)?))).take_while(move |(_, sent)| sent.time <= to)
    }
}
