//! Whose turn it is, and what comes of it.
//!
//! A turn begins when the tracer lets one stopped thread go on, and lasts, trap after trap, until that thread waits,
//! yields or ends. Since no other thread runs meanwhile, nobody has to be asked whether the cluster is at rest: it is
//! when no thread is ready.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;

use rand::RngExt;

use crate::machine::stdio::{Input, LINE_LIMIT};
use crate::machine::table::{Go, Process, ProcessId, Source, State, ThreadId, What};
use crate::machine::watchdog::{FIRST_SLICE, HANG, NUDGE, Nudge, SLICE, SPIN_SLICE};
use crate::machine::{Event, Machine};
use crate::tracee::arch;
use crate::tracee::memory;
use crate::tracee::sys::{self, Request, Stop, Tid};

/// What follows a stop.
pub(crate) enum Next {
    /// The thread goes on.
    Go(Go),
    /// Its turn is over; its state says why.
    Over,
}

/// All goes well unless tracing itself fails.
pub(crate) type Step = io::Result<Next>;

/// Bytes that a node may print without waiting for anything: as much as the longest line.
pub const FLOOD_LIMIT: usize = LINE_LIMIT;

/// A call that is tried once more stops at its beginning and at its end.
const STEPS_OF_A_TRY: u32 = 2;

/// Once in so many times, a thread that goes on is preempted at one of its next readings of the clock.
const PREEMPTION: u32 = 16;
const READINGS_BEFORE_PREEMPTION: u64 = 4;

/// Continue as if nothing had happened.
pub(crate) const ON: Step = Ok(Next::Go(Go::ON));

impl Machine {
    /// Runs a node until all of its threads wait, or the caller should have a look around.
    pub(crate) fn settle(&mut self, node: usize) -> io::Result<()> {
        while !self.wants_look {
            if self.watchdog.look_is_due() {
                self.wants_look = true;
                break;
            }
            let place = &mut self.nodes[node];
            let paused = place.paused;
            let Some(life) = place.life.as_mut().filter(|life| life.stirred && !paused) else {
                place.life.iter_mut().for_each(|life| (life.printed, life.hogged) = (0, 0));
                return Ok(());
            };
            if std::mem::take(&mut life.signals) {
                self.look_at_signals(node)?;
            } else if let Some((round, _, id)) = life.ready.pop_first() {
                life.round = round;
                self.counter.renew();
                self.turn(id)?;
            } else if !self.look_at_files(node) {
                self.collect(node);
                let life = self.life(node);
                life.stirred = life.input.refill();
                life.changes += u64::from(life.stirred);
            }
        }
        Ok(())
    }

    /// Takes what a node has printed. True if there was something.
    pub(crate) fn collect(&mut self, node: usize) -> bool {
        let before = self.events.len();
        let place = &mut self.nodes[node];
        let Some(life) = &mut place.life else { return false };
        let was_closed = life.output.is_closed();
        let (events, printed) = (&mut self.events, &mut life.printed);
        let (any, result) = life.output.collect(|line| {
            *printed += line.len();
            events.push(Event::Line { node, line: line.to_vec() });
        });
        if result.is_err() {
            events.push(Event::LineTooLong { node });
        }
        if life.output.is_closed() && !was_closed {
            events.push(Event::OutputClosed { node });
        }
        // As no time passes meanwhile, it would never come to an end by itself.
        if *printed > FLOOD_LIMIT && !std::mem::replace(&mut place.paused, true) {
            events.push(Event::Flooded { node });
        }
        any || self.events.len() > before
    }

    /// Makes those ready that wait for a file which is ready now, or for what can only be tried. True if there is one.
    fn look_at_files(&mut self, node: usize) -> bool {
        let life = self.nodes[node].life.as_mut().expect("checked by the caller");
        let changes = life.changes;
        let mut stale = Vec::new();
        let mut polled = Vec::new();
        for (_, id) in &life.watchers {
            let State::Waiting(wait) = &mut self.threads[*id].state else { continue };
            if wait.seen == changes {
                continue;
            }
            wait.seen = changes;
            let from = polled.len();
            if let What::Files(sources) = &wait.what {
                polled.extend(sources.iter().map(|source| source.to_poll(&life.input)));
            }
            stale.push((*id, from, polled.len()));
        }
        if stale.is_empty() {
            return false;
        }
        poll(&mut polled);
        let mut found = false;
        for (id, from, to) in stale {
            let files = matches!(&self.threads[id].state, State::Waiting(wait) if matches!(wait.what, What::Files(_)));
            let ready = polled[from..to].iter().any(|entry| entry.revents != 0);
            if ready || !files {
                found = true;
                let Some(wait) = self.end_wait(id) else { continue };
                self.make_ready(id, State::Recheck(wait));
            }
        }
        found
    }

