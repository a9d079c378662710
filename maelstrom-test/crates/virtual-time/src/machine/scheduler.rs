//! The scheduler: which thread runs, and what follows each of its stops.
//!
//! A *turn* begins when the tracer resumes one stopped thread. It lasts, stop after stop, until that thread blocks, yields
//! or ends. Since no other thread runs meanwhile, the machine knows without asking when the cluster is at rest: when no
//! thread is ready.
//!
//! ```text
//!            ┌──────────── wakeup, timeout ◄───────────────┐
//!            ▼                                             │
//!   Ready, ReadyToRetry ── turn ──► Running ── block ──► Blocked
//!            ▲                         │
//!            └─── yield, preemption ◄──┴── exit ──► gone
//! ```

use std::io;

use rand::RngExt;

use super::run_queue::Place;
use super::stdio::LINE_LIMIT;
use super::thread::{Resume, State, ThreadId, Turn, Until, Wait};
use super::watchdog::{FIRST_TIME_SLICE_NS, ForcedStop, HANG_LIMIT_NS, SPIN_TIME_SLICE_NS, STOP_SIGNAL, TIME_SLICE_NS};
use super::{Event, Machine};
use crate::time::Nanos;
#[cfg(test)]
use crate::tracee::process;
use crate::tracee::ptrace::{self, Stop};
use crate::tracee::registers::Registers;

/// What follows a stop.
pub(crate) enum Next {
    /// The turn goes on.
    Resume(Resume),
    /// The turn is over. The thread's state says why.
    TurnOver,
}

/// An error means that tracing itself failed.
pub(crate) type Outcome = io::Result<Next>;

/// Resume the thread without a change.
pub(crate) const CONTINUE: Outcome = Ok(Next::Resume(Resume::CONTINUE));

/// Bytes that a node may print within one instant: as many as the longest line has.
pub const FLOOD_LIMIT: usize = LINE_LIMIT;

/// A retried call stops at its beginning and at its end.
const STOPS_OF_A_RETRY: u32 = 2;

/// One in so many resumed threads is preempted at one of its next clock reads.
const PREEMPTION_AT_CLOCK_READ: u32 = 16;
const READS_BEFORE_PREEMPTION: u64 = 4;
/// One in so many calls made while other threads are ready is a preemption. A rarer preemption would hide races, a more
/// frequent one would cost turns.
const PREEMPTION_AT_CALL: u32 = 8;
/// One in so many calls in a process of several threads delays its thread. The delay is no longer than a message takes at
/// least.
const DELAY_AT_CALL: u32 = 64;
const LONGEST_DELAY: Nanos = 200_000;

/// Interrupts threads at arbitrary moments, as the watchdog does on a slow machine. `None`: never.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Interruptions {
    /// After how many resumptions a thread gets a stop signal.
    pub(crate) late_stops: Option<u32>,
    /// After how many resumptions the caller must check whether to go on.
    pub(crate) checks: Option<u32>,
    resumptions: (u32, u32),
}

#[cfg(test)]
impl Interruptions {
    fn is_late_stop_due(&mut self) -> bool {
        self.resumptions.0 += 1;
        self.late_stops.is_some_and(|interval| self.resumptions.0.is_multiple_of(interval))
    }

    fn count_check(&mut self, check_due: &mut bool) {
        self.resumptions.1 += 1;
        *check_due |= self.checks.is_some_and(|interval| self.resumptions.1.is_multiple_of(interval));
    }
}

