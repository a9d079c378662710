//! Virtual time: unmodified node programs, in whatever language, on a simulated clock.
//!
//! Time stands still while a node computes. When no node can do anything more, the clock jumps to the next thing that
//! is due: a message, a fault, a node's own timer. So a minute of a cluster's life takes as long as its computations
//! take, and a run depends on its seed alone.
//!
//! # How one can do that to a program
//! A program learns the time, and waits for it to pass, by *system calls*: it asks the kernel. Two facilities of Linux
//! let us answer in the kernel's place.
//!
//! - **ptrace** is what debuggers are made of. A *tracer* (we) is told when a *tracee* (each thread of each node)
//!   reaches certain points; there the tracee is *stopped*, and we can read and write its registers and memory, and let
//!   it go on. We hear of a stop from `waitpid`, as a parent hears of its child's end.
//! - **seccomp** runs a small filter in the kernel before each system call. Ours ([`tracee::filter`]) says "stop and tell the
//!   tracer" for calls that have to do with time, chance or waiting, and "go ahead" for all others, which run at full
//!   speed.
//!
//! At such a stop ([`calls`]) the tracee stands *before* the call, and there are three things to do with it:
//!
//! 1. let the kernel make the call,
//! 2. answer it ourselves: put the result in the register where the kernel would, and skip the call (clocks, random
//!    numbers, the number of processors),
//! 3. keep the thread stopped: it is *waiting*, until what it waits for has happened or its time is up (sleeps, locks,
//!    `read`, `poll`, …).
//!
//! The third is the heart of it. A call that might block is never made as long as it would block: whether a file is
//! ready we see on our own descriptors for it ([`calls::files`], [`calls::sockets`]), locks are tables of ours altogether ([`calls::futex`]), and
//! what nobody can foresee is tried without waiting ([`calls::nonblocking`]). So no thread of a node sleeps in the kernel (if one
//! does, it is fetched out again, see [`calls::kernel_block`]); each is either running, or ready to run, or waiting in our books, and
//! *at most one thread of the whole cluster runs at a time* ([`machine::scheduler`]). The cluster is at rest when none is ready.
//! Nothing has to be polled to know this, and the order in which threads run is ours, the same in every run.
//!
//! # What else has to be the same
//! - Programs also read the clock without a system call, from a page that the kernel maps into each of them (the
//!   vDSO), or from the processor's time-stamp counter. The first is replaced by a page of ours, or hidden ([`tracee::vdso`]);
//!   the second is made to fault, and the fault is answered ([`calls::signals`], and see [`tracee::tsc`]).
//! - The kernel's own timers (`timerfd`, `setitimer`, …) would run on real time. They are played by us ([`machine::timers`]).
//! - Random numbers come from the seed; there is one processor; addresses are not randomised; the environment is small
//!   (what starts the programs chooses it); process numbers begin at 1 in a namespace of the node's own, and its directory has the same path wherever it
//!   really is, where the system permits that ([`tracee::spawn`]).
//!
//! What cannot be had, or is noticed to escape, is kept in [`Machine::notes`]: the run is then not called reproducible.
//! There are a few such things:
//!
//! - A thread that computes for a second while another one of its node is ready is preempted, in case it waits for that
//!   one. From then on threads are preempted after 100 ms. This is the only place where real time decides.
//! - What comes over network sockets comes when it comes.
//! - The time limit of a `semtimedop` of which some operations have the flag `IPC_NOWAIT` and others have not runs on real
//!   time: the kernel does not say which of them it is that cannot be done.
//!
//! And there are gaps that nobody notices:
//!
//! - `rdrand`, `rdseed` and `cpuid` are not trapped, for few processors can.
//! - Files' times are real.
//! - A program that reads the time-stamp counter where it blocks `SIGSEGV`, as in the handler of that signal, loses its
//!   handler: the kernel takes it away before the tracer hears of the fault.
//! - A signal that a thread sends to its own process is taken by that very thread if it can, not by the main thread, as the
//!   kernel would have it: the main thread stands in a trap.
//!
//! # Layers
//! [`Machine`] is a set of nodes on one clock: start, deliver a line, run until all is at rest, move the clock. It knows
//! nothing of messages or workloads. What depends on the processor is in [`tracee::arch`], what is unsafe in [`tracee::sys`] and
//! [`tracee::spawn`].
//!
//! # Living in the user's test process
//! The tracer is a thread among others, in a process that has other children. It waits for its own only, several
//! machines may run in several threads, and tracees die with their tracer (`PTRACE_O_EXITKILL`): however a test ends,
//! no node outlives it. A tracer that sleeps in `waitpid` cannot have a time limit; so each machine has a helper thread
//! which nudges a node that does not come to a stop ([`machine::watchdog`]).

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(rustdoc::private_intra_doc_links)]

mod calls;
mod machine;
mod tracee;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

pub use machine::scheduler::FLOOD_LIMIT;
pub use machine::stdio::LINE_LIMIT;
pub use machine::watchdog::HANG;
pub use machine::{Event, InputFull, Machine, MachineOptions, Unavailable};
pub use tracee::spawn::{NodeProgram, StartError};

use tracee::{spawn, sys};

/// A point in time or a duration, in nanoseconds.
pub type Nanos = u64;

/// Whether runs can be in virtual time here. Found out once, by trying.
///
/// # Errors
/// Says what is missing.
pub fn available() -> Result<(), Unavailable> {
    static ANSWER: OnceLock<Result<(), Unavailable>> = OnceLock::new();
    ANSWER.get_or_init(probe).clone()
}

fn probe() -> Result<(), Unavailable> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:")).map_or("0", str::trim);
    if tracer != "0" {
        return Err(Unavailable(format!("this process is traced itself, by process {tracer} (a debugger?)")));
    }
    // This very program serves as the one to be traced; it is ended before its first instruction.
    let path = std::env::current_exe().map_err(|error| Unavailable(format!("/proc cannot be read: {error}")))?;
    let program = NodeProgram {
        path,
        args: Vec::new(),
        env: Vec::new(),
        dir: "/".into(),
        cwd: None,
        dir_variable: String::new(),
        stderr: "/dev/null".into(),
    };
    match spawn::spawn(&program) {
        Ok(born) => {
            let _ = sys::kill(born.tid, libc::SIGKILL);
            while !matches!(sys::wait(Some(born.tid), true), Ok(Some((_, sys::Stop::Gone(_)))) | Err(_)) {
                let _ = sys::resume(born.tid, sys::Request::Continue, 0);
            }
            spawn::reap(born.keeper);
            Ok(())
        }
        Err(error) => Err(Unavailable(error.to_string())),
    }
}
