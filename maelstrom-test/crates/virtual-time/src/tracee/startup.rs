//! Changes to a program before its first instruction.

use std::io;

use super::clock_page::ClockPage;
use super::process::Tid;
use super::{memory, ptrace, vdso};

/// Entries of the auxiliary vector.
const AT_NULL: u64 = 0;
const AT_IGNORE: u64 = 1;
const AT_RANDOM: u64 = 25;
const AT_SYSINFO_EHDR: u64 = 33;

/// Prepares a program whose thread is at [`Stop::Exec`](ptrace::Stop::Exec): replaces or hides its vDSO, which would read
/// the real clock, and its random bytes.
pub(crate) fn prepare(tid: Tid, page: Option<&ClockPage>, random: &[u8; 16]) -> io::Result<()> {
    let fault = |memory::Fault| io::Error::from_raw_os_error(libc::EFAULT);
    let mut at = ptrace::registers(tid)?.stack();
    // On the stack: the number of arguments, the arguments, a null pointer, the environment, a null pointer, the vector.
    at += 8 * (memory::read_u64(tid, at).map_err(fault)? + 2);
    while memory::read_u64(tid, at).map_err(fault)? != 0 {
        at += 8;
    }
    at += 8;
    loop {
        match memory::read_pair(tid, at).map_err(fault)? {
            [AT_NULL, _] => return Ok(()),
            [AT_SYSINFO_EHDR, base] => {
                let replaced = page.is_some_and(|page| vdso::replace(tid, base, page).is_ok());
                if !replaced {
                    memory::write_words(tid, at, &[AT_IGNORE]).map_err(fault)?;
                }
            }
            [AT_RANDOM, bytes] => memory::write(tid, bytes, random).map_err(fault)?,
            _ => {}
        }
        at += 16;
    }
}
