//! Logs in `lin-kv`. Every log is one value: a list of offsets and messages, to which compare-and-set appends.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use crate::{ErrorCode, Kv, Message, Node, Result, RpcError, Server};
use serde_json::{Value, json};

use super::super::update::update;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Bug {
    /// Offsets come from a counter that is read and then written, so two sends may get the same offset.
    ReusedOffsets,
    /// A poll treats its position as the last offset read, although it is the next offset to read.
    SkippedMessages,
    /// A log is read and then written, so messages that another node appends in between are lost.
    LostSends,
    /// Every node reserves several offsets at a time, but logs are in the order of arrival.
    OffsetsGoBackwards,
    /// A message can be polled before it is committed.
    UncommittedPolls,
}

/// An offset and a message.
type Entry = (u64, Value);

/// Number of offsets that a node reserves at a time.
const LEASE: u64 = 4;

pub(crate) struct OnLinKv {
    /// The reserved offsets that are not used yet, by key.
    leases: BTreeMap<String, Range<u64>>,
    bug: Option<Bug>,
}

fn entries(log: Option<Value>) -> Vec<Entry> {
    serde_json::from_value(log.unwrap_or(json!([]))).expect("only we write here")
}

fn log_name(key: &str) -> String {
    format!("log {key}")
}

/// Appends a message with the given offset, or with the next one. The result is the offset.
fn append(
    node: &mut Node<OnLinKv>,
    key: &str,
    message: Value,
    offset: Option<u64>,
    then: impl FnOnce(&mut OnLinKv, &mut Node<OnLinKv>, Result<u64>) + 'static,
) {
    let change = move |log| {
        let mut log = entries(log);
        let offset = offset.unwrap_or(log.last().map_or(0, |(last, _)| last + 1));
        log.push((offset, message.clone()));
        Ok((json!(log), offset))
    };
    update(node, log_name(key), change, then);
}

type Found = Result<BTreeMap<String, Value>>;

/// The outstanding reads of [`read_all`], and its continuation.
struct Gather<F> {
    missing: usize,
    found: Found,
    then: Option<F>,
}

/// Reads many keys concurrently. The result omits missing keys.
fn read_all(
    node: &mut Node<OnLinKv>,
    keys: Vec<(String, String)>,
    then: impl FnOnce(&mut OnLinKv, &mut Node<OnLinKv>, Found) + 'static,
) {
    if keys.is_empty() {
        node.after(Duration::ZERO, |server, node| then(server, node, Ok(BTreeMap::new())));
        return;
    }
    let gather = Rc::new(RefCell::new(Gather { missing: keys.len(), found: Ok(BTreeMap::new()), then: Some(then) }));
    for (key, name) in keys {
        let gather = gather.clone();
        Kv::LIN.read(node, name, move |server, node, value| {
            let mut gather = gather.borrow_mut();
            match (value, &mut gather.found) {
                (Ok(Some(value)), Ok(found)) => drop(found.insert(key, value)),
                (Err(error), found) => *found = Err(error),
                _ => {}
            }
            gather.missing -= 1;
            if gather.missing == 0
                && let Some(then) = gather.then.take()
            {
                then(server, node, std::mem::replace(&mut gather.found, Ok(BTreeMap::new())));
            }
        });
    }
}

impl OnLinKv {
    pub(crate) fn new(bug: Option<Bug>) -> OnLinKv {
        OnLinKv { leases: BTreeMap::new(), bug }
    }

