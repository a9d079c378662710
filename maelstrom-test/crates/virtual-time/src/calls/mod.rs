//! The system calls that stop a node's thread, and what becomes of each.
//!
//! A thread is stopped *before* its call. There are three ways to continue:
//!
//! | way | calls | how |
//! | --- | --- | --- |
//! | execute | most calls that would not block now | resume the thread |
//! | answer | clocks, random numbers, futexes, `poll` | write the result, skip the call |
//! | block | every call that would block | keep the thread stopped until the call would not block, or times out |
//!
//! So no thread of a node sleeps in the kernel, and the machine always knows which threads can run.
//!
//! ```text
//!   on_call_entry ──► preempt? delay? ──► dispatch ──► execute, answer, or block
//!                                            ▲                           │
//!                                            └──── retry ◄── wakeup ─────┘
//! ```
//!
//! | file or folder | calls |
//! | --- | --- |
//! | [`clocks`] | reading clocks, sleeping |
//! | [`timers`] | `timerfd_*`, `setitimer`, `alarm`, `timer_*` |
//! | [`files`] | `read`, `poll`, `epoll_wait` and other calls that wait for files |
//! | [`futexes`] | `futex` and its successors |
//! | [`nonblocking`] | children, locks of files, semaphores: calls that are tried in a nonblocking form |
//! | [`signals`] | waiting for signals, and how signals interrupt calls |
//! | [`random`], [`system_info`] | random numbers; files and calls that describe the computer |
//! | [`answer`] | how a call is skipped, altered or executed |
//!
//! This module uses [`crate::machine`], [`crate::tracee`] and [`crate::time`]. Inside it, this file calls all families. The
//! families use [`answer`], and `signals` uses `files` and `clocks`; otherwise they do not know each other.

mod answer;
pub(crate) mod clocks;
pub(crate) mod files;
pub(crate) mod futexes;
pub(crate) mod nonblocking;
pub(crate) mod random;
pub(crate) mod signals;
pub(crate) mod system_info;
pub(crate) mod timers;

use std::io;

use answer::errno;

use crate::machine::Machine;
use crate::machine::backoff::FULL_WEIGHT;
use crate::machine::handler::CallHandler;
use crate::machine::scheduler::{CONTINUE, Next, Outcome};
use crate::machine::signals::{SignalSet, Signals};
use crate::machine::thread::{AtExit, Resume, ThreadId, Until, Wait};
use crate::tracee::arch::{self, Call};
use crate::tracee::ptrace;
use crate::tracee::registers::Registers;

/// The simulated system calls.
pub(crate) struct SimulatedCalls;

impl CallHandler for SimulatedCalls {
    fn on_call_entry(&self, machine: &mut Machine, id: ThreadId) -> Outcome {
        machine.on_call_entry(id)
    }

    fn on_call_exit(&self, machine: &mut Machine, id: ThreadId) -> Outcome {
        machine.on_call_exit(id)
    }

    fn retry(&self, machine: &mut Machine, id: ThreadId, wait: Wait) -> Outcome {
        machine.retry(id, wait)
    }

    fn on_timeout(&self, machine: &mut Machine, id: ThreadId) {
        machine.on_timeout(id);
    }

    fn on_pending_signals(
        &self,
        machine: &mut Machine,
        id: ThreadId,
        signals: &Signals,
        taken: SignalSet,
    ) -> io::Result<SignalSet> {
        machine.deliver_signals(id, signals, taken)
    }

    fn on_signal(&self, machine: &mut Machine, id: ThreadId, signal: i32) -> Outcome {
        machine.on_signal(id, signal)
    }

    fn on_blocked_in_kernel(&self, machine: &mut Machine, id: ThreadId) -> Outcome {
        machine.on_blocked_in_kernel(id)
    }
}

fn reads_clock(call: Call) -> bool {
    matches!(call, Call::ClockGettime | Call::Gettimeofday | Call::Time)
}

/// Whether a call is one that programs make when they poll, and will hardly succeed.
fn is_idle(call: Call, registers: &Registers) -> bool {
    match call {
        Call::SchedYield => true,
        // When a child changes state, the polling state is reset elsewhere.
        Call::Wait4 => registers.arg(2) & libc::WNOHANG as u64 != 0,
        Call::Waitid => registers.arg(3) & libc::WNOHANG as u64 != 0,
        Call::Kill | Call::Tkill => registers.arg(1) as i32 == 0,
        Call::Tgkill => registers.arg(2) as i32 == 0,
        _ => false,
    }
}

