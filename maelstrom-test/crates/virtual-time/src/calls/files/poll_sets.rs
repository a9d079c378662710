//! The arguments of `poll` and `select` in a thread's memory.
//!
//! All arguments of a call are read at once, and all results are written at once, because the number of the tracer's system
//! calls matters. As in the kernel, the arguments are those at the start of the call.

use crate::tracee::memory::{self, Fault, Fraction};
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
/// Length of a `struct pollfd`, and where its events are reported.
const ENTRY: u64 = 8;
const REPORTED: u64 = 6;

/// Where a call has its time limit in memory, and in which unit. Address 0: it has none.
#[derive(Clone, Copy)]
pub(super) struct LimitPlace {
    pub(super) address: u64,
    pub(super) fraction: Fraction,
}

/// The arguments of a call, as they are in memory.
pub(super) struct Arguments {
    /// The entries of a `poll`, or the three sets of a `select`.
    pub(super) sets: Box<[u8]>,
    /// The two words of the time limit, if there is one.
    pub(super) limit: Option<[u64; 2]>,
}

/// Reads parts of memory, and a time limit.
fn read(tid: Tid, parts: &[(u64, usize)], limit: Option<LimitPlace>) -> Result<Arguments, Fault> {
    let limit = limit.filter(|place| place.address != 0);
    let mut sets = vec![0; parts.iter().map(|(_, length)| length).sum()].into_boxed_slice();
    let mut pair = [0; 16];
    let mut rest = &mut *sets;
    let mut places = Vec::with_capacity(parts.len() + 1);
    for (address, length) in parts {
        let (part, after) = rest.split_at_mut(*length);
        rest = after;
        if *address != 0 && *length > 0 {
            places.push((*address, part));
        }
    }
    places.extend(limit.map(|place| (place.address, &mut pair[..])));
    memory::read_parts(tid, places)?;
    Ok(Arguments { sets, limit: limit.map(|_| memory::pair(pair)) })
}

/// Reads the arguments of a `poll`.
pub(super) fn read_poll(tid: Tid, registers: &Registers, limit: Option<LimitPlace>) -> Result<Arguments, Fault> {
    const LIMIT: u64 = 1 << 20;
    let count = registers.arg(1);
    if count > LIMIT {
        return Err(Fault);
    }
    let length = (count * ENTRY) as usize;
    if registers.arg(0) == 0 && length > 0 {
        return Err(Fault);
    }
    read(tid, &[(registers.arg(0), length)], limit)
}

/// The entries of a `poll`: descriptors, with the wanted events.
pub(super) fn poll_entries(sets: &[u8]) -> impl Iterator<Item = (i32, i16)> + '_ {
    sets.chunks_exact(ENTRY as usize).map(|entry| {
        (i32::from_ne_bytes([entry[0], entry[1], entry[2], entry[3]]), i16::from_ne_bytes([entry[4], entry[5]]))
    })
}

/// Writes the events that were found, and the remaining time. Returns the call's result.
pub(super) fn write_poll(
    tid: Tid,
    registers: &Registers,
    found: &[i16],
    remaining: Option<(u64, [u64; 2])>,
) -> Result<i64, Fault> {
    let bytes: Vec<[u8; 2]> = found.iter().map(|events| events.to_ne_bytes()).collect();
    let address = |index: usize| registers.arg(0) + ENTRY * index as u64 + REPORTED;
    let parts = bytes.iter().enumerate().map(|(index, events)| (address(index), &events[..]));
    write(tid, parts.collect(), remaining)?;
    Ok(found.iter().filter(|events| **events != 0).count() as i64)
}

/// Writes parts of memory, and the remaining time. The kernel ignores it as well if that cannot be written.
fn write(tid: Tid, parts: Vec<(u64, &[u8])>, remaining: Option<(u64, [u64; 2])>) -> Result<(), Fault> {
    let length: usize = parts.iter().map(|(_, bytes)| bytes.len()).sum();
    let words = remaining.map(|(address, words)| (address, memory::bytes(words)));
    let mut parts = parts;
    if let Some((address, bytes)) = &words {
        parts.push((*address, bytes));
    }
    if memory::write_some_parts(tid, &parts) >= length { Ok(()) } else { Err(Fault) }
}

/// The length in bytes of each set of a `select`.
fn set_length(registers: &Registers) -> usize {
    const LIMIT: u64 = 1 << 16;
    (registers.arg(0).min(LIMIT) as usize).div_ceil(64) * 8
}

/// Reads the arguments of a `select`.
pub(super) fn read_select(tid: Tid, registers: &Registers, limit: LimitPlace) -> Result<Arguments, Fault> {
    let length = set_length(registers);
    read(tid, &[1, 2, 3].map(|set| (registers.arg(set), length)), Some(limit))
}

/// The descriptors that a `select` asks for, with the wanted events.
pub(super) fn select_entries(sets: &[u8], registers: &Registers) -> Vec<(i32, i16)> {
    let length = set_length(registers);
    let wanted = |fd: usize| {
        let asked = |set: usize| sets[set * length + fd / 8] & 1 << (fd % 8) != 0;
        (0..3).filter(|set| asked(*set)).fold(0, |events, set| events | EVENTS[set].0)
    };
    let count = registers.arg(0).min(length as u64 * 8) as usize;
    (0..count).map(|fd| (fd as i32, wanted(fd))).filter(|(_, events)| *events != 0).collect()
}

/// Writes the events that were found, and the remaining time. Returns the call's result.
pub(super) fn write_select(
    tid: Tid,
    registers: &Registers,
    sets: &[u8],
    found: &[i16],
    remaining: Option<(u64, [u64; 2])>,
) -> Result<i64, Fault> {
    let length = set_length(registers);
    let wanted = select_entries(sets, registers);
    let mut results = vec![0; sets.len()];
    let mut total = 0;
    for (set, (_, reported)) in EVENTS.into_iter().enumerate() {
        for ((fd, _), found) in wanted.iter().zip(found) {
            let (byte, bit) = (set * length + *fd as usize / 8, 1 << (*fd as usize % 8));
            if sets[byte] & bit != 0 && found & reported != 0 {
                results[byte] |= bit;
                total += 1;
            }
        }
    }
    let part = |set: usize| (registers.arg(1 + set), &results[set * length..(set + 1) * length]);
    let parts = (0..3).map(part).filter(|(address, bytes)| *address != 0 && !bytes.is_empty());
    write(tid, parts.collect(), remaining)?;
    Ok(total)
}
