//! What a run depends on, besides the node programs.

use std::sync::Arc;

use maelstrom_options::{Defaults, Options};

use crate::history::Nanos;
use crate::nemesis::FaultKind;
use crate::network::NetworkConfig;
use crate::plan::Overrides;
use crate::workload::{Settings, Workload};

/// The configuration of a [`Simulation`](super::Simulation).
///
/// Times are in nanoseconds of the run's own clock.
#[derive(Clone)]
pub struct Config {
    /// What clients do and what must hold.
    pub workload: Arc<dyn Workload>,
    /// The part of the configuration that the workload can read.
    pub settings: Settings,
    /// Delays, loss and duplication of messages.
    pub network: NetworkConfig,
    /// Operations per second, all clients together. 0: none in the main phase.
    pub rate: f64,
    /// Client request timeout. `None` for the default of the workload. See [`Config::client_timeout`].
    pub timeout: Option<Nanos>,
    /// The kinds of faults.
    pub faults: Vec<FaultKind>,
    /// Mean time between two actions of a kind of fault.
    pub nemesis_interval: Nanos,
    /// Time for recovery before the final phase.
    pub quiet_period: Nanos,
    /// Limit on the number of messages that nodes send. A run that exceeds it ends with an error.
    pub max_messages: u64,
    /// The seed of all randomness.
    pub seed: u64,
    /// What is spelled out instead of drawn from the seed.
    pub plan: Overrides,
}

impl Config {
    /// A run of a workload with the documented defaults and without faults.
    pub fn new(workload: Arc<dyn Workload>, settings: Settings) -> Config {
        let usual = Options::of_defaults(Defaults::Plain);
        let missing = "the table of options has a default";
        Config {
            workload,
            settings,
            network: NetworkConfig::default(),
            rate: usual.rate.expect(missing),
            timeout: None,
            faults: Vec::new(),
            nemesis_interval: usual.nemesis_interval.expect(missing).as_nanos() as Nanos,
            quiet_period: usual.quiet_period.expect(missing).as_nanos() as Nanos,
            max_messages: usual.max_messages.expect(missing),
            seed: 0,
            plan: Overrides::default(),
        }
    }

    /// The client request timeout.
    pub fn client_timeout(&self) -> Nanos {
        self.timeout.unwrap_or_else(|| self.workload.client_timeout(&self.settings))
    }
}
