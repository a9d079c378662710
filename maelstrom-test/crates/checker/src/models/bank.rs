//! Banks: transfers move money, so every read of all accounts has the same total.
//!
//! Under snapshot isolation, a transaction that reads all accounts sees them as they were at one moment. At every moment their
//! sum is the same. So each read can be judged alone.

use rustc_hash::FxHashSet;

use crate::describe::{brief, who};
use crate::history::{History, Op, OpType, Pair, Pairing};
use crate::json::{Map, Number, Value, json};
use crate::stream::check_streamed;
use crate::{CheckContext, Checker, Evidence, Finding, Stream, Valid, Verdict};

/// The largest magnitude of a balance. The sum of 2²⁶ balances must not overflow.
const MOST: i128 = 1 << 100;

/// The checker of a bank: a `read` returns a map from every account to its balance. Other operations, such as `transfer`,
/// are ignored.
///
/// A read is wrong in one of four ways, of which the first one counts, as in Jepsen:
///
/// | anomaly | the read |
/// | --- | --- |
/// | `unexpected-account` | has an account that does not exist |
/// | `missing-balance` | lacks the balance of an account |
/// | `wrong-total` | has another total |
/// | `negative-balance` | has a negative balance, unless that is allowed |
///
/// The accounts are those of the first read that has a balance for each of its accounts. So is the total, if none is given.
///
/// Results: `read_count`, `error_count`, `total`, `accounts` (their number), and for each anomaly its `count` and the `index`
/// of the first and the last entry that show it. Unknown if there is no read, or one does not return a map of integers.
///
/// ```
/// use maelstrom_checker::{Bank, CheckContext, Checker, Valid};
/// use maelstrom_checker::history::History;
/// let history = History::read(&b"
///     {:type :ok, :process 0, :f :read, :value {0 97, 1 3}}
///     {:type :ok, :process 1, :f :read, :value {0 92, 1 3}}"[..])?;
/// let verdict = Bank::default().check(&history, &CheckContext::default());
/// assert_eq!(verdict.valid, Valid::False);
/// assert_eq!(verdict.findings[0].headline, "wrong total (95 instead of 100)");
/// assert_eq!(Bank::default().total(95).check(&history, &CheckContext::default()).findings[0].headline,
///     "wrong total (100 instead of 95)");
/// # Ok::<(), maelstrom_checker::history::ReadError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Bank {
    total: Option<i128>,
    allows_negative: bool,
}

impl Bank {
    /// Sets the total of all balances. The default is that of the first read.
    pub fn total(self, total: i128) -> Bank {
        Bank { total: Some(total), ..self }
    }

    /// Allows negative balances.
    pub fn allowing_negative_balances(self) -> Bank {
        Bank { allows_negative: true, ..self }
    }
}

impl Checker for Bank {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, context: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(BankStream {
            bank: *self,
            context,
            position: 0,
            open: Pairing::new(),
            first: None,
            count: 0,
            errors: [const { None }; 4],
            obstacle: None,
        })
    }
}

/// The anomalies of a read. Only the first one counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BankAnomaly {
    UnexpectedAccount,
    MissingBalance,
    WrongTotal,
    NegativeBalance,
}

const ANOMALIES: [BankAnomaly; 4] = [
    BankAnomaly::UnexpectedAccount,
    BankAnomaly::MissingBalance,
    BankAnomaly::WrongTotal,
    BankAnomaly::NegativeBalance,
];

impl BankAnomaly {
    /// The name of the anomaly.
    fn name(self) -> &'static str {
        match self {
            BankAnomaly::UnexpectedAccount => "unexpected-account",
            BankAnomaly::MissingBalance => "missing-balance",
            BankAnomaly::WrongTotal => "wrong-total",
            BankAnomaly::NegativeBalance => "negative-balance",
        }
    }

    fn shape(self) -> &'static str {
        match self {
            BankAnomaly::UnexpectedAccount => "a read shows an account that does not exist",
            BankAnomaly::MissingBalance => "a read shows an account without a balance",
            BankAnomaly::WrongTotal => "a read has the wrong total",
            BankAnomaly::NegativeBalance => "a read shows a negative balance",
        }
    }
}