    fn send(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        let (key, message): (String, Value) = (request.get("key")?, request.get("msg")?);
        let respond = |request: Message| {
            move |_: &mut OnLinKv, node: &mut Node<OnLinKv>, offset: Result<u64>| {
                node.respond(&request, offset.map(|offset| json!({ "offset": offset })));
            }
        };
        match self.bug {
            None | Some(Bug::SkippedMessages) => append(node, &key, message, None, respond(request)),
            Some(Bug::ReusedOffsets) => Kv::LIN.read(node, format!("next {key}"), move |_, node, next| {
                let next = next.ok().flatten().and_then(|next| next.as_u64()).unwrap_or(0);
                Kv::LIN.write(node, format!("next {key}"), next + 1, move |_, node, _| {
                    append(node, &key, message, Some(next), respond(request));
                });
            }),
            Some(Bug::LostSends) => Kv::LIN.read(node, log_name(&key), move |_, node, log| {
                let mut log = entries(log.unwrap_or_default());
                let offset = log.last().map_or(0, |(last, _)| last + 1);
                log.push((offset, message));
                Kv::LIN.write(node, log_name(&key), log, move |server, node, done| {
                    respond(request)(server, node, done.map(|()| offset));
                });
            }),
            Some(Bug::OffsetsGoBackwards) => match self.leases.entry(key.clone()).or_default().next() {
                Some(offset) => append(node, &key, message, Some(offset), respond(request)),
                None => self.lease_then_send(node, key, request),
            },
            Some(Bug::UncommittedPolls) => append(node, &key.clone(), message.clone(), None, move |_, node, offset| {
                let delay = node.random_duration(Duration::from_millis(5)..Duration::from_millis(40));
                node.after(delay, move |server, node| match node.random(0..8) {
                    0 => withdraw(node, key, message, request),
                    _ => respond(request)(server, node, offset),
                });
            }),
        }
        Ok(())
    }

    fn lease_then_send(&mut self, node: &mut Node<Self>, key: String, request: Message) {
        let change = |next: Option<Value>| {
            let next = next.and_then(|next| next.as_u64()).unwrap_or(0);
            Ok((json!(next + LEASE), next..next + LEASE))
        };
        update(node, format!("next {key}"), change, move |server: &mut OnLinKv, node, lease| match lease {
            Ok(lease) => {
                server.leases.insert(key, lease);
                server.send(node, request).expect("it was well-formed the first time");
            }
            Err(error) => node.reply_error(&request, &error),
        });
    }

    fn poll(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        let offsets: BTreeMap<String, u64> = request.get("offsets")?;
        let skips = self.bug == Some(Bug::SkippedMessages);
        let keys = offsets.keys().map(|key| (key.clone(), log_name(key))).collect();
        read_all(node, keys, move |_, node, logs| {
            let poll = |(key, log): (String, Value)| {
                let from = offsets[&key];
                let wanted = |(offset, _): &Entry| *offset > from || *offset == from && !(skips && from > 0);
                (key, entries(Some(log)).into_iter().filter(wanted).collect())
            };
            let messages = logs.map(|logs| logs.into_iter().map(poll).collect::<BTreeMap<String, Vec<Entry>>>());
            node.respond(&request, messages.map(|messages| json!({ "msgs": messages })));
        });
        Ok(())
    }

    fn commit(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        let mut offsets: BTreeMap<String, u64> = request.get("offsets")?;
        commit_next(node, &mut offsets, request);
        Ok(())
    }
}

/// Removes an appended message.
fn withdraw(node: &mut Node<OnLinKv>, key: String, message: Value, request: Message) {
    let change = move |log| {
        let mut log = entries(log);
        log.retain(|(_, other)| *other != message);
        Ok((json!(log), ()))
    };
    update(node, log_name(&key), change, move |_, node, _| {
        node.reply_error(&request, &RpcError::new(ErrorCode::ABORT, "the message was withdrawn"));
    });
}

/// Commits the offset of one key after the other. Committed offsets never decrease.
fn commit_next(node: &mut Node<OnLinKv>, offsets: &mut BTreeMap<String, u64>, request: Message) {
    let Some((key, offset)) = offsets.pop_first() else {
        return node.reply(&request, ());
    };
    let mut rest = std::mem::take(offsets);
    let change = move |old: Option<Value>| {
        let old = old.and_then(|old| old.as_u64()).unwrap_or(0);
        Ok((json!(offset.max(old)), ()))
    };
    update(node, format!("committed {key}"), change, move |_, node, done| match done {
        Ok(()) => commit_next(node, &mut rest, request),
        Err(error) => node.reply_error(&request, &error),
    });
}

impl Server for OnLinKv {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match request.kind() {
            "send" => self.send(node, request),
            "poll" => self.poll(node, request),
            "commit_offsets" => self.commit(node, request),
            "list_committed_offsets" => {
                let keys: Vec<String> = request.get("keys")?;
                let keys = keys.into_iter().map(|key| (key.clone(), format!("committed {key}"))).collect();
                read_all(node, keys, move |_, node, offsets| {
                    node.respond(&request, offsets.map(|offsets| json!({ "offsets": offsets })));
                });
                Ok(())
            }
            _ => Err(request.not_supported()),
        }
    }
}
