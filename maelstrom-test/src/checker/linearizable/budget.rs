//! How much a search may cost.

use std::time::{Duration, Instant};

/// What ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exhausted {
    Time,
    Memory,
    Configurations,
}

impl Exhausted {
    /// For the sentence "… ran out".
    pub(super) fn name(self) -> &'static str {
        match self {
            Exhausted::Time => "time",
            Exhausted::Memory => "memory",
            Exhausted::Configurations => "number of configurations",
        }
    }
}

/// An allowance that a search draws on.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    deadline: Option<Instant>,
    /// In bytes.
    memory: usize,
    configurations: u64,
    /// Configurations that were looked at so far.
    pub(super) explored: u64,
}

impl Budget {
    /// An allowance that ends at the deadline, if there is one, or when either of the others is used up.
    pub(super) fn new(deadline: Option<Instant>, memory: usize, configurations: u64) -> Budget {
        Budget { deadline, memory, configurations, explored: 0 }
    }

    /// An allowance within this one.
    pub(super) fn part(&self, configurations: u64) -> Budget {
        let left = self.configurations.saturating_sub(self.explored);
        Budget { configurations: configurations.min(left), explored: 0, ..*self }
    }

    /// A deadline that lies this far in the future; none if the clock cannot express it.
    pub(super) fn deadline(time: Duration) -> Option<Instant> {
        Instant::now().checked_add(time)
    }

    /// Accounts for one more configuration while `bytes` are in use.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), Exhausted> {
        // Reading the clock costs nearly as much as looking at a configuration does.
        const TIME_CHECKED_EVERY: u64 = 64;
        self.explored += 1;
        if self.explored > self.configurations {
            return Err(Exhausted::Configurations);
        }
        if bytes > self.memory {
            return Err(Exhausted::Memory);
        }
        if self.explored.is_multiple_of(TIME_CHECKED_EVERY) {
            return self.check_time();
        }
        Ok(())
    }

    /// Is there time left?
    pub(super) fn check_time(&self) -> Result<(), Exhausted> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Exhausted::Time),
            _ => Ok(()),
        }
    }
}
