//! [`NetworkConfig`]: delays and error rates.

use super::Distribution;
use crate::history::Nanos;

/// Delays and error rates of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkConfig {
    /// Mean delay between nodes, and between nodes and services.
    pub latency: Nanos,
    /// Distribution of all delays.
    pub distribution: Distribution,
    /// Mean delay between clients and nodes.
    pub client_latency: Nanos,
    /// Minimum and maximum of a uniform delay that is added to every message. Both are 0 in real time, where delivery
    /// itself takes time. In virtual time they are [`NetworkConfig::VIRTUAL_BASE_DELAY`].
    pub base_delay: (Nanos, Nanos),
    /// Probability that a message between nodes is lost.
    pub p_loss: f64,
    /// Probability that a message between nodes is delivered twice.
    pub p_duplicate: f64,
}

impl NetworkConfig {
    /// The [base delay](NetworkConfig::base_delay) in virtual time, 50 to 150 µs. It must be positive: without a delay,
    /// nodes could exchange messages endlessly while the simulated clock stands still.
    pub const VIRTUAL_BASE_DELAY: (Nanos, Nanos) = (50_000, 150_000);
}

impl Default for NetworkConfig {
    fn default() -> Self {
        NetworkConfig {
            latency: 0,
            distribution: Distribution::Constant,
            client_latency: 0,
            base_delay: (0, 0),
            p_loss: 0.0,
            p_duplicate: 0.0,
        }
    }
}
