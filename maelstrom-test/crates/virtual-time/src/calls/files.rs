//! Waiting for files: `read`, `epoll_wait`, `poll`, `select` and their relatives.
//!
//! Whether such a call would block is seen from outside, on our own descriptors for the files in question. Only when
//! something is there is the call made; the kernel then answers it at once.

use std::os::fd::AsRawFd;

use crate::Nanos;
use crate::calls::errno;
use crate::calls::sockets::{self, is_for_messages};
use crate::machine::Machine;
use crate::machine::backoff::{HEAVY, LIGHT};
use crate::machine::clock::{Clock, SECOND};
use crate::machine::scheduler::{self, Next, ON, Step};
use crate::machine::table::{Go, Place, Source, State, ThreadId, Wait, What};
use crate::tracee::arch::{self, Call, Registers};
use crate::tracee::memory::{self, EFAULT};
use crate::tracee::sys;

const IN: i16 = libc::POLLIN;
const OUT: i16 = libc::POLLOUT;
/// What makes `select` call a file readable, writable, exceptional.
const SELECT: [(i16, i16); 3] = [
    (
        IN | libc::POLLRDNORM | libc::POLLRDBAND,
        IN | libc::POLLRDNORM | libc::POLLRDBAND | libc::POLLHUP | libc::POLLERR,
    ),
    (OUT | libc::POLLWRNORM | libc::POLLWRBAND, OUT | libc::POLLWRNORM | libc::POLLWRBAND | libc::POLLERR),
    (libc::POLLPRI, libc::POLLPRI),
];

/// How long a call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    None,
    Until(Nanos),
    Endless,
}

impl Machine {
    /// Calls that wait for input of one file.
    pub(crate) fn read(&mut self, id: ThreadId, registers: Registers, call: Call, interrupted: Option<Wait>) -> Step {
        let process = self.threads[id].process;
        let fd = registers.arg(0) as i32;
        if self.processes[process].random.contains(&fd)
            && let Some(step) = self.read_random(id, registers, call)
        {
            return step;
        }
        let dont_wait = match call {
            Call::Recvfrom => registers.arg(3) as i32 & libc::MSG_DONTWAIT != 0,
            Call::Recvmsg => registers.arg(2) as i32 & libc::MSG_DONTWAIT != 0,
            Call::Splice => registers.arg(5) & u64::from(libc::SPLICE_F_NONBLOCK) != 0,
            _ => false,
        };
        let source = self.source(id, fd, IN);
        let mut deadline = None;
        let empty = matches!(source, Source::Stdin(_));
        let nonblocking = match &source {
            Source::Known(_) => return ON,
            Source::Stdin(_) => {
                let input = &self.life_of(id).input;
                if input.is_readable() {
                    self.threads[id].polling.succeeded();
                    return ON;
                }
                input.is_nonblocking()
            }
            Source::File(file, _) => {
                let nonblocking = sys::file_flags(file) & libc::O_NONBLOCK != 0;
                if !nonblocking && let Some(timeout) = sockets::timeout(file, libc::SO_RCVTIMEO) {
                    let now = self.node_time(self.threads[id].node);
                    deadline = Some(now.saturating_add(timeout));
                }
                nonblocking
            }
        };
        if nonblocking || dont_wait {
            if self.is_ready(&source) {
                self.threads[id].polling.succeeded();
                return ON;
            }
            deadline = self.empty_call(id, HEAVY);
            if deadline.is_none() {
                return ON;
            }
        } else {
            self.threads[id].polling.succeeded();
        }
        let deadline = interrupted.map_or(deadline, |wait| wait.deadline);
        let wait = Wait::new(registers, deadline, What::Files(vec![source]));
        if empty {
            // Seen above: no need to look again.
            self.hold(id, wait);
            return Ok(Next::Over);
        }
        self.wait_for_files(id, wait, true)
    }

    /// `mq_timedsend` and `mq_timedreceive`.
    pub(crate) fn message_queue(
        &mut self,
        id: ThreadId,
        registers: Registers,
        call: Call,
        interrupted: Option<Wait>,
    ) -> Step {
        let source = self.source(id, registers.arg(0) as i32, if call == Call::MqTimedsend { OUT } else { IN });
        let Source::File(file, _) = &source else { return ON };
        if sys::file_flags(file) & libc::O_NONBLOCK != 0 {
            return ON;
        }
        let (node, tid, timeout) = (self.threads[id].node, self.threads[id].tid, registers.arg(4));
        let mut deadline = None;
        if timeout != 0 {
            let time = memory::read_pair(tid, timeout).ok().and_then(|pair| memory::time(pair, SECOND));
            // What is wrong with it is the kernel's to say.
            let Some(time) = time else { return ON };
            deadline = Some(self.time_of(node, Clock::Wall, time));
        }
        let deadline = interrupted.map_or(deadline, |wait| wait.deadline);
        let mut wait = Wait::new(registers, deadline, What::Files(vec![source]));
        wait.wall = deadline.is_some();
        self.wait_for_files(id, wait, true)
    }

