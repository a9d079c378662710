//! The models of `maelstrom check --model`: one table, which help and errors read.

use clap::ArgMatches;

use crate::checker::linearizable::Linearizable;
use crate::checker::{Bank, BoundedCounter, Checker, LinearizableSet, UnorderedQueue};
use crate::json::Value;

/// A model that a history can be judged by.
pub(super) struct Model {
    pub(super) name: &'static str,
    doc: &'static str,
    pub(super) judge: Judge,
}

/// Who judges histories by a model.
#[derive(Clone, Copy)]
pub(super) enum Judge {
    /// The checker of this workload.
    Workload(&'static str),
    Register,
    Mutex,
    UnorderedQueue,
    LinearizableSet,
    Bank,
    Counter,
}

const fn model(name: &'static str, judge: Judge, doc: &'static str) -> Model {
    Model { name, doc, judge }
}

/// All models.
pub(super) const MODELS: &[Model] = &[
    model("register", Judge::Register, "linearizable register: read, write, cas"),
    model("cas-register", Judge::Register, "the same"),
    model("keyed-register", Judge::Workload("lin-kv"), "one register per key; values are [key, value]"),
    model("mutex", Judge::Mutex, "linearizable lock: acquire, release"),
    model("unordered-queue", Judge::UnorderedQueue, "linearizable bag: enqueue, dequeue, drain"),
    model("linearizable-set", Judge::LinearizableSet, "set whose reads show all earlier additions: add, read"),
    model("set", Judge::Workload("g-set"), "set whose reads show all additions in the end: add, read"),
    model("set-full", Judge::Workload("g-set"), "the same"),
    model(
        "counter",
        Judge::Counter,
        "counter: add, read; final reads must be a possible sum, or else all reads up to date",
    ),
    model("bank", Judge::Bank, "accounts with a constant total: transfer, read"),
    model("log", Judge::Workload("kafka"), "logs by key: send, poll, assign, subscribe"),
    model("list-append", Judge::Workload("txn-list-append"), "transactions that append to lists"),
    model("rw-register", Judge::Workload("txn-rw-register"), "transactions that read and write registers"),
];

/// The model of this name.
///
/// # Errors
/// A sentence with the models that exist.
pub(super) fn by_name(name: &str) -> Result<&'static Model, String> {
    MODELS.iter().find(|model| model.name == name).ok_or_else(|| {
        let names: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
        let near = crate::suggest::did_you_mean(name, names.iter().copied());
        format!("there is no model \"{name}\"{near}; models are {}", names.join(", "))
    })
}

/// What `check --help` says of models.
pub(in crate::cli) fn help() -> String {
    let width = MODELS.iter().map(|model| model.name.len()).max().unwrap_or(0);
    let rows: String = MODELS.iter().map(|Model { name, doc, .. }| format!("\n  {name:width$}  {doc}")).collect();
    format!("Models:{rows}")
}

impl Model {
    /// Its checker with the options that were given; `None` if it is that of a workload.
    pub(super) fn checker(&self, matches: &ArgMatches, initial: Value) -> Option<Box<dyn Checker>> {
        Some(match self.judge {
            Judge::Workload(_) => return None,
            Judge::Register => {
                let checker = Linearizable::register().initial(initial);
                let unrecorded = matches.get_flag("unrecorded-reads");
                Box::new(if unrecorded { checker.ignoring_null_reads() } else { checker })
            }
            Judge::Mutex => Box::new(Linearizable::mutex()),
            Judge::UnorderedQueue => Box::new(UnorderedQueue),
            Judge::Counter => Box::new(BoundedCounter),
            Judge::LinearizableSet => Box::new(LinearizableSet),
            Judge::Bank => {
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
            if let Judge::Workload(workload) = model.judge {
                assert!(crate::workload::by_name(workload).is_ok(), "{workload}");
            }
        }
    }

    #[test]
    fn unknown_models_are_refused_with_those_that_exist() {
        let error = by_name("mutx").err().expect("there is no such model");
        let names: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
        assert_eq!(
            error,
            format!("there is no model \"mutx\" (did you mean \"mutex\"?); models are {}", names.join(", "))
        );
        assert!(by_name("fifo-queue").is_err());
    }

    #[test]
    fn help_lists_every_model() {
        let help = help();
        assert!(MODELS.iter().all(|model| help.contains(&format!("\n  {} ", model.name))), "{help}");
    }
}
