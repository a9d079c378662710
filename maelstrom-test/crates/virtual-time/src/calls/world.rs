//! The program's surroundings, the same in every run: one processor, random numbers from the seed, memory layout,
//! files that tell of the machine.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use rand::Rng as _;

use crate::calls::errno;
use crate::machine::Machine;
use crate::machine::clock::{BOOT, Clock, EPOCH, SECOND};
use crate::machine::scheduler::{ON, Step};
use crate::machine::table::{AtExit, ThreadId};
use crate::tracee::arch::{Call, Registers};
use crate::tracee::memory::{self, Fault};
use crate::tracee::sys::{self, Tid};
use crate::tracee::vdso;

/// Entries of the auxiliary vector.
const AT_NULL: u64 = 0;
const AT_IGNORE: u64 = 1;
const AT_RANDOM: u64 = 25;
const AT_SYSINFO_EHDR: u64 = 33;

/// Java machines leave their figures in files under this name, called by their process numbers, and tidy up after others.
/// Nodes have the same process numbers, and would find one another (and complain to standard output). All of them can do
/// without.
const JAVA_MONITORING: &[u8] = b"/tmp/hsperfdata_";

impl Machine {
    /// Changes a program before its first instruction: it is not to have the system's vDSO, which would read the real
    /// clock, and its random bytes come from the seed.
    pub(crate) fn prepare_program(&mut self, tid: Tid, node: usize) -> std::io::Result<()> {
        let fault = |Fault| std::io::Error::from_raw_os_error(libc::EFAULT);
        let mut random = [0; 16];
        self.life(node).rng.fill_bytes(&mut random);
        let mut at = sys::registers(tid)?.stack();
        // The number of arguments, the arguments, a null pointer; the environment, a null pointer; the vector.
        at += 8 * (memory::read_u64(tid, at).map_err(fault)? + 2);
        while memory::read_u64(tid, at).map_err(fault)? != 0 {
            at += 8;
        }
        at += 8;
        loop {
            match memory::read_pair(tid, at).map_err(fault)? {
                [AT_NULL, _] => return Ok(()),
                [AT_SYSINFO_EHDR, base] => {
                    let page = self.life(node).page.as_ref();
                    if page.is_none_or(|page| vdso::replace(tid, base, page).is_err()) {
                        memory::write_words(tid, at, &[AT_IGNORE]).map_err(fault)?;
                    }
                }
                [AT_RANDOM, bytes] => memory::write(tid, bytes, &random).map_err(fault)?,
                _ => {}
            }
            at += 16;
        }
    }

    pub(crate) fn getrandom(&mut self, id: ThreadId, registers: Registers) -> Step {
        let result = self.write_random(id, registers.arg(0), registers.arg(1));
        self.answer_written(id, registers, result)
    }

    /// Fills memory with random bytes; how many.
    fn write_random(&mut self, id: ThreadId, address: u64, length: u64) -> Result<i64, Fault> {
        const LIMIT: u64 = (1 << 25) - 1;
        const CHUNK: usize = 4096;
        let tid = self.threads[id].tid;
        let length = length.min(LIMIT);
        let mut done = 0;
        let mut bytes = [0; CHUNK];
        while done < length {
            let part = &mut bytes[..(length - done).min(CHUNK as u64) as usize];
            self.life_of(id).rng.fill_bytes(part);
            memory::write(tid, address + done, part)?;
            done += part.len() as u64;
        }
        Ok(length as i64)
    }

    /// Reads from a descriptor that was opened as a source of randomness, if it still is one.
    pub(crate) fn read_random(&mut self, id: ThreadId, registers: Registers, call: Call) -> Option<Step> {
        use std::os::unix::fs::MetadataExt;
        let fd = registers.arg(0) as i32;
        let process = self.threads[id].process;
        let file = sys::pidfd_getfd(&self.processes[process].pidfd, fd).ok().map(File::from);
        let device = file.and_then(|file| file.metadata().ok()).map(|data| data.rdev());
        if !device.is_some_and(|device| [libc::makedev(1, 8), libc::makedev(1, 9)].contains(&device)) {
            self.processes[process].random.remove(&fd);
            return None;
        }
        let result = match call {
            Call::Read => self.write_random(id, registers.arg(1), registers.arg(2)),
            _ => {
                let name = self.nodes[self.threads[id].node].name.clone();
                self.note(format!("{name} reads random numbers in a way that is not simulated"));
                return None;
            }
        };
        Some(self.answer_written(id, registers, result))
    }

