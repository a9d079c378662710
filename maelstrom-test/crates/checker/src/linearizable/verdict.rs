//! From registers to a verdict.

use crate::json::{Map, Value, json};

use super::Linearizable;
use super::budget::{Budget, Exhausted};
use super::decide::decide;
use super::explain::{self, Explanation};
use super::reduce;
use super::register::{self, Register};
use super::search::SearchOutcome;
use super::stream::RegisterStream;
use super::words;
use crate::history::{History, Op, Pair};
use crate::stream::WholeHistory;
use crate::{CheckContext, Checker, Finding, Stream, Valid, Verdict};

/// The number of keys that are explained if they are not linearizable. All others are only listed.
const MAX_EXPLAINED: usize = 8;

/// The number of configurations per key for the search for a minimal proof.
const MAX_CONFIGURATIONS_OF_A_PROOF: u64 = 2_000_000;

impl Checker for Linearizable {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        let (registers, obstacle) = register::collect(history, &history.pairs(), self);
        let mut summary = Summary::new(self, context, obstacle, registers.len());
        registers.iter().for_each(|register| summary.judge(register, history));
        summary.finish()
    }

    /// Registers by key are stored key by key. A single register needs the whole history.
    fn stream<'a>(&'a self, context: &'a CheckContext) -> Box<dyn Stream + 'a> {
        if self.keyed {
            Box::new(RegisterStream::new(self, context))
        } else {
            Box::new(WholeHistory { checker: self, context, history: History::default() })
        }
    }
}

/// Collects the verdict, register by register.
pub(super) struct Summary<'a> {
    checker: &'a Linearizable,
    context: &'a CheckContext,
    /// The remaining steps for all registers.
    steps_left: u64,
    /// Why no register can be judged.
    obstacle: Option<String>,
    registers_left: usize,
    pub(super) verdict: Verdict,
    results: Map<String, Value>,
    failures: Vec<Value>,
    /// The first completion whose function differs from that of its invocation.
    mismatch: Option<String>,
}

impl<'a> Summary<'a> {
    pub(super) fn new(
        checker: &'a Linearizable,
        context: &'a CheckContext,
        obstacle: Option<String>,
        registers: usize,
    ) -> Summary<'a> {
        Summary {
            checker,
            context,
            steps_left: context.step_budget,
            obstacle,
            registers_left: registers,
            verdict: Verdict::default(),
            results: Map::new(),
            failures: Vec::new(),
            mismatch: None,
        }
    }

    /// Judges a register, and adds the result.
    pub(super) fn judge(&mut self, register: &Register<'_>, history: &History) {
        let share = share_of_steps(self.steps_left, self.registers_left);
        self.registers_left = self.registers_left.saturating_sub(1);
        let mut budget = Budget::new(share, self.context.memory_budget, self.checker.max_configurations);
        let judgement = match &self.obstacle {
            Some(reason) => Judgement::Unknown { reason: reason.clone(), stopped_at: None, configurations: 0 },
            None => judge(register, history, &mut budget),
        };
        self.steps_left = self.steps_left.saturating_sub(budget.spent);
        if let Some(mismatch) = &register.mismatch {
            self.mismatch.get_or_insert_with(|| mismatch.clone());
        }
        let verdict = &mut self.verdict;
        verdict.valid = verdict.valid.max(judgement.valid());
        match &judgement {
            Judgement::Valid => {}
            Judgement::Unknown { reason, .. } => {
                verdict.reason.get_or_insert_with(|| match register.key {
                    Some(key) => format!("key {key}: {reason}"),
                    None => reason.clone(),
                });
            }
            Judgement::Invalid { .. } => self.failures.extend(register.key.cloned()),
        }
        let mut explanation = None;
        if let Judgement::Invalid { stuck } = judgement
            && verdict.findings.len() < MAX_EXPLAINED
        {
            let steps = share_of_steps(self.steps_left, self.registers_left + 1);
            let mut budget = Budget::new(steps, self.context.memory_budget, MAX_CONFIGURATIONS_OF_A_PROOF);
            let proof = reduce::reduce(&register.problem, stuck, &mut budget);
            self.steps_left = self.steps_left.saturating_sub(budget.spent);
            let explained = explain::explain(register, &proof, history, self.context);
            verdict.findings.push(explained.finding.clone());
            explanation = Some(explained);
        }
        let result = result(register, &judgement, explanation.as_ref(), history);
        match register.key {
            Some(key) => {
                self.results.insert(label(key), result.into());
            }
            None => self.verdict.details = result,
        }
    }

    pub(super) fn finish(self) -> Verdict {
        let mut verdict = self.verdict;
        if let Some(obstacle) = self.obstacle {
            verdict.valid = verdict.valid.max(Valid::Unknown);
            verdict.reason.get_or_insert(obstacle);
        }
        if let Some(mismatch) = self.mismatch {
            verdict.reason.get_or_insert(mismatch);
        }
        if self.checker.keyed {
            verdict.details.insert("results".into(), self.results.into());
            verdict.details.insert("failures".into(), self.failures.into());
        } else {
            verdict.details.remove("valid");
        }
        // The shortest proof is the clearest. The sort is stable.
        verdict.findings.sort_by_key(|finding: &Finding| finding.evidence.len());
        verdict
    }
}

