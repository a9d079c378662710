//! A traced program: its registers, its memory, its start, and the calls that the kernel hands to the tracer.

pub(crate) mod arch;
pub(crate) mod filter;
pub(crate) mod memory;
pub(crate) mod spawn;
pub(crate) mod sys;
pub(crate) mod tsc;
pub(crate) mod vdso;
