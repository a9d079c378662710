//! One traced thread: what the tracer can read, change and make it do.
//!
//! Two facilities of Linux let the tracer act in the kernel's place:
//!
//! - **ptrace**: a *tracee* (a thread of a node) stops at certain points. At a stop the tracer reads and writes the
//!   tracee's registers and memory, and then resumes it.
//! - **seccomp**: a small filter runs in the kernel before each system call. It stops the tracee before calls that
//!   concern time, randomness or blocking. All other calls run at full speed.
//!
//! ```text
//!   tracee                            kernel                          tracer (the calling thread)
//!     │ syscall ───────────────────────► filter: RET_ALLOW ► call
//!     │ syscall ───────────────────────► filter: RET_TRACE ───────────► Stop::Seccomp     before the call
//!     │                                                                   read or change registers and memory
//!     │◄──────────────────────────────── call, or skip it ◄──────────── resume
//!     │                                  end of the call ─────────────► Stop::SyscallExit  if requested
//! ```
//!
//! | file | content |
//! | --- | --- |
//! | [`arch`] | what depends on the processor: system call numbers, machine code |
//! | [`registers`] | the registers of a stopped thread, as a system call uses them |
//! | [`memory`] | the memory of a stopped thread |
//! | [`ptrace`] | stopping, resuming, waiting |
//! | [`process`] | process descriptors, signals, CPU time |
//! | [`descriptors`] | open files of a tracee, seen through the tracer's own descriptors |
//! | [`filter`] | the seccomp filter |
//! | [`spawn`], [`child`] | starting a program as a tracee, on the tracer's side and on the child's |
//! | [`startup`] | changes to a program before its first instruction |
//! | [`vdso`], [`clock_page`] | clock reads without a system call |
//! | [`tsc`] | the time-stamp counter of the tracing thread |
//!
//! This module uses [`crate::time`] and nothing else of the crate. All `unsafe` code of the crate is here.

pub(crate) mod arch;
mod child;
pub(crate) mod clock_page;
pub(crate) mod descriptors;
mod filter;
pub(crate) mod memory;
pub(crate) mod process;
pub(crate) mod ptrace;
pub(crate) mod registers;
pub(crate) mod spawn;
pub(crate) mod startup;
pub(crate) mod tsc;
mod vdso;