/// The result for one register.
enum Judgement {
    Valid,
    Invalid {
        /// The index of the operation that could not return.
        stuck: usize,
    },
    Unknown {
        reason: String,
        stopped_at: Option<Pair>,
        configurations: u64,
    },
}

impl Judgement {
    fn valid(&self) -> Valid {
        match self {
            Judgement::Valid => Valid::True,
            Judgement::Invalid { .. } => Valid::False,
            Judgement::Unknown { .. } => Valid::Unknown,
        }
    }
}

fn judge(register: &Register<'_>, history: &History, budget: &mut Budget) -> Judgement {
    if let Some(obstacle) = &register.obstacle {
        return Judgement::Unknown { reason: obstacle.clone(), stopped_at: None, configurations: 0 };
    }
    match decide(&register.problem, budget) {
        SearchOutcome::Linearizable => Judgement::Valid,
        SearchOutcome::Stuck(stuck) => Judgement::Invalid { stuck },
        SearchOutcome::Exhausted(index, what) => {
            let operation = &register.problem.operations[index];
            let pair = register.pairs[operation.id];
            let configurations = budget.explored;
            let reason = exhausted(what, &words::operation(register, operation.id), configurations, history, pair);
            Judgement::Unknown { reason, stopped_at: Some(pair), configurations }
        }
    }
}

fn exhausted(what: Exhausted, operation: &str, configurations: u64, history: &History, pair: Pair) -> String {
    let place =
        told(history, pair).map_or(String::new(), |op| format!(" (process {}, entry {})", op.process, op.index));
    format!(
        "the allowed {} ran out after {configurations} configurations, at {operation}{place}: \
         `maelstrom check --budget 10` allows ten times as much; fewer operations per key, fewer clients per key or \
         more different values make it easier to decide",
        what.name()
    )
}

/// The entry that represents an operation: its completion, or else its invocation.
fn told(history: &History, pair: Pair) -> Option<&Op> {
    pair.completion.or(pair.invocation).and_then(|entry| history.ops.get(entry))
}

/// The steps for a register: half of the remaining steps, so that no key uses up the budget of the keys after it. The last
/// register gets all of them.
fn share_of_steps(steps_left: u64, keys_left: usize) -> u64 {
    if keys_left <= 1 { steps_left } else { steps_left / 2 }
}

/// The entry of a register in `results.json`.
fn result(
    register: &Register<'_>,
    judgement: &Judgement,
    explanation: Option<&Explanation>,
    history: &History,
) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert("valid".into(), judgement.valid().to_json());
    result.insert("op_count".into(), register.pairs.len().into());
    match judgement {
        Judgement::Valid => {}
        Judgement::Invalid { stuck } => {
            let pair = register.pairs[register.problem.operations[*stuck].id];
            result.insert("op".into(), entry(history, pair));
            if let Some(explanation) = explanation {
                result.insert("proof".into(), explanation.proof.iter().map(|pair| entry(history, *pair)).collect());
                result.insert("proof_is_minimal".into(), explanation.is_minimal.into());
            }
        }
        Judgement::Unknown { reason, stopped_at, configurations } => {
            result.insert("reason".into(), reason.clone().into());
            if let Some(pair) = stopped_at {
                result.insert("op".into(), entry(history, *pair));
            }
            result.insert("configurations".into(), (*configurations).into());
        }
    }
    result
}

/// The entry that represents an operation, as JSON.
fn entry(history: &History, pair: Pair) -> Value {
    let Some(op) = told(history, pair) else { return Value::Null };
    let mut entry = json!({
        "index": op.index,
        "time": op.time,
        "type": op.kind.as_str(),
        "process": op.process.client(),
        "f": &*op.f,
        "value": op.value,
    });
    if let Some(error) = &op.error {
        entry["error"] = error.clone();
    }
    entry
}

/// The key of a register in the results: its JSON, without quotes if that is unambiguous.
fn label(key: &Value) -> String {
    match key.as_str() {
        Some(text) if crate::json::from_str(text).is_err() => text.to_owned(),
        _ => key.to_string(),
    }
}