    pub(crate) fn open(&mut self, id: ThreadId, registers: Registers, call: Call) -> Step {
        const LONGEST: usize = 64;
        let path_at = if call == Call::Open { 0 } else { 1 };
        let path = memory::read_text(self.threads[id].tid, registers.arg(path_at), LONGEST);
        if path == b"/dev/urandom" || path == b"/dev/random" {
            self.threads[id].at_exit = Some(AtExit::RandomOpened);
            return Ok(crate::machine::scheduler::Next::Go(crate::machine::table::Go::TO_EXIT));
        }
        if path.starts_with(JAVA_MONITORING) {
            return self.answer(id, registers, errno(libc::ENOENT));
        }
        let Some(content) = self.simulated_file(&path, self.threads[id].node) else { return ON };
        // A file in memory, under the same name, takes its place.
        let flags = registers.arg(path_at + 1) as i32;
        let mut altered = registers;
        altered.set_number(libc::SYS_memfd_create);
        altered.set_arg(0, registers.arg(path_at));
        altered.set_arg(1, if flags & libc::O_CLOEXEC != 0 { u64::from(libc::MFD_CLOEXEC) } else { 0 });
        self.alter(id, &altered, AtExit::Fill(registers, content))
    }

    /// Gives a memory file its content.
    pub(crate) fn fill(&mut self, id: ThreadId, result: i64, content: &[u8]) {
        let Ok(fd) = i32::try_from(result) else { return };
        let process = self.threads[id].process;
        if let Ok(file) = sys::pidfd_getfd(&self.processes[process].pidfd, fd) {
            let mut file = File::from(file);
            let _ = file.write_all(content).and_then(|()| file.seek(SeekFrom::Start(0)));
        }
    }

    /// What a file that tells of the machine says in the simulation.
    fn simulated_file(&mut self, path: &[u8], node: usize) -> Option<Vec<u8>> {
        if !path.starts_with(b"/proc/") && !path.starts_with(b"/sys/") {
            return None;
        }
        let uptime = BOOT + self.node_time(node);
        Some(match path {
            b"/sys/devices/system/cpu/online"
            | b"/sys/devices/system/cpu/possible"
            | b"/sys/devices/system/cpu/present" => b"0\n".to_vec(),
            b"/proc/uptime" => {
                let hundredths = uptime / 10_000_000;
                format!("{}.{:02} 0.00\n", hundredths / 100, hundredths % 100).into_bytes()
            }
            b"/proc/loadavg" => b"0.00 0.00 0.00 1/1 2\n".to_vec(),
            b"/proc/stat" => {
                let booted = (EPOCH - BOOT) / SECOND;
                format!("cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\nintr 0\nctxt 0\nbtime {booted}\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n").into_bytes()
            }
            b"/proc/meminfo" => {
                let total = sys::memory_size() >> 10;
                let half = total / 2;
                format!("MemTotal: {total:>15} kB\nMemFree: {half:>16} kB\nMemAvailable: {half:>11} kB\nBuffers: {:>16} kB\nCached: {:>17} kB\nSwapTotal: {:>14} kB\nSwapFree: {:>15} kB\n", 0, 0, 0, 0).into_bytes()
            }
            b"/proc/cpuinfo" => {
                let real = std::fs::read_to_string("/proc/cpuinfo").ok()?;
                let first = real.split("\n\n").next()?;
                let lines = first.lines().filter(|line| !line.starts_with("cpu MHz") && !line.starts_with("bogomips"));
                let mut text: String = lines.flat_map(|line| [line, "\n"]).collect();
                text.push('\n');
                text.into_bytes()
            }
            _ => return None,
        })
    }