    pub(crate) fn epoll(&mut self, id: ThreadId, registers: Registers, call: Call, interrupted: Option<Wait>) -> Step {
        let source = self.source(id, registers.arg(0) as i32, IN);
        if matches!(source, Source::Known(_)) {
            return ON;
        }
        let timeout = registers.arg(3);
        let patience = match call {
            Call::EpollPwait2 => self.patience(id, timeout, SECOND),
            _ => Ok(self.patience_in_milliseconds(id, timeout)),
        };
        let Ok(patience) = patience else { return ON };
        self.wait_patiently(id, registers, vec![source], patience, interrupted)
    }

    pub(crate) fn poll(&mut self, id: ThreadId, registers: Registers, call: Call, interrupted: Option<Wait>) -> Step {
        let timeout = registers.arg(2);
        let patience = match call {
            Call::Ppoll => self.patience(id, timeout, SECOND),
            _ => Ok(self.patience_in_milliseconds(id, timeout)),
        };
        let Ok(patience) = patience else { return ON };
        let Ok(entries) = self.read_poll_entries(id, &registers) else {
            return self.answer(id, registers, EFAULT);
        };
        let always = libc::POLLERR | libc::POLLHUP;
        let sources = entries.iter().map(|(fd, events)| match fd {
            ..0 => Source::Known(0),
            fd => match self.source(id, *fd, *events) {
                Source::Known(_) => Source::Known(libc::POLLNVAL),
                Source::File(file, events) => Source::File(file, events | always),
                stdin => stdin,
            },
        });
        let sources = sources.collect();
        self.wait_patiently(id, registers, sources, patience, interrupted)
    }

    pub(crate) fn select(&mut self, id: ThreadId, registers: Registers, call: Call, interrupted: Option<Wait>) -> Step {
        let per_second = if call == Call::Select { 1_000_000 } else { SECOND };
        let Ok(patience) = self.patience(id, registers.arg(4), per_second) else { return ON };
        let Ok(wanted) = self.read_select_sets(id, &registers) else {
            return self.answer(id, registers, EFAULT);
        };
        let mut sources = Vec::new();
        for (fd, events) in wanted {
            match self.source(id, fd, events) {
                // A bad descriptor: the kernel says so at once.
                Source::Known(_) => return ON,
                source => sources.push(source),
            }
        }
        self.wait_patiently(id, registers, sources, patience, interrupted)
    }

    /// What a descriptor of a thread stands for.
    pub(crate) fn source(&self, id: ThreadId, fd: i32, events: i16) -> Source {
        let thread = &self.threads[id];
        let process = &self.processes[thread.process];
        let input = self.nodes[thread.node].life.as_ref().map(|life| &life.input);
        if fd == 0 && process.stdin || input.is_some_and(|input| input.is_read_by(process.pid, fd)) {
            return Source::Stdin(events);
        }
        match sys::pidfd_getfd(&process.pidfd, fd) {
            Ok(file) => Source::File(file, events),
            Err(_) => Source::Known(events),
        }
    }

    fn patience_in_milliseconds(&mut self, id: ThreadId, timeout: u64) -> Patience {
        match timeout as i32 {
            ..0 => Patience::Endless,
            0 => Patience::None,
            span => Patience::Until(self.node_time(self.threads[id].node).saturating_add(span as u64 * 1_000_000)),
        }
    }

    /// From a `timespec` or `timeval`; an error if the kernel would not accept it.
    fn patience(&mut self, id: ThreadId, address: u64, per_second: u64) -> Result<Patience, ()> {
        if address == 0 {
            return Ok(Patience::Endless);
        }
        let (node, tid) = (self.threads[id].node, self.threads[id].tid);
        let pair = memory::read_pair(tid, address).map_err(drop)?;
        Ok(match memory::time(pair, per_second).ok_or(())? {
            0 => Patience::None,
            span => Patience::Until(self.node_time(node).saturating_add(span)),
        })
    }

