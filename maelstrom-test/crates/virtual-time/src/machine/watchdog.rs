//! The watchdog: stops a running thread that reaches no traced call.
//!
//! The tracer sleeps in `waitpid` while a thread of a node runs. If that thread blocks in an untraced system call or
//! computes for long, nothing wakes the tracer. So a helper thread watches the running thread. It sends a stop signal,
//! which the tracer receives and hides from the program: a *forced stop*.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::tracee::process::{self, Tid};

/// How often the watchdog looks at a thread whose turn lasts.
const PERIOD: Duration = Duration::from_millis(2);
/// How often it looks whether a turn lasts. Nearly all turns are short, so to look more often would only cost time.
const IDLE_PERIOD: Duration = Duration::from_millis(10);
/// CPU time, in nanoseconds, without a traced call after which a thread is preempted for another thread of its node, the
/// first time in a run. From then on the run is not reproducible. So this is long: a Java virtual machine that
/// compiles its program at the start computes for more than a second where other programs share its caches.
pub(super) const FIRST_TIME_SLICE_NS: u64 = 4_000_000_000;
/// The same from the second time on.
pub(super) const TIME_SLICE_NS: u64 = 100_000_000;
/// The same for a thread that was preempted and has made no traced call since: it spins until another thread acts.
pub(super) const SPIN_TIME_SLICE_NS: u64 = 10_000_000;
/// CPU time after which the machine returns to its caller for a check.
const CHECK_CPU_NS: u64 = 250_000_000;
/// How often the machine returns to its caller while nodes make traced calls without end.
const CHECK_PERIOD: Duration = Duration::from_millis(250);
/// CPU time, in nanoseconds, that a node may use without a traced call. Then it counts as hung.
pub const HANG_LIMIT_NS: u64 = 10_000_000_000;

/// The signal of a forced stop. No program can block it.
pub(super) const STOP_SIGNAL: i32 = libc::SIGSTOP;

/// Why a thread was forced to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForcedStop {
    /// It is blocked in the kernel.
    BlockedInKernel,
    /// It has used up its time slice, and another thread is ready.
    TimeSliceUsed,
    /// The caller of the machine should check whether to go on.
    CheckDue,
}

#[derive(Default)]
struct Shared {
    watched: Option<Watched>,
    /// The number of the turn.
    turn: u64,
    over: bool,
}

#[derive(Clone, Copy)]
struct Watched {
    pid: Tid,
    tid: Tid,
    /// CPU time after which it is preempted, if another thread is ready.
    time_slice_ns: Option<u64>,
    forced: Option<ForcedStop>,
    /// CPU time that it had used when it was forced to stop.
    used_ns: u64,
}

/// The helper thread's handle.
pub(super) struct Watchdog {
    shared: Arc<(Mutex<Shared>, Condvar)>,
    check_due: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watchdog {
    pub(super) fn new() -> std::io::Result<Self> {
        let shared = Arc::new((Mutex::new(Shared::default()), Condvar::new()));
        let check_due = Arc::new(AtomicBool::new(false));
        let (theirs, due) = (Arc::clone(&shared), Arc::clone(&check_due));
        let thread = std::thread::Builder::new().name("watchdog".into()).spawn(move || watch(&theirs, &due))?;
        Ok(Watchdog { shared, check_due, thread: Some(thread) })
    }

    /// Whether the machine must return to its caller for a check. True once each time.
    pub(super) fn take_check_due(&self) -> bool {
        self.check_due.load(Ordering::Relaxed) && self.check_due.swap(false, Ordering::Relaxed)
    }

    /// Starts to watch a thread, which is about to be resumed.
    pub(super) fn start(&self, pid: Tid, tid: Tid, time_slice_ns: Option<u64>) {
        let mut shared = lock(&self.shared.0);
        shared.turn += 1;
        shared.watched = Some(Watched { pid, tid, time_slice_ns, forced: None, used_ns: 0 });
    }

    /// Stops watching. Returns whether the thread was forced to stop, and the CPU time that it had used by then.
    pub(super) fn stop(&self) -> Option<(ForcedStop, u64)> {
        lock(&self.shared.0).watched.take().and_then(|watched| Some((watched.forced?, watched.used_ns)))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        lock(&self.shared.0).over = true;
        self.shared.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch((shared, over): &(Mutex<Shared>, Condvar), check_due: &AtomicBool) {
    let (mut period, mut since_check) = (IDLE_PERIOD, Duration::ZERO);
    let mut guard = lock(shared);
    // The state in the last period: the turn, whether the thread was asleep, and its CPU time at the beginning.
    let (mut last_turn, mut was_asleep, mut began_ns) = (0, false, 0);
    while !guard.over {
        guard = over.wait_timeout(guard, period).unwrap_or_else(PoisonError::into_inner).0;
        since_check += std::mem::replace(&mut period, IDLE_PERIOD);
        if since_check >= CHECK_PERIOD {
            since_check = Duration::ZERO;
            check_due.store(true, Ordering::Relaxed);
        }
        let turn = guard.turn;
        let Some(watched) = &mut guard.watched else { continue };
        if watched.forced.is_some() {
            continue;
        }
        if turn != last_turn {
            (last_turn, was_asleep, began_ns) = (turn, false, process::cpu_time_ns(watched.pid));
            continue;
        }
        period = PERIOD;
        // The turn has lasted for a whole period at least. While we hold the lock the tracer cannot reap the thread, so its id is
        // not used by another one.
        let used_ns = process::cpu_time_ns(watched.pid).saturating_sub(began_ns);
        let forced = if is_asleep(watched.tid) {
            if std::mem::replace(&mut was_asleep, true) { Some(ForcedStop::BlockedInKernel) } else { None }
        } else {
            was_asleep = false;
            if watched.time_slice_ns.is_some_and(|slice| used_ns >= slice) {
                Some(ForcedStop::TimeSliceUsed)
            } else if used_ns >= CHECK_CPU_NS {
                Some(ForcedStop::CheckDue)
            } else {
                None
            }
        };
        if forced.is_some() && process::signal_thread(watched.pid, watched.tid, STOP_SIGNAL).is_ok() {
            (watched.forced, watched.used_ns) = (forced, used_ns);
        }
    }
}

/// Whether a thread sleeps in the kernel, interruptible by signals.
fn is_asleep(tid: Tid) -> bool {
    let Ok(stat) = std::fs::read(format!("/proc/{tid}/stat")) else { return false };
    // The name, in parentheses, may contain anything.
    let after_name = stat.iter().rposition(|byte| *byte == b')');
    after_name.is_some_and(|at| stat.get(at + 2) == Some(&b'S'))
}
