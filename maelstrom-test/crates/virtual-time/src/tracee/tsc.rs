//! The processor's time-stamp counter (TSC): the tracing thread disables it together with its nodes.
//!
//! Nodes must not read the counter, so the kernel makes such reads fault (`PR_SET_TSC`). That switch belongs to the
//! processor. The kernel changes it at each context switch between a thread that may read the counter and one that may
//! not. On a virtual machine this costs more than the rest of the context switch, and the tracer and its nodes switch
//! at every stop. So the tracing thread disables the counter for itself too, and the switch never changes.
//!
//! Code that runs on the tracing thread may still need the time: the standard library reads the counter for
//! [`std::time::Instant`]. A signal handler then enables the counter for the thread again, which continues as usual. It
//! is disabled again before the next node runs.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::OnceLock;

use super::arch;

thread_local! {
    /// Whether the counter is disabled for this thread now.
    static DISABLED: Cell<bool> = const { Cell::new(false) };
}

/// The previous handler of segmentation faults; `None` if ours could not be installed.
static PREVIOUS_HANDLER: OnceLock<Option<libc::sigaction>> = OnceLock::new();

/// Lets the calling thread disable its time-stamp counter, and enables it when dropped.
pub(crate) struct TscGuard {
    possible: bool,
    /// The state belongs to the thread.
    not_send: PhantomData<*const ()>,
}

impl TscGuard {
    pub(crate) fn new() -> Self {
        PREVIOUS_HANDLER.get_or_init(install);
        TscGuard { possible: is_installed(), not_send: PhantomData }
    }

    /// Disables the counter until somebody reads it.
    pub(crate) fn disable(&self) {
        if self.possible && !DISABLED.get() {
            DISABLED.set(set(libc::PR_TSC_SIGSEGV));
        }
    }
}

impl Drop for TscGuard {
    fn drop(&mut self) {
        if DISABLED.replace(false) {
            set(libc::PR_TSC_ENABLE);
        }
    }
}

fn set(mode: libc::c_int) -> bool {
    // SAFETY: a number, which concerns the calling thread only.
    unsafe { libc::prctl(libc::PR_SET_TSC, mode) == 0 }
}

fn install() -> Option<libc::sigaction> {
    // SAFETY: zeros are a valid value, all pointers are to this frame, and the handler is async-signal-safe.
    unsafe {
        let mut ours: libc::sigaction = std::mem::zeroed();
        let mut previous: libc::sigaction = std::mem::zeroed();
        ours.sa_sigaction = on_fault as *const () as usize;
        // On the alternate stack, because the standard library's handler for stack overflows needs it.
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        (libc::sigaction(libc::SIGSEGV, &raw const ours, &raw mut previous) == 0).then_some(previous)
    }
}

/// Whether the handler is still ours: other code may have replaced it.
fn is_installed() -> bool {
    // SAFETY: zeros are a valid value, and the call fills it in.
    unsafe {
        let mut current: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGSEGV, std::ptr::null(), &raw mut current) == 0
            && current.sa_sigaction == on_fault as *const () as usize
    }
}

/// Handles a segmentation fault. It enables the counter if a read of it faulted, else it calls the previous handler.
extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes valid pointers, and that context. A fault with this code is caused by an instruction, not
    // by an address (those faults have other codes), so the instruction can be read.
    unsafe {
        if (*info).si_code == libc::SI_KERNEL && arch::is_at_tsc_read(context.cast()) && DISABLED.replace(false) {
            set(libc::PR_TSC_ENABLE);
            return;
        }
        match PREVIOUS_HANDLER.get() {
            Some(Some(previous)) if previous.sa_sigaction == libc::SIG_IGN => {}
            Some(Some(previous)) if previous.sa_sigaction != libc::SIG_DFL => {
                if previous.sa_flags & libc::SA_SIGINFO != 0 {
                    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                        std::mem::transmute(previous.sa_sigaction);
                    handler(signal, info, context);
                } else {
                    let handler: extern "C" fn(libc::c_int) = std::mem::transmute(previous.sa_sigaction);
                    handler(signal);
                }
            }
            _ => {
                // The instruction faults again on return, which ends the process.
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
    fn a_thread_with_the_counter_disabled_can_still_read_clocks() {
        let before = Instant::now();
        let guard = TscGuard::new();
        for _ in 0..3 {
            guard.disable();
            assert_eq!(DISABLED.get(), guard.possible);
            assert!(before <= Instant::now());
        }
        guard.disable();
        drop(guard);
        assert!(!DISABLED.get());
        assert!(before <= Instant::now());
    }
}
