//! Keeps the tracer and its nodes on one processor.
//!
//! Only one of them runs at any time, and handing over within a processor is several times cheaper than waking another
//! one.

use std::sync::{Mutex, PoisonError};

use crate::tracee::sys;

/// How many machines of this process use each processor.
static IN_USE: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// The calling thread's tie to a processor; its children inherit it.
pub(crate) struct Pin {
    /// What the thread was allowed before, and where it is now.
    tie: Option<(libc::cpu_set_t, usize)>,
}

impl Pin {
    /// Chooses the processor that the fewest machines use.
    pub(crate) fn new() -> Self {
        let Some(before) = sys::affinity() else { return Pin { tie: None } };
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |cpu: usize| in_use.get(cpu).copied().unwrap_or(0);
        let here = sys::current_processor();
        let best = sys::processors(&before).into_iter().min_by_key(|cpu| (count(*cpu), Some(*cpu) != here));
        let Some(cpu) = best else { return Pin { tie: None } };
        if in_use.len() <= cpu {
            in_use.resize(cpu + 1, 0);
        }
        in_use[cpu] += 1;
        sys::set_affinity(&sys::only(cpu));
        Pin { tie: Some((before, cpu)) }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        if let Some((before, cpu)) = &self.tie {
            IN_USE.lock().unwrap_or_else(PoisonError::into_inner)[*cpu] -= 1;
            sys::set_affinity(before);
        }
    }
}
