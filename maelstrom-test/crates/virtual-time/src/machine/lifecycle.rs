//! Threads and processes that begin, run another program, and end; the end of an incarnation.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rand::Rng as _;

use super::node::{Process, ProcessId};
use super::scheduler::{CONTINUE, Next, Outcome, is_gone};
use super::thread::{Resume, State, Thread, ThreadId};
use super::{Event, Machine};
use crate::tracee::process::{self, Tid};
use crate::tracee::ptrace::{self, Request, Stop};
use crate::tracee::registers::Registers;
use crate::tracee::{memory, startup};

impl Machine {
    /// Enters a new thread, which is stopped and has not run yet.
    pub(super) fn add_thread(&mut self, tid: Tid, process: ProcessId) -> ThreadId {
        let node = self.processes[process].node;
        let incarnation = self.incarnation(node);
        let number = incarnation.next_thread_number;
        incarnation.next_thread_number += 1;
        let id = self.threads.insert(Thread::new(tid, node, process, number));
        self.by_tid.insert(tid, id);
        self.processes[process].threads.insert(id);
        self.make_ready(id, Resume::CONTINUE);
        id
    }

    /// Prepares a program of a node before its first instruction.
    pub(super) fn prepare_program(&mut self, tid: Tid, node: usize) -> io::Result<()> {
        let mut random = [0; 16];
        self.incarnation(node).rng.fill_bytes(&mut random);
        startup::prepare(tid, self.nodes[node].clock.page().as_deref(), &random)
    }

    /// A thread has made a thread or a process.
    pub(super) fn on_clone(&mut self, id: ThreadId, stop: Stop) -> Outcome {
        let (tid, process, node) = (self.tid(id), self.process_of(id), self.node_of(id));
        let registers = ptrace::registers(tid)?;
        let child = ptrace::new_thread(tid)?;
        let flags = clone_flags(tid, &registers);
        let is_vfork = stop == Stop::Vfork;
        let is_alive = !matches!(ptrace::wait(Some(child), true)?, Some((_, Stop::Exited(_))));
        if is_alive && flags & libc::CLONE_THREAD as u64 != 0 {
            self.add_thread(child, process);
        } else if is_alive {
            let shares_memory = is_vfork || flags & libc::CLONE_VM as u64 != 0;
            let space = if shares_memory { self.processes[process].space } else { self.new_space() };
            let new = self.processes.insert(Process {
                pid: child,
                pidfd: process::open(child)?,
                node,
                space,
                threads: Default::default(),
                vfork_parent: is_vfork.then_some(tid),
                files: self.processes[process].files.clone(),
            });
            self.incarnation(node).processes.insert(new);
            self.add_thread(child, new);
            if is_vfork {
                self.threads[id].state = State::Vfork;
                ptrace::resume(tid, Request::Continue, 0)?;
                return Ok(Next::TurnOver);
            }
        }
        CONTINUE
    }

