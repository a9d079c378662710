//! [`WorkloadChoice`]: how users select a workload.

use std::sync::Arc;

use super::Workload;

/// A workload selected by a user: a built-in one by name, or a custom one.
#[derive(Clone)]
pub enum WorkloadChoice {
    /// The built-in workload with this name.
    Named(String),
    /// A value that implements [`Workload`].
    Custom(Arc<dyn Workload>),
}

impl From<&str> for WorkloadChoice {
    fn from(name: &str) -> Self {
        WorkloadChoice::Named(name.into())
    }
}

impl From<String> for WorkloadChoice {
    fn from(name: String) -> Self {
        WorkloadChoice::Named(name)
    }
}

impl From<Arc<dyn Workload>> for WorkloadChoice {
    fn from(workload: Arc<dyn Workload>) -> Self {
        WorkloadChoice::Custom(workload)
    }
}

impl<W: Workload + 'static> From<W> for WorkloadChoice {
    fn from(workload: W) -> Self {
        WorkloadChoice::Custom(Arc::new(workload))
    }
}

impl WorkloadChoice {
    /// The workload's name.
    pub fn name(&self) -> &str {
        match self {
            WorkloadChoice::Named(name) => name,
            WorkloadChoice::Custom(workload) => workload.name(),
        }
    }
}
