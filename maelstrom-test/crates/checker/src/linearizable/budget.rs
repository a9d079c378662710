//! The budget of a search in steps and bytes. Unlike a time limit, it gives the same verdict on every machine, whatever its
//! load.

/// The part of a budget that is exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exhausted {
    Steps,
    Memory,
    Configurations,
}

impl Exhausted {
    /// The subject of "… ran out".
    pub(super) fn name(self) -> &'static str {
        match self {
            Exhausted::Steps => "number of steps",
            Exhausted::Memory => "memory",
            Exhausted::Configurations => "number of configurations",
        }
    }
}

/// A budget. A step is to process a configuration, to compare two of them, or to process an operation while a search is
/// prepared.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    steps: u64,
    /// The limit of memory in bytes.
    memory: usize,
    configurations: u64,
    /// The number of steps taken.
    pub(super) spent: u64,
    /// The number of configurations processed.
    pub(super) explored: u64,
}

impl Budget {
    /// A budget that is exhausted when any of these is.
    pub(super) fn new(steps: u64, memory: usize, configurations: u64) -> Budget {
        Budget { steps, memory, configurations, spent: 0, explored: 0 }
    }

    /// A part of this budget. What is spent of it must be [added](Budget::add) to this one.
    pub(super) fn part(&self, configurations: u64) -> Budget {
        let steps = self.steps.saturating_sub(self.spent);
        Budget::new(steps, self.memory, configurations.min(self.configurations_left()))
    }

    /// Adds what was spent of a part.
    pub(super) fn add(&mut self, part: &Budget) {
        self.spent += part.spent;
        self.explored += part.explored;
    }

    /// The number of configurations that may still be processed.
    pub(super) fn configurations_left(&self) -> u64 {
        self.configurations.saturating_sub(self.explored)
    }

    /// Spends a configuration and comparisons, while `bytes` are in use.
    pub(super) fn spend(&mut self, comparisons: u64, bytes: usize) -> Result<(), Exhausted> {
        self.explored += 1;
        if self.explored > self.configurations {
            return Err(Exhausted::Configurations);
        }
        if bytes > self.memory {
            return Err(Exhausted::Memory);
        }
        self.spend_steps(1 + comparisons)
    }

    /// Spends steps.
    pub(super) fn spend_steps(&mut self, steps: u64) -> Result<(), Exhausted> {
        self.spent = self.spent.saturating_add(steps);
        if self.spent > self.steps { Err(Exhausted::Steps) } else { Ok(()) }
    }
}