impl Machine {
    /// Runs a node until all of its threads are blocked, or the caller should check whether to go on.
    pub(super) fn settle(&mut self, node: usize) -> io::Result<()> {
        while !self.check_due {
            if self.watchdog.take_check_due() {
                self.check_due = true;
                break;
            }
            let entry = &mut self.nodes[node];
            let paused = entry.paused;
            let Some(incarnation) = entry.incarnation.as_mut().filter(|running| running.may_progress && !paused) else {
                if let Some(incarnation) = &mut entry.incarnation {
                    (incarnation.printed, incarnation.cpu_without_call) = (0, 0);
                }
                return Ok(());
            };
            if std::mem::take(&mut incarnation.signals_pending) {
                self.check_signals(node)?;
            } else if let Some(id) = incarnation.run_queue.pop() {
                entry.has_run = true;
                self.tsc.disable();
                self.run_turn(id)?;
                self.end_coalescing(node, Some(id));
            } else if !self.check_waits(node) {
                self.collect_output(node);
                let incarnation = self.incarnation(node);
                incarnation.may_progress = incarnation.input.refill();
                incarnation.generation += u64::from(incarnation.may_progress);
            }
        }
        Ok(())
    }

    /// Turns what a node has printed into events. True if there was something.
    pub(crate) fn collect_output(&mut self, node: usize) -> bool {
        let before = self.events.len();
        let entry = &mut self.nodes[node];
        let Some(incarnation) = &mut entry.incarnation else { return false };
        let was_closed = incarnation.output.is_closed();
        let (events, printed) = (&mut self.events, &mut incarnation.printed);
        let (any, result) = incarnation.output.collect(|line| {
            *printed += line.len();
            events.push(Event::Line { node, line: line.to_vec() });
        });
        if result.is_err() {
            events.push(Event::LineTooLong { node });
        }
        if incarnation.output.is_closed() && !was_closed {
            events.push(Event::OutputClosed { node });
        }
        // No time passes while it prints, so it would not stop by itself.
        if *printed > FLOOD_LIMIT && !std::mem::replace(&mut entry.paused, true) {
            events.push(Event::Flooded { node });
        }
        if any {
            incarnation.outputs += 1;
            self.end_coalescing(node, None);
        }
        any || self.events.len() > before
    }

    /// Runs one turn of one thread.
    fn run_turn(&mut self, id: ThreadId) -> io::Result<()> {
        let handler = self.handler;
        let interrupted = self.threads[id].interrupted_turn.take();
        let incarnation = self.incarnation_of(id);
        let mut turn = match interrupted {
            Some((turn, generation)) if generation == incarnation.generation => turn,
            _ => {
                incarnation.generation += 1;
                Turn { generation: incarnation.generation - 1, retried: None, stops: 0 }
            }
        };
        let mut next = match std::mem::replace(&mut self.threads[id].state, State::Running) {
            State::Ready(resume) => Next::Resume(resume),
            State::ReadyToRetry(wait) => {
                turn.retried = matches!(wait.until, Until::RetrySucceeds).then_some(wait.registers.instruction());
                handler.retry(self, id, wait)?
            }
            other => {
                self.threads[id].state = other;
                return Ok(());
            }
        };
        while let Next::Resume(resume) = next {
            if self.throttle(id, resume)? {
                return Ok(());
            }
            #[cfg(test)]
            self.interruptions.count_check(&mut self.check_due);
            if self.check_due || self.watchdog.take_check_due() {
                self.check_due = true;
                let generation = self.incarnation_of(id).generation;
                self.threads[id].interrupted_turn = Some((turn, generation));
                self.enqueue(id, State::Ready(resume), Place::First);
                return Ok(());
            }
            next = self.run_to_stop(id, resume)?;
            // The moment of a forced stop depends on the speed of the processor, and must make no difference.
            if self.threads.get(id).is_some_and(|thread| thread.stopped_while_computing) {
                if !matches!(next, Next::Resume(_)) {
                    let generation = self.incarnation_of(id).generation;
                    self.threads[id].interrupted_turn = Some((turn, generation));
                }
                continue;
            }
            turn.stops += 1;
        }
        if turn.stops <= STOPS_OF_A_RETRY
            && turn.retried.is_some()
            && let Some(wait) = self.threads.get_mut(id).and_then(|thread| thread.wait_mut())
            && turn.retried == Some(wait.registers.instruction())
        {
            // The retry has failed, so it has changed nothing. Other threads need not retry because of it.
            wait.checked_at = turn.generation;
            self.incarnation_of(id).generation = turn.generation;
        }
        Ok(())
    }