    /// One turn of one thread.
    fn turn(&mut self, id: ThreadId) -> io::Result<()> {
        let node = self.threads[id].node;
        let life = self.life(node);
        let changes = life.changes;
        life.changes += 1;
        let mut trying = None;
        let mut next = match std::mem::replace(&mut self.threads[id].state, State::Running) {
            State::Ready(go) => Next::Go(go),
            State::Recheck(wait) => {
                trying = matches!(wait.what, What::Again).then_some(wait.registers.instruction());
                self.recheck(id, wait)?
            }
            other => {
                self.threads[id].state = other;
                return Ok(());
            }
        };
        let mut steps = 0;
        while let Next::Go(go) = next {
            if self.has_to_rest(id, go)? {
                return Ok(());
            }
            if self.watchdog.look_is_due() {
                self.wants_look = true;
                self.line_up(id, State::Ready(go), 0);
                return Ok(());
            }
            next = self.step(id, go)?;
            steps += 1;
        }
        if steps <= STEPS_OF_A_TRY
            && trying.is_some()
            && let Some(State::Waiting(wait)) = self.threads.get_mut(id).map(|thread| &mut thread.state)
            && trying == Some(wait.registers.instruction())
        {
            // It came to nothing, so it has changed nothing: others need not try again because of it.
            wait.seen = changes;
            self.life(node).changes = changes;
        }
        Ok(())
    }

    /// Lets a thread go on until it stops again.
    fn step(&mut self, id: ThreadId, go: Go) -> Step {
        let thread = &self.threads[id];
        let (node, process, tid, executing) = (thread.node, thread.process, thread.tid, thread.executing);
        let pid = self.processes[process].pid;
        self.node_time(node);
        // Where a nudge strikes depends on how fast the processor is, and must not make a difference.
        let goes_on = std::mem::take(&mut self.threads[id].cut_short);
        let may_race = self.preemption && self.processes[process].threads.len() > 1;
        let life = self.life(node);
        if let Some(page) = life.page.as_mut().filter(|_| !goes_on) {
            page.renew();
            life.preempts_at_clock = may_race && life.scheduling.random_ratio(1, PREEMPTION);
            if life.preempts_at_clock {
                page.restrict(life.scheduling.random_range(..READINGS_BEFORE_PREEMPTION));
            }
        }
        let (contended, hogged) = (!life.ready.is_empty(), life.hogged);
        life.input.may_be_read();
        self.threads[id].executing = false;
        let slice = match self.threads[id].preempted {
            true => SPIN_SLICE,
            false if self.preempted_by_time => SLICE,
            false => FIRST_SLICE.saturating_sub(hogged),
        };
        self.watchdog.started(pid, tid, contended.then_some(slice));
        let stop = match sys::resume(tid, go.request, go.signal) {
            // Several threads of its process may end first if it runs another program.
            Ok(()) if executing => self.wait_for_exec(id),
            Ok(()) => sys::wait(Some(tid), true).map(|found| found.map_or(Stop::Exit, |(_, stop)| stop)),
            Err(error) => Err(error),
        };
        let nudge = self.watchdog.stopped();
        match stop {
            Ok(stop) => self.on_stop(id, stop, nudge),
            // Somebody has killed it.
            Err(error) if is_gone(&error) => self.end_process(process, None),
            Err(error) => Err(error),
        }
    }

