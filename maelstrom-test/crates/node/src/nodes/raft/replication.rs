//! The leader's side of the log, and the followers' answer to it.

use std::ops::Range;
use std::time::Duration;

use crate::{Message, Node, Result};
use serde_json::json;

use super::{Bug, ELECTION_TIMEOUT, Entry, Machine, Raft, Role};

/// What a leader knows of a follower.
pub(super) struct Progress {
    /// The next entry to send.
    next: usize,
    /// Up to here the follower's log is known to be the leader's.
    matched: usize,
    /// How many requests it was sent.
    sent: u64,
    /// Whether it owes an answer to the last of them. Only that answer makes the leader send more before the next
    /// heartbeat: so there is one conversation per follower, however slow or lossy the network is.
    in_flight: bool,
    /// When it last answered.
    heard: Duration,
}

impl<M: Machine> Raft<M> {
    pub(super) fn lead(&mut self, node: &mut Node<Self>) {
        let (now, next) = (node.now(), self.storage.last_index() + 1);
        let progress = |_: &String| Progress { next, matched: 0, sent: 0, in_flight: false, heard: now };
        let followers = node.peers().iter().map(|peer| (peer.clone(), progress(peer))).collect();
        self.role = Role::Leader { followers };
        self.leader = Some(node.id().to_owned());
        // Entries of earlier terms are committed along with one of this term, never by themselves.
        self.storage.append(&[Entry { term: self.storage.term(), command: None }]);
        self.replicate(node);
    }

    pub(super) fn heartbeat(&mut self, node: &mut Node<Self>) {
        let Role::Leader { followers } = &self.role else { return };
        let recent = node.now().saturating_sub(ELECTION_TIMEOUT.end);
        let heard = 1 + followers.values().filter(|progress| progress.heard >= recent).count();
        if heard <= node.ids().len() / 2 && self.bug != Some(Bug::LocalReads) {
            return self.step_down();
        }
        for peer in node.peers().iter() {
            self.send_entries(node, peer);
        }
    }

    /// Sends new entries to all who are not busy with earlier ones.
    pub(super) fn replicate(&mut self, node: &mut Node<Self>) {
        for peer in node.peers().iter() {
            if let Role::Leader { followers } = &self.role
                && !followers[peer].in_flight
            {
                self.send_entries(node, peer);
            }
        }
        self.advance_commit(node);
    }

    fn send_entries(&mut self, node: &mut Node<Self>, peer: &str) {
        let Role::Leader { followers } = &mut self.role else { return };
        let Some(progress) = followers.get_mut(peer) else { return };
        progress.in_flight = true;
        progress.sent += 1;
        let number = progress.sent;
        let term = self.storage.term();
        let previous = progress.next - 1;
        let entries = self.storage.entries_after(previous);
        let last = previous + entries.len();
        let fields = json!({
            "term": term,
            "prev_index": previous,
            "prev_term": self.storage.term_at(previous),
            "entries": entries,
            "commit_index": self.commit_index,
        });
        let name = peer.to_owned();
        node.rpc(peer, "append_entries", fields, move |raft, node, answer| {
            if let Ok(answer) = &answer {
                raft.observe_term(answer);
            }
            if raft.storage.term() == term {
                raft.answered(node, &name, number, previous..last, answer);
            }
        });
    }

    /// A follower has answered, or not, to its request of this number, which held the entries after `range.start` up
    /// to `range.end`.
    fn answered(
        &mut self,
        node: &mut Node<Self>,
        peer: &str,
        number: u64,
        range: Range<usize>,
        answer: Result<Message>,
    ) {
        let Role::Leader { followers } = &mut self.role else { return };
        let Some(progress) = followers.get_mut(peer) else { return };
        let is_latest = number == progress.sent;
        progress.in_flight &= !is_latest;
        let Ok(answer) = answer else { return };
        progress.heard = node.now();
        if answer.get("success") == Ok(true) {
            progress.matched = progress.matched.max(range.end);
            progress.next = progress.next.max(range.end + 1);
        } else {
            // There is a gap: the logs can agree up to the end of the shorter one at most.
            let length: usize = answer.get("last_index").unwrap_or(0);
            progress.next = progress.next.min(range.start).min(length + 1).max(1);
        }
        // Who refuses even the beginning of the log is asked again with the next heartbeat.
        let progressed = answer.get("success") == Ok(true) || progress.next <= range.start;
        if is_latest && progressed && progress.next <= self.storage.last_index() {
            self.send_entries(node, peer);
        }
        self.advance_commit(node);
    }

    /// What a majority has, is committed, if the last of it is of this term.
    fn advance_commit(&mut self, node: &mut Node<Self>) {
        let Role::Leader { followers } = &self.role else { return };
        let mut matched: Vec<usize> = followers.values().map(|progress| progress.matched).collect();
        matched.push(self.storage.last_index());
        matched.sort_unstable_by(|a, b| b.cmp(a));
        let enough = if self.bug == Some(Bug::MinorityCommit) { matched.len() / 3 } else { matched.len() / 2 + 1 };
        let index = matched[enough.max(1) - 1];
        if index > self.commit_index && self.storage.term_at(index) == Some(self.storage.term()) {
            self.commit_index = index;
            self.apply_committed(node);
        }
    }

    pub(super) fn append_entries(&mut self, node: &mut Node<Self>, request: &Message) -> Result {
        self.observe_term(request);
        // Nobody else leads in the term that this node leads in, if all vote as they should.
        let leads = matches!(self.role, Role::Leader { .. });
        let success = request.get::<u64>("term")? == self.storage.term() && !leads && {
            self.role = Role::Follower;
            self.leader = Some(request.src().to_owned());
            self.postpone_election(node);
            self.take_entries(node, request)?
        };
        let fields =
            json!({ "term": self.storage.term(), "success": success, "last_index": self.storage.last_index() });
        node.reply(request, fields);
        Ok(())
    }

    /// Makes the log agree with the leader's as far as the request goes; false if there is a gap before it.
    fn take_entries(&mut self, node: &mut Node<Self>, request: &Message) -> Result<bool> {
        let previous: usize = request.get("prev_index")?;
        if self.storage.term_at(previous) != request.get("prev_term")? {
            return Ok(false);
        }
        let entries: Vec<Entry> = request.get("entries")?;
        let last = previous + entries.len();
        // A late copy of an earlier request must not cut off what came after it.
        let known = (entries.iter().enumerate())
            .take_while(|(i, entry)| self.storage.term_at(previous + 1 + i) == Some(entry.term))
            .count();
        if known < entries.len() {
            self.storage.truncate(previous + known);
            self.storage.append(&entries[known..]);
        }
        let commit_index = request.get::<usize>("commit_index")?.min(last);
        if commit_index > self.commit_index {
            self.commit_index = commit_index;
            self.apply_committed(node);
        }
        Ok(true)
    }
}
