//! Notices a thread that has its turn and neither comes to a trap nor ends.
//!
//! The tracer sleeps in `waitpid` while a node's thread runs. If that thread goes to sleep in a system call that is not
//! trapped, or computes for long, nothing would wake the tracer. So a helper thread looks on: it gives the running
//! thread a nudge, a stop signal that the tracer sees and keeps from the program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::tracee::sys::{self, Tid};

/// How often it looks.
const PERIOD: Duration = Duration::from_millis(2);
/// CPU time without a trapped call after which another ready thread of the node gets a turn, the first time in a run. Such
/// a run cannot be repeated. So this is long: a just-in-time compiler on a busy machine must not reach it.
pub(crate) const FIRST_SLICE: u64 = 1_000_000_000;
/// The same from the second time on.
pub(crate) const SLICE: u64 = 100_000_000;
/// The same for a thread that was preempted before and has made no trapped call since: it waits for another one.
pub(crate) const SPIN_SLICE: u64 = 10_000_000;
/// CPU time after which the tracer looks whether the run has been interrupted.
const LOOK: u64 = 250_000_000;
/// How often the tracer looks whether the run has been interrupted while nodes make trapped calls without end.
const LOOK_PERIOD: Duration = Duration::from_millis(250);
/// CPU time of a node without a trap after which it is taken to hang.
pub const HANG: u64 = 10_000_000_000;

/// The signal that nudges. No program can block it.
pub(crate) const NUDGE: i32 = libc::SIGSTOP;

/// Why a thread was nudged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nudge {
    /// It sleeps in the kernel.
    Asleep,
    /// It has computed for so long that another thread should have a turn.
    Slice,
    /// It has computed for so long that somebody may have lost patience.
    Look,
}

#[derive(Default)]
struct Shared {
    watched: Option<Watched>,
    /// Grows with each turn.
    sequence: u64,
    over: bool,
}

#[derive(Clone, Copy)]
struct Watched {
    pid: Tid,
    tid: Tid,
    /// CPU time after which it is preempted, if another thread is ready.
    slice: Option<u64>,
    nudged: Option<Nudge>,
    /// CPU time that it had used by then.
    used: u64,
}

/// The helper thread's handle.
pub(crate) struct Watchdog {
    shared: Arc<(Mutex<Shared>, Condvar)>,
    look: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watchdog {
    pub(crate) fn new() -> std::io::Result<Self> {
        let shared = Arc::new((Mutex::new(Shared::default()), Condvar::new()));
        let look = Arc::new(AtomicBool::new(false));
        let (theirs, due) = (Arc::clone(&shared), Arc::clone(&look));
        let thread = std::thread::Builder::new().name("maelstrom watch".into()).spawn(move || watch(&theirs, &due))?;
        Ok(Watchdog { shared, look, thread: Some(thread) })
    }

    /// Whether it is time to see if the run has been interrupted; only once each time.
    pub(crate) fn look_is_due(&self) -> bool {
        self.look.load(Ordering::Relaxed) && self.look.swap(false, Ordering::Relaxed)
    }

    /// A thread goes on. Call before it does.
    pub(crate) fn started(&self, pid: Tid, tid: Tid, slice: Option<u64>) {
        let mut shared = lock(&self.shared.0);
        shared.sequence += 1;
        shared.watched = Some(Watched { pid, tid, slice, nudged: None, used: 0 });
    }

    /// The thread has stopped, or will be of no interest from now on. Says whether it was nudged, and how much CPU time it had
    /// used by then.
    pub(crate) fn stopped(&self) -> Option<(Nudge, u64)> {
        lock(&self.shared.0).watched.take().and_then(|watched| Some((watched.nudged?, watched.used)))
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

fn watch((shared, over): &(Mutex<Shared>, Condvar), look: &AtomicBool) {
    const PERIODS: u32 = (LOOK_PERIOD.as_millis() / PERIOD.as_millis()) as u32;
    let mut periods = 0u32;
    let mut guard = lock(shared);
    // What was seen the last time: the turn, and whether the thread was asleep then.
    let (mut seen, mut asleep, mut began) = (0, false, 0);
    while !guard.over {
        guard = over.wait_timeout(guard, PERIOD).unwrap_or_else(PoisonError::into_inner).0;
        periods += 1;
        if periods.is_multiple_of(PERIODS) {
            look.store(true, Ordering::Relaxed);
        }
        let sequence = guard.sequence;
        let Some(watched) = &mut guard.watched else { continue };
        if watched.nudged.is_some() {
            continue;
        }
        if sequence != seen {
            (seen, asleep, began) = (sequence, false, sys::cpu_time(watched.pid));
            continue;
        }
        // It has had its turn for a whole period. While we hold the lock the tracer cannot reap it, so its number
        // stays its own.
        let used = sys::cpu_time(watched.pid).saturating_sub(began);
        let nudge = if is_asleep(watched.tid) {
            if std::mem::replace(&mut asleep, true) { Some(Nudge::Asleep) } else { None }
        } else {
            asleep = false;
            if watched.slice.is_some_and(|slice| used >= slice) {
                Some(Nudge::Slice)
            } else if used >= LOOK {
                Some(Nudge::Look)
            } else {
                None
            }
        };
        if nudge.is_some() && sys::tgkill(watched.pid, watched.tid, NUDGE).is_ok() {
            (watched.nudged, watched.used) = (nudge, used);
        }
    }
}

/// Whether a thread sleeps in the kernel, in a way that a signal would end.
fn is_asleep(tid: Tid) -> bool {
    let Ok(stat) = std::fs::read(format!("/proc/{tid}/stat")) else { return false };
    // The name, in parentheses, may contain anything.
    let after_name = stat.iter().rposition(|byte| *byte == b')');
    after_name.is_some_and(|at| stat.get(at + 2) == Some(&b'S'))
}