    /// Resumes a thread, waits for its next stop, and handles it.
    fn run_to_stop(&mut self, id: ThreadId, resume: Resume) -> Outcome {
        let (tid, process, node) = (self.tid(id), self.process_of(id), self.node_of(id));
        let pid = self.processes[process].pid;
        self.threads[id].is_before_call = false;
        let may_exec = std::mem::take(&mut self.threads[id].call.may_exec);
        self.node_time(node);
        self.limit_clock_reads(id);
        let incarnation = self.incarnation(node);
        let (contended, used_ns) = (!incarnation.run_queue.is_empty(), incarnation.cpu_without_call);
        incarnation.input.node_runs();
        let slice_ns = match self.threads[id].preempted {
            true => SPIN_TIME_SLICE_NS,
            false if self.preempted_by_time => TIME_SLICE_NS,
            false => FIRST_TIME_SLICE_NS.saturating_sub(used_ns),
        };
        #[cfg(test)]
        if self.interruptions.is_late_stop_due() {
            self.threads[id].forced_stop_pending = true;
            process::signal_thread(pid, tid, STOP_SIGNAL)?;
        }
        self.watchdog.start(pid, tid, contended.then_some(slice_ns));
        let stop = match ptrace::resume(tid, resume.request, resume.signal) {
            // If it runs another program, other threads of its process end first.
            Ok(()) if may_exec => self.wait_for_exec(id),
            Ok(()) => ptrace::wait(Some(tid), true).map(|found| found.map_or(Stop::Exiting, |(_, stop)| stop)),
            Err(error) => Err(error),
        };
        let forced = self.watchdog.stop();
        match stop {
            Ok(stop) => self.on_stop(id, stop, forced),
            // It was killed.
            Err(error) if is_gone(&error) => self.end_process(process, None),
            Err(error) => Err(error),
        }
    }

    /// Renews the clock page's allowed reads. Sometimes, drawn from the seed, it limits them in order to preempt the thread.
    fn limit_clock_reads(&mut self, id: ThreadId) {
        // The moment of a forced stop depends on the speed of the processor, and must make no difference.
        if std::mem::take(&mut self.threads[id].stopped_while_computing) {
            return;
        }
        let may_race = self.preemption && self.process(id).has_several_threads();
        let node = &mut self.nodes[self.threads[id].node];
        let (Some(page), Some(incarnation)) = (node.clock.page(), &mut node.incarnation) else { return };
        page.renew();
        let rng = incarnation.run_queue.rng();
        incarnation.preempts_at_clock_read = may_race && rng.random_ratio(1, PREEMPTION_AT_CLOCK_READ);
        if incarnation.preempts_at_clock_read {
            page.limit_reads(incarnation.run_queue.rng().random_range(..READS_BEFORE_PREEMPTION));
        }
    }

