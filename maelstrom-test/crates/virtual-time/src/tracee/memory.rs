//! Reading and writing the memory of a stopped thread, in the shapes that system calls use.

use crate::Nanos;
use crate::tracee::sys::{self, Tid};

const SECOND: u64 = 1_000_000_000;

/// The thread gave an address that it has no memory at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault;

/// What system calls answer then.
pub(crate) const EFAULT: i64 = -(libc::EFAULT as i64);

pub(crate) fn read(tid: Tid, address: u64, into: &mut [u8]) -> Result<(), Fault> {
    if sys::read_memory(tid, address, into) == into.len() { Ok(()) } else { Err(Fault) }
}

pub(crate) fn write(tid: Tid, address: u64, from: &[u8]) -> Result<(), Fault> {
    if sys::write_memory(tid, address, from) == from.len() { Ok(()) } else { Err(Fault) }
}

pub(crate) fn read_u32(tid: Tid, address: u64) -> Result<u32, Fault> {
    let mut bytes = [0; 4];
    read(tid, address, &mut bytes)?;
    Ok(u32::from_ne_bytes(bytes))
}

pub(crate) fn read_u64(tid: Tid, address: u64) -> Result<u64, Fault> {
    let mut bytes = [0; 8];
    read(tid, address, &mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

/// Two words, as `timespec`, `timeval`, `iovec` have them.
pub(crate) fn read_pair(tid: Tid, address: u64) -> Result<[u64; 2], Fault> {
    let mut bytes = [0; 16];
    read(tid, address, &mut bytes)?;
    let word = |at: usize| u64::from_ne_bytes(std::array::from_fn(|index| bytes[at + index]));
    Ok([word(0), word(8)])
}

pub(crate) fn write_words(tid: Tid, address: u64, words: &[u64]) -> Result<(), Fault> {
    let mut bytes = [0; 64];
    let length = words.len() * 8;
    for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
        chunk.copy_from_slice(&word.to_ne_bytes());
    }
    write(tid, address, &bytes[..length])
}

/// A span or time in seconds and a fraction; `None` if it is not a valid one.
pub(crate) fn time(pair: [u64; 2], per_second: u64) -> Option<Nanos> {
    let [seconds, fraction] = pair;
    if seconds as i64 >= 0 && fraction < per_second {
        // Centuries do not fit, and mean for ever.
        Some(seconds.saturating_mul(SECOND).saturating_add(fraction * (SECOND / per_second)))
    } else {
        None
    }
}

pub(crate) fn timespec(nanos: Nanos) -> [u64; 2] {
    [nanos / SECOND, nanos % SECOND]
}

pub(crate) fn timeval(nanos: Nanos) -> [u64; 2] {
    [nanos / SECOND, nanos % SECOND / 1000]
}

/// The text at an address, up to its end or `limit` bytes.
pub(crate) fn read_text(tid: Tid, address: u64, limit: usize) -> Vec<u8> {
    const PAGE: u64 = 4096;
    let mut text = vec![0; limit];
    // The page behind the text's last one may not exist.
    let first = (PAGE - address % PAGE).min(limit as u64) as usize;
    let mut length = sys::read_memory(tid, address, &mut text[..first]);
    if length == first && !text[..first].contains(&0) && first < limit {
        length += sys::read_memory(tid, address + first as u64, &mut text[first..]);
    }
    text.truncate(length);
    if let Some(end) = text.iter().position(|byte| *byte == 0) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_kernel_reads_them() {
        assert_eq!(time([1, 5], SECOND), Some(SECOND + 5));
        assert_eq!(time([1, 5], 1_000_000), Some(SECOND + 5_000));
        assert_eq!(time([1, SECOND], SECOND), None);
        assert_eq!(time([-1i64 as u64, 0], SECOND), None);
        assert_eq!(time([i64::MAX as u64, 0], SECOND), Some(u64::MAX));
    }

    #[test]
    fn memory_is_read_and_written_and_faults_are_noticed() {
        let mut word = 7u64;
        let tid = std::process::id() as Tid;
        let address = &raw mut word as u64;
        assert_eq!(read_u64(tid, address), Ok(7));
        assert_eq!(write_words(tid, address, &[9]), Ok(()));
        assert_eq!(read_u64(tid, address), Ok(9));
        assert_eq!(read_u64(tid, 8), Err(Fault));
        let text = b"abc\0def\0";
        assert_eq!(read_text(tid, text.as_ptr() as u64, 8), b"abc");
    }
}
