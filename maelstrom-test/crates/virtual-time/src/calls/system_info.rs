//! Calls and files that describe the computer: one processor, virtual uptime, no load.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use super::answer::errno;
use crate::machine::Machine;
use crate::machine::clock::Clock;
use crate::machine::scheduler::{CONTINUE, Next, Outcome};
use crate::machine::thread::{AtExit, Resume, ThreadId};
use crate::time::{SECOND, UPTIME_AT_START, WALL_CLOCK_AT_START};
use crate::tracee::arch::Call;
use crate::tracee::memory::{self, Fraction};
use crate::tracee::registers::Registers;

/// Java virtual machines publish figures in files under this name, named by their process ids, and remove those of
/// others. Nodes have the same process ids, so they would find each other's files and complain on standard output. They
/// work without these files.
const JAVA_MONITORING: &[u8] = b"/tmp/hsperfdata_";

/// The memory of the real computer, in bytes.
fn memory_size() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram as u64 * u64::from(info.mem_unit.max(1))
}

impl Machine {
    /// `open` and `openat`. Some files are simulated.
    pub(super) fn open(&mut self, id: ThreadId, registers: Registers, call: Call) -> Outcome {
        const LONGEST_PATH: usize = 64;
        let path_at = if call == Call::Open { 0 } else { 1 };
        let path = memory::read_text(self.tid(id), registers.arg(path_at), LONGEST_PATH);
        if path == b"/dev/urandom" || path == b"/dev/random" {
            self.call_state(id).at_exit = Some(AtExit::RegisterRandomFile);
            return Ok(Next::Resume(Resume::TO_SYSCALL_EXIT));
        }
        if path.starts_with(JAVA_MONITORING) {
            return self.answer(id, registers, errno(libc::ENOENT));
        }
        let Some(content) = self.simulated_file(&path, self.node_of(id)) else { return CONTINUE };
        // A file in memory with the same name replaces it.
        let flags = registers.arg(path_at + 1) as i32;
        let mut altered = registers;
        altered.set_number(libc::SYS_memfd_create);
        altered.set_arg(0, registers.arg(path_at));
        altered.set_arg(1, if flags & libc::O_CLOEXEC != 0 { u64::from(libc::MFD_CLOEXEC) } else { 0 });
        self.execute_altered(id, &altered, AtExit::FillFile(registers, content))
    }

    /// Writes the content of a file in memory. `result`: the result of the call that made it.
    pub(super) fn fill_file(&mut self, id: ThreadId, result: i64, content: &[u8]) {
        let Ok(fd) = i32::try_from(result) else { return };
        if let Ok(file) = self.process(id).descriptor(fd) {
            let mut file = File::from(file);
            let _ = file.write_all(content).and_then(|()| file.seek(SeekFrom::Start(0)));
        }
    }

    /// The content of a simulated file; `None` for other files.
    fn simulated_file(&mut self, path: &[u8], node: usize) -> Option<Vec<u8>> {
        if !path.starts_with(b"/proc/") && !path.starts_with(b"/sys/") {
            return None;
        }
        let uptime = UPTIME_AT_START + self.node_time(node);
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
                let booted = (WALL_CLOCK_AT_START - UPTIME_AT_START) / SECOND;
                format!("cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\nintr 0\nctxt 0\nbtime {booted}\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n").into_bytes()
            }
            b"/proc/meminfo" => {
                let total = memory_size() >> 10;
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
    pub(super) fn processors(&mut self, id: ThreadId, registers: Registers, call: Call) -> Outcome {
        let tid = self.tid(id);
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
    pub(super) fn usage(&mut self, id: ThreadId, registers: Registers, call: Call) -> Outcome {
        const TICK: u64 = SECOND / 100;
        let (node, tid) = (self.node_of(id), self.tid(id));
        let now = self.read_clock(node);
        let cpu = self.clock_shows(node, Clock::Cpu, now);
        let uptime = self.clock_shows(node, Clock::Monotonic, now);
        let written = match call {
            Call::Times => match registers.arg(0) {
                0 => Ok(()),
                address => memory::write_words(tid, address, &[cpu / TICK, 0, 0, 0]),
            }
            .map(|()| (uptime / TICK) as i64),
            Call::Getrusage => {
                const LENGTH: usize = 144;
                let mut bytes = [0; LENGTH];
                for (chunk, word) in bytes.chunks_exact_mut(8).zip(Fraction::Micros.split(cpu)) {
                    chunk.copy_from_slice(&word.to_ne_bytes());
                }
                memory::write(tid, registers.arg(1), &bytes).map(|()| 0)
            }
            _ => {
                // struct sysinfo: uptime, three loads, total and free memory, …, and the unit at the end.
                const LENGTH: usize = 112;
                const UNIT_AT: usize = 104;
                let mut bytes = [0; LENGTH];
                let total = memory_size();
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
}
