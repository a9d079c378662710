//! Files that a tracee has open, seen through the tracer's own descriptors for them.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;
use rustix::net::sockopt;
use rustix::pipe::PipeFlags;

/// Which time limit of a socket.
pub(crate) use rustix::net::sockopt::Timeout;

/// Returns which of the wanted events (`POLLIN`, …) each file has now, without waiting.
pub(crate) fn poll<'a>(wanted: impl Iterator<Item = (&'a OwnedFd, i16)>) -> Vec<i16> {
    const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
    let entry = |(file, events): (&'a OwnedFd, i16)| PollFd::new(file, PollFlags::from_bits_retain(events as u16));
    let mut entries: Vec<PollFd<'a>> = wanted.map(entry).collect();
    if !entries.is_empty() {
        // An error leaves all entries without events.
        let _ = rustix::event::poll(&mut entries, Some(&NOW));
    }
    entries.iter().map(|entry| entry.revents().bits() as i16).collect()
}

/// Bytes that can be read from a pipe or socket.
pub(crate) fn readable_bytes(file: impl AsFd) -> u64 {
    rustix::io::ioctl_fionread(file).unwrap_or(0)
}

/// Whether an open file has the flag `O_NONBLOCK`.
pub(crate) fn is_nonblocking(file: impl AsFd) -> bool {
    rustix::fs::fcntl_getfl(file).is_ok_and(|flags| flags.contains(OFlags::NONBLOCK))
}

/// A socket's time limit; zero if it has none.
pub(crate) fn socket_timeout(file: &OwnedFd, which: Timeout) -> io::Result<Duration> {
    Ok(sockopt::socket_timeout(file, which)?.unwrap_or_default())
}

/// Sets a socket's time limit.
pub(crate) fn set_socket_timeout(file: &OwnedFd, which: Timeout, limit: Duration) -> io::Result<()> {
    Ok(sockopt::set_socket_timeout(file, which, Some(limit))?)
}

/// Makes a pipe whose ends are closed at exec: (for reading, for writing).
pub(crate) fn pipe() -> io::Result<(File, File)> {
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    Ok((reader.into(), writer.into()))
}

/// Makes one end of a pipe nonblocking, and asks for room for `capacity` bytes.
pub(crate) fn tune_pipe(end: &File, capacity: usize) {
    // Failure is harmless: a smaller pipe is only slower.
    let _ = rustix::pipe::fcntl_setpipe_size(end, capacity);
    let _ = rustix::fs::fcntl_setfl(end, OFlags::NONBLOCK);
}
