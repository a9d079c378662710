//! Transactions over lists and over registers.

use super::{Client, Settings, Workload, request, single_call};
use crate::checker::txn::{ListAppend, Options, Promise, RwRegister};
use crate::checker::{CheckContext, Checker, Valid, Verdict};
use crate::generator::{Generator, Invocation, MicroOp, Next, TxnSource, from_fn};
use crate::history::History;
use crate::json::{Value, json};
use crate::protocol::{Body, Malformed, Rpc, Type, shorten};

/// How many keys are active at any time, unless the user says otherwise.
pub(super) const KEY_COUNT: u64 = 10;

/// `txn {txn: [[f, k, v], …]}` → `txn_ok {txn: [[f, k, v], …]}`: the same operations, reads filled in.
#[derive(Clone, Copy, Debug)]
pub struct Txn {
    name: &'static str,
    doc: &'static str,
    /// The function that writes.
    write: &'static str,
}

impl Txn {
    /// `txn-list-append`: values are lists, writes append to them.
    pub const LIST_APPEND: Txn = Txn {
        name: "txn-list-append",
        doc: "Transactions that read lists and append to them. What a list holds, and in which order, tells in which order the transactions happened, so that nearly every violation of a consistency model shows.",
        write: "append",
    };

    /// `txn-rw-register`: values are anything, writes replace them.
    pub const RW_REGISTER: Txn = Txn {
        name: "txn-rw-register",
        doc: "Transactions that read and write registers. Every value is written once, so a read tells whose write it saw.",
        write: "w",
    };

    fn is_list_append(&self) -> bool {
        self.write == Txn::LIST_APPEND.write
    }
}

/// The source of transactions that the settings ask for.
pub(super) fn source(settings: &Settings) -> TxnSource {
    TxnSource::new(settings.key_count.unwrap_or(KEY_COUNT), settings.max_writes_per_key)
}

impl Workload for Txn {
    fn name(&self) -> &str {
        self.name
    }

    fn doc(&self) -> &str {
        self.doc
    }

    fn rpcs(&self) -> Vec<Rpc> {
        let txn = || vec![("txn", Type::list(Type::Tuple(vec![Type::String, Type::Any, Type::Any])))];
        let doc = if self.is_list_append() {
            "Performs [\"r\", key, null] and [\"append\", key, value] as one transaction; reads answer with the list, or null if there is none."
        } else {
            "Performs [\"r\", key, null] and [\"w\", key, value] as one transaction; reads answer with the value, or null if there is none."
        };
        vec![Rpc { name: "txn", doc, request: txn(), response: txn() }]
    }

    fn generator(&self, settings: &Settings) -> Box<dyn Generator> {
        let mut source = source(settings);
        let (min, max, write) = (settings.min_txn_length, settings.max_txn_length, self.write);
        from_fn(move |_, rng| {
            let ops = source.txn(min, max, rng).into_iter().map(|op| match op {
                MicroOp::Read(key) => json!(["r", key, null]),
                MicroOp::Write(key, value) => json!([write, key, value]),
            });
            Next::Op(Invocation::new("txn", ops.collect()))
        })
    }

    fn client(&self, _worker: usize, _settings: &Settings) -> Box<dyn Client> {
        let lists = self.is_list_append();
        single_call(|op| request("txn", [("txn", op.value.clone())]), move |op, answer| result(op, answer, lists), &[])
    }

    fn reusable_clients(&self) -> bool {
        true
    }

    fn checker(&self, settings: &Settings) -> Box<dyn Checker> {
        let promise = match Promise::new::<_, &str>(&settings.consistency_models, &[]) {
            Ok(promise) => promise,
            Err(error) => return Box::new(NoVerdict(error.to_string())),
        };
        let promise = if settings.lenient { promise.lenient() } else { promise };
        // What a transaction reads of a register before it writes there is older than what it writes.
        let options = Options {
            promise,
            wfr_keys: true,
            sequential_keys: settings.sequential_keys,
            linearizable_keys: settings.linearizable_keys,
            ..Options::default()
        };
        if self.is_list_append() { Box::new(ListAppend::new(options)) } else { Box::new(RwRegister::new(options)) }
    }
}

/// Stands where nobody knows what to check: a consistency model has a wrong name, which the table of options refuses, but
/// settings can also be made without it.
struct NoVerdict(String);