    fn on_stop(&mut self, id: ThreadId, stop: Stop, forced: Option<(ForcedStop, u64)>) -> Outcome {
        let handler = self.handler;
        let thread = &mut self.threads[id];
        if forced.is_some() && stop != Stop::Signal(STOP_SIGNAL) {
            thread.forced_stop_pending = true;
        }
        if std::mem::take(&mut thread.call.is_restarting) && matches!(stop, Stop::Seccomp | Stop::SyscallExit) {
            return Err(io::Error::other(
                "a program received a result of a system call that is internal to the kernel",
            ));
        }
        if stop != Stop::Signal(STOP_SIGNAL) {
            self.incarnation_of(id).activity.count(stop);
        }
        match stop {
            Stop::Seccomp => {
                let thread = &mut self.threads[id];
                (thread.is_before_call, thread.preempted) = (true, false);
                self.incarnation_of(id).cpu_without_call = 0;
                handler.on_call_entry(self, id)
            }
            Stop::SyscallExit => handler.on_call_exit(self, id),
            Stop::Signal(STOP_SIGNAL) if forced.is_some() || self.threads[id].forced_stop_pending => {
                self.threads[id].forced_stop_pending = false;
                match forced {
                    Some((reason, used_ns)) => self.on_forced_stop(id, reason, used_ns),
                    None => {
                        self.threads[id].stopped_while_computing = true;
                        Ok(self.proceed(id))
                    }
                }
            }
            Stop::Signal(signal) => handler.on_signal(self, id, signal),
            Stop::Group(libc::SIGTRAP) | Stop::VforkDone => Ok(self.proceed(id)),
            Stop::Group(_) => self.on_group_stop(id),
            Stop::Clone | Stop::Vfork => self.on_clone(id, stop),
            Stop::Exec => self.on_exec(id),
            Stop::Exiting => self.on_exiting(id),
            Stop::Exited(status) => {
                let process = self.process_of(id);
                self.forget_thread(id);
                self.end_process(process, Some(status))
            }
        }
    }

    /// The watchdog has stopped a thread.
    fn on_forced_stop(&mut self, id: ThreadId, reason: ForcedStop, used_ns: u64) -> Outcome {
        if reason == ForcedStop::BlockedInKernel {
            let handler = self.handler;
            let outcome = handler.on_blocked_in_kernel(self, id)?;
            // If it goes on, it was not blocked: it slept for a short time, as on a page fault.
            if matches!(outcome, Next::Resume(_)) {
                self.threads[id].stopped_while_computing = true;
            }
            return Ok(outcome);
        }
        let node = self.node_of(id);
        let thread = &mut self.threads[id];
        thread.stopped_while_computing = true;
        thread.preempted = reason == ForcedStop::TimeSliceUsed;
        self.check_due = true;
        let incarnation = self.incarnation(node);
        incarnation.cpu_without_call += used_ns;
        if incarnation.cpu_without_call >= HANG_LIMIT_NS {
            self.events.push(Event::Hung { node });
            self.nodes[node].paused = true;
            self.make_ready(id, Resume::CONTINUE);
        } else if reason == ForcedStop::TimeSliceUsed {
            self.preempted_by_time = true;
            self.note_of(
                node,
                "computed for 4 s without a system call while another of its threads was ready to run, so it was preempted",
            );
            self.make_ready(id, Resume::CONTINUE);
        } else {
            self.enqueue(id, State::Ready(Resume::CONTINUE), Place::First);
        }
        Ok(Next::TurnOver)
    }

    /// Preempts a thread before a call, if the seed says so. Returns whether it did.
    ///
    /// A real kernel may interrupt a thread anywhere. Without preemption, threads would take turns only where they block,
    /// and races between them would never show. A preempted thread lets other ready threads run first. As computing takes
    /// no time, a thread may instead be delayed, so that messages arrive meanwhile: otherwise nothing that one request
    /// does would ever overlap with the next request.
    pub(crate) fn preempt(&mut self, id: ThreadId, registers: Registers, reads_clock: bool) -> bool {
        if !self.preemption {
            return false;
        }
        let has_threads = self.process(id).has_several_threads();
        let now = self.node_time(self.node_of(id));
        let incarnation = self.incarnation_of(id);
        let chosen = reads_clock && std::mem::take(&mut incarnation.preempts_at_clock_read);
        let others_are_ready = !incarnation.run_queue.is_empty();
        let rng = incarnation.run_queue.rng();
        if has_threads && (chosen || rng.random_ratio(1, DELAY_AT_CALL)) {
            let deadline = now + rng.random_range(1..=LONGEST_DELAY);
            self.block(id, Wait::new(registers, Some(deadline), Until::BackoffEnds));
            true
        } else if others_are_ready && rng.random_ratio(1, PREEMPTION_AT_CALL) {
            self.make_ready_to_retry(id, Wait::new(registers, None, Until::BackoffEnds));
            true
        } else {
            false
        }
    }

