//! A node's standard input and output.
//!
//! Both are pipes, and the tracer has the other ends.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};

use crate::tracee::descriptors;
use crate::tracee::process::{self, Tid};

/// Bytes of input that may be queued for a node that does not read.
const INPUT_LIMIT: usize = 256 << 20;
/// The longest line that a node may print, in bytes.
pub const LINE_LIMIT: usize = 64 << 20;
const CHUNK: usize = 64 << 10;

/// The input of a node that it has not read yet.
pub(crate) struct Input {
    pipe: File,
    /// The node's end. It keeps the pipe usable for the tracer even if the node closes its own descriptor.
    reader: File,
    /// Bytes that did not fit in the pipe.
    queue: VecDeque<u8>,
    content: Cell<Content>,
    /// The process id of the tracer.
    tracer: Tid,
}

/// What is known of the bytes in the pipe. Only the tracer writes to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Bytes were written since the node last ran.
    Some,
    /// The node has run, and may have read everything.
    Unknown,
    /// The pipe was found empty.
    None,
}

impl Input {
    pub(super) fn new(pipe: File, reader: File) -> Self {
        Input {
            pipe,
            reader,
            queue: VecDeque::new(),
            content: Cell::new(Content::None),
            tracer: std::process::id() as Tid,
        }
    }

    /// Sends a line. False if too many bytes are queued already.
    pub(super) fn send(&mut self, line: &[u8]) -> bool {
        if self.queue.is_empty() {
            let written = self.write(line);
            self.queue.extend(&line[written..]);
        } else {
            self.queue.extend(line);
        }
        self.queue.len() <= INPUT_LIMIT
    }

    /// Writes queued bytes to the pipe. True if some were written.
    pub(super) fn refill(&mut self) -> bool {
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
                    if count > 0 {
                        self.content.set(Content::Some);
                    }
                    return count;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return 0,
                // Nobody can read it any more.
                Err(_) => return bytes.len(),
            }
        }
    }

    /// Whether the node could read something now.
    pub(crate) fn is_readable(&self) -> bool {
        if self.content.get() == Content::Unknown && descriptors::readable_bytes(&self.pipe) == 0 {
            self.content.set(Content::None);
        }
        self.content.get() != Content::None
    }

    /// The node runs, and may read.
    pub(super) fn node_runs(&mut self) {
        if self.content.get() == Content::Some {
            self.content.set(Content::Unknown);
        }
    }

    /// Whether a descriptor of a process refers to the node's end of this pipe.
    pub(super) fn is_read_by(&self, pid: Tid, fd: i32) -> bool {
        process::shares_open_file((pid, fd), (self.tracer, &self.reader))
    }

    /// Whether the node has made its standard input nonblocking.
    pub(crate) fn is_nonblocking(&self) -> bool {
        descriptors::is_nonblocking(&self.reader)
    }
}

/// The output of a node.
pub(super) struct Output {
    pipe: File,
    /// The beginning of a line whose line feed has not been read yet.
    partial: Vec<u8>,
    buffer: Box<[u8]>,
    closed: bool,
}

/// A line exceeds [`LINE_LIMIT`].
#[derive(Debug)]
pub(super) struct LineTooLong;

impl Output {
    pub(super) fn new(pipe: File) -> Self {
        Output { pipe, partial: Vec::new(), buffer: vec![0; CHUNK].into(), closed: false }
    }

    /// Passes what the node has printed to `on_line`, line by line and without line feeds. Returns whether there was any
    /// output.
    pub(super) fn collect(&mut self, mut on_line: impl FnMut(&[u8])) -> (bool, Result<(), LineTooLong>) {
        let mut any = false;
        loop {
            let count = match self.pipe.read(&mut self.buffer) {
                Ok(0) => {
                    // No line feed can follow.
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
            // After an unfinished line, read again: the rest of it or the end of the output may be there.
            if count < self.buffer.len() && self.partial.is_empty() {
                return (any, Ok(()));
            }
        }
    }

    /// Whether all writers have closed the pipe.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Takes a last line without a line feed.
    pub(super) fn finish(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.partial)).filter(|line| !line.is_empty())
    }
}