impl Checker for NoVerdict {
    fn check(&self, _history: &History, _context: &CheckContext) -> Verdict {
        Verdict { valid: Valid::Unknown, reason: Some(self.0.clone()), ..Verdict::default() }
    }
}

/// The transaction as it was answered, if it is the one that was asked for.
fn result(op: &Invocation, mut answer: Body, lists: bool) -> Result<Value, Malformed> {
    let txn = answer.remove("txn").unwrap_or_default();
    let (asked, answered) = (items(&op.value), items(&txn));
    if asked.len() != answered.len() {
        let (asked, answered) = (asked.len(), answered.len());
        let reason = format!("txn should have {asked} operations as in the request, but has {answered}");
        return Err(reason.into());
    }
    for (i, (asked, answered)) in asked.iter().zip(answered).enumerate() {
        check_micro_op(asked, answered, lists).map_err(|why| format!("txn[{i}] {why}"))?;
    }
    Ok(txn)
}

/// Compares an operation of a transaction with its answer.
fn check_micro_op(asked: &Value, answered: &Value, lists: bool) -> Result<(), String> {
    let read = asked[0] == "r";
    let same = asked[0] == answered[0] && asked[1] == answered[1] && (read || asked[2] == answered[2]);
    if !same {
        let shown = shorten(&answered.to_string(), 60);
        return Err(format!("should answer {asked}, but is {shown}"));
    }
    if read && lists && !answered[2].is_array() && !answered[2].is_null() {
        return Err(format!("should read a list or null, but reads {}", shorten(&answered[2].to_string(), 60)));
    }
    Ok(())
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Answer, Completion, Step};

    /// What comes of a transaction that is answered like this.
    fn outcome(workload: Txn, txn: Value, answer: Value) -> Step {
        let op = Invocation::new("txn", txn);
        let mut client = workload.client(0, &Settings::default());
        assert_eq!(client.invoke(&op), Step::Call(request("txn", [("txn", op.value.clone())])));
        client.answer(&op, Answer::Ok(request("txn_ok", [("txn", answer)])))
    }

    #[test]
    fn reads_are_filled_in() {
        let (asked, answered) =
            (json!([["r", 1, null], ["append", 2, 3]]), json!([["r", 1, [1, 2]], ["append", 2, 3]]));
        assert_eq!(outcome(Txn::LIST_APPEND, asked, answered.clone()), Step::Done(Completion::ok(answered)));
        let (asked, answered) = (json!([["r", 1, null]]), json!([["r", 1, null]]));
        assert_eq!(outcome(Txn::RW_REGISTER, asked, answered.clone()), Step::Done(Completion::ok(answered)));
    }

    #[test]
    fn a_wrong_model_is_unknown_and_says_so() {
        let settings = Settings { consistency_models: vec!["serialisable".into()], ..Settings::default() };
        let verdict = Txn::LIST_APPEND.checker(&settings).check(&History::default(), &CheckContext::default());
        assert_eq!(verdict.valid, Valid::Unknown);
        assert!(verdict.reason.unwrap().contains("did you mean `serializable`?"));
    }

    #[test]
    fn answers_to_something_else_are_malformed() {
        for (asked, answered, why) in [
            (json!([["r", 1, null]]), json!([]), "txn should have 1 operations as in the request, but has 0"),
            (
                json!([["r", 1, null]]),
                json!([["r", 2, null]]),
                "txn[0] should answer [\"r\",1,null], but is [\"r\",2,null]",
            ),
            (
                json!([["append", 1, 1]]),
                json!([["append", 1, 2]]),
                "txn[0] should answer [\"append\",1,1], but is [\"append\",1,2]",
            ),
            (
                json!([["append", 1, 1]]),
                json!([["r", 1, 1]]),
                "txn[0] should answer [\"append\",1,1], but is [\"r\",1,1]",
            ),
            (json!([["r", 1, null]]), json!([["r", 1, 7]]), "txn[0] should read a list or null, but reads 7"),
        ] {
            assert_eq!(outcome(Txn::LIST_APPEND, asked, answered), Step::Malformed(why.into()));
        }
        let asked = json!([["r", 1, null]]);
        assert!(matches!(outcome(Txn::RW_REGISTER, asked, json!([["r", 1, 7]])), Step::Done(_)));
    }
}