/// The reads with the same anomaly.
struct AnomalousReads {
    count: u64,
    /// The indices of the first and the last entry that show it.
    first: u64,
    last: u64,
    finding: Finding,
}

/// The first read that has a balance for each account.
struct FirstRead {
    pair: Pair,
    accounts: FxHashSet<String>,
    total: i128,
    text: String,
}

/// A history that is checked entry by entry.
struct BankStream<'a> {
    bank: Bank,
    context: &'a CheckContext,
    position: usize,
    /// By process, the position of the invocation of its pending operation.
    open: Pairing<usize>,
    first: Option<FirstRead>,
    count: u64,
    /// By place of the anomaly in [`ANOMALIES`].
    errors: [Option<AnomalousReads>; 4],
    obstacle: Option<String>,
}

impl Stream for BankStream<'_> {
    fn push(&mut self, op: &Op) {
        let position = self.position;
        self.position += 1;
        let Some(process) = op.process.client() else { return };
        if op.kind == OpType::Invoke {
            self.open.begin(process, op, position);
            return;
        }
        let (invocation, op) = self.open.end(process, op);
        if &*op.f == "read" && op.kind == OpType::Ok {
            self.read(&op, Pair { invocation, completion: Some(position) });
        }
    }

    fn finish(self: Box<Self>) -> Verdict {
        let mut findings: Vec<(u64, Finding)> =
            self.errors.iter().flatten().map(|errors| (errors.first, errors.finding.clone())).collect();
        findings.sort_by_key(|(first, _)| *first);
        let findings: Vec<Finding> = findings.into_iter().map(|(_, finding)| finding).collect();
        let (valid, reason) = match (&self.first, &self.obstacle) {
            _ if !findings.is_empty() => (Valid::False, None),
            (_, Some(obstacle)) => (Valid::Unknown, Some(obstacle.clone())),
            _ if self.count == 0 => (Valid::Unknown, Some("no read returned, so nothing was tested".into())),
            (Some(FirstRead { total, .. }), None) if self.bank.total.is_none() => {
                (Valid::True, Some(format!("the total, {total}, is taken from the first read")))
            }
            _ => (Valid::True, None),
        };
        let mut verdict = Verdict { valid, reason, findings, details: self.details() };
        verdict.add_mismatch(self.open.mismatch());
        verdict
    }
}