impl Machine {
    /// A thread is stopped before a system call.
    fn on_call_entry(&mut self, id: ThreadId) -> Outcome {
        let registers = ptrace::registers_before_call(self.tid(id))?;
        let Some(call) = arch::call(registers.number()) else { return CONTINUE };
        // A wait that a signal has interrupted continues if this is the same call again.
        let is_same = |wait: &Wait| {
            let before = &wait.registers;
            (before.number(), before.instruction(), before.stack())
                == (registers.number(), registers.instruction(), registers.stack())
        };
        let interrupted = self.call_state(id).interrupted.take().filter(is_same);
        if interrupted.is_none() && self.preempt(id, registers, reads_clock(call)) {
            return Ok(Next::TurnOver);
        }
        if call == Call::ClockGettime && self.clock_page_is_exhausted(self.node_of(id)) {
            // It has read the clock very often without a call.
            self.polling(id).exhaust_clock_reads();
        }
        let delayed_until = if reads_clock(call) {
            self.count_clock_read(id)
        } else {
            self.polling(id).count_other_call();
            if is_idle(call, &registers) { self.count_idle_call(id, FULL_WEIGHT) } else { None }
        };
        if let Some(time) = delayed_until {
            return Ok(self.delay_call(id, registers, time));
        }
        self.dispatch(id, registers, call, interrupted)
    }

    fn dispatch(&mut self, id: ThreadId, registers: Registers, call: Call, interrupted: Option<Wait>) -> Outcome {
        match call {
            Call::ClockGettime => self.clock_gettime(id, registers),
            Call::Gettimeofday => self.gettimeofday(id, registers),
            Call::Time => self.time(id, registers),
            Call::Nanosleep | Call::ClockNanosleep => self.sleep(id, registers, call, interrupted),
            Call::SchedYield => {
                self.skip_call(id, registers, 0)?;
                self.make_ready(id, Resume::CONTINUE);
                Ok(Next::TurnOver)
            }
            Call::Times | Call::Getrusage | Call::Sysinfo => self.usage(id, registers, call),

            Call::Futex => self.futex(id, registers, interrupted),
            Call::FutexWait | Call::FutexWaitv => self.futex_wait(id, registers, call, interrupted),
            Call::FutexWake => self.futex_wake(id, registers),
            Call::FutexRequeue => CONTINUE,
            Call::Clone => self.clone_traced(id, registers),

            Call::Read | Call::Readv | Call::Recvfrom | Call::Recvmsg | Call::Accept | Call::Accept4 | Call::Splice => {
                self.read(id, registers, call, interrupted)
            }
            Call::Recvmmsg => self.receive_messages(id, registers, interrupted),
            Call::Setsockopt => self.set_socket_option(id, registers),
            Call::Getsockopt => self.get_socket_option(id, registers),
            Call::EpollWait | Call::EpollPwait | Call::EpollPwait2 => self.epoll(id, registers, call, interrupted),
            Call::Poll | Call::Ppoll => self.poll(id, registers, call, interrupted),
            Call::Select | Call::Pselect => self.select(id, registers, call, interrupted),
            Call::Connect | Call::Bind => self.use_address(id, registers, call),
            Call::MqTimedsend | Call::MqTimedreceive => self.message_queue(id, registers, call, interrupted),

            Call::Wait4 | Call::Waitid => self.wait_for_child(id, registers, call),
            Call::Flock | Call::Fcntl => self.lock_file(id, registers, call),
            Call::Semop | Call::Semtimedop => self.operate_semaphores(id, registers, call, interrupted),

            Call::TimerfdCreate => self.timerfd_create(id, registers),
            Call::TimerfdSettime => self.timerfd_settime(id, registers),
            Call::TimerfdGettime => self.timerfd_gettime(id, registers),
            Call::Setitimer | Call::Getitimer | Call::Alarm => self.interval_timer(id, registers, call),
            Call::TimerCreate => self.timer_create(id, registers),
            Call::TimerSettime => self.timer_settime(id, registers),
            Call::TimerGettime | Call::TimerGetoverrun | Call::TimerDelete => {
                self.other_timer_call(id, registers, call)
            }

            Call::Kill
            | Call::Tkill
            | Call::Tgkill
            | Call::RtSigqueueinfo
            | Call::RtTgsigqueueinfo
            | Call::PidfdSendSignal => {
                self.signals_may_be_pending(id);
                CONTINUE
            }
            Call::RtSigtimedwait | Call::RtSigsuspend | Call::Pause => {
                self.wait_for_signal(id, registers, call, interrupted)
            }

            Call::Execve | Call::Execveat => {
                self.call_state(id).may_exec = self.process(id).has_several_threads();
                CONTINUE
            }
            Call::Getrandom => self.getrandom(id, registers),
            Call::Open | Call::Openat => self.open(id, registers, call),
            Call::SchedGetaffinity | Call::SchedSetaffinity | Call::Getcpu => self.processors(id, registers, call),
            Call::Close | Call::CloseRange | Call::Dup2 | Call::Dup3 => {
                self.on_stdin_replaced(id, registers, call);
                CONTINUE
            }
        }
    }