    fn wait_patiently(
        &mut self,
        id: ThreadId,
        registers: Registers,
        sources: Vec<Source>,
        patience: Patience,
        interrupted: Option<Wait>,
    ) -> Step {
        let deadline = match patience {
            Patience::None => None,
            Patience::Until(deadline) => {
                let deadline = self.short_wait(id, deadline);
                interrupted.and_then(|wait| wait.deadline).or(Some(deadline))
            }
            Patience::Endless => None,
        };
        let wait = Wait::new(registers, deadline, What::Files(sources));
        self.wait_for_files(id, wait, patience != Patience::None)
    }

    /// Makes the call if it can be answered now, else keeps the thread (or lets it see that there is nothing, if it
    /// does not want to wait).
    pub(crate) fn wait_for_files(&mut self, id: ThreadId, mut wait: Wait, may_wait: bool) -> Step {
        let found = self.look(id, &wait);
        if found.iter().any(|events| *events != 0) {
            self.threads[id].polling.succeeded();
            return self.finish_files(id, wait, &found);
        }
        if !may_wait {
            let loops = matches!(
                arch::call(wait.registers.number()),
                Some(Call::EpollWait | Call::EpollPwait | Call::EpollPwait2)
            );
            match self.empty_call(id, if loops { LIGHT } else { HEAVY }) {
                None => return self.finish_files(id, wait, &found),
                pause => wait.deadline = pause,
            }
        }
        self.hold(id, wait);
        Ok(Next::Over)
    }

    /// A thread that was found to be able to go on has its turn; in the meantime another one may have taken what was
    /// there.
    pub(crate) fn recheck_files(&mut self, id: ThreadId, wait: Wait) -> Step {
        self.wait_for_files(id, wait, true)
    }

    /// Whether a file has what is asked of it. Standard input is looked at elsewhere.
    fn is_ready(&self, source: &Source) -> bool {
        let Source::File(file, events) = source else { return false };
        let mut entry = [libc::pollfd { fd: file.as_raw_fd(), events: *events, revents: 0 }];
        sys::poll(&mut entry);
        entry[0].revents != 0
    }

    /// Which of the events a thread waits for are there.
    fn look(&mut self, id: ThreadId, wait: &Wait) -> Vec<i16> {
        let What::Files(sources) = &wait.what else { return Vec::new() };
        let input = &self.life_of(id).input;
        let mut entries: Vec<libc::pollfd> = sources.iter().map(|source| source.to_poll(input)).collect();
        scheduler::poll(&mut entries);
        entries.iter().map(|entry| entry.revents).collect()
    }

    /// Lets a thread see what there is.
    fn finish_files(&mut self, id: ThreadId, wait: Wait, found: &[i16]) -> Step {
        match self.write_found(id, &wait, found) {
            Some(written) => self.answer_written(id, wait.registers, written),
            None if is_for_messages(&wait) && wait.place == Place::Before => self.receive_now(id, wait),
            None => self.make_call(id, wait),
        }
    }

    /// A thread has waited for files for long enough.
    pub(crate) fn time_out_files(&mut self, id: ThreadId) {
        let Some(wait) = self.end_wait(id) else { return };
        let What::Files(sources) = &wait.what else { return };
        let nothing = vec![0; sources.len()];
        let mut registers = wait.registers;
        let value = match self.write_found(id, &wait, &nothing) {
            Some(written) => written.unwrap_or(EFAULT),
            None => match arch::call(wait.registers.number()) {
                Some(Call::EpollWait | Call::EpollPwait | Call::EpollPwait2) => 0,
                Some(Call::MqTimedsend | Call::MqTimedreceive) => errno(libc::ETIMEDOUT),
                _ if wait.done > 0 => self.received(id, &wait, wait.done),
                _ => match self.cancel_rest(id) {
                    Some((whole, done)) => {
                        registers = whole;
                        done
                    }
                    None => errno(libc::EAGAIN),
                },
            },
        };
        let _ = self.prepare_answer(id, registers, value);
        self.make_ready(id, State::Ready(Go::ON));
    }

