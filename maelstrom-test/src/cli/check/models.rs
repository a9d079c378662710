//! The table of the models of `maelstrom check --model`. The help text and error messages are made from it.

use clap::ArgMatches;

use crate::checker::linearizable::Linearizable;
use crate::checker::{Bank, BoundedCounter, Checker, LinearizableSet, UnorderedQueue};
use crate::json::Value;

/// A model that histories can be checked against.
pub(super) struct Model {
    pub(super) name: &'static str,
    doc: &'static str,
    pub(super) kind: ModelKind,
}

/// Selects the checker of a model.
#[derive(Clone, Copy)]
pub(super) enum ModelKind {
    /// The checker of this workload.
    Workload(&'static str),
    Register,
    Mutex,
    UnorderedQueue,
    LinearizableSet,
    Bank,
    Counter,
}

const fn model(name: &'static str, kind: ModelKind, doc: &'static str) -> Model {
    Model { name, doc, kind }
}

/// The models, in the order of the help text.
pub(super) const MODELS: &[Model] = &[
    model("register", ModelKind::Register, "linearizable register: read, write, cas"),
    model("cas-register", ModelKind::Register, "same as register"),
    model(
        "keyed-register",
        ModelKind::Workload("lin-kv"),
        "linearizable register per key: read, write, cas; values are [key, value]",
    ),
    model("mutex", ModelKind::Mutex, "linearizable lock: acquire, release"),
    model("unordered-queue", ModelKind::UnorderedQueue, "linearizable bag: enqueue, dequeue, drain"),
    model("linearizable-set", ModelKind::LinearizableSet, "linearizable set: add, read"),
    model("set", ModelKind::Workload("g-set"), "set in which every acknowledged element is eventually read: add, read"),
    model("set-full", ModelKind::Workload("g-set"), "same as set"),
    model("counter", ModelKind::Counter, "counter: add, read; checks only the final reads if there are any"),
    model("bank", ModelKind::Bank, "accounts with a constant total balance: transfer, read"),
    model("log", ModelKind::Workload("kafka"), "one log per key: send, poll, assign, subscribe"),
    model("list-append", ModelKind::Workload("txn-list-append"), "transactions that append to lists"),
    model("rw-register", ModelKind::Workload("txn-rw-register"), "transactions that read and write registers"),
];

/// Returns the model with this name.
///
/// # Errors
/// Fails if there is no such model. The message suggests a similar name, or lists all models.
pub(super) fn by_name(name: &str) -> Result<&'static Model, String> {
    MODELS.iter().find(|model| model.name == name).ok_or_else(|| {
        let names: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
        let help = match crate::suggest::closest(name, names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("the models are {}", names.join(", ")),
        };
        format!("there is no model `{name}`\n  help: {help}")
    })
}

/// Returns the list of models in `check --help`.
pub(in crate::cli) fn help() -> String {
    let width = MODELS.iter().map(|model| model.name.len()).max().unwrap_or(0);
    let rows: String = MODELS.iter().map(|Model { name, doc, .. }| format!("\n  {name:width$}  {doc}")).collect();
    format!("Models:{rows}")
}

impl Model {
    /// Returns the checker with the flags of the command line, or `None` if the model uses the checker of a workload.
    pub(super) fn checker(&self, matches: &ArgMatches, initial: Value) -> Option<Box<dyn Checker>> {
        Some(match self.kind {
            ModelKind::Workload(_) => return None,
            ModelKind::Register => {
                let checker = Linearizable::register().initial(initial);
                let unrecorded = matches.get_flag("unrecorded-reads");
                Box::new(if unrecorded { checker.ignoring_null_reads() } else { checker })
            }
            ModelKind::Mutex => Box::new(Linearizable::mutex()),
            ModelKind::UnorderedQueue => Box::new(UnorderedQueue),
            ModelKind::Counter => Box::new(BoundedCounter),
            ModelKind::LinearizableSet => Box::new(LinearizableSet),
            ModelKind::Bank => {
                let bank = matches
                    .get_one::<i128>("total-amount")
                    .map_or(Bank::default(), |total| Bank::default().total(*total));
                let negative = matches.get_flag("allow-negative-balances");
                Box::new(if negative { bank.allowing_negative_balances() } else { bank })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_of_workloads_name_workloads() {
        for model in MODELS {
            if let ModelKind::Workload(workload) = model.kind {
                assert!(crate::workload::by_name(workload).is_ok(), "{workload}");
            }
        }
    }

    #[test]
    fn errors_of_unknown_models_suggest_a_model() {
        let error = |name: &str| by_name(name).err().expect("there is no such model");
        let names: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
        assert_eq!(error("mutx"), "there is no model `mutx`\n  help: did you mean \"mutex\"?");
        assert_eq!(
            error("blockchain"),
            format!("there is no model `blockchain`\n  help: the models are {}", names.join(", "))
        );
        assert!(by_name("fifo-queue").is_err());
    }

    #[test]
    fn help_lists_every_model() {
        let help = help();
        assert!(MODELS.iter().all(|model| help.contains(&format!("\n  {} ", model.name))), "{help}");
    }
}
