//! The system calls that nodes are stopped at, and what becomes of each.
//!
//! A call is either let through, or answered in the kernel's place, or kept waiting: the thread then stays where it
//! is, before the call, until the call would not block any more or its time is up. So no thread of a node ever sleeps
//! in the kernel, and it is always known who can go on.

pub(crate) mod files;
pub(crate) mod futex;
pub(crate) mod kernel_block;
pub(crate) mod nonblocking;
pub(crate) mod signals;
pub(crate) mod sockets;
pub(crate) mod world;

use rand::RngExt;

use crate::Nanos;
use crate::machine::Machine;
use crate::machine::backoff::HEAVY;
use crate::machine::scheduler::{Next, ON, Step};
use crate::machine::table::{AtExit, Go, Place, State, ThreadId, Wait, What};
use crate::tracee::arch::{self, Call, Registers};
use crate::tracee::memory::{EFAULT, Fault};
use crate::tracee::sys;
use crate::tracee::vdso::ClockPage;

/// One in so many calls at which a thread is stopped while others are ready is a preemption. Fewer would hide races, more
/// would cost turns.
const PREEMPTION: u32 = 8;
/// One in so many calls of a thread that is not alone in its process keeps it from running for a moment: no longer than this,
/// which is as long as a message is under way at the least.
const DELAY: u32 = 64;
const LONGEST_DELAY: Nanos = 200_000;

/// How a thread is preempted.
enum Preemption {
    /// Those that are ready go on first.
    GiveWay,
    /// It goes on at this time.
    Until(Nanos),
}

pub(crate) const fn errno(code: i32) -> i64 {
    -(code as i64)
}

/// Whether a call only asks for something that a program which polls asks for, and that it will hardly get.
fn only_asks(call: Call, registers: &Registers) -> bool {
    match call {
        Call::SchedYield => true,
        // The end of a child is noticed elsewhere.
        Call::Wait4 => registers.arg(2) & libc::WNOHANG as u64 != 0,
        Call::Waitid => registers.arg(3) & libc::WNOHANG as u64 != 0,
        Call::Kill | Call::Tkill => registers.arg(1) as i32 == 0,
        Call::Tgkill => registers.arg(2) as i32 == 0,
        _ => false,
    }
}

impl Machine {
    /// A thread stands before a system call.
    pub(crate) fn on_call(&mut self, id: ThreadId) -> Step {
        let tid = self.threads[id].tid;
        let registers = sys::registers(tid)?;
        let Some(call) = arch::call(registers.number()) else { return ON };
        // A wait that a signal has interrupted goes on if this is the same call again.
        let same = |wait: &Wait| {
            let before = &wait.registers;
            (before.number(), before.instruction(), before.stack())
                == (registers.number(), registers.instruction(), registers.stack())
        };
        let interrupted = self.threads[id].interrupted.take().filter(same);
        if interrupted.is_none()
            && let Some(preemption) = self.preemption(id, call)
        {
            match preemption {
                Preemption::GiveWay => self.line_up(id, State::Recheck(Wait::new(registers, None, What::Nap)), 1),
                Preemption::Until(deadline) => self.hold(id, Wait::new(registers, Some(deadline), What::Nap)),
            }
            return Ok(Next::Over);
        }
        if call == Call::ClockGettime && self.life_of(id).page.as_ref().is_some_and(ClockPage::is_worn) {
            // It has read the clock very often without a call.
            self.threads[id].polling.exhaust_readings();
        }
        let pause = if matches!(call, Call::ClockGettime | Call::Gettimeofday | Call::Time) {
            self.reading_in_a_row(id)
        } else {
            self.threads[id].polling.other_call();
            if only_asks(call, &registers) { self.empty_call(id, HEAVY) } else { None }
        };
        if let Some(deadline) = pause {
            return Ok(self.pause_until(id, registers, deadline));
        }
        self.dispatch(id, registers, call, interrupted)
    }

    /// Whether other threads of the node are to go on first, drawn from the seed. A real kernel may interrupt a thread
    /// anywhere; without this, threads would change places only where they wait, and races between them would never show.
    /// As computing takes no time, a thread is also kept for a moment in which messages may arrive: or else nothing that
    /// one request does would ever overlap with the next one.
    fn preemption(&mut self, id: ThreadId, call: Call) -> Option<Preemption> {
        if !self.preemption {
            return None;
        }
        let (node, process) = (self.threads[id].node, self.threads[id].process);
        let has_threads = self.processes[process].threads.len() > 1;
        let now = self.node_time(node);
        let life = self.life(node);
        let reads_clock = matches!(call, Call::ClockGettime | Call::Gettimeofday | Call::Time);
        let chosen = reads_clock && std::mem::take(&mut life.preempts_at_clock);
        if has_threads && (chosen || life.scheduling.random_ratio(1, DELAY)) {
            Some(Preemption::Until(now + life.scheduling.random_range(1..=LONGEST_DELAY)))
        } else if !life.ready.is_empty() && life.scheduling.random_ratio(1, PREEMPTION) {
            Some(Preemption::GiveWay)
        } else {
            None
        }
    }