    /// Answers `poll` and `select` in the kernel's place, which would write the remaining real time. `None`: another
    /// call, which the kernel is to answer.
    fn write_found(&mut self, id: ThreadId, wait: &Wait, found: &[i16]) -> Option<Result<i64, memory::Fault>> {
        let registers = &wait.registers;
        let call = arch::call(registers.number());
        let (written, remaining) = match call {
            Some(Call::Poll) => (self.write_poll_entries(id, registers, found), None),
            Some(Call::Ppoll) => (self.write_poll_entries(id, registers, found), Some((registers.arg(2), false))),
            Some(Call::Select) => (self.write_select_sets(id, registers, found), Some((registers.arg(4), true))),
            Some(Call::Pselect) => (self.write_select_sets(id, registers, found), Some((registers.arg(4), false))),
            _ => return None,
        };
        if let (Some((address, micro)), Some(deadline)) = (remaining, wait.deadline)
            && address != 0
        {
            let left = deadline.saturating_sub(self.node_time(self.threads[id].node));
            let pair = if micro { memory::timeval(left) } else { memory::timespec(left) };
            // The kernel does not mind either if this is not writable.
            let _ = memory::write_words(self.threads[id].tid, address, &pair);
        }
        Some(written)
    }

    fn read_poll_entries(&self, id: ThreadId, registers: &Registers) -> Result<Vec<(i32, i16)>, memory::Fault> {
        const LIMIT: u64 = 1 << 20;
        let count = registers.arg(1);
        if count > LIMIT {
            return Err(memory::Fault);
        }
        let mut bytes = vec![0; count as usize * 8];
        if count > 0 {
            memory::read(self.threads[id].tid, registers.arg(0), &mut bytes)?;
        }
        let entry = |entry: &[u8]| {
            (i32::from_ne_bytes([entry[0], entry[1], entry[2], entry[3]]), i16::from_ne_bytes([entry[4], entry[5]]))
        };
        Ok(bytes.chunks_exact(8).map(entry).collect())
    }

    fn write_poll_entries(&self, id: ThreadId, registers: &Registers, found: &[i16]) -> Result<i64, memory::Fault> {
        let entries = self.read_poll_entries(id, registers)?;
        let mut bytes = Vec::with_capacity(entries.len() * 8);
        for ((fd, events), found) in entries.iter().zip(found) {
            bytes.extend(fd.to_ne_bytes());
            bytes.extend(events.to_ne_bytes());
            bytes.extend(found.to_ne_bytes());
        }
        if !bytes.is_empty() {
            memory::write(self.threads[id].tid, registers.arg(0), &bytes)?;
        }
        Ok(found.iter().filter(|events| **events != 0).count() as i64)
    }

    /// The three sets of a `select`: where they are, and their bytes.
    fn select_bytes(&self, id: ThreadId, registers: &Registers) -> Result<[(u64, Vec<u8>); 3], memory::Fault> {
        const LIMIT: u64 = 1 << 16;
        let length = (registers.arg(0).min(LIMIT) as usize).div_ceil(64) * 8;
        let mut sets: [(u64, Vec<u8>); 3] = std::array::from_fn(|set| (registers.arg(1 + set), vec![0; length]));
        for (address, bytes) in &mut sets {
            if *address != 0 && length > 0 {
                memory::read(self.threads[id].tid, *address, bytes)?;
            }
        }
        Ok(sets)
    }

    /// Which descriptors a `select` asks for, and the events wanted.
    fn read_select_sets(&self, id: ThreadId, registers: &Registers) -> Result<Vec<(i32, i16)>, memory::Fault> {
        let sets = self.select_bytes(id, registers)?;
        let wanted = |fd: usize| {
            let asked = sets.iter().zip(SELECT).filter(|((_, bytes), _)| bytes[fd / 8] & 1 << (fd % 8) != 0);
            asked.fold(0, |events, (_, (wanted, _))| events | wanted)
        };
        let count = registers.arg(0).min(sets[0].1.len() as u64 * 8) as usize;
        Ok((0..count).map(|fd| (fd as i32, wanted(fd))).filter(|(_, events)| *events != 0).collect())
    }

    fn write_select_sets(&self, id: ThreadId, registers: &Registers, found: &[i16]) -> Result<i64, memory::Fault> {
        let wanted = self.read_select_sets(id, registers)?;
        let mut total = 0;
        for ((address, bytes), (_, fulfils)) in self.select_bytes(id, registers)?.iter_mut().zip(SELECT) {
            let asked = std::mem::replace(bytes, vec![0; bytes.len()]);
            for ((fd, _), found) in wanted.iter().zip(found) {
                let (byte, bit) = (*fd as usize / 8, 1 << (*fd as usize % 8));
                if asked[byte] & bit != 0 && found & fulfils != 0 {
                    bytes[byte] |= bit;
                    total += 1;
                }
            }
            if *address != 0 && !bytes.is_empty() {
                memory::write(self.threads[id].tid, *address, bytes)?;
            }
        }
        Ok(total)
    }
}