impl BankStream<'_> {
    fn read(&mut self, op: &Op, pair: Pair) {
        let Some(accounts) = op.value.as_object() else { return self.object(op, "a read must return a map") };
        self.count += 1;
        let mut balances: Vec<(&String, i128)> = Vec::with_capacity(accounts.len());
        let mut without: Option<&String> = None;
        for (account, balance) in accounts.iter() {
            match balance.as_number().filter(|number| number.is_integer()).map(Number::as_i128) {
                Some(Some(balance)) if (-MOST..=MOST).contains(&balance) => balances.push((account, balance)),
                Some(_) => return self.object(op, "a balance is too large to be summed: the limit is 2^100"),
                None if balance.is_null() => without = without.or(Some(account)),
                None => return self.object(op, "a balance is not an integer"),
            }
        }
        let sum: i128 = balances.iter().map(|(_, balance)| balance).sum();
        if self.first.is_none() && without.is_none() {
            let text = format!("read → {}", brief(&op.value));
            self.first = Some(FirstRead { pair, accounts: accounts.keys().cloned().collect(), total: sum, text });
        }
        let first = self.first.as_ref();
        let total = self.bank.total.or(first.map(|first| first.total)).unwrap_or(sum);
        let who = who(op.process, self.context);
        let unexpected = accounts.keys().find(|account| first.is_some_and(|first| !first.accounts.contains(*account)));
        let negative = balances.iter().find(|(_, balance)| *balance < 0 && !self.bank.allows_negative);
        let (fault, headline, story, note) = if let Some(account) = unexpected {
            (
                BankAnomaly::UnexpectedAccount,
                format!("unexpected account ({account})"),
                format!("{who} read account {account}, which the first read does not have."),
                String::new(),
            )
        } else if let Some(account) = without {
            (
                BankAnomaly::MissingBalance,
                format!("missing balance (account {account})"),
                format!("{who} read no balance of account {account}."),
                String::new(),
            )
        } else if sum != total {
            let (by, how) = if sum < total { (total - sum, "less") } else { (sum - total, "more") };
            (
                BankAnomaly::WrongTotal,
                format!("wrong total ({sum} instead of {total})"),
                format!("{who} read balances that are {by} {how} than {total} together."),
                format!("together {sum}"),
            )
        } else if let Some((account, balance)) = negative {
            (
                BankAnomaly::NegativeBalance,
                format!("negative balance ({balance})"),
                format!("{who} read a balance of {balance} of account {account}."),
                String::new(),
            )
        } else {
            return;
        };
        let slot = &mut self.errors[ANOMALIES.iter().position(|other| *other == fault).expect("all are listed")];
        if let Some(errors) = slot {
            errors.count += 1;
            errors.last = op.index;
            return;
        }
        let is_inferred =
            self.bank.total.is_none() && fault == BankAnomaly::WrongTotal || fault == BankAnomaly::UnexpectedAccount;
        let mut evidence = Vec::new();
        if let Some(first) = first.filter(|_| is_inferred) {
            let note = match fault {
                BankAnomaly::WrongTotal => format!("the first read, together {total}"),
                _ => "the first read".into(),
            };
            evidence.push(Evidence::new(first.pair, &*first.text, note));
        }
        // Without a given total, either of two reads with different totals may be wrong.
        let is_culprit = !is_inferred;
        evidence.push(Evidence { is_culprit, ..Evidence::new(pair, format!("read → {}", brief(&op.value)), note) });
        let finding = Finding {
            anomaly: fault.name().into(),
            proscribed: true,
            headline,
            story,
            shape: fault.shape().into(),
            evidence,
            picture: None,
        };
        *slot = Some(AnomalousReads { count: 1, first: op.index, last: op.index, finding });
    }

    fn object(&mut self, op: &Op, why: &str) {
        let Op { index, process, kind, f, .. } = op;
        self.obstacle.get_or_insert_with(|| {
            format!("entry {index} of the history (process {process}, {} {f}): {why}", kind.as_str())
        });
    }

    fn details(&self) -> Map<String, Value> {
        let found = || ANOMALIES.iter().zip(&self.errors).filter_map(|(fault, errors)| Some((fault, errors.as_ref()?)));
        let total = self.bank.total.or(self.first.as_ref().map(|first| first.total));
        let mut details = Map::new();
        details.insert("read_count".into(), json!(self.count));
        details.insert("error_count".into(), json!(found().map(|(_, errors)| errors.count).sum::<u64>()));
        details.insert("total".into(), total.map_or(Value::Null, Value::from));
        details.insert("accounts".into(), json!(self.first.as_ref().map_or(0, |first| first.accounts.len())));
        for (fault, AnomalousReads { count, first, last, .. }) in found() {
            details.insert(fault.name().replace('-', "_"), json!({"count": count, "first": first, "last": last}));
        }
        details
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::small_histories::{RandomOp, history, random_ops, verdict};
    use crate::test_cases::cases;

    /// Reads of three accounts. Most have a total of 10.
    fn operations() -> impl Strategy<Value = Vec<RandomOp>> {
        let balances = prop_oneof![
            6 => (-2..13i64, 0..3i64).prop_map(|(a, b)| json!({"a": a, "b": b, "c": 10 - a - b})),
            1 => (0..5i64).prop_map(|a| json!({"a": a, "b": 5, "c": 5})),
            1 => (0..12i64).prop_map(|a| json!({"a": a, "b": 10 - a})),
            1 => Just(json!({"a": 5, "b": null, "c": 5})),
            1 => Just(json!({"a": 5, "b": 5, "c": 0, "d": 0})),
        ];
        let operation = prop_oneof![
            4 => balances.prop_map(|balances| ("read", Value::Null, balances)),
            1 => Just(("transfer", json!({"from": "a", "to": "b", "amount": 5}), json!({"from": "a", "to": "b", "amount": 5}))),
        ];
        random_ops(6, operation)
    }

    /// The definition: the anomaly of each read.
    fn expected(history: &History, total: Option<i64>, allows_negative: bool) -> Vec<&'static str> {
        let is_read = |op: &&Op| &*op.f == "read" && op.kind == OpType::Ok;
        let reads: Vec<&Map<String, Value>> =
            history.ops.iter().filter(is_read).map(|op| op.value.as_object().expect("it was drawn")).collect();
        let sum = |read: &Map<String, Value>| read.values().filter_map(Value::as_i64).sum::<i64>();
        let first = reads.iter().find(|read| !read.values().any(Value::is_null));
        let total = total.or(first.map(|first| sum(first)));
        let mut is_known = false;
        let fault = |read: &&Map<String, Value>| {
            is_known |= first == Some(read);
            if is_known && read.keys().any(|account| first.is_some_and(|first| !first.contains_key(account))) {
                Some("unexpected-account")
            } else if read.values().any(Value::is_null) {
                Some("missing-balance")
            } else if Some(sum(read)) != total {
                Some("wrong-total")
            } else if !allows_negative && read.values().any(|balance| balance.as_i64() < Some(0)) {
                Some("negative-balance")
            } else {
                None
            }
        };
        reads.iter().filter_map(fault).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(1000)) })]

        #[test]
        fn verdicts_agree_with_the_definition(
            random_ops in operations(),
            total in prop::option::of(Just(10)),
            allows_negative in any::<bool>(),
        ) {
            let history = history(&random_ops);
            let bank = Bank { total: total.map(i128::from), allows_negative };
            let verdict = verdict(&bank, &history);
            let expected = expected(&history, total, allows_negative);
            prop_assert_eq!(&verdict.details["error_count"], &json!(expected.len()));
            prop_assert_eq!(verdict.valid == Valid::False, !expected.is_empty());
            let mut names: Vec<&str> = Vec::new();
            expected.iter().for_each(|name| if !names.contains(name) { names.push(name) });
            let found: Vec<&str> = verdict.findings.iter().map(|finding| finding.anomaly.as_str()).collect();
            prop_assert_eq!(found, names);
        }
    }

    #[test]
    fn findings_show_both_totals() {
        let text = r#"
            {"type": "ok", "process": 0, "f": "read", "value": {"a": 60, "b": 40}}
            {"type": "ok", "process": 1, "f": "read", "value": {"a": 60, "b": 45}}
            {"type": "ok", "process": 2, "f": "read", "value": {"a": 160, "b": -60}}"#;
        let history = History::read(text.as_bytes()).expect("it is a history");
        let verdict = verdict(&Bank::default(), &history);
        let told: Vec<(&str, Vec<(&str, &str)>)> = verdict
            .findings
            .iter()
            .map(|finding| {
                let lines = finding.evidence.iter().map(|line| (line.text.as_str(), line.note.as_str()));
                (finding.story.as_str(), lines.collect())
            })
            .collect();
        assert_eq!(
            told,
            [
                (
                    "process 1 read balances that are 5 more than 100 together.",
                    vec![
                        ("read → {\"a\":60,\"b\":40}", "the first read, together 100"),
                        ("read → {\"a\":60,\"b\":45}", "together 105"),
                    ]
                ),
                ("process 2 read a balance of -60 of account b.", vec![("read → {\"a\":160,\"b\":-60}", "")]),
            ]
        );
    }

    #[test]
    fn balances_that_cannot_be_summed_are_unknown() {
        for (text, reason) in [
            ("{:type :ok, :f :transfer}", "no read returned, so nothing was tested"),
            (
                "{:type :ok, :f :read, :value [1 2]}",
                "entry 0 of the history (process 0, ok read): a read must return a map",
            ),
            (
                "{:type :ok, :f :read, :value {0 1.5}}",
                "entry 0 of the history (process 0, ok read): a balance is not an integer",
            ),
            (
                "{:type :ok, :f :read, :value {0 18446744073709551616000000000000000000000}}",
                "entry 0 of the history (process 0, ok read): a balance is too large to be summed: the limit is 2^100",
            ),
        ] {
            let verdict = verdict(&Bank::default(), &History::read(text.as_bytes()).expect("it is a history"));
            assert_eq!((verdict.valid, verdict.reason.as_deref()), (Valid::Unknown, Some(reason)));
        }
    }
}
