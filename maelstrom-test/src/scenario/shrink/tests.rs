//! The search on nodes that are functions in memory.

use std::collections::BTreeMap;

use proptest::prelude::{ProptestConfig, any};
use proptest::{prop_assert, proptest};

use super::judge::Repeat;
use super::*;
use crate::checker::Results;
use crate::json::{Value, json};
use crate::plan::Overrides;
use crate::report::cause::{Matters, RowKind};
use crate::scenario::journal::choose;
use crate::scenario::{Interrupt, Scenario, sample_run};
use crate::simulation::Simulation;
use crate::simulation::in_memory::{self, MemoryNode, Sender};

/// A store that acknowledges a write before the other nodes know of it, and reads what it knows itself.
#[derive(Default)]
struct StaleStore {
    name: String,
    nodes: Vec<String>,
    values: BTreeMap<String, Value>,
}

impl MemoryNode for StaleStore {
    fn on_message(&mut self, _now: Nanos, message: &Value, out: &mut Sender) {
        let body = &message["body"];
        let key = body["key"].to_string();
        match body["type"].as_str().unwrap_or_default() {
            "init" => {
                self.name = body["node_id"].as_str().unwrap_or_default().to_owned();
                let names = body["node_ids"].as_array().into_iter().flatten().filter_map(Value::as_str);
                self.nodes = names.map(str::to_owned).collect();
                out.reply(message, json!({"type": "init_ok"}));
            }
            "read" => match self.values.get(&key) {
                Some(value) => out.reply(message, json!({"type": "read_ok", "value": value})),
                None => out.reply(message, json!({"type": "error", "code": 20})),
            },
            "write" => {
                self.values.insert(key, body["value"].clone());
                for node in self.nodes.iter().filter(|node| **node != self.name) {
                    out.send(node, json!({"type": "copy", "key": body["key"], "value": body["value"]}));
                }
                out.reply(message, json!({"type": "write_ok"}));
            }
            "copy" => drop(self.values.insert(key, body["value"].clone())),
            _ => out.reply(message, json!({"type": "error", "code": 22})),
        }
    }
}

struct InMemory {
    config: Config,
    failure: FailureKind,
}

impl InMemory {
    fn simulate(config: &Config) -> Simulation {
        in_memory::run(config.simulation.clone(), |_| StaleStore::default())
    }

    /// Runs the store until it fails, with seeds from 0 on.
    fn failing(nemesis: &str) -> (InMemory, Trial) {
        for seed in 0..20 {
            let scenario = Scenario::new("lin-kv").bin("/bin/sh").nodes(3).rate(20.0).time_limit("20s").latency("10ms");
            let config = scenario.nemesis(nemesis).seed(seed).config().expect("the options are valid");
            let failure = FailureKind::Anomaly { checker: "workload", anomaly: "nonlinearizable".into() };
            let simulation = InMemory::simulate(&config);
            if let Some(trial) = Trial::of(&config, simulation, &failure) {
                return (InMemory { config, failure }, trial);
            }
        }
        panic!("the store did not fail");
    }

    fn fails(&self, candidate: &Candidate) -> bool {
        self.run(candidate, 0).0.is_some()
    }
}

impl Repeat for InMemory {
    type Trial = Trial;

    fn run(&self, candidate: &Candidate, _: usize) -> (Option<Trial>, u64) {
        let config = candidate.config(&self.config);
        (Trial::of(&config, InMemory::simulate(&config), &self.failure), 1)
    }
}

fn search<'a>(store: &'a InMemory, interrupt: &'a Interrupt, trial: Trial, threads: usize) -> Search<'a, InMemory> {
    let judge = Judge::new(store, interrupt, threads, (1_000, u64::MAX));
    let workload = &*store.config.simulation.workload;
    let mut search = Search {
        judge,
        workload,
        usual_delay: usual_delay(&store.config),
        best: Candidate::of(&store.config),
        trial,
        has_repeated: false,
    };
    search.shrink().expect("the budget is large");
    search
}