    /// How to resume a thread: up to the end of its call if the call handler needs to see that.
    pub(crate) fn proceed(&self, id: ThreadId) -> Next {
        let sees_exit = self.threads[id].call.at_exit.is_some();
        Next::Resume(if sees_exit { Resume::TO_SYSCALL_EXIT } else { Resume::CONTINUE })
    }

    /// Makes a stopped thread ready. All threads that are ready now run first, so that none starves.
    pub(crate) fn make_ready(&mut self, id: ThreadId, resume: Resume) {
        self.enqueue(id, State::Ready(resume), Place::NextRound);
    }

    /// Makes a thread ready whose wait may be over.
    pub(crate) fn make_ready_to_retry(&mut self, id: ThreadId, wait: Wait) {
        self.enqueue(id, State::ReadyToRetry(wait), Place::NextRound);
    }

    /// Makes a thread ready after the threads that it has woken.
    pub(crate) fn yield_to_woken(&mut self, id: ThreadId) {
        self.enqueue(id, State::Ready(Resume::CONTINUE), Place::RoundAfterNext);
    }

    fn enqueue(&mut self, id: ThreadId, state: State, place: Place) {
        let thread = &mut self.threads[id];
        thread.state = state;
        let number = thread.number;
        let incarnation = self.incarnation_of(id);
        incarnation.may_progress = true;
        incarnation.run_queue.push(id, number, place);
        let node = self.node_of(id);
        self.agenda.activate(node);
    }

    /// Keeps a thread stopped until its wait ends.
    pub(crate) fn block(&mut self, id: ThreadId, mut wait: Wait) {
        let number = self.threads[id].number;
        let incarnation = self.incarnation_of(id);
        wait.checked_at = incarnation.generation;
        if matches!(wait.until, Until::ThrottleEnds(_)) {
            incarnation.activity.throttle_began();
        }
        incarnation.waits.enter(id, number, &wait);
        self.threads[id].state = State::Blocked(wait);
    }

    /// Ends a thread's wait. The caller decides how the thread continues.
    pub(crate) fn unblock(&mut self, id: ThreadId) -> Option<Wait> {
        let thread = &mut self.threads[id];
        thread.wait()?;
        let State::Blocked(mut wait) = std::mem::replace(&mut thread.state, State::Running) else { unreachable!() };
        let number = thread.number;
        let incarnation = self.incarnation_of(id);
        if matches!(wait.until, Until::ThrottleEnds(_)) {
            incarnation.activity.throttle_ended();
        }
        incarnation.waits.leave(id, number, &wait);
        if let Some(coalesced) = wait.coalesced.take() {
            wait.deadline = coalesced.early_deadline(wait.deadline, self.now);
        }
        Some(wait)
    }

    /// Ends a thread's wait: its call returns `value`.
    pub(crate) fn wake(&mut self, id: ThreadId, value: i64) {
        let Some(wait) = self.unblock(id) else { return };
        // On failure the thread is being killed, which its next turn finds out.
        let _ = self.skip_call(id, wait.registers, value);
        self.make_ready(id, Resume::CONTINUE);
    }

    /// Makes a stopped thread's call return `value` without being executed.
    pub(crate) fn skip_call(&mut self, id: ThreadId, mut registers: Registers, value: i64) -> io::Result<()> {
        let thread = &self.threads[id];
        if thread.is_before_call {
            return ptrace::skip_call(thread.tid, value);
        }
        registers.skip_call(value);
        ptrace::set_registers(thread.tid, &registers)
    }
}

/// Whether an error means that a process or thread does not exist any more.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ECHILD))
}
