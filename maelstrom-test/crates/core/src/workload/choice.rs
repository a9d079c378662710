//! What users say when they name a workload.

use std::sync::Arc;

use super::Workload;

/// What to run: a built-in workload by name, or one of the user's own.
#[derive(Clone)]
pub enum WorkloadChoice {
    /// A built-in workload, by its name.
    Named(String),
    /// Any value that implements [`Workload`].
    Own(Arc<dyn Workload>),
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
        WorkloadChoice::Own(workload)
    }
}

impl<W: Workload + 'static> From<W> for WorkloadChoice {
    fn from(workload: W) -> Self {
        WorkloadChoice::Own(Arc::new(workload))
    }
}

impl WorkloadChoice {
    /// The workload's name.
    pub fn name(&self) -> &str {
        match self {
            WorkloadChoice::Named(name) => name,
            WorkloadChoice::Own(workload) => workload.name(),
        }
    }
}