    fn dispatch(&mut self, id: ThreadId, registers: Registers, call: Call, interrupted: Option<Wait>) -> Step {
        match call {
            Call::ClockGettime => self.clock_gettime(id, registers),
            Call::Gettimeofday => self.gettimeofday(id, registers),
            Call::Time => self.time(id, registers),
            Call::Nanosleep | Call::ClockNanosleep => self.sleep(id, registers, call, interrupted),
            Call::SchedYield => {
                self.prepare_answer(id, registers, 0)?;
                self.make_ready(id, State::Ready(Go::ON));
                Ok(Next::Over)
            }
            Call::Times | Call::Getrusage | Call::Sysinfo => self.usage(id, registers, call),

            Call::Futex => self.futex(id, registers, interrupted),
            Call::FutexWait | Call::FutexWaitv => self.futex_wait(id, registers, call, interrupted),
            Call::FutexWake => self.futex_wake(id, registers),
            Call::FutexRequeue => ON,
            Call::Clone => self.clone_traced(id, registers),

            Call::Read | Call::Readv | Call::Recvfrom | Call::Recvmsg | Call::Accept | Call::Accept4 | Call::Splice => {
                self.read(id, registers, call, interrupted)
            }
            Call::Recvmmsg => self.receive_messages(id, registers, interrupted),
            Call::Setsockopt => self.set_socket_option(id, registers),
            Call::Getsockopt => self.socket_option(id, registers),
            Call::EpollWait | Call::EpollPwait | Call::EpollPwait2 => self.epoll(id, registers, call, interrupted),
            Call::Poll | Call::Ppoll => self.poll(id, registers, call, interrupted),
            Call::Select | Call::Pselect => self.select(id, registers, call, interrupted),
            Call::Connect | Call::Bind => self.network(id, registers, call),
            Call::MqTimedsend | Call::MqTimedreceive => self.message_queue(id, registers, call, interrupted),

            Call::Wait4 | Call::Waitid | Call::Flock | Call::Fcntl => self.attempt(id, registers, call),
            Call::Semop | Call::Semtimedop => self.semaphores(id, registers, call, interrupted),

            Call::TimerfdCreate => self.timerfd_create(id, registers),
            Call::TimerfdSettime => self.timerfd_settime(id, registers),
            Call::TimerfdGettime => self.timerfd_gettime(id, registers),
            Call::Setitimer | Call::Getitimer | Call::Alarm => self.interval_timer(id, registers, call),
            Call::TimerCreate => self.timer_create(id, registers),
            Call::TimerSettime => self.timer_settime(id, registers),
            Call::TimerGettime | Call::TimerGetoverrun | Call::TimerDelete => self.timer_other(id, registers, call),

            Call::Kill
            | Call::Tkill
            | Call::Tgkill
            | Call::RtSigqueueinfo
            | Call::RtTgsigqueueinfo
            | Call::PidfdSendSignal => {
                // Whom it hits is seen when this turn is over.
                let life = self.life_of(id);
                life.signals = true;
                ON
            }
            Call::RtSigtimedwait | Call::RtSigsuspend | Call::Pause => {
                self.wait_for_signal(id, registers, call, interrupted)
            }

            Call::Execve | Call::Execveat => {
                let process = self.threads[id].process;
                self.threads[id].executing = self.processes[process].threads.len() > 1;
                ON
            }
            Call::Getrandom => self.getrandom(id, registers),
            Call::Open | Call::Openat => self.open(id, registers, call),
            Call::SchedGetaffinity | Call::SchedSetaffinity | Call::Getcpu => self.processors(id, registers, call),
            Call::Close | Call::CloseRange | Call::Dup2 | Call::Dup3 => {
                self.stdin_replaced(id, registers, call);
                ON
            }
        }
    }

    /// A `clone` whose child would not be traced: it is, for nothing may escape the simulation.
    fn clone_traced(&mut self, id: ThreadId, mut registers: Registers) -> Step {
        registers.set_arg(0, registers.arg(0) & !(libc::CLONE_UNTRACED as u64));
        sys::set_registers(self.threads[id].tid, &registers)?;
        ON
    }

