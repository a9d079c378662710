//! Log replication: the leader sends entries, and the followers append them.

use std::ops::Range;
use std::time::Duration;

use crate::{Message, Node, Result};
use serde_json::json;

use super::{Bug, ELECTION_TIMEOUT, Entry, Machine, Raft, Role};

/// The replication state of a follower, as known by the leader.
pub(super) struct Progress {
    /// The next entry to send.
    next: usize,
    /// The last entry that is known to be equal in both logs.
    matched: usize,
    /// The number of requests sent to the follower.
    sent: u64,
    /// Whether the last request has no response yet. Before the next heartbeat, only that response makes the leader send
    /// more entries. So there is at most one sequence of requests per follower, even if the network is slow or lossy.
    in_flight: bool,
    /// The time of the last response.
    last_response: Duration,
}

impl<M: Machine> Raft<M> {
    pub(super) fn lead(&mut self, node: &mut Node<Self>) {
        let (now, next) = (node.now(), self.storage.last_index() + 1);
        let progress = |_: &String| Progress { next, matched: 0, sent: 0, in_flight: false, last_response: now };
        let followers = node.peers().iter().map(|peer| (peer.clone(), progress(peer))).collect();
        self.role = Role::Leader { followers };
        self.leader = Some(node.id().to_owned());
        // Entries of earlier terms are only committed together with an entry of the current term.
        self.storage.append(&[Entry { term: self.storage.term(), command: None }]);
        self.replicate(node);
    }

    pub(super) fn heartbeat(&mut self, node: &mut Node<Self>) {
        let Role::Leader { followers } = &self.role else { return };
        let since = node.now().saturating_sub(ELECTION_TIMEOUT.end);
        let responsive = 1 + followers.values().filter(|progress| progress.last_response >= since).count();
        if responsive <= node.ids().len() / 2 && self.bug != Some(Bug::LocalReads) {
            return self.step_down();
        }
        for peer in node.peers().iter() {
            self.send_entries(node, peer);
        }
    }

    /// Sends new entries to all followers without a request in flight.
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
        node.rpc(peer, "append_entries", fields, move |raft, node, response| {
            if let Ok(response) = &response {
                raft.observe_term(response);
            }
            if raft.storage.term() == term {
                raft.entries_acknowledged(node, &name, number, previous..last, response);
            }
        });
    }

    /// Handles the response of a follower, or its timeout. The request had this number, and contained the entries after
    /// `range.start` up to `range.end`.
    fn entries_acknowledged(
        &mut self,
        node: &mut Node<Self>,
        peer: &str,
        number: u64,
        range: Range<usize>,
        response: Result<Message>,
    ) {
        let Role::Leader { followers } = &mut self.role else { return };
        let Some(progress) = followers.get_mut(peer) else { return };
        let is_latest = number == progress.sent;
        progress.in_flight &= !is_latest;
        let Ok(response) = response else { return };
        progress.last_response = node.now();
        if response.get("success") == Ok(true) {
            progress.matched = progress.matched.max(range.end);
            progress.next = progress.next.max(range.end + 1);
        } else {
            // There is a gap: the logs agree at most up to the end of the shorter one.
            let length: usize = response.get("last_index").unwrap_or(0);
            progress.next = progress.next.min(range.start).min(length + 1).max(1);
        }
        // A follower that rejects even the start of the log receives the next request with the next heartbeat.
        let progressed = response.get("success") == Ok(true) || progress.next <= range.start;
        if is_latest && progressed && progress.next <= self.storage.last_index() {
            self.send_entries(node, peer);
        }
        self.advance_commit(node);
    }

    /// Commits the entries that a majority has, if the last of them is from the current term.
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
        // A term has only one leader, unless a bug in voting is planted.
        let leads = matches!(self.role, Role::Leader { .. });
        let success = request.get::<u64>("term")? == self.storage.term() && !leads && {
            self.role = Role::Follower;
            self.leader = Some(request.src().to_owned());
            self.reset_election_timeout(node);
            self.take_entries(node, request)?
        };
        let fields =
            json!({ "term": self.storage.term(), "success": success, "last_index": self.storage.last_index() });
        node.reply(request, fields);
        Ok(())
    }

    /// Appends the entries of the request, and removes conflicting ones. False if there is a gap before them.
    fn take_entries(&mut self, node: &mut Node<Self>, request: &Message) -> Result<bool> {
        let previous: usize = request.get("prev_index")?;
        if self.storage.term_at(previous) != request.get("prev_term")? {
            return Ok(false);
        }
        let entries: Vec<Entry> = request.get("entries")?;
        let last = previous + entries.len();
        // A late duplicate of an earlier request must not remove later entries.
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
