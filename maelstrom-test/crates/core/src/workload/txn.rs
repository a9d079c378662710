//! Transactions on lists (`txn-list-append`) and on registers (`txn-rw-register`).

use super::{Client, Settings, Workload, request, single_call};
use crate::checker::txn::{ListAppend, Options, Promise, RwRegister};
use crate::checker::{CheckContext, Checker, Valid, Verdict};
use crate::generator::{Generator, Invocation, MicroOp, Next, TxnSource, from_fn};
use crate::history::History;
use crate::json::{Value, json};
use crate::protocol::{Body, Malformed, Rpc, Type, shorten};

/// Default number of active keys.
pub(super) const KEY_COUNT: u64 = 10;

/// `txn {txn: [[f, k, v], …]}` → `txn_ok {txn: [[f, k, v], …]}`: the same operations, with the values of reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Txn {
    name: &'static str,
    doc: &'static str,
    /// The function of writes.
    write: &'static str,
}

impl Txn {
    /// `txn-list-append`: values are lists, and writes append to them.
    pub(super) const LIST_APPEND: Txn = Txn {
        name: "txn-list-append",
        doc: "Transactions that read lists and append to them. The order of the elements of a list reveals the order of the transactions, so that almost every violation of a consistency model is detected.",
        write: "append",
    };

    /// `txn-rw-register`: values are any JSON, and writes replace them.
    pub(super) const RW_REGISTER: Txn = Txn {
        name: "txn-rw-register",
        doc: "Transactions that read and write registers. Every value is written once, so that a read identifies the write that it observed.",
        write: "w",
    };

    fn is_list_append(&self) -> bool {
        self.write == Txn::LIST_APPEND.write
    }
}

/// Creates the source of transactions for these settings.
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
            "Performs [\"r\", key, null] and [\"append\", key, value] as one transaction; a read returns the list, or null if the key does not exist."
        } else {
            "Performs [\"r\", key, null] and [\"w\", key, value] as one transaction; a read returns the value, or null if the key does not exist."
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
        single_call(
            |op| request("txn", [("txn", op.value.clone())]),
            move |op, response| result(op, response, lists),
            &[],
        )
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
        // A transaction that reads a register before it writes to it observes an older version than its own.
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

/// The checker for an unknown consistency model: its verdict is `unknown`. The table of options rejects such names, but
/// [`Settings`] can be created without it.
struct NoVerdict(String);

impl Checker for NoVerdict {
    fn check(&self, _history: &History, _context: &CheckContext) -> Verdict {
        Verdict { valid: Valid::Unknown, reason: Some(self.0.clone()), ..Verdict::default() }
    }
}

/// The transaction in the response.
///
/// # Errors
/// If it is not the transaction of the request.
fn result(op: &Invocation, mut response: Body, lists: bool) -> Result<Value, Malformed> {
    let txn = response.remove("txn").unwrap_or_default();
    let (requested, returned) = (items(&op.value), items(&txn));
    if requested.len() != returned.len() {
        let (requested, returned) = (requested.len(), returned.len());
        let reason = format!("txn should have {requested} operations as in the request, but has {returned}");
        return Err(reason.into());
    }
    for (i, (requested, returned)) in requested.iter().zip(returned).enumerate() {
        check_micro_op(requested, returned, lists).map_err(|why| format!("txn[{i}] {why}"))?;
    }
    Ok(txn)
}

/// Compares an operation in the response with the one in the request.
fn check_micro_op(requested: &Value, returned: &Value, lists: bool) -> Result<(), String> {
    let read = requested[0] == "r";
    let same = requested[0] == returned[0] && requested[1] == returned[1] && (read || requested[2] == returned[2]);
    if !same {
        let shown = shorten(&returned.to_string(), 60);
        return Err(format!("should match {requested} in the request, but is {shown}"));
    }
    if read && lists && !returned[2].is_array() && !returned[2].is_null() {
        return Err(format!("should read a list or null, but reads {}", shorten(&returned[2].to_string(), 60)));
    }
    Ok(())
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{ClientStep, Completion, Response};

    /// The client's step after a response with the transaction `returned`.
    fn outcome(workload: Txn, txn: Value, returned: Value) -> ClientStep {
        let op = Invocation::new("txn", txn);
        let mut client = workload.client(0, &Settings::default());
        assert_eq!(client.invoke(&op), ClientStep::Call(request("txn", [("txn", op.value.clone())])));
        client.on_response(&op, Response::Ok(request("txn_ok", [("txn", returned)])))
    }

    #[test]
    fn responses_contain_the_values_of_reads() {
        let (requested, returned) =
            (json!([["r", 1, null], ["append", 2, 3]]), json!([["r", 1, [1, 2]], ["append", 2, 3]]));
        assert_eq!(outcome(Txn::LIST_APPEND, requested, returned.clone()), ClientStep::Done(Completion::ok(returned)));
        let (requested, returned) = (json!([["r", 1, null]]), json!([["r", 1, null]]));
        assert_eq!(outcome(Txn::RW_REGISTER, requested, returned.clone()), ClientStep::Done(Completion::ok(returned)));
    }

    #[test]
    fn an_unknown_consistency_model_gives_an_unknown_verdict_with_the_reason() {
        let settings = Settings { consistency_models: vec!["serialisable".into()], ..Settings::default() };
        let verdict = Txn::LIST_APPEND.checker(&settings).check(&History::default(), &CheckContext::default());
        assert_eq!(verdict.valid, Valid::Unknown);
        assert!(verdict.reason.unwrap().contains("did you mean `serializable`?"));
    }

    #[test]
    fn responses_that_do_not_match_the_request_are_malformed() {
        for (requested, returned, why) in [
            (json!([["r", 1, null]]), json!([]), "txn should have 1 operations as in the request, but has 0"),
            (
                json!([["r", 1, null]]),
                json!([["r", 2, null]]),
                "txn[0] should match [\"r\",1,null] in the request, but is [\"r\",2,null]",
            ),
            (
                json!([["append", 1, 1]]),
                json!([["append", 1, 2]]),
                "txn[0] should match [\"append\",1,1] in the request, but is [\"append\",1,2]",
            ),
            (
                json!([["append", 1, 1]]),
                json!([["r", 1, 1]]),
                "txn[0] should match [\"append\",1,1] in the request, but is [\"r\",1,1]",
            ),
            (json!([["r", 1, null]]), json!([["r", 1, 7]]), "txn[0] should read a list or null, but reads 7"),
        ] {
            assert_eq!(outcome(Txn::LIST_APPEND, requested, returned), ClientStep::Malformed(why.into()));
        }
        let requested = json!([["r", 1, null]]);
        assert!(matches!(outcome(Txn::RW_REGISTER, requested, json!([["r", 1, 7]])), ClientStep::Done(_)));
    }
}