    /// A thread stands at the end of a system call, where it was to be stopped.
    pub(crate) fn on_call_exit(&mut self, id: ThreadId) -> Step {
        let tid = self.threads[id].tid;
        let Some(todo) = self.threads[id].at_exit.take() else { return ON };
        let now = sys::registers(tid)?;
        match todo {
            AtExit::Tried(wait) => self.on_tried(id, wait, now.result()),
            AtExit::Received(wait) => self.on_received(id, wait, now.result()),
            AtExit::Fill(mut registers, content) => {
                registers.set_result(now.result());
                sys::set_registers(tid, &registers)?;
                self.fill(id, now.result(), &content);
                ON
            }
            AtExit::TimerMade(mut registers, clock) => {
                registers.set_result(now.result());
                sys::set_registers(tid, &registers)?;
                self.timerfd_made(id, now.result(), clock);
                ON
            }
            AtExit::RandomOpened => {
                if let Ok(fd) = i32::try_from(now.result())
                    && fd >= 0
                {
                    let process = self.threads[id].process;
                    self.processes[process].random.insert(fd);
                }
                ON
            }
            AtExit::Written { registers, done, deadline, entered: false } => {
                self.threads[id].at_exit = Some(AtExit::Written { registers, done, deadline, entered: true });
                Ok(Next::Go(Go::TO_EXIT))
            }
            AtExit::Written { registers, done, deadline, .. } => {
                self.on_part_written(id, registers, done, deadline, now)
            }
            AtExit::Pretend(registers, result) => {
                self.pretend(id, registers, result)?;
                ON
            }
        }
    }

    /// How a thread goes on about which nothing more is to be said now: to the end of its call, if that has to be seen.
    pub(crate) fn go_on(&self, id: ThreadId) -> Next {
        Next::Go(if self.threads[id].at_exit.is_some() { Go::TO_EXIT } else { Go::ON })
    }

    /// Sets what a call returns, without saying when the thread goes on.
    pub(crate) fn prepare_answer(&mut self, id: ThreadId, mut registers: Registers, value: i64) -> std::io::Result<()> {
        registers.answer(value);
        sys::set_registers(self.threads[id].tid, &registers)
    }

    /// Answers a call in the kernel's place.
    pub(crate) fn answer(&mut self, id: ThreadId, registers: Registers, value: i64) -> Step {
        self.prepare_answer(id, registers, value)?;
        ON
    }

    /// Answers a call whose results have been written to the thread's memory, or could not be.
    pub(crate) fn answer_written(&mut self, id: ThreadId, registers: Registers, written: Result<i64, Fault>) -> Step {
        self.answer(id, registers, written.unwrap_or(EFAULT))
    }

    /// Ends a thread's wait with a result.
    pub(crate) fn wake(&mut self, id: ThreadId, value: i64) {
        let Some(wait) = self.end_wait(id) else { return };
        // A failure means that it is being killed, which its next turn will find out.
        let _ = self.prepare_answer(id, wait.registers, value);
        self.make_ready(id, State::Ready(Go::ON));
    }

    /// Changes what a call does and looks at its result.
    pub(crate) fn alter(&mut self, id: ThreadId, altered: &Registers, at_exit: AtExit) -> Step {
        sys::set_registers(self.threads[id].tid, altered)?;
        self.threads[id].at_exit = Some(at_exit);
        Ok(Next::Go(Go::TO_EXIT))
    }

    /// The turn of a thread whose wait may be over.
    pub(crate) fn recheck(&mut self, id: ThreadId, wait: Wait) -> Step {
        match &wait.what {
            What::Files(_) => self.recheck_files(id, wait),
            What::Nap => {
                if std::mem::take(&mut self.threads[id].signalled) {
                    self.life_of(id).signals = true;
                }
                let call = arch::call(wait.registers.number()).expect("only known calls are kept waiting");
                self.dispatch(id, wait.registers, call, None)
            }
            _ => self.make_call(id, wait),
        }
    }

    /// Lets a thread make the call that it has waited with, or make it again.
    pub(crate) fn make_call(&mut self, id: ThreadId, wait: Wait) -> Step {
        let mut registers = wait.registers;
        match wait.place {
            Place::Before => {}
            // Unless the kernel restarts it by itself.
            Place::Fetched if registers.result() != errno(libc::EINTR) => {}
            Place::Behind | Place::Fetched => {
                registers.rewind(registers.number());
                sys::set_registers(self.threads[id].tid, &registers)?;
                self.threads[id].interrupted = Some(wait);
            }
        }
        Ok(self.go_on(id))
    }
}
