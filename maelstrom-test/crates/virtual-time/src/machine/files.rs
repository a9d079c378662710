//! Files that threads wait for.

use std::os::fd::OwnedFd;

use super::Machine;
use super::stdio::Input;
use super::thread::{ThreadId, Until};
use crate::tracee::descriptors;

/// A file that a thread waits for, with the events that it waits for (`POLLIN`, …).
pub(crate) enum PollTarget {
    /// The pipe that messages arrive in.
    Input(i16),
    /// Any other file, or that pipe under a number that it is not known by: the tracer's descriptor for it.
    File(OwnedFd, i16),
    /// A file that the tracer cannot poll. It always has these events.
    Unknown(i16),
}

/// Returns the events that each of the files has now.
fn poll<'a>(targets: impl Iterator<Item = &'a PollTarget> + Clone, input: &Input) -> Vec<i16> {
    let file = |target: &'a PollTarget| match target {
        PollTarget::File(file, events) => Some((file, *events)),
        _ => None,
    };
    let mut polled = descriptors::poll(targets.clone().filter_map(file)).into_iter();
    let events = |target: &PollTarget| match target {
        PollTarget::Input(events) => {
            if input.is_readable() {
                events & libc::POLLIN
            } else {
                0
            }
        }
        PollTarget::File(..) => polled.next().expect("each file was polled"),
        PollTarget::Unknown(events) => *events,
    };
    targets.map(events).collect()
}

impl Machine {
    /// What a descriptor of a thread refers to.
    pub(crate) fn poll_target(&self, id: ThreadId, fd: i32, events: i16) -> PollTarget {
        let process = self.process(id);
        let is_input = if fd == 0 { process.files.stdin_is_input } else { process.files.input_copy == Some(fd) };
        // Programs close and reuse other descriptors without a traced call.
        if is_input && (fd == 0 || self.input(id).is_read_by(process.pid, fd)) {
            return PollTarget::Input(events);
        }
        match process.descriptor(fd) {
            Ok(file) => PollTarget::File(file, events),
            Err(_) => PollTarget::Unknown(events),
        }
    }

    /// Returns whether a descriptor of a thread is the pipe that messages arrive in. If so, it is remembered.
    pub(crate) fn is_input_copy(&mut self, id: ThreadId, fd: i32) -> bool {
        let is_copy = self.input(id).is_read_by(self.process(id).pid, fd);
        if is_copy {
            self.special_files(id).input_copy = Some(fd);
        }
        is_copy
    }

    /// Returns the events that each of the files has now, for a thread.
    pub(crate) fn poll_files(&self, id: ThreadId, targets: &[PollTarget]) -> Vec<i16> {
        poll(targets.iter(), self.input(id))
    }

    /// Makes threads ready whose file is ready, and threads that must retry. True if there is one.
    pub(super) fn check_waits(&mut self, node: usize) -> bool {
        let incarnation = self.nodes[node].incarnation.as_mut().expect("the caller checks this");
        let generation = incarnation.generation;
        let mut stale = Vec::new();
        for id in incarnation.waits.checked() {
            let Some(wait) = self.threads[id].wait_mut() else { continue };
            if wait.checked_at != generation {
                wait.checked_at = generation;
                stale.push(id);
            }
        }
        if stale.is_empty() {
            return false;
        }
        let targets = |id: &ThreadId| match self.threads[*id].wait().map(|wait| &wait.until) {
            Some(Until::FileReady(targets)) => targets.as_slice(),
            _ => &[],
        };
        let mut events = poll(stale.iter().flat_map(targets), &incarnation.input).into_iter();
        let mut ready = Vec::new();
        for id in &stale {
            let is_ready = match self.threads[*id].wait().map(|wait| &wait.until) {
                // All of them are taken: `any` would leave the rest to the next thread.
                Some(Until::FileReady(targets)) => {
                    events.by_ref().take(targets.len()).fold(false, |ready, events| ready | (events != 0))
                }
                _ => true,
            };
            if is_ready {
                ready.push(*id);
            }
        }
        for id in &ready {
            if let Some(wait) = self.unblock(*id) {
                self.make_ready_to_retry(*id, wait);
            }
        }
        !ready.is_empty()
    }
}
