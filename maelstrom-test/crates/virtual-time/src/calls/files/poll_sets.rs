//! The arguments of `poll` and `select` in a thread's memory.

use crate::tracee::memory::{self, Fault};
use crate::tracee::process::Tid;
use crate::tracee::registers::Registers;

const IN: i16 = libc::POLLIN;
const OUT: i16 = libc::POLLOUT;
/// For each set of a `select` (readable, writable, exceptional): the events that it polls for, and those that it reports.
const EVENTS: [(i16, i16); 3] = [
    (
        IN | libc::POLLRDNORM | libc::POLLRDBAND,
        IN | libc::POLLRDNORM | libc::POLLRDBAND | libc::POLLHUP | libc::POLLERR,
    ),
    (OUT | libc::POLLWRNORM | libc::POLLWRBAND, OUT | libc::POLLWRNORM | libc::POLLWRBAND | libc::POLLERR),
    (libc::POLLPRI, libc::POLLPRI),
];

/// The entries of a `poll`: descriptors, with the wanted events.
pub(super) fn read_poll_entries(tid: Tid, registers: &Registers) -> Result<Vec<(i32, i16)>, Fault> {
    const LIMIT: u64 = 1 << 20;
    let count = registers.arg(1);
    if count > LIMIT {
        return Err(Fault);
    }
    let mut bytes = vec![0; count as usize * 8];
    if count > 0 {
        memory::read(tid, registers.arg(0), &mut bytes)?;
    }
    let entry = |entry: &[u8]| {
        (i32::from_ne_bytes([entry[0], entry[1], entry[2], entry[3]]), i16::from_ne_bytes([entry[4], entry[5]]))
    };
    Ok(bytes.chunks_exact(8).map(entry).collect())
}

/// Writes the events that were found. Returns the call's result.
pub(super) fn write_poll_entries(tid: Tid, registers: &Registers, found: &[i16]) -> Result<i64, Fault> {
    let entries = read_poll_entries(tid, registers)?;
    let mut bytes = Vec::with_capacity(entries.len() * 8);
    for ((fd, events), found) in entries.iter().zip(found) {
        bytes.extend(fd.to_ne_bytes());
        bytes.extend(events.to_ne_bytes());
        bytes.extend(found.to_ne_bytes());
    }
    if !bytes.is_empty() {
        memory::write(tid, registers.arg(0), &bytes)?;
    }
    Ok(found.iter().filter(|events| **events != 0).count() as i64)
}

/// The three sets of a `select`: their addresses and bytes.
fn select_bytes(tid: Tid, registers: &Registers) -> Result<[(u64, Vec<u8>); 3], Fault> {
    const LIMIT: u64 = 1 << 16;
    let length = (registers.arg(0).min(LIMIT) as usize).div_ceil(64) * 8;
    let mut sets: [(u64, Vec<u8>); 3] = std::array::from_fn(|set| (registers.arg(1 + set), vec![0; length]));
    for (address, bytes) in &mut sets {
        if *address != 0 && length > 0 {
            memory::read(tid, *address, bytes)?;
        }
    }
    Ok(sets)
}

/// The descriptors that a `select` asks for, with the wanted events.
pub(super) fn read_select_sets(tid: Tid, registers: &Registers) -> Result<Vec<(i32, i16)>, Fault> {
    let sets = select_bytes(tid, registers)?;
    let wanted = |fd: usize| {
        let asked = sets.iter().zip(EVENTS).filter(|((_, bytes), _)| bytes[fd / 8] & 1 << (fd % 8) != 0);
        asked.fold(0, |events, (_, (wanted, _))| events | wanted)
    };
    let count = registers.arg(0).min(sets[0].1.len() as u64 * 8) as usize;
    Ok((0..count).map(|fd| (fd as i32, wanted(fd))).filter(|(_, events)| *events != 0).collect())
}

/// Writes the events that were found. Returns the call's result.
pub(super) fn write_select_sets(tid: Tid, registers: &Registers, found: &[i16]) -> Result<i64, Fault> {
    let wanted = read_select_sets(tid, registers)?;
    let mut total = 0;
    for ((address, bytes), (_, reported)) in select_bytes(tid, registers)?.iter_mut().zip(EVENTS) {
        let asked = std::mem::replace(bytes, vec![0; bytes.len()]);
        for ((fd, _), found) in wanted.iter().zip(found) {
            let (byte, bit) = (*fd as usize / 8, 1 << (*fd as usize % 8));
            if asked[byte] & bit != 0 && found & reported != 0 {
                bytes[byte] |= bit;
                total += 1;
            }
        }
        if *address != 0 && !bytes.is_empty() {
            memory::write(tid, *address, bytes)?;
        }
    }
    Ok(total)
}
