//! Virtual time: unmodified programs, in any language, on a simulated clock.
//!
//! Time stands still while a node computes. When no node can do anything more, the clock jumps to the next event: a
//! message, a fault, a node's own timer. So a minute of a cluster's life takes as long as its computations take, and a run
//! depends on its seed alone.
//!
//! # How it works
//! A program learns the time, and waits for it to pass, by *system calls*. The tracer answers these calls in the kernel's
//! place, with ptrace and seccomp. Three modules build on each other:
//!
//! ```text
//!   calls     what becomes of each system call: execute, answer, or block
//!     │ ▲
//!     │ └ CallHandler
//!     ▼
//!   machine   nodes, threads, clocks; the scheduler: which thread runs
//!     │
//!     ▼
//!   tracee    one traced thread: registers, memory, start, filter, vDSO
//! ```
//!
//! `tracee` knows neither of the others. `machine` knows `tracee`, and calls the layer above through a trait. `calls` knows
//! both. The first page of each module explains its idea: start with [`tracee`], then [`machine`], then [`calls`].
//!
//! The heart of it is the third way to continue a call. A call that would block is not executed until it no longer would.
//! So no thread of a node sleeps in the kernel: each one runs, is ready to run, or is blocked in the machine's tables. *At
//! most one thread of the whole cluster runs at a time.* The cluster is at rest when no thread is ready. Nothing has to be
//! polled to find this out, and the order of threads is the same in every run.
//!
//! # What else must be the same in every run
//!
//! | source of differences | what is done | where |
//! | --- | --- | --- |
//! | clock reads without a system call (vDSO) | replaced by reads of a shared page, or hidden | [`tracee::clock_page`] |
//! | the processor's time-stamp counter | reads fault and are emulated | [`calls::signals`], [`tracee::tsc`] |
//! | timers of the kernel | simulated | [`machine::timers`] |
//! | random numbers | drawn from the seed | [`calls::random`] |
//! | processors, uptime, load | one processor; simulated files | [`calls::system_info`] |
//! | addresses, process ids, paths | not randomised; namespaces, where permitted | [`tracee::spawn`] |
//!
//! The environment variables are chosen by the caller.
//!
//! # Known limits
//! What is noticed is reported by [`Machine::nondeterminism`]:
//!
//! - A thread that computes for a second while another thread of its node is ready is preempted, in case it waits for that
//!   one. From then on threads are preempted after 100 ms. This is the only place where real time decides.
//! - Input from network sockets arrives when it arrives.
//! - The time limit of a `semtimedop` in which some operations have the flag `IPC_NOWAIT` and others do not runs on real
//!   time: the kernel does not report which operation is not possible.
//!
//! What is not noticed:
//!
//! - `rdrand`, `rdseed` and `cpuid` are not trapped, because few processors can do that.
//! - Time stamps of files are real.
//! - A program that reads the time-stamp counter while it blocks `SIGSEGV`, as in the handler of that signal, loses its
//!   handler: the kernel resets it before the tracer learns of the fault.
//! - A signal that a thread sends to its own process is delivered to that thread if possible. A real kernel would prefer
//!   the main thread, but that one is stopped.
//!
//! # Living in the user's test process
//! The tracer is one thread of a process that has other threads and children. It waits for its own tracees only. Several
//! machines may run in several threads. Tracees die with their tracer (`PTRACE_O_EXITKILL`), so no node outlives a test,
//! however the test ends. A tracer that sleeps in `waitpid` cannot have a time limit, so each machine has a helper thread,
//! the watchdog.
//!
//! # Example
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use maelstrom_virtual_time::{Machine, MachineOptions, Program};
//!
//! let program = Program {
//!     path: "/bin/sh".into(),
//!     args: ["-c", "sleep 60; echo done"].map(Into::into).into(),
//!     env: vec![("PATH".into(), "/usr/bin:/bin".into())],
//!     dir: "/tmp".into(),
//!     cwd: None,
//!     dir_variable: String::new(),
//!     stderr: "/dev/null".into(),
//! };
//! let mut machine = Machine::new(MachineOptions { seed: 1, nodes: vec!["n0".into()], preemption: true })?;
//! machine.start(0, &program)?;
//! let mut events = Vec::new();
//! machine.run_until_quiescent(&mut events)?;
//! while let Some(time) = machine.next_timer() {
//!     machine.advance_to(time);
//!     machine.run_until_quiescent(&mut events)?;
//! }
//! println!("{events:?} after {} ns", machine.now());
//! # Ok(())
//! # }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(rustdoc::private_intra_doc_links)]

mod calls;
mod machine;
mod time;
mod tracee;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

pub use machine::{Event, FLOOD_LIMIT, HANG_LIMIT_NS, InputFull, LINE_LIMIT, Machine, MachineOptions};
pub use time::Nanos;
pub use tracee::spawn::{Program, StartError, Unavailable};

/// Whether virtual time is possible on this system. The first call finds out by trying.
///
/// # Errors
/// Describes what is missing.
pub fn available() -> Result<(), Unavailable> {
    static RESULT: OnceLock<Result<(), Unavailable>> = OnceLock::new();
    RESULT.get_or_init(tracee::spawn::probe).clone()
}

impl Machine {
    /// Makes a machine whose nodes have not been started.
    ///
    /// # Errors
    /// Virtual time is not possible on this system.
    pub fn new(options: MachineOptions) -> Result<Self, Unavailable> {
        available()?;
        Machine::with_handler(options, &calls::SimulatedCalls)
    }
}
