//! Reading and writing the memory of a stopped thread, in the shapes that system calls use.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;

use super::process::Tid;
use crate::time::{MICROSECONDS_PER_SECOND, Nanos, SECOND};

/// The thread has no memory at an address that it gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault;

/// What a system call returns for such an address.
pub(crate) const EFAULT: i64 = -(libc::EFAULT as i64);

/// Reads as much of a thread's memory as there is; returns the number of bytes read.
pub(crate) fn read_some(tid: Tid, address: u64, into: &mut [u8]) -> usize {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: into.len() };
    // SAFETY: `local` describes a live exclusive buffer. The other address is checked by the kernel.
    let read = unsafe { libc::process_vm_readv(tid, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(read).unwrap_or(0)
}

pub(crate) fn read(tid: Tid, address: u64, into: &mut [u8]) -> Result<(), Fault> {
    if read_some(tid, address, into) == into.len() { Ok(()) } else { Err(Fault) }
}

/// Writes a thread's memory where the thread itself may write.
pub(crate) fn write(tid: Tid, address: u64, from: &[u8]) -> Result<(), Fault> {
    let local = libc::iovec { iov_base: from.as_ptr().cast_mut().cast(), iov_len: from.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: from.len() };
    // SAFETY: the kernel only reads from `local`. It checks the other address.
    let written = unsafe { libc::process_vm_writev(tid, &raw const local, 1, &raw const remote, 1, 0) };
    if usize::try_from(written) == Ok(from.len()) { Ok(()) } else { Err(Fault) }
}

/// Writes a thread's memory as a debugger does: also where the thread itself may only read.
pub(crate) fn overwrite(tid: Tid, address: u64, from: &[u8]) -> io::Result<()> {
    let memory = File::options().write(true).open(format!("/proc/{tid}/mem"))?;
    std::os::unix::fs::FileExt::write_all_at(&memory, from, address)
}

/// Reads several parts of a thread's memory with one system call.
pub(crate) fn read_parts(tid: Tid, parts: Vec<(u64, &mut [u8])>) -> Result<(), Fault> {
    let (mut local, mut remote) = (Vec::with_capacity(parts.len()), Vec::with_capacity(parts.len()));
    let mut length = 0;
    for (address, bytes) in parts {
        length += bytes.len();
        remote.push(libc::iovec { iov_base: address as *mut libc::c_void, iov_len: bytes.len() });
        local.push(libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() });
    }
    if length == 0 {
        return Ok(());
    }
    let count = local.len() as libc::c_ulong;
    // SAFETY: `local` describes exclusive buffers that outlive the call. The other addresses are checked by the kernel.
    let read = unsafe { libc::process_vm_readv(tid, local.as_ptr(), count, remote.as_ptr(), count, 0) };
    if usize::try_from(read) == Ok(length) { Ok(()) } else { Err(Fault) }
}

/// Writes several parts of a thread's memory, in this order, as far as the thread itself may write. Returns the number of
/// bytes written.
pub(crate) fn write_some_parts(tid: Tid, parts: &[(u64, &[u8])]) -> usize {
    /// The kernel accepts no more parts in one call.
    const MOST: usize = 1024;
    let mut total = 0;
    for parts in parts.chunks(MOST) {
        let local = |(_, bytes): &(u64, &[u8])| libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        let remote = |(address, bytes): &(u64, &[u8])| libc::iovec {
            iov_base: *address as *mut libc::c_void,
            iov_len: bytes.len(),
        };
        let (local, remote): (Vec<_>, Vec<_>) = (parts.iter().map(local).collect(), parts.iter().map(remote).collect());
        let count = parts.len() as libc::c_ulong;
        // SAFETY: the kernel only reads from `local`, whose buffers outlive the call. It checks the other addresses.
        let written = unsafe { libc::process_vm_writev(tid, local.as_ptr(), count, remote.as_ptr(), count, 0) };
        let written = usize::try_from(written).unwrap_or(0);
        total += written;
        if written < parts.iter().map(|(_, bytes)| bytes.len()).sum() {
            break;
        }
    }
    total
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

/// Reads two words: a `timespec`, `timeval` or `iovec`.
pub(crate) fn read_pair(tid: Tid, address: u64) -> Result<[u64; 2], Fault> {
    let mut bytes = [0; 16];
    read(tid, address, &mut bytes)?;
    Ok(pair(bytes))
}

/// Two words that were read from memory.
pub(crate) fn pair(bytes: [u8; 16]) -> [u64; 2] {
    let word = |at: usize| u64::from_ne_bytes(std::array::from_fn(|index| bytes[at + index]));
    [word(0), word(8)]
}

/// Two words as they are in memory.
pub(crate) fn bytes(pair: [u64; 2]) -> [u8; 16] {
    let [first, second] = pair.map(u64::to_ne_bytes);
    std::array::from_fn(|index| if index < 8 { first[index] } else { second[index - 8] })
}

pub(crate) fn write_words(tid: Tid, address: u64, words: &[u64]) -> Result<(), Fault> {
    let mut bytes = [0; 64];
    let length = words.len() * 8;
    for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
        chunk.copy_from_slice(&word.to_ne_bytes());
    }
    write(tid, address, &bytes[..length])
}