#[test]
fn a_stale_read_needs_a_write_and_a_read() {
    for nemesis in ["none", "partition", "partition,pause"] {
        let (store, trial) = InMemory::failing(nemesis);
        let interrupt = Interrupt::default();
        let found = search(&store, &interrupt, trial, 2);
        let functions: Vec<&str> = found.best.operations().iter().map(|operation| &*operation.f).collect();
        // A read of the initial value is a read that fails, or one of an earlier write.
        assert!(functions.len() <= 3 && functions.contains(&"write"), "{nemesis}: {functions:?}");
        assert!(found.best.faults().len() <= 1, "{nemesis}: {:?}", found.best.faults());
        assert_eq!(found.best.nodes.len(), 2, "{nemesis}");
        for left_out in 0..functions.len() {
            let mut operations = found.best.operations().to_vec();
            operations.remove(left_out);
            assert!(!store.fails(&found.best.with_operations(operations)), "{nemesis}: operation {left_out}");
        }
    }
}

#[test]
fn the_outcome_does_not_depend_on_the_number_of_threads() {
    let outcome = |threads: usize| {
        let (store, trial) = InMemory::failing("partition");
        let interrupt = Interrupt::default();
        let found = search(&store, &interrupt, trial, threads);
        (found.best.clone(), found.judge.used())
    };
    let alone = outcome(1);
    assert_eq!(outcome(2), alone);
    assert_eq!(outcome(5), alone);
}

#[test]
fn a_plan_repeats_the_failure() {
    let (store, trial) = InMemory::failing("none");
    let interrupt = Interrupt::default();
    let found = search(&store, &interrupt, trial, 2);
    let plan = found.best.config(&store.config).plan_json().expect("the plan can be written");
    let overrides: Overrides = crate::json::from_value(&plan["overrides"]).expect("the plan can be read");
    assert_eq!(overrides, found.best.overrides);
    let again = Scenario::from_json(&plan["scenario"]).expect("the scenario can be read").overrides(overrides);
    let config = again.config().expect("the options are valid");
    let simulation = InMemory::simulate(&config);
    let mut verdict = Results::default();
    let exceptions = simulation.exceptions().clone();
    execute::check("workload", &config, simulation.history(), &exceptions, &mut verdict);
    assert!(store.failure.find(&verdict).is_some());
}

#[test]
fn messages_that_matter_are_found_one_by_one() {
    let (store, trial) = InMemory::failing("none");
    let interrupt = Interrupt::default();
    let mut found = search(&store, &interrupt, trial, 2);
    // The copy would have been in time: without it, the failure stays.
    let (decisive, stop) = matter::search(&mut found.judge, &found.best, &found.trial.journal);
    assert_eq!(stop, None);
    for message in &decisive {
        let without = found.best.with_fates([message.other_fate.clone()]);
        assert!(!store.fails(&without) || message.group > 1, "{message:?}");
    }
}

/// Runs the store until it fails.
fn failing_run() -> Run {
    let (store, _) = InMemory::failing("none");
    let mut simulation = InMemory::simulate(&store.config);
    let mut run = sample_run();
    let exceptions = simulation.exceptions().clone();
    execute::check("workload", &store.config, simulation.history(), &exceptions, &mut run.verdict);
    run.workload = "lin-kv".into();
    run.settings = store.config.simulation.settings.clone();
    run.context = Candidate::of(&store.config).context();
    run.journal = simulation.network().journal().kept().to_vec();
    run.history = simulation.take_history();
    run
}

#[test]
fn without_repetition_events_are_chosen_from_the_messages() {
    let run = failing_run();
    let cause = choose(&run).expect("the checker names an answer");
    assert!(cause.is_chosen);
    let sentence = cause.sentence.expect("one write was missed");
    assert!(
        sentence.starts_with("Too late: n") && sentence.contains(" asking nobody, at once. The copy from n"),
        "{sentence}"
    );
    assert!(sentence.contains(" with key ") && sentence.ends_with(" ms after that."), "{sentence}");
    let copies =
        cause.rows.iter().filter(|row| matches!(&row.kind, RowKind::Message(message) if message.kind == "copy"));
    assert!(copies.count() > 0, "{:#?}", cause.rows);
    assert!(cause.rows.iter().all(|row| row.matters == Matters::Untested));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_journal_can_be_searched(kept in proptest::collection::vec(any::<u8>(), 1..60), text in ".{0,40}") {
        let mut run = failing_run();
        let mut turn = 0;
        run.journal.retain_mut(|event| {
            turn += 1;
            let what = kept[turn % kept.len()];
            if what % 11 == 0 {
                event.message = text.as_str().into();
            } else if what % 13 == 0 {
                event.message = event.message.replace("in_reply_to", "msg_id").into();
            }
            what % 7 != 0
        });
        if let Some(cause) = choose(&run) {
            prop_assert!(cause.rows.iter().all(|row| row.column.is_none_or(|column| column < cause.columns.len())));
        }
    }
}
