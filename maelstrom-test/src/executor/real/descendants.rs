//! The descendants of this process, from `/proc`.
//!
//! This code runs between `fork` and `exec` (see [`supervisor`](super::supervisor)), so it does not allocate and calls only the
//! kernel.
#![allow(unsafe_code)]

use libc::pid_t;

/// The maximum number of processes that are paused. There is no such limit for kills.
pub(super) const MAX_PROCESSES: usize = 4096;

/// Writes the ids of our direct children to the beginning of the buffer. Returns their number.
#[cfg(target_os = "linux")]
pub(super) fn children_of_self(pids: &mut [pid_t; MAX_PROCESSES]) -> usize {
    read_pids(c"/proc/thread-self/children", pids, 0)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn children_of_self(_: &mut [pid_t; MAX_PROCESSES]) -> usize {
    0
}

/// Writes the ids of all our descendants to the beginning of the buffer. Returns their number.
#[cfg(target_os = "linux")]
pub(super) fn descendants(pids: &mut [pid_t; MAX_PROCESSES]) -> usize {
    let mut count = children_of_self(pids);
    let mut next = 0;
    while next < count {
        count = children_of(pids[next], pids, count);
        next += 1;
    }
    count
}

#[cfg(not(target_os = "linux"))]
pub(super) fn descendants(_: &mut [pid_t; MAX_PROCESSES]) -> usize {
    0
}

/// Appends the children of all threads of a process. Returns the new count.
#[cfg(target_os = "linux")]
fn children_of(pid: pid_t, pids: &mut [pid_t; MAX_PROCESSES], mut count: usize) -> usize {
    let mut path = PathBuffer::new();
    path.push(b"/proc/").push_number(pid).push(b"/task");
    // SAFETY: the path ends with a zero byte, and the length is that of the buffer.
    unsafe {
        let directory = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC);
        if directory < 0 {
            return count;
        }
        let mut entries = [0u8; 4096];
        loop {
            let read = libc::syscall(libc::SYS_getdents64, directory, entries.as_mut_ptr(), entries.len());
            if read <= 0 {
                break;
            }
            for_each_number(&entries[..read as usize], |thread| {
                let mut path = PathBuffer::new();
                path.push(b"/proc/").push_number(pid).push(b"/task/").push_number(thread).push(b"/children");
                count = read_pids(path.as_c_str(), pids, count);
            });
        }
        libc::close(directory);
    }
    count
}

/// Calls `f` with every name in the result of `getdents64` that is a number.
#[cfg(target_os = "linux")]
fn for_each_number(mut entries: &[u8], mut f: impl FnMut(pid_t)) {
    // Each entry: inode (8 bytes), offset (8), length of the entry (2), type (1), name with a zero byte at its end.
    while entries.len() > 19 {
        let length = u16::from_ne_bytes([entries[16], entries[17]]) as usize;
        if length <= 19 || length > entries.len() {
            return;
        }
        let mut number: pid_t = 0;
        let mut digits = entries[19..length].iter().take_while(|&&byte| byte != 0).peekable();
        let is_number = digits.peek().is_some()
            && digits.all(|byte| {
                number = number.wrapping_mul(10).wrapping_add(pid_t::from(byte.wrapping_sub(b'0')));
                byte.is_ascii_digit()
            });
        if is_number {
            f(number);
        }
        entries = &entries[length..];
    }
}

/// Appends the process ids in a file. Returns the new count.
#[cfg(target_os = "linux")]
fn read_pids(path: &std::ffi::CStr, pids: &mut [pid_t; MAX_PROCESSES], mut count: usize) -> usize {
    // SAFETY: the path ends with a zero byte, and the length is that of the buffer.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if file < 0 {
            return count;
        }
        let (mut buffer, mut number) = ([0u8; 4096], None);
        loop {
            let read = libc::read(file, buffer.as_mut_ptr().cast(), buffer.len());
            if read <= 0 {
                break;
            }
            for &byte in &buffer[..read as usize] {
                if byte.is_ascii_digit() {
                    number = Some(number.unwrap_or(0) * 10 + pid_t::from(byte - b'0'));
                } else if let Some(pid) = number.take()
                    && count < pids.len()
                {
                    pids[count] = pid;
                    count += 1;
                }
            }
        }
        libc::close(file);
    }
    count
}

/// A path in a fixed buffer, because this code cannot allocate.
#[cfg(target_os = "linux")]
struct PathBuffer {
    bytes: [u8; 64],
    length: usize,
}

#[cfg(target_os = "linux")]
impl PathBuffer {
    fn new() -> PathBuffer {
        PathBuffer { bytes: [0; 64], length: 0 }
    }

    fn push(&mut self, text: &[u8]) -> &mut PathBuffer {
        for &byte in text {
            // The last byte remains zero.
            if self.length + 1 < self.bytes.len() {
                self.bytes[self.length] = byte;
                self.length += 1;
            }
        }
        self
    }

    fn push_number(&mut self, number: pid_t) -> &mut PathBuffer {
        let (mut digits, mut at, mut rest) = ([0u8; 12], 12, number.unsigned_abs());
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push(&digits[at..])
    }

    fn as_ptr(&self) -> *const libc::c_char {
        self.bytes.as_ptr().cast()
    }

    fn as_c_str(&self) -> &std::ffi::CStr {
        std::ffi::CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}