    /// A `clone` whose child would not be traced: the flag is removed.
    fn clone_traced(&mut self, id: ThreadId, mut registers: Registers) -> Outcome {
        registers.set_arg(0, registers.arg(0) & !(libc::CLONE_UNTRACED as u64));
        ptrace::set_registers(self.tid(id), &registers)?;
        CONTINUE
    }

    /// Calls that replace descriptor 0, the pipe that messages arrive in.
    fn on_stdin_replaced(&mut self, id: ThreadId, registers: Registers, call: Call) {
        let keeps = match call {
            Call::CloseRange => registers.arg(2) & u64::from(libc::CLOSE_RANGE_CLOEXEC) != 0,
            // Copied onto itself.
            Call::Dup2 | Call::Dup3 => registers.arg(0) as i32 == 0,
            _ => false,
        };
        if !keeps {
            self.special_files(id).stdin_is_input = false;
        }
    }

    /// A thread is stopped at the end of a system call.
    fn on_call_exit(&mut self, id: ThreadId) -> Outcome {
        let tid = self.tid(id);
        let Some(at_exit) = self.call_state(id).at_exit.take() else { return CONTINUE };
        let now = ptrace::registers(tid)?;
        match at_exit {
            AtExit::BlockOrReturn(wait) => self.block_or_return(id, wait, now.result()),
            AtExit::Received(wait) => self.on_received(id, wait, now.result()),
            AtExit::FillFile(mut registers, content) => {
                registers.set_result(now.result());
                ptrace::set_registers(tid, &registers)?;
                self.fill_file(id, now.result(), &content);
                CONTINUE
            }
            AtExit::RegisterTimer(mut registers, clock) => {
                registers.set_result(now.result());
                ptrace::set_registers(tid, &registers)?;
                self.register_timerfd(id, now.result(), clock);
                CONTINUE
            }
            AtExit::RegisterRandomFile => {
                if let Ok(fd) = i32::try_from(now.result())
                    && fd >= 0
                {
                    self.special_files(id).random.insert(fd);
                }
                CONTINUE
            }
            AtExit::FinishWrite { registers, done, deadline, entered: false } => {
                self.call_state(id).at_exit = Some(AtExit::FinishWrite { registers, done, deadline, entered: true });
                Ok(Next::Resume(Resume::TO_SYSCALL_EXIT))
            }
            AtExit::FinishWrite { registers, done, deadline, .. } => {
                self.on_part_written(id, (registers, done), deadline, now)
            }
            AtExit::Return(registers, result) => {
                self.return_to_kernel(id, registers, result)?;
                CONTINUE
            }
        }
    }

    /// It is the turn of a thread whose wait may be over.
    fn retry(&mut self, id: ThreadId, wait: Wait) -> Outcome {
        match &wait.until {
            // In the meantime another thread may have taken what was there.
            Until::FileReady(_) => self.wait_for_files(id, wait, true),
            Until::BackoffEnds => {
                if std::mem::take(&mut self.call_state(id).got_signal) {
                    self.signals_may_be_pending(id);
                }
                let call = arch::call(wait.registers.number()).expect("only traced calls are delayed");
                self.dispatch(id, wait.registers, call, None)
            }
            _ => self.execute(id, wait),
        }
    }

    /// The deadline of a blocked thread has come.
    fn on_timeout(&mut self, id: ThreadId) {
        let Some(wait) = self.wait_of(id) else { return };
        let call = arch::call(wait.registers.number());
        match wait.until {
            Until::FutexWoken(..) => self.wake(id, errno(libc::ETIMEDOUT)),
            Until::SignalArrives => self.wake(id, errno(libc::EAGAIN)),
            Until::RetrySucceeds if nonblocking::is_file_lock(call) => self.unblock_to_retry(id),
            Until::BackoffEnds => self.unblock_to_retry(id),
            Until::ThrottleEnds(resume) => {
                if self.unblock(id).is_some() {
                    self.make_ready(id, resume);
                }
            }
            Until::FileReady(_) => self.time_out_files(id),
            Until::RetrySucceeds => self.wake(id, nonblocking::timeout_result(call)),
            Until::Deadline | Until::ChildChanges => self.wake(id, 0),
        }
    }

    fn unblock_to_retry(&mut self, id: ThreadId) {
        if let Some(wait) = self.unblock(id) {
            self.make_ready_to_retry(id, wait);
        }
    }
}
