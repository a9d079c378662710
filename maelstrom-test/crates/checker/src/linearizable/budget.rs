//! How much a search may cost: steps and bytes, so that the same history gets the same verdict on every machine, however busy
//! it is.

/// What ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exhausted {
    Steps,
    Memory,
    Configurations,
}

impl Exhausted {
    /// For the sentence "… ran out".
    pub(super) fn name(self) -> &'static str {
        match self {
            Exhausted::Steps => "number of steps",
            Exhausted::Memory => "memory",
            Exhausted::Configurations => "number of configurations",
        }
    }
}

/// An allowance that a search draws on. A step is to look at a configuration, to compare two of them, or to look at an
/// operation while a search is prepared.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    steps: u64,
    /// In bytes.
    memory: usize,
    configurations: u64,
    /// Steps so far.
    pub(super) spent: u64,
    /// Configurations that were looked at so far.
    pub(super) explored: u64,
}

impl Budget {
    /// An allowance that ends when any of these is used up.
    pub(super) fn new(steps: u64, memory: usize, configurations: u64) -> Budget {
        Budget { steps, memory, configurations, spent: 0, explored: 0 }
    }

    /// An allowance within this one. What is used of it is to be [added](Budget::add).
    pub(super) fn part(&self, configurations: u64) -> Budget {
        let steps = self.steps.saturating_sub(self.spent);
        Budget::new(steps, self.memory, configurations.min(self.configurations_left()))
    }

    /// Accounts for what was used of a part.
    pub(super) fn add(&mut self, part: &Budget) {
        self.spent += part.spent;
        self.explored += part.explored;
    }

    /// Configurations that may still be looked at.
    pub(super) fn configurations_left(&self) -> u64 {
        self.configurations.saturating_sub(self.explored)
    }

    /// Accounts for one more configuration, and comparisons, while `bytes` are in use.
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

    /// Accounts for steps.
    pub(super) fn spend_steps(&mut self, steps: u64) -> Result<(), Exhausted> {
        self.spent = self.spent.saturating_add(steps);
        if self.spent > self.steps { Err(Exhausted::Steps) } else { Ok(()) }
    }
}