/// The unit of a time's fraction: `timespec` has nanoseconds, `timeval` microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fraction {
    Nanos,
    Micros,
}

impl Fraction {
    fn per_second(self) -> u64 {
        match self {
            Fraction::Nanos => SECOND,
            Fraction::Micros => MICROSECONDS_PER_SECOND,
        }
    }

    /// Converts seconds and a fraction to nanoseconds; `None` if the kernel would refuse them.
    pub(crate) fn to_nanos(self, [seconds, fraction]: [u64; 2]) -> Option<Nanos> {
        let per_second = self.per_second();
        // Saturating: programs use centuries to mean "without limit".
        (seconds as i64 >= 0 && fraction < per_second)
            .then(|| seconds.saturating_mul(SECOND).saturating_add(fraction * (SECOND / per_second)))
    }

    /// Converts nanoseconds to seconds and a fraction.
    pub(crate) fn split(self, nanos: Nanos) -> [u64; 2] {
        [nanos / SECOND, nanos % SECOND / (SECOND / self.per_second())]
    }
}

/// Reads a `timespec`; `None` if it is not there or the kernel would refuse it.
pub(crate) fn read_timespec(tid: Tid, address: u64) -> Option<Nanos> {
    read_pair(tid, address).ok().and_then(|pair| Fraction::Nanos.to_nanos(pair))
}

pub(crate) fn write_timespec(tid: Tid, address: u64, nanos: Nanos) -> Result<(), Fault> {
    write_words(tid, address, &Fraction::Nanos.split(nanos))
}

/// Reads a string that ends with a zero byte, at most `limit` bytes of it.
pub(crate) fn read_text(tid: Tid, address: u64, limit: usize) -> Vec<u8> {
    const PAGE: u64 = 4096;
    let mut text = vec![0; limit];
    // The page after the one where the string ends may not exist.
    let first = (PAGE - address % PAGE).min(limit as u64) as usize;
    let mut length = read_some(tid, address, &mut text[..first]);
    if length == first && !text[..first].contains(&0) && first < limit {
        length += read_some(tid, address + first as u64, &mut text[first..]);
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
    fn times_are_converted_as_the_kernel_does() {
        assert_eq!(Fraction::Nanos.to_nanos([1, 5]), Some(SECOND + 5));
        assert_eq!(Fraction::Micros.to_nanos([1, 5]), Some(SECOND + 5_000));
        assert_eq!(Fraction::Nanos.to_nanos([1, SECOND]), None);
        assert_eq!(Fraction::Nanos.to_nanos([-1i64 as u64, 0]), None);
        assert_eq!(Fraction::Nanos.to_nanos([i64::MAX as u64, 0]), Some(u64::MAX));
        assert_eq!(Fraction::Micros.split(SECOND + 5_999), [1, 5]);
    }

    #[test]
    fn memory_is_read_and_written_and_faults_are_reported() {
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
