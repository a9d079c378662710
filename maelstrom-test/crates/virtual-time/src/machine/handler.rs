//! The interface to the layer above: what becomes of a system call is decided there.

use std::io;

use super::Machine;
use super::scheduler::Outcome;
use super::signals::{SignalSet, Signals};
use super::thread::{ThreadId, Wait};

/// Decides what becomes of a thread's system calls.
///
/// The machine calls it, and knows nothing of its implementation. So the machine depends on no single system call.
pub(crate) trait CallHandler {
    /// A thread is stopped before a system call that the filter selects.
    fn on_call_entry(&self, machine: &mut Machine, id: ThreadId) -> Outcome;

    /// A thread is stopped at the end of a system call.
    fn on_call_exit(&self, machine: &mut Machine, id: ThreadId) -> Outcome;

    /// It is the turn of a thread whose wait may be over.
    fn retry(&self, machine: &mut Machine, id: ThreadId, wait: Wait) -> Outcome;

    /// The deadline of a blocked thread has come.
    fn on_timeout(&self, machine: &mut Machine, id: ThreadId);

    /// Signals are pending for a blocked thread. `taken`: the signals of its process that other threads take. Returns
    /// those that this thread takes.
    fn on_pending_signals(
        &self,
        machine: &mut Machine,
        id: ThreadId,
        signals: &Signals,
        taken: SignalSet,
    ) -> io::Result<SignalSet>;

    /// The kernel is about to deliver a signal to the running thread.
    fn on_signal(&self, machine: &mut Machine, id: ThreadId, signal: i32) -> Outcome;

    /// The running thread was blocked in the kernel, in an untraced call, and was forced to stop.
    fn on_blocked_in_kernel(&self, machine: &mut Machine, id: ThreadId) -> Outcome;
}