    /// A process no longer shares the memory of the thread that made it with `vfork`, which continues.
    fn end_vfork(&mut self, process: ProcessId) -> io::Result<()> {
        let Some(tid) = self.processes[process].vfork_parent.take() else { return Ok(()) };
        let Some(parent) = self.by_tid.get(&tid).copied() else { return Ok(()) };
        match ptrace::wait(Some(tid), true) {
            Ok(Some((_, Stop::Exited(_)))) => self.forget_thread(parent),
            Ok(_) => self.make_ready(parent, Resume::CONTINUE),
            Err(error) if is_gone(&error) => self.forget_thread(parent),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits for the next stop of a thread in `execve`, while other threads of its process end.
    pub(super) fn wait_for_exec(&mut self, id: ThreadId) -> io::Result<Stop> {
        let pid = self.process(id).pid;
        loop {
            let Some((tid, stop)) = ptrace::wait(None, true)? else { continue };
            // The new program has the process's id, whichever thread has started it.
            if tid == self.tid(id) || (tid == pid && stop == Stop::Exec) {
                return Ok(stop);
            }
            self.on_other_stop(tid, stop)?;
        }
    }

    /// Handles the stop of a thread other than the one that has its turn: it ends together with others.
    fn on_other_stop(&mut self, tid: Tid, stop: Stop) -> io::Result<()> {
        let id = self.by_tid.get(&tid).copied();
        match (stop, id) {
            (Stop::Exited(status), Some(id)) => {
                let process = self.process_of(id);
                self.forget_thread(id);
                if self.processes[process].threads.is_empty() {
                    self.finish_process(process, status)?;
                }
            }
            (Stop::Exited(_), None) => {
                for node in &mut self.nodes {
                    if let Some(incarnation) = node.incarnation.as_mut().filter(|running| running.init == tid) {
                        incarnation.init = 0;
                    }
                }
            }
            (Stop::VforkDone, Some(id)) => self.make_ready(id, Resume::CONTINUE),
            _ => drop(ptrace::resume(tid, Request::Continue, 0)),
        }
        Ok(())
    }

    /// A thread runs a new program. The other threads of its process have ended.
    pub(super) fn on_exec(&mut self, id: ThreadId) -> Outcome {
        let process = self.process_of(id);
        let pid = self.processes[process].pid;
        let others: Vec<ThreadId> =
            self.processes[process].threads.iter().copied().filter(|other| *other != id).collect();
        for other in others {
            self.forget_thread(other);
        }
        let tid = std::mem::replace(&mut self.threads[id].tid, pid);
        self.by_tid.remove(&tid);
        self.by_tid.insert(pid, id);
        self.threads[id].call.interrupted = None;
        let space = self.new_space();
        self.processes[process].space = space;
        self.end_vfork(process)?;
        let node = self.node_of(id);
        if !ptrace::registers(pid)?.is_64_bit() {
            self.note_of(node, "ran a 32-bit program, which saw real time");
        }
        self.prepare_program(pid, node)?;
        CONTINUE
    }

    /// A thread is about to exit, alone or with its process.
    pub(super) fn on_exiting(&mut self, id: ThreadId) -> Outcome {
        let (tid, process) = (self.tid(id), self.process_of(id));
        let is_exit_of_thread = ptrace::registers(tid)?.number() == libc::SYS_exit;
        if !(is_exit_of_thread && self.processes[process].has_several_threads()) {
            return self.end_process(process, None);
        }
        ptrace::resume(tid, Request::Continue, 0)?;
        if tid == self.processes[process].pid {
            // The kernel keeps a process's main thread until the last thread has ended.
            self.threads[id].state = State::Exiting;
            return Ok(Next::TurnOver);
        }
        match ptrace::wait(Some(tid), true) {
            Ok(_) => {}
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
        self.forget_thread(id);
        self.wake_at_changed_words(process);
        Ok(Next::TurnOver)
    }

    /// Waits for the end of a process that is ending. `status`: its main thread has exited already, with this status.
    pub(super) fn end_process(&mut self, process: ProcessId, status: Option<i32>) -> Outcome {
        if let Some(status) = status.filter(|_| self.processes[process].threads.is_empty()) {
            self.finish_process(process, status)?;
            return Ok(Next::TurnOver);
        }
        let tids: Vec<Tid> = self.processes[process].threads.iter().map(|id| self.threads[*id].tid).collect();
        for tid in tids {
            // Threads that are stopped before their exit continue. For threads that are gone this fails.
            let _ = ptrace::resume(tid, Request::Continue, 0);
        }
        while self.processes.get(process).is_some() {
            let Some((tid, stop)) = ptrace::wait(None, true)? else { continue };
            self.on_other_stop(tid, stop)?;
        }
        Ok(Next::TurnOver)
    }

    /// Removes a process that has ended, and ends the incarnation if it was the main one.
    fn finish_process(&mut self, process: ProcessId, status: i32) -> io::Result<()> {
        self.end_vfork(process)?;
        let node = self.processes[process].node;
        self.processes.try_remove(process);
        let Some(incarnation) = &mut self.nodes[node].incarnation else { return Ok(()) };
        incarnation.processes.remove(&process);
        incarnation.timers.remove_process(process);
        incarnation.signals_pending = true;
        incarnation.may_progress = true;
        self.agenda.activate(node);
        if incarnation.main != process {
            self.wake_parents(node);
            return Ok(());
        }
        self.collect_output(node);
        if let Some(line) = self.incarnation(node).output.finish() {
            self.events.push(Event::Line { node, line });
        }
        self.end_incarnation(node);
        self.events.push(Event::Exited { node, status: ExitStatus::from_raw(status) });
        Ok(())
    }

    /// Removes a thread that is gone.
    pub(super) fn forget_thread(&mut self, id: ThreadId) {
        self.unblock(id);
        let Some(thread) = self.threads.try_remove(id) else { return };
        if self.by_tid.get(&thread.tid) == Some(&id) {
            self.by_tid.remove(&thread.tid);
        }
        if let Some(process) = self.processes.get_mut(thread.process) {
            process.threads.remove(&id);
        }
        if let Some(incarnation) = &mut self.nodes[thread.node].incarnation {
            incarnation.run_queue.remove(id);
        }
    }

    /// Kills everything that a node has started, and waits until it is gone.
    pub(super) fn end_incarnation(&mut self, node: usize) {
        let Some(incarnation) = &self.nodes[node].incarnation else { return };
        let init = incarnation.init;
        let mut remaining: Vec<ThreadId> = Vec::new();
        for process in &incarnation.processes {
            if let Some(process) = self.processes.get(*process) {
                // Not reaped yet, so nobody else has its id.
                let _ = process::kill(process.pid);
                remaining.extend(&process.threads);
            }
        }
        // They end in any order: the first process of a PID namespace ends after all others have been waited for.
        loop {
            let mut progress = false;
            remaining.retain(|id| {
                let tid = self.threads[*id].tid;
                match ptrace::wait(Some(tid), false) {
                    Ok(None) => return true,
                    Ok(Some((_, stop))) if !matches!(stop, Stop::Exited(_)) => {
                        let _ = ptrace::resume(tid, Request::Continue, 0);
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
            if !progress && !self.wait_for_any_end(node, &mut remaining) {
                break;
            }
        }
        let entry = &mut self.nodes[node];
        let Some(incarnation) = entry.incarnation.take() else { return };
        entry.clock.remove_page();
        // It may have ended in the meantime.
        let init = if incarnation.init == init { init } else { 0 };
        for process in incarnation.processes {
            self.processes.try_remove(process);
        }
        if init != 0 {
            // Its other children, if any, end with it.
            let _ = process::kill(init);
            loop {
                match ptrace::wait(None, true) {
                    Ok(Some((tid, Stop::Exited(_)))) if tid == init => break,
                    Ok(Some((tid, stop))) => drop(self.on_other_stop(tid, stop)),
                    Ok(None) => {}
                    Err(_) => break,
                }
            }
        }
    }

    /// Waits for the next thread that ends while a node is being ended. False if there is nothing to wait for.
    fn wait_for_any_end(&mut self, node: usize, remaining: &mut Vec<ThreadId>) -> bool {
        let Ok(Some((tid, stop))) = ptrace::wait(None, true) else { return false };
        match self.by_tid.get(&tid).copied().filter(|id| self.node_of(*id) == node) {
            Some(id) if matches!(stop, Stop::Exited(_)) => {
                self.forget_thread(id);
                remaining.retain(|other| *other != id);
            }
            Some(_) => drop(ptrace::resume(tid, Request::Continue, 0)),
            None => drop(self.on_other_stop(tid, stop)),
        }
        true
    }
}

/// The flags with which a thread or process was made.
fn clone_flags(tid: Tid, registers: &Registers) -> u64 {
    match registers.number() {
        libc::SYS_clone => registers.arg(0),
        libc::SYS_clone3 => memory::read_u64(tid, registers.arg(0)).unwrap_or(0),
        libc::SYS_vfork => libc::CLONE_VM as u64,
        _ => 0,
    }
}