    /// `sched_getaffinity`, `sched_setaffinity` and `getcpu`: there is one processor, number 0.
    pub(crate) fn processors(&mut self, id: ThreadId, registers: Registers, call: Call) -> Step {
        let tid = self.threads[id].tid;
        let written = match call {
            Call::SchedGetaffinity if registers.arg(1) < 8 => Ok(errno(libc::EINVAL)),
            Call::SchedGetaffinity => memory::write_words(tid, registers.arg(2), &[1]).map(|()| 8),
            Call::SchedSetaffinity => Ok(0),
            _ => {
                let zero = |address| if address == 0 { Ok(()) } else { memory::write(tid, address, &[0; 4]) };
                zero(registers.arg(0)).and_then(|()| zero(registers.arg(1))).map(|()| 0)
            }
        };
        self.answer_written(id, registers, written)
    }

    /// `times`, `getrusage` and `sysinfo`.
    pub(crate) fn usage(&mut self, id: ThreadId, registers: Registers, call: Call) -> Step {
        const TICK: u64 = SECOND / 100;
        let (node, tid) = (self.threads[id].node, self.threads[id].tid);
        let now = self.reading(node);
        let cpu = self.shown(node, Clock::Cpu, now);
        let uptime = self.shown(node, Clock::Monotonic, now);
        let written = match call {
            Call::Times => match registers.arg(0) {
                0 => Ok(()),
                address => memory::write_words(tid, address, &[cpu / TICK, 0, 0, 0]),
            }
            .map(|()| (uptime / TICK) as i64),
            Call::Getrusage => {
                const LENGTH: usize = 144;
                let mut bytes = [0; LENGTH];
                for (chunk, word) in bytes.chunks_exact_mut(8).zip(memory::timeval(cpu)) {
                    chunk.copy_from_slice(&word.to_ne_bytes());
                }
                memory::write(tid, registers.arg(1), &bytes).map(|()| 0)
            }
            _ => {
                // struct sysinfo: uptime, three loads, total and free memory, …, unit at its end.
                const LENGTH: usize = 112;
                const UNIT_AT: usize = 104;
                let mut bytes = [0; LENGTH];
                let total = sys::memory_size();
                for (chunk, word) in
                    bytes.chunks_exact_mut(8).zip([uptime / SECOND, 0, 0, 0, total, total / 2, 0, 0, 0, 0, 1])
                {
                    chunk.copy_from_slice(&u64::to_ne_bytes(word));
                }
                bytes[UNIT_AT..UNIT_AT + 4].copy_from_slice(&1u32.to_ne_bytes());
                memory::write(tid, registers.arg(0), &bytes).map(|()| 0)
            }
        };
        self.answer_written(id, registers, written)
    }

    /// Calls that take descriptor 0 from the pipe that messages arrive in.
    pub(crate) fn stdin_replaced(&mut self, id: ThreadId, registers: Registers, call: Call) {
        const CLOSE_RANGE_CLOEXEC: u64 = 4;
        let process = self.threads[id].process;
        let keeps = match call {
            Call::CloseRange => registers.arg(2) & CLOSE_RANGE_CLOEXEC != 0,
            // Copied onto itself.
            Call::Dup2 | Call::Dup3 => registers.arg(0) as i32 == 0,
            _ => false,
        };
        if !keeps {
            self.processes[process].stdin = false;
        }
    }

    /// A thread may wait in a way that is not simulated, with a time limit: the call is made, and the escape noted.
    pub(crate) fn real_time(&mut self, id: ThreadId, what: &str) -> Step {
        let name = self.nodes[self.threads[id].node].name.clone();
        self.note(format!("{name} uses {what}, whose time limit runs on real time"));
        ON
    }

    /// Sockets beyond the node's own processes are beyond the simulation. Binding one to a port of the kernel's choice is no
    /// reason to doubt a run, as nobody outside can know the port: the runtime of Erlang does so when it starts.
    pub(crate) fn network(&mut self, id: ThreadId, registers: Registers, call: Call) -> Step {
        let address = memory::read_u32(self.threads[id].tid, registers.arg(1)).unwrap_or(0);
        let [family, port] = [address & 0xffff, address >> 16];
        let is_private = call == Call::Bind && port == 0;
        if !is_private && (family as i32 == libc::AF_INET || family as i32 == libc::AF_INET6) {
            let name = self.nodes[self.threads[id].node].name.clone();
            self.note(format!("{name} uses a network socket, and what comes from there is not simulated"));
        }
        ON
    }
}
