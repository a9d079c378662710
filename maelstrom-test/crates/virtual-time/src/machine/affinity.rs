//! Keeps the tracer and its nodes on one processor.
//!
//! Only one of them runs at any time. A context switch within a processor is several times cheaper than waking a thread on
//! another one.

use std::sync::{Mutex, PoisonError};

use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// How many machines of this process use each processor.
static IN_USE: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// The calling thread's affinity to one processor, which its children inherit. It ends when this is dropped.
pub(super) struct Pin {
    /// The processors allowed before, and the chosen one.
    pinned: Option<(CpuSet, usize)>,
}

impl Pin {
    /// Chooses the processor that the fewest machines use.
    pub(super) fn new() -> Self {
        let Ok(before) = sched_getaffinity(None) else { return Pin { pinned: None } };
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |cpu: usize| in_use.get(cpu).copied().unwrap_or(0);
        let here = sched_getcpu();
        let allowed = (0..CpuSet::MAX_CPU).filter(|cpu| before.is_set(*cpu));
        let best = allowed.min_by_key(|cpu| (count(*cpu), *cpu != here));
        let Some(cpu) = best else { return Pin { pinned: None } };
        if in_use.len() <= cpu {
            in_use.resize(cpu + 1, 0);
        }
        in_use[cpu] += 1;
        let mut only = CpuSet::new();
        only.set(cpu);
        // Failure is harmless: only speed depends on it.
        let _ = sched_setaffinity(None, &only);
        Pin { pinned: Some((before, cpu)) }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        if let Some((before, cpu)) = &self.pinned {
            IN_USE.lock().unwrap_or_else(PoisonError::into_inner)[*cpu] -= 1;
            let _ = sched_setaffinity(None, before);
        }
    }
}
