//! [`Outbox`]: bytes that wait to be written to a node's standard input.

/// Bytes that may wait for a node that does not read.
pub const OUTPUT_LIMIT: usize = 256 << 20;
/// An empty outbox gives its memory back if it is larger than this.
const KEPT_CAPACITY: usize = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    written: usize,
}

impl Outbox {
    pub(super) fn push(&mut self, line: &str) {
        // Moving the rest to the front costs as much as was written since the last time, so a byte is moved once on average.
        if self.written > 0 && self.written * 2 > self.bytes.len() {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(b'\n');
    }

    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.written += count;
        if self.written == self.bytes.len() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
        if self.bytes.capacity() > KEPT_CAPACITY {
            self.bytes = Vec::new();
        }
    }
}
