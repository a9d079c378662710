//! Random numbers: they come from the seed.

use std::fs::File;
use std::os::unix::fs::MetadataExt;

use crate::machine::Machine;
use crate::machine::scheduler::Outcome;
use crate::machine::thread::ThreadId;
use crate::tracee::arch::Call;
use crate::tracee::memory::{self, Fault};
use crate::tracee::registers::Registers;

impl Machine {
    pub(super) fn getrandom(&mut self, id: ThreadId, registers: Registers) -> Outcome {
        let result = self.write_random(id, registers.arg(0), registers.arg(1));
        self.answer_written(id, registers, result)
    }

    /// Fills memory with random bytes. Returns how many.
    fn write_random(&mut self, id: ThreadId, address: u64, length: u64) -> Result<i64, Fault> {
        const LIMIT: u64 = (1 << 25) - 1;
        const CHUNK: usize = 4096;
        let tid = self.tid(id);
        let length = length.min(LIMIT);
        let mut done = 0;
        let mut bytes = [0; CHUNK];
        while done < length {
            let part = &mut bytes[..(length - done).min(CHUNK as u64) as usize];
            self.fill_random(id, part);
            memory::write(tid, address + done, part)?;
            done += part.len() as u64;
        }
        Ok(length as i64)
    }

    /// Reads from a descriptor that was opened as a source of random numbers. `None` if it is another file by now.
    pub(super) fn read_random(&mut self, id: ThreadId, registers: Registers, call: Call) -> Option<Outcome> {
        const RANDOM_DEVICES: [u64; 2] = [libc::makedev(1, 8), libc::makedev(1, 9)];
        let fd = registers.arg(0) as i32;
        let file = self.process(id).descriptor(fd).ok().map(File::from);
        let device = file.and_then(|file| file.metadata().ok()).map(|data| data.rdev());
        if !device.is_some_and(|device| RANDOM_DEVICES.contains(&device)) {
            self.special_files(id).random.remove(&fd);
            return None;
        }
        if call != Call::Read {
            self.note_of(self.node_of(id), "reads random numbers in a way that is not simulated");
            return None;
        }
        let result = self.write_random(id, registers.arg(1), registers.arg(2));
        Some(self.answer_written(id, registers, result))
    }
}
