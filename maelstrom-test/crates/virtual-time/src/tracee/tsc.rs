//! The processor's time-stamp counter, which the tracer gives up together with its nodes.
//!
//! Nodes must not read the counter, so the processor is told to fault when they do. That switch belongs to the
//! processor, and the kernel has to turn it whenever a thread that may read the counter takes over from one that may
//! not; on a virtual machine this costs more than the rest of the switch between two threads, and the tracer and its
//! nodes take turns at every stop. So the tracing thread does without the counter as well, and nothing has to be turned.
//!
//! Yet code that it runs may want the time: the standard library reads the counter for [`std::time::Instant`]. Then a
//! signal handler gives the counter back to the thread, which goes on as if nothing had happened, and does without it
//! again from the next turn of a node.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::OnceLock;

use crate::tracee::arch;

const ENABLE: libc::c_int = 1;
const FAULT: libc::c_int = 2;

thread_local! {
    /// Whether this thread does without the counter now.
    static WITHOUT: Cell<bool> = const { Cell::new(false) };
}

/// What handled segmentation faults before us, if our handler could be installed.
static BEFORE: OnceLock<Option<libc::sigaction>> = OnceLock::new();

/// The calling thread's renunciation of the counter. It gets it back when this is dropped.
pub(crate) struct Renunciation {
    possible: bool,
    /// It is the thread's own matter.
    not_send: PhantomData<*const ()>,
}

impl Renunciation {
    pub(crate) fn new() -> Self {
        BEFORE.get_or_init(install);
        Renunciation { possible: is_installed(), not_send: PhantomData }
    }

    /// Does without the counter from now on, until somebody wants it.
    pub(crate) fn renew(&self) {
        if self.possible && !WITHOUT.get() {
            WITHOUT.set(set(FAULT));
        }
    }
}

impl Drop for Renunciation {
    fn drop(&mut self) {
        if WITHOUT.replace(false) {
            set(ENABLE);
        }
    }
}

fn set(mode: libc::c_int) -> bool {
    // SAFETY: a number; it concerns the calling thread only.
    unsafe { libc::prctl(libc::PR_SET_TSC, mode) == 0 }
}

fn install() -> Option<libc::sigaction> {
    // SAFETY: zeros are a valid value, all pointers are to this frame, and the handler does only what a handler may.
    unsafe {
        let mut ours: libc::sigaction = std::mem::zeroed();
        let mut before: libc::sigaction = std::mem::zeroed();
        ours.sa_sigaction = on_fault as *const () as usize;
        // On the stack for signals, where the standard library's own handler for stack overflows has to run.
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        (libc::sigaction(libc::SIGSEGV, &raw const ours, &raw mut before) == 0).then_some(before)
    }
}

/// Whether the handler is ours: somebody else may have replaced it.
fn is_installed() -> bool {
    // SAFETY: zeros are a valid value, and the call fills it in.
    unsafe {
        let mut current: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGSEGV, std::ptr::null(), &raw mut current) == 0
            && current.sa_sigaction == on_fault as *const () as usize
    }
}

/// Handles a segmentation fault: ours if it was the counter's, else of whoever handled it before.
extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel gives valid pointers, and that context. A fault of this code is a fault of an instruction, not
    // of an address (those have other codes), so the instruction is there to be read.
    unsafe {
        if (*info).si_code == libc::SI_KERNEL && arch::stands_at_counter(context.cast()) && WITHOUT.replace(false) {
            set(ENABLE);
            return;
        }
        match BEFORE.get() {
            Some(Some(before)) if before.sa_sigaction == libc::SIG_IGN => {}
            Some(Some(before)) if before.sa_sigaction != libc::SIG_DFL => {
                if before.sa_flags & libc::SA_SIGINFO != 0 {
                    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                        std::mem::transmute(before.sa_sigaction);
                    handler(signal, info, context);
                } else {
                    let handler: extern "C" fn(libc::c_int) = std::mem::transmute(before.sa_sigaction);
                    handler(signal);
                }
            }
            _ => {
                // It will happen again, and end the process.
                libc::signal(signal, libc::SIG_DFL);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_thread_that_has_renounced_the_counter_can_read_clocks_all_the_same() {
        let before = Instant::now();
        let renunciation = Renunciation::new();
        for _ in 0..3 {
            renunciation.renew();
            assert_eq!(WITHOUT.get(), renunciation.possible);
            assert!(before <= Instant::now());
        }
        renunciation.renew();
        drop(renunciation);
        assert!(!WITHOUT.get());
        assert!(before <= Instant::now());
    }
}
