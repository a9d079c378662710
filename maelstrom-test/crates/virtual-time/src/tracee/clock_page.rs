//! The clock page: memory shared with a node's processes, from which they read the time without a system call.
//!
//! ```text
//!   first page    machine code: clock_gettime (arch::CLOCK_READER)
//!   second page   reads │ base time │ allowed reads │ offset of each clock
//! ```
//!
//! A read returns `base + offset + 40 ns × reads`. The tracer sets the base, and learns from the number of reads how far
//! the node's clock has moved.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::MemfdFlags;

use super::arch;
use crate::time::{CLOCK_READ_COST, Nanos, UPTIME_AT_START, WALL_CLOCK_AT_START};

/// Reads after which the next one becomes a system call, so that the tracer notices a node that polls its clock.
const ALLOWED_READS: u64 = 5_000;
/// Clocks that can be read here: the system's numbers below this, except for CPU time.
const CLOCKS: usize = 12;
/// Indices of the words in the second page.
const READS: usize = 0;
const BASE: usize = 1;
const LIMIT: usize = 2;
/// One for each clock. 0: make the system call.
const OFFSETS: usize = 3;

/// The clock that a node's processes read from shared memory.
pub(crate) struct ClockPage {
    pages: SharedPages,
    base: Nanos,
    /// Reads since the limit was renewed and before the base was last set.
    earlier_reads: u64,
}

impl ClockPage {
    /// Makes a clock whose wall clock deviates by `skew_ns`.
    pub(crate) fn new(skew_ns: i64) -> io::Result<Self> {
        let pages = SharedPages::new(arch::CLOCK_READER)?;
        let mut page = ClockPage { pages, base: 0, earlier_reads: 0 };
        page.set_skew(skew_ns);
        page.pages.store(LIMIT, ALLOWED_READS);
        page.set_base(0);
        Ok(page)
    }

    /// The memory file, for processes to map.
    pub(super) fn file(&self) -> &File {
        &self.pages.file
    }

    /// How often the clock was read since its base was set.
    pub(crate) fn reads(&self) -> u64 {
        // Refused reads are counted in the page as well.
        self.pages.load(READS).min(self.pages.load(LIMIT))
    }

    /// Whether the allowed reads are used up, so that the next read is a system call.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.earlier_reads + self.reads() >= ALLOWED_READS
    }

    /// Restores the full number of allowed reads. The moment must depend on the program alone: otherwise the program makes
    /// a system call elsewhere in another run.
    pub(crate) fn renew(&mut self) {
        self.set_base(self.base + self.reads() * CLOCK_READ_COST);
        self.earlier_reads = 0;
        self.pages.store(LIMIT, ALLOWED_READS);
    }

    /// Turns the read after `reads` more into a system call, at which the thread can be preempted.
    pub(crate) fn limit_reads(&mut self, reads: u64) {
        self.pages.store(LIMIT, reads.min(ALLOWED_READS));
    }

    /// Sets the clock, in the machine's time. The reads that are left stay the same, because a forced stop sets the clock in
    /// the middle of a computation.
    pub(crate) fn set_base(&mut self, time: Nanos) {
        let reads = self.reads();
        self.earlier_reads += reads;
        self.base = time;
        self.pages.store(BASE, time);
        self.pages.store(READS, 0);
        self.pages.store(LIMIT, self.pages.load(LIMIT).saturating_sub(reads));
    }

    /// The time that the clock was set to.
    pub(crate) fn base(&self) -> Nanos {
        self.base
    }

    /// Sets the deviation of the wall clock.
    pub(crate) fn set_skew(&mut self, skew_ns: i64) {
        for clock in 0..CLOCKS {
            let offset = match clock as i32 {
                libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => {
                    WALL_CLOCK_AT_START.saturating_add_signed(skew_ns)
                }
                libc::CLOCK_MONOTONIC
                | libc::CLOCK_MONOTONIC_RAW
                | libc::CLOCK_MONOTONIC_COARSE
                | libc::CLOCK_BOOTTIME => UPTIME_AT_START,
                _ => 0,
            };
            self.pages.store(OFFSETS + clock, offset);
        }
    }
}

/// Two pages of memory that processes can share: code, followed by words.
pub(super) struct SharedPages {
    file: File,
    address: *mut u8,
}

impl SharedPages {
    /// Their size in bytes.
    pub(super) const SIZE: usize = 8192;
    const WORDS: usize = 4096;

    fn new(code: &[u8]) -> io::Result<Self> {
        assert!(code.len() <= Self::WORDS, "the code fits in its page");
        let file = File::from(rustix::fs::memfd_create(c"clock", MemfdFlags::CLOEXEC)?);
        file.set_len(Self::SIZE as u64)?;
        file.write_all_at(code, 0)?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, which overlaps nothing, of a file that is large enough.
        let address = unsafe { libc::mmap(null_mut(), Self::SIZE, access, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(SharedPages { file, address: address.cast() })
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index < (Self::SIZE - Self::WORDS) / 8, "there is such a word");
        // SAFETY: within the mapping, which lives as long as `self`, and aligned. Others change it atomically.
        unsafe { AtomicU64::from_ptr(self.address.add(Self::WORDS + 8 * index).cast()) }
    }

    fn load(&self, index: usize) -> u64 {
        self.word(index).load(Ordering::Relaxed)
    }

    fn store(&self, index: usize, value: u64) {
        self.word(index).store(value, Ordering::Relaxed);
    }
}

impl Drop for SharedPages {
    fn drop(&mut self) {
        // SAFETY: our own mapping, of this size. No reference into it outlives `self`.
        unsafe { libc::munmap(self.address.cast(), Self::SIZE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_the_clock_resets_the_reads_but_not_the_limit() {
        let mut page = ClockPage::new(0).expect("memory can be shared");
        page.pages.store(READS, 7);
        assert!(page.reads() == 7 && !page.is_exhausted());
        page.set_base(99);
        assert_eq!((page.reads(), page.base()), (0, 99));
        page.pages.store(READS, ALLOWED_READS - 8);
        assert!(!page.is_exhausted());
        page.pages.store(READS, ALLOWED_READS + 5);
        assert!(page.is_exhausted(), "setting the clock does not renew the limit");
        assert_eq!(page.reads(), ALLOWED_READS - 7);
        page.renew();
        assert!(!page.is_exhausted());
        page.limit_reads(5);
        page.pages.store(READS, 2);
        page.set_base(page.base());
        page.pages.store(READS, 9);
        assert_eq!(page.reads(), 3, "setting the clock keeps a lower limit, too");
        page.pages.store(READS, 0);
        assert_eq!(page.base(), 99 + (ALLOWED_READS - 7) * CLOCK_READ_COST);
    }
}