    fn on_stop(&mut self, id: ThreadId, stop: Stop, nudge: Option<(Nudge, u64)>) -> Step {
        if nudge.is_some() && stop != Stop::Signal(NUDGE) {
            self.threads[id].nudged = true;
        }
        if std::mem::take(&mut self.threads[id].restarting) && matches!(stop, Stop::Filtered | Stop::CallExit) {
            return Err(io::Error::other("a program got a result of a system call that the kernel keeps to itself"));
        }
        if stop != Stop::Signal(NUDGE) {
            self.life_of(id).activity.count(stop);
        }
        match stop {
            Stop::Filtered => {
                self.threads[id].preempted = false;
                self.life_of(id).hogged = 0;
                self.on_call(id)
            }
            Stop::CallExit => self.on_call_exit(id),
            Stop::Signal(NUDGE) if nudge.is_some() || self.threads[id].nudged => {
                self.threads[id].nudged = false;
                match nudge {
                    Some((nudge, used)) => self.on_nudge(id, nudge, used),
                    None => Ok(self.go_on(id)),
                }
            }
            Stop::Signal(signal) => self.on_signal(id, signal),
            Stop::Group(libc::SIGTRAP) | Stop::VforkDone => Ok(self.go_on(id)),
            Stop::Group(_) => self.on_group_stop(id),
            Stop::Born | Stop::BornVfork => self.on_birth(id, stop),
            Stop::Exec => self.on_exec(id),
            Stop::Exit => self.on_exit(id),
            Stop::Gone(status) => {
                let process = self.threads[id].process;
                self.forget_thread(id);
                self.end_process(process, Some(status))
            }
        }
    }

    /// A thread was fetched out of its sleep or its computation.
    fn on_nudge(&mut self, id: ThreadId, nudge: Nudge, used: u64) -> Step {
        let node = self.threads[id].node;
        match nudge {
            Nudge::Asleep => self.on_foreign_sleep(id),
            Nudge::Slice | Nudge::Look => {
                let thread = &mut self.threads[id];
                thread.cut_short = true;
                thread.preempted = nudge == Nudge::Slice;
                self.wants_look = true;
                let life = self.life(node);
                life.hogged += used;
                if life.hogged >= HANG {
                    self.events.push(Event::Hung { node });
                    self.nodes[node].paused = true;
                    self.make_ready(id, State::Ready(Go::ON));
                } else if nudge == Nudge::Slice {
                    let name = self.nodes[node].name.clone();
                    self.preempted_by_time = true;
                    self.note(format!(
                        "{name} computed for 1 s without a system call while another of its threads was ready to run, \
                         so it was preempted"
                    ));
                    self.make_ready(id, State::Ready(Go::ON));
                } else {
                    self.line_up(id, State::Ready(Go::ON), 0);
                }
                Ok(Next::Over)
            }
        }
    }

    /// It has made a thread or a process.
    fn on_birth(&mut self, id: ThreadId, stop: Stop) -> Step {
        let (tid, process, node) = (self.threads[id].tid, self.threads[id].process, self.threads[id].node);
        let registers = sys::registers(tid)?;
        let child = sys::event_message(tid)? as Tid;
        let flags = clone_flags(tid, &registers);
        let vfork = stop == Stop::BornVfork;
        let alive = !matches!(sys::wait(Some(child), true)?, Some((_, Stop::Gone(_))));
        if alive && flags & libc::CLONE_THREAD as u64 != 0 {
            self.add_thread(child, process);
        } else if alive {
            let shared = vfork || flags & libc::CLONE_VM as u64 != 0;
            let space = if shared { self.processes[process].space } else { self.new_space() };
            let parent = &self.processes[process];
            let offspring = Process {
                pid: child,
                pidfd: sys::pidfd_open(child)?,
                node,
                space,
                threads: Default::default(),
                stdin: parent.stdin,
                random: parent.random.clone(),
                vfork_parent: vfork.then_some(tid),
            };
            let offspring = self.processes.insert(offspring);
            self.life(node).processes.insert(offspring);
            self.add_thread(child, offspring);
            if vfork {
                self.threads[id].state = State::Vfork;
                sys::resume(tid, Request::Continue, 0)?;
                return Ok(Next::Over);
            }
        }
        ON
    }

