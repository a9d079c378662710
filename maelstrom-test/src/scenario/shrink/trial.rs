//! [`Trial`]: one repetition.

use std::fs;
use std::path::PathBuf;

use super::candidate::Candidate;
use super::failure::FailureKind;
use super::judge::Repeat;
use crate::checker::{Finding, Results};
use crate::executor::{Observer, virtual_time};
use crate::history::{History, Nanos};
use crate::network::JournalEvent;
use crate::scenario::execute::{check, prepare_nodes};
use crate::scenario::{Config, Interrupt, Progress};
use crate::simulation::{Failure, Performed, Phase, Simulation};

/// What a repetition showed that failed in the same way.
pub(super) struct Trial {
    pub(super) history: History,
    /// The first events of the network after initialisation.
    pub(super) journal: Vec<JournalEvent>,
    pub(super) performed: Performed,
    /// `None` if the run was aborted.
    pub(super) finding: Option<Finding>,
    /// When the main phase began, after the start of the nodes.
    pub(super) main_began: Nanos,
    /// The length of the main phase.
    pub(super) main_phase: Nanos,
    /// The longest time between an invocation and its completion in the main phase.
    pub(super) longest_operation: Nanos,
}

/// Repeats runs in virtual time, in directories of their own.
pub(super) struct Trials<'a> {
    pub(super) failing: &'a Config,
    pub(super) failure: &'a FailureKind,
    /// The directory that holds one directory for each thread.
    pub(super) directory: PathBuf,
    pub(super) limit: u64,
}

impl Repeat for Trials<'_> {
    type Trial = Trial;

    fn run(&self, candidate: &Candidate, slot: usize) -> (Option<Trial>, u64) {
        let directory = self.directory.join(slot.to_string());
        let config = Config { directory: directory.clone(), ..candidate.config(self.failing) };
        // A directory that cannot be written makes the candidate fail to start, and it is then not adopted.
        let _ = fs::remove_dir_all(&directory);
        let Ok(programs) = prepare_nodes(&config, &directory) else { return (None, 1) };
        let mut simulation = Simulation::new(config.simulation.clone());
        let mut observer = Interruptible(&config.interrupt);
        virtual_time::run(&mut simulation, &programs, config.simulation.seed, &mut observer);
        let effort = effort(&simulation);
        (Trial::of(&config, simulation, self.failure), effort)
    }

    fn judged(&self, used: u64) {
        if let Some(sink) = &self.failing.progress {
            let reruns = Some((used, self.limit));
            let (phase, faults) = (Phase::Over, Vec::new());
            sink(&Progress { phase, now: 0, time_limit: 0, ok: 0, invoked: 0, faults, reruns });
        }
    }
}

impl Trial {
    /// Returns the trial if the simulation failed in the same way.
    pub(super) fn of(config: &Config, mut simulation: Simulation, failure: &FailureKind) -> Option<Trial> {
        let performed = simulation.performed();
        let journal = simulation.network().journal().kept().to_vec();
        let main_began = simulation.main_began();
        let main_phase = simulation.now().saturating_sub(main_began);
        let aborted = simulation.failure().cloned();
        let history = simulation.take_history();
        let finding = match (failure, aborted) {
            (FailureKind::Exit { node }, Some(Failure::NodeExited { node: exited, .. })) if *node == exited => None,
            (FailureKind::Anomaly { checker, .. }, None) => {
                let mut verdict = Results::default();
                check(checker, config, &history, simulation.exceptions(), &mut verdict);
                Some(failure.find(&verdict)?.clone())
            }
            _ => return None,
        };
        let longest_operation = longest_operation(&history);
        Some(Trial { history, journal, performed, finding, main_began, main_phase, longest_operation })
    }
}

/// Returns the longest time between an invocation and its completion.
pub(super) fn longest_operation(history: &History) -> Nanos {
    let lengths = history.pairs().into_iter().filter_map(|pair| match history.entries(pair) {
        (Some(from), Some(to)) => Some(to.time.saturating_sub(from.time)),
        _ => None,
    });
    lengths.max().unwrap_or_default()
}

/// Returns about the number of messages that the run had, to which the start of each node is added.
pub(super) fn effort(simulation: &Simulation) -> u64 {
    /// Programs start in the time that they take for so many messages.
    const START: u64 = 200;
    simulation.network().stats().all.send_count + START * simulation.config().settings.nodes.len() as u64
}

impl Trial {
    /// Returns the node that gave the wrong answer, if it is known.
    pub(super) fn culprit(&self, candidate: &Candidate) -> Option<String> {
        let line = self.finding.as_ref()?.evidence.iter().find(|line| line.is_culprit || line.node.is_some())?;
        if line.node.is_some() {
            return line.node.clone();
        }
        let process = self.history.ops.get(line.completion.or(line.invocation)?)?.process.client()?;
        candidate.context().node_of(process).map(str::to_owned)
    }
}

/// Aborts a repetition when the user interrupts the search, and keeps no journal.
struct Interruptible<'a>(&'a Interrupt);

impl Observer for Interruptible<'_> {
    fn observe(&mut self, simulation: &mut Simulation) -> Result<(), Failure> {
        if self.0.is_raised() {
            return Err(Failure::Interrupted);
        }
        let journal = simulation.network_mut().journal_mut();
        let empty = journal.take(Vec::new());
        journal.take(empty);
        Ok(())
    }
}
