//! A node's standard input and output: pipes whose other ends are ours.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};

use crate::tracee::sys;

/// Bytes that may wait for a node that does not read.
pub(crate) const INPUT_LIMIT: usize = 256 << 20;
/// The longest line that a node may print.
pub const LINE_LIMIT: usize = 64 << 20;
const CHUNK: usize = 64 << 10;

/// What a node has yet to read.
pub(crate) struct Input {
    pipe: File,
    /// The node's end. It keeps the pipe usable for us even if the node closes its own.
    reader: File,
    /// What did not fit in the pipe.
    queue: VecDeque<u8>,
    /// Something was written since the node last ran: it can surely read.
    fresh: bool,
}

impl Input {
    pub(crate) fn new(pipe: File, reader: File) -> Self {
        Input { pipe, reader, queue: VecDeque::new(), fresh: false }
    }

    /// Sends a line; false if too much is waiting already.
    pub(crate) fn send(&mut self, line: &[u8]) -> bool {
        if self.queue.is_empty() {
            let written = self.write(line);
            self.queue.extend(&line[written..]);
        } else {
            self.queue.extend(line);
        }
        self.queue.len() <= INPUT_LIMIT
    }

    /// Fills the pipe up again; true if something moved.
    pub(crate) fn refill(&mut self) -> bool {
        if self.queue.is_empty() {
            return false;
        }
        let chunk = self.queue.as_slices().0;
        let chunk = chunk[..chunk.len().min(CHUNK)].to_vec();
        let written = self.write(&chunk);
        self.queue.drain(..written);
        written > 0
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        loop {
            match self.pipe.write(bytes) {
                Ok(count) => {
                    self.fresh |= count > 0;
                    return count;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return 0,
                // Nobody will ever read it.
                Err(_) => return bytes.len(),
            }
        }
    }

    /// Whether the node could read something now.
    pub(crate) fn is_readable(&self) -> bool {
        self.fresh || sys::readable_bytes(&self.pipe) > 0
    }

    /// The node runs, and may read.
    pub(crate) fn may_be_read(&mut self) {
        self.fresh = false;
    }

    /// Whether a descriptor of a process is the node's end of this pipe.
    pub(crate) fn is_read_by(&self, pid: sys::Tid, fd: i32) -> bool {
        sys::is_same_file(pid, fd, &self.reader)
    }

    /// Whether the node has asked not to wait for input.
    pub(crate) fn is_nonblocking(&self) -> bool {
        sys::file_flags(&self.reader) & libc::O_NONBLOCK != 0
    }
}

/// What a node has printed.
pub(crate) struct Output {
    pipe: File,
    /// The beginning of a line whose end is yet to come.
    partial: Vec<u8>,
    buffer: Box<[u8]>,
    closed: bool,
}

/// A line that no protocol allows.
#[derive(Debug)]
pub(crate) struct LineTooLong;

impl Output {
    pub(crate) fn new(pipe: File) -> Self {
        Output { pipe, partial: Vec::new(), buffer: vec![0; CHUNK].into(), closed: false }
    }

    /// Takes what has been printed, line by line and without line feeds. Says whether there was anything.
    pub(crate) fn collect(&mut self, mut on_line: impl FnMut(&[u8])) -> (bool, Result<(), LineTooLong>) {
        let mut any = false;
        loop {
            let count = match self.pipe.read(&mut self.buffer) {
                Ok(0) => {
                    // There will be no line feed any more.
                    self.closed = true;
                    let last = self.finish();
                    last.iter().for_each(|line| on_line(line));
                    return (any || last.is_some(), Ok(()));
                }
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return (any, Ok(())),
            };
            any = true;
            let mut rest = &self.buffer[..count];
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                if self.partial.is_empty() {
                    on_line(&rest[..end]);
                } else {
                    self.partial.extend_from_slice(&rest[..end]);
                    on_line(&self.partial);
                    self.partial.clear();
                }
                rest = &rest[end + 1..];
            }
            self.partial.extend_from_slice(rest);
            if self.partial.len() > LINE_LIMIT {
                self.partial = Vec::new();
                return (any, Err(LineTooLong));
            }
            // Whether more of an unfinished line is to come, or the end, is worth another look.
            if count < self.buffer.len() && self.partial.is_empty() {
                return (any, Ok(()));
            }
        }
    }

    /// Whether all writers have closed it.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// A last line without a line feed.
    pub(crate) fn finish(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.partial)).filter(|line| !line.is_empty())
    }
}