    /// Ends the wait of the thread whose memory a process had borrowed.
    fn end_vfork(&mut self, process: ProcessId) -> io::Result<()> {
        let Some(tid) = self.processes[process].vfork_parent.take() else { return Ok(()) };
        let Some(parent) = self.by_tid.get(&tid).copied() else { return Ok(()) };
        match sys::wait(Some(tid), true) {
            Ok(Some((_, Stop::Gone(_)))) => self.forget_thread(parent),
            Ok(_) => self.make_ready(parent, State::Ready(Go::ON)),
            Err(error) if is_gone(&error) => self.forget_thread(parent),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits for the thread to come out of `execve`, seeing other threads of its process off.
    fn wait_for_exec(&mut self, id: ThreadId) -> io::Result<Stop> {
        let pid = self.processes[self.threads[id].process].pid;
        loop {
            let Some((tid, stop)) = sys::wait(None, true)? else { continue };
            // The new program has the process's own number, whichever thread started it.
            if tid == self.threads[id].tid || (tid == pid && stop == Stop::Exec) {
                return Ok(stop);
            }
            self.on_stray(tid, stop)?;
        }
    }

    /// Something happened to a thread whose turn it is not: it ends together with others.
    fn on_stray(&mut self, tid: Tid, stop: Stop) -> io::Result<()> {
        let id = self.by_tid.get(&tid).copied();
        match (stop, id) {
            (Stop::Gone(status), Some(id)) => {
                let process = self.threads[id].process;
                self.forget_thread(id);
                if self.processes[process].threads.is_empty() {
                    self.finish_process(process, status)?;
                }
            }
            (Stop::Gone(_), None) => {
                for node in &mut self.nodes {
                    if let Some(life) = node.life.as_mut().filter(|life| life.keeper == tid) {
                        life.keeper = 0;
                    }
                }
            }
            (Stop::VforkDone, Some(id)) => self.make_ready(id, State::Ready(Go::ON)),
            _ => drop(sys::resume(tid, Request::Continue, 0)),
        }
        Ok(())
    }

    fn on_exec(&mut self, id: ThreadId) -> Step {
        let process = self.threads[id].process;
        let pid = self.processes[process].pid;
        let others: Vec<ThreadId> = self.processes[process].threads.iter().copied().filter(|t| *t != id).collect();
        for other in others {
            self.forget_thread(other);
        }
        let tid = std::mem::replace(&mut self.threads[id].tid, pid);
        self.by_tid.remove(&tid);
        self.by_tid.insert(pid, id);
        self.threads[id].interrupted = None;
        let space = self.new_space();
        self.processes[process].space = space;
        self.end_vfork(process)?;
        let node = self.threads[id].node;
        if !sys::registers(pid)?.is_64_bit() {
            let name = self.nodes[node].name.clone();
            self.note(format!("{name} ran a 32-bit program, whose time was the real one"));
        }
        self.prepare_program(pid, node)?;
        ON
    }

    /// A thread is about to end, alone or with its process.
    fn on_exit(&mut self, id: ThreadId) -> Step {
        let (tid, process) = (self.threads[id].tid, self.threads[id].process);
        let alone = sys::registers(tid)?.number() == libc::SYS_exit && self.processes[process].threads.len() > 1;
        if !alone {
            return self.end_process(process, None);
        }
        sys::resume(tid, Request::Continue, 0)?;
        if tid == self.processes[process].pid {
            // The process keeps its first thread until the last one has ended.
            self.threads[id].state = State::Leaving;
            return Ok(Next::Over);
        }
        match sys::wait(Some(tid), true) {
            Ok(_) => {}
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
        self.forget_thread(id);
        self.wake_changed(process);
        Ok(Next::Over)
    }

    /// Sees off a process that is ending. `status`: its first thread is gone already, with this.
    pub(crate) fn end_process(&mut self, process: ProcessId, status: Option<i32>) -> Step {
        if let Some(status) = status.filter(|_| self.processes[process].threads.is_empty()) {
            self.finish_process(process, status)?;
            return Ok(Next::Over);
        }
        let tids: Vec<Tid> = self.processes[process].threads.iter().map(|id| self.threads[*id].tid).collect();
        for tid in tids {
            // Those that stand before their exit go on; those that are gone cannot.
            let _ = sys::resume(tid, Request::Continue, 0);
        }
        while self.processes.get(process).is_some() {
            let Some((tid, stop)) = sys::wait(None, true)? else { continue };
            self.on_stray(tid, stop)?;
        }
        Ok(Next::Over)
    }

    /// A process has ended, and so has its node's life if it was the main one.
    fn finish_process(&mut self, process: ProcessId, status: i32) -> io::Result<()> {
        self.end_vfork(process)?;
        let node = self.processes[process].node;
        self.processes.remove(process);
        let Some(life) = &mut self.nodes[node].life else { return Ok(()) };
        life.processes.remove(&process);
        life.timers.forget(process);
        life.signals = true;
        life.stirred = true;
        if life.main != process {
            self.wake_parents(node);
            return Ok(());
        }
        self.collect(node);
        if let Some(line) = self.life(node).output.finish() {
            self.events.push(Event::Line { node, line });
        }
        self.end_life(node);
        self.events.push(Event::Exited { node, status: std::process::ExitStatus::from_raw(status) });
        Ok(())
    }

    /// Removes a thread that is gone.
    fn forget_thread(&mut self, id: ThreadId) {
        self.end_wait(id);
        let Some(thread) = self.threads.remove(id) else { return };
        if self.by_tid.get(&thread.tid) == Some(&id) {
            self.by_tid.remove(&thread.tid);
        }
        if let Some(process) = self.processes.get_mut(thread.process) {
            process.threads.remove(&id);
        }
        if let Some(life) = &mut self.nodes[thread.node].life {
            life.ready.retain(|(_, _, other)| *other != id);
        }
    }

    /// Kills everything that a node has started, and waits until it is gone.
    pub(crate) fn end_life(&mut self, node: usize) {
        let Some(life) = &self.nodes[node].life else { return };
        let keeper = life.keeper;
        for process in &life.processes {
            // Not reaped yet, so the number is its own.
            if let Some(process) = self.processes.get(*process) {
                let _ = sys::kill(process.pid, libc::SIGKILL);
            }
        }
        let mut remaining: Vec<ThreadId> = Vec::new();
        for process in &life.processes {
            if let Some(process) = self.processes.get(*process) {
                remaining.extend(&process.threads);
            }
        }
        // In whatever order they end: the first process of a PID namespace ends when all others of it have been waited for.
        loop {
            let mut progress = false;
            remaining.retain(|id| {
                let tid = self.threads[*id].tid;
                match sys::wait(Some(tid), false) {
                    Ok(None) => return true,
                    Ok(Some((_, stop))) if !matches!(stop, Stop::Gone(_)) => {
                        let _ = sys::resume(tid, Request::Continue, 0);
                        progress = true;
                        return true;
                    }
                    Ok(Some(_)) | Err(_) => {}
                }
                progress = true;
                self.forget_thread(*id);
                false
            });
            if remaining.is_empty() {
                break;
            }
            if !progress && !self.wait_for_another(node, &mut remaining) {
                break;
            }
        }
        let Some(life) = self.nodes[node].life.take() else { return };
        let keeper = if life.keeper == keeper { keeper } else { 0 };
        for process in life.processes {
            self.processes.remove(process);
        }
        if keeper != 0 {
            // Whatever else it may keep ends with it.
            let _ = sys::kill(keeper, libc::SIGKILL);
            loop {
                match sys::wait(None, true) {
                    Ok(Some((tid, Stop::Gone(_)))) if tid == keeper => break,
                    Ok(Some((tid, stop))) => drop(self.on_stray(tid, stop)),
                    Ok(None) => {}
                    Err(_) => break,
                }
            }
        }
    }

    /// Waits for whatever ends next while a node is being ended. False if there is nothing more to wait for.
    fn wait_for_another(&mut self, node: usize, remaining: &mut Vec<ThreadId>) -> bool {
        let Ok(Some((tid, stop))) = sys::wait(None, true) else { return false };
        match self.by_tid.get(&tid).copied().filter(|id| self.threads[*id].node == node) {
            Some(id) if matches!(stop, Stop::Gone(_)) => {
                self.forget_thread(id);
                remaining.retain(|other| *other != id);
            }
            Some(_) => drop(sys::resume(tid, Request::Continue, 0)),
            None => drop(self.on_stray(tid, stop)),
        }
        true
    }
}

/// Whether a process or thread does not exist any more.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ECHILD))
}

/// With which flags a thread or process was made.
fn clone_flags(tid: Tid, registers: &arch::Registers) -> u64 {
    match registers.number() {
        libc::SYS_clone => registers.arg(0),
        libc::SYS_clone3 => memory::read_u64(tid, registers.arg(0)).unwrap_or(0),
        libc::SYS_vfork => libc::CLONE_VM as u64,
        _ => 0,
    }
}

impl Source {
    /// As [`poll`] takes it.
    pub(crate) fn to_poll(&self, input: &Input) -> libc::pollfd {
        let known = |events| libc::pollfd { fd: -1, events, revents: 0 };
        match self {
            Source::Stdin(events) => known(if input.is_readable() { events & libc::POLLIN } else { 0 }),
            Source::File(fd, events) => libc::pollfd { fd: fd.as_raw_fd(), events: *events, revents: 0 },
            Source::Known(events) => known(*events),
        }
    }
}

/// Looks at files. Entries without a descriptor have been looked at: their answer is what they ask for.
pub(crate) fn poll(entries: &mut [libc::pollfd]) {
    if entries.iter().any(|entry| entry.fd >= 0) {
        sys::poll(entries);
    }
    for entry in entries.iter_mut().filter(|entry| entry.fd < 0) {
        entry.revents = entry.events;
    }
}
