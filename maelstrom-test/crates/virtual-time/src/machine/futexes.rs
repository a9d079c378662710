//! Futexes: words of memory at which threads wait for each other.
//!
//! The tracer implements them completely. A thread that waits stays stopped, and a wakeup is a table lookup. So the order
//! of threads is decided here, and a waiting thread costs nothing.

use super::Machine;
use super::node::{ProcessId, SpaceId};
use super::thread::{FutexWord, ThreadId, Until};
use crate::tracee::memory;

/// Which waiters of a futex to wake.
#[derive(Clone, Copy)]
pub(crate) struct Wakeup {
    pub(crate) address: u64,
    /// At most this many.
    pub(crate) count: u32,
    /// Only those whose mask has a common bit.
    pub(crate) mask: u32,
    /// The word is not shared with other processes.
    pub(crate) is_private: bool,
}

impl Machine {
    /// The address space of a thread.
    pub(crate) fn space(&self, id: ThreadId) -> SpaceId {
        self.process(id).space
    }

    /// Wakes threads that wait at a word, in the address space of the thread `by`. Returns how many.
    pub(crate) fn wake_futex(&mut self, by: ThreadId, wakeup: Wakeup) -> i64 {
        let Wakeup { address, count, mask, is_private } = wakeup;
        let space = self.space(by);
        let waiting = self.incarnation_of(by).waits.at_word(space, address).to_vec();
        let mut woken = 0;
        for id in waiting {
            if woken >= i64::from(count as i32) {
                break;
            }
            let matching = |(_, word): &(usize, FutexWord)| word.address == address && word.mask & mask != 0;
            let Some((index, _)) = self.futex_words(id).find(matching) else { continue };
            self.wake_at_word(id, index);
            woken += 1;
        }
        if !is_private {
            // The same word may have another address in another process of the node.
            let others: Vec<ProcessId> = self.incarnation_of(by).processes.iter().copied().collect();
            for process in others {
                if self.processes[process].space != space {
                    self.wake_at_changed_words(process);
                }
            }
        }
        woken
    }

    /// The words that a blocked thread waits at, with their indices.
    fn futex_words(&self, id: ThreadId) -> impl Iterator<Item = (usize, FutexWord)> + '_ {
        let words = match self.threads[id].wait().map(|wait| &wait.until) {
            Some(Until::FutexWoken(_, words)) => words.as_slice(),
            _ => &[],
        };
        words.iter().copied().enumerate()
    }

    /// Wakes a thread at one of its words. The result names the word only if the call accepts several.
    fn wake_at_word(&mut self, id: ThreadId, index: usize) {
        let wait = self.threads[id].wait();
        let has_several = wait.is_some_and(|wait| wait.registers.number() == libc::SYS_futex_waitv);
        self.polling(id).succeeded();
        self.wake(id, if has_several { index as i64 } else { 0 });
    }

    /// Wakes the threads of a process whose words have changed. The kernel changes some by itself: when a thread ends,
    /// the threads that join it must notice.
    pub(super) fn wake_at_changed_words(&mut self, process: ProcessId) {
        let threads: Vec<ThreadId> = self.processes[process].threads.iter().copied().collect();
        for id in threads {
            let tid = self.tid(id);
            let changed = self
                .futex_words(id)
                .find(|(_, word)| memory::read_u32(tid, word.address).is_ok_and(|value| value != word.value));
            if let Some((index, _)) = changed {
                self.wake_at_word(id, index);
            }
        }
    }

    /// Makes up to `count` threads that wait at the word `from` wait at the word `to`, in the address space of the thread
    /// `by`. Returns how many.
    pub(crate) fn requeue_futex(&mut self, by: ThreadId, from: u64, to: u64, count: u32) -> i64 {
        let space = self.space(by);
        let moved = self.incarnation_of(by).waits.requeue(space, from, to, count);
        for id in &moved {
            let tid = self.tid(*id);
            let Some(Until::FutexWoken(_, words)) = self.threads[*id].wait_mut().map(|wait| &mut wait.until) else {
                continue;
            };
            for word in words.iter_mut().filter(|word| word.address == from) {
                word.address = to;
                word.value = memory::read_u32(tid, to).unwrap_or(word.value);
            }
        }
        moved.len() as i64
    }
}
