//! Known histories with known answers.
//!
//! The cases come from outside this repository; where they are missing, the tests say so and pass.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use crate::json::{Value, json};

use crate::history::{History, HistoryReader, Op};
use crate::txn::analysis::WorkloadAnalysis;
use crate::txn::anomaly::{Anomaly, AnomalySet};
use crate::txn::graph::{EdgeKind, EdgeSink};
use crate::txn::list_append::{ListAnalysis, PrefixTree};
use crate::txn::model::{Boundary, Model};
use crate::txn::rw_register::{RegisterAnalysis, Registers};
use crate::txn::store::{Answers, Store, StoreBuilder};
use crate::txn::{ListAppend, Options, Promise, RwRegister};
use crate::{CheckContext, Checker, Verdict};

fn corpus(file: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/corpora/transactions").join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: there is no {}", path.display());
    None
}

/// Parts of cases in which the original errs, or that it does not say, and what is right there.
///
/// All are about values that nobody wrote. The original takes any such value for granted; here it is `unexpected`, which
/// read-committed and all stronger models rule out, unless the options say that the database was not empty.
const DEVIATIONS: [(&str, &str); 6] = [
    ("rw-lin-unread", "x was read as 2, which nobody wrote: the original calls that valid, by its own account a bug"),
    ("rw-lin-cyclic", "x was read as 2, which nobody wrote, besides the cyclic versions"),
    ("rw-g2-rc", "x and y were read as 1 before anybody wrote them"),
    ("rw-g2-lin", "x and y were read as 1 before anybody wrote them"),
    ("rw-wfr-off", "y was read as 1, which nobody wrote"),
    ("rw-lost-update", "x was read as 0, which nobody wrote"),
];

/// Histories that the corpus names and does not hold.
const MISSING_FILES: [&str; 2] = ["la-file-huge-scc", "la-unfindable-g-single"];

fn cases(file: &str) -> Vec<Value> {
    let Some(path) = corpus(file) else { return Vec::new() };
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| crate::json::from_str(line).unwrap()).collect()
}

fn history_of(case: &Value) -> Option<History> {
    if let Some(file) = case["history_file"].as_str() {
        let path = corpus(file.strip_prefix("histories/").unwrap_or(file))?;
        let reader = HistoryReader::new(BufReader::new(File::open(path).unwrap())).unwrap();
        return Some(History { ops: reader.collect::<Result<_, _>>().unwrap() });
    }
    case["history"].as_array().map(|entries| history(entries))
}

fn history(entries: &[Value]) -> History {
    let lines: Vec<String> = entries.iter().map(Value::to_string).collect();
    let reader = HistoryReader::new(lines.join("\n").into_bytes().leak() as &[u8]).unwrap();
    History { ops: reader.collect::<Result<_, _>>().unwrap() }
}

fn options(case: &Value) -> Options {
    let given = &case["options"];
    let strings = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(|name| name.as_str().unwrap().into()).collect()
    };
    let is_on = |name: &str| given[name].as_bool().unwrap_or(false);
    let order = |order: &crate::json::Map<String, Value>| -> BTreeMap<u64, crate::json::Number> {
        order.iter().map(|(index, place)| (index.parse().unwrap(), place.as_number().unwrap().clone())).collect()
    };
    Options {
        promise: Promise::new(&strings(&given["consistency_models"]), &strings(&given["anomalies"])).unwrap(),
        preloaded: false,
        wfr_keys: is_on("wfr_keys"),
        sequential_keys: is_on("sequential_keys"),
        linearizable_keys: is_on("linearizable_keys"),
        transaction_order: given["transaction_order"].as_object().map(order),
        order_key: None,
    }
}

fn check(case: &Value, history: &History, options: Options) -> Verdict {
    match case["workload"].as_str() {
        Some("list-append") => ListAppend::new(options).check(history, &CheckContext::default()),
        _ => RwRegister::new(options).check(history, &CheckContext::default()),
    }
}

fn store<A: Answers>(history: &History) -> Store<A> {
    let mut builder = StoreBuilder::default();
    history.ops.iter().for_each(|op| builder.push(op));
    builder.finish()
}

/// A cycle without its last vertex, beginning with its smallest.
fn rotated(cycle: &Value) -> Vec<u64> {
    let mut labels: Vec<u64> = cycle.as_array().unwrap().iter().map(|label| label.as_u64().unwrap()).collect();
    labels.pop();
    let smallest = (0..labels.len()).min_by_key(|at| labels[*at]).unwrap();
    labels.rotate_left(smallest);
    labels
}

/// What of the expectation the verdict does not meet.
fn compare(case: &Value, verdict: &Verdict) -> Vec<String> {
    let expected = &case["expected"];
    let mut wrong = Vec::new();
    let mut expect = |what: &str, actual: &Value, wanted: &Value| {
        if !wanted.is_null() && actual != wanted {
            wrong.push(format!("{}: {what} is {actual}, not {wanted}", case["id"]));
        }
    };
    expect("valid", &verdict.valid.to_json(), &expected["valid"]);
    let types = if expected["anomaly_types"].is_null() { &json!([]) } else { &expected["anomaly_types"] };
    expect("anomaly_types", &verdict.details["anomaly_types"], types);
    expect("not", &verdict.details["not"], &expected["not"]);
    for (kind, cycles) in expected["cycles"].as_object().into_iter().flatten() {
        let found = verdict.details["anomalies"][kind].as_array().cloned().unwrap_or_default();
        let found: Vec<Vec<u64>> = found.iter().map(|entry| rotated(&entry["cycle"])).collect();
        let wanted: Vec<Vec<u64>> = cycles.as_array().unwrap().iter().map(rotated).collect();
        expect(kind, &json!(found), &json!(wanted));
    }
    let anomalies = &verdict.details["anomalies"];
    expect("incompatible-order", &anomalies["incompatible-order"], &expected["incompatible_order"]);
    expect("dirty-update", &anomalies["dirty-update"], &expected["dirty_update"]);
    expect("cyclic-versions", &anomalies["cyclic-versions"], &expected["cyclic_versions"]);
    wrong
}

fn whole_verdicts(file: &str) {
    let mut wrong = Vec::new();
    for case in cases(file) {
        let id = case["id"].as_str().unwrap();
        let is_verdict = case["options"]["function"].is_null() && case["options"]["graph"].is_null();
        if !is_verdict || case["expected"]["valid"].is_null() {
            continue;
        }
        let Some(history) = history_of(&case) else {
            assert!(MISSING_FILES.contains(&id), "{id} has no history");
            continue;
        };
        let deviates = DEVIATIONS.iter().any(|(deviating, _)| *deviating == id);
        if deviates {
            let verdict = check(&case, &history, options(&case));
            assert_eq!(verdict.valid, crate::Valid::False, "{id}");
            assert!(verdict.details["anomaly_types"].as_array().unwrap().contains(&json!("unexpected")), "{id}");
        }
        wrong.extend(compare(&case, &check(&case, &history, Options { preloaded: deviates, ..options(&case) })));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn verdicts_of_list_append() {
    whole_verdicts("list_append_cases.jsonl");
}

#[test]
fn verdicts_of_rw_register() {
    whole_verdicts("rw_register_cases.jsonl");
}

/// The cases about one kind of anomaly: what is found of it, operation by operation.
fn single_functions(file: &str) {
    for case in cases(file).iter().filter(|case| case["options"]["function"].is_string()) {
        let verdict = check(case, &history_of(case).unwrap(), Options { preloaded: true, ..Options::default() });
        let found = &verdict.details["anomalies"];
        let result = &case["expected"]["result"];
        let expected = match (case["options"]["function"].as_str().unwrap(), result) {
            ("g1a", Value::Array(_)) => json!({"G1a": result}),
            ("g1b", Value::Array(_)) => json!({"G1b": result}),
            ("internal", Value::Array(_)) => json!({"internal": result}),
            _ => result.clone(),
        };
        for kind in ["G1a", "G1b", "internal", "future-read"] {
            let concerns = match case["options"]["function"].as_str().unwrap() {
                "internal" => matches!(kind, "internal" | "future-read"),
                function => kind.eq_ignore_ascii_case(function),
            };
            let wanted: Vec<Value> = expected[kind].as_array().cloned().unwrap_or_default();
            let actual: Vec<Value> = found[kind].as_array().cloned().unwrap_or_default();
            assert!(!concerns || covers(&actual, &wanted), "{}: {kind} is {actual:?}, not {wanted:?}", case["id"]);
        }
    }
}

/// Whether the lists are equal in the fields that are wanted.
fn covers(actual: &[Value], wanted: &[Value]) -> bool {
    let covers = |(actual, wanted): (&Value, &Value)| {
        wanted.as_object().unwrap().iter().all(|(key, value)| actual.get(key) == Some(value))
    };
    actual.len() == wanted.len() && actual.iter().zip(wanted).all(covers)
}

#[test]
fn single_anomalies_of_list_append() {
    single_functions("list_append_cases.jsonl");
}

#[test]
fn single_anomalies_of_rw_register() {
    single_functions("rw_register_cases.jsonl");
}

/// Edges by the indices of the transactions, without kinds.
struct Edges {
    kinds: &'static [EdgeKind],
    edges: BTreeSet<(u32, u32)>,
}

impl<R: Copy> EdgeSink<R> for Edges {
    fn edge(&mut self, from: u32, to: u32, kind: EdgeKind, _: R) {
        if from != to && self.kinds.contains(&kind) {
            self.edges.insert((from, to));
        }
    }

    fn all_pairs(&mut self, from: &[u32], to: &[u32], kind: EdgeKind, reason: R) {
        for from in from {
            to.iter().for_each(|to| self.edge(*from, *to, kind, reason));
        }
    }
}

fn edges_of<A: WorkloadAnalysis>(analysis: &A, graph: &str) -> BTreeSet<(u32, u32)> {
    let kinds: &[EdgeKind] = if graph == "wr" { &[EdgeKind::Wr] } else { &[EdgeKind::Ww, EdgeKind::Wr, EdgeKind::Rw] };
    let mut edges = Edges { kinds, edges: BTreeSet::new() };
    for key in 0..analysis.store().values.interner.len() as u32 {
        analysis.key_edges(key, &mut edges);
    }
    edges.edges
}

#[test]
fn graphs_of_list_append() {
    for case in cases("list_append_cases.jsonl") {
        let Some(graph) = case["options"]["graph"].as_str() else { continue };
        let store: Store<PrefixTree> = store(&history_of(&case).unwrap());
        let edges = edges_of(&ListAnalysis::new(&store, &Options { preloaded: true, ..Options::default() }), graph);
        assert_eq!(json!(edges), case["expected"]["edges"], "{}", case["id"]);
    }
}

#[test]
fn graphs_of_rw_register() {
    for case in cases("rw_register_cases.jsonl") {
        let Some(graph) = case["options"]["graph"].as_str() else { continue };
        let store: Store<Registers> = store(&history_of(&case).unwrap());
        let edges = edges_of(&RegisterAnalysis::new(&store, &Options::default()), graph);
        // The cases have two transactions each and are about a cycle of them.
        assert_eq!(edges, BTreeSet::from([(0, 1), (1, 0)]), "{}", case["id"]);
        assert_eq!(case["expected"]["acyclic"], json!(false));
    }
}

/// The cases give an order of transactions as a graph; here it is turned into times: every transaction begins after
/// those that lead to it have ended. Parts of the graph that are not connected become histories of their own.
fn histories_in_time(graph: &Value) -> Vec<History> {
    let mut ops: BTreeMap<u64, Value> = BTreeMap::new();
    let mut edges: Vec<(u64, u64)> = Vec::new();
    for entry in graph.as_array().unwrap() {
        let from = entry[0]["index"].as_u64().unwrap();
        ops.insert(from, entry[0].clone());
        for to in entry[1].as_array().unwrap() {
            edges.push((from, to["index"].as_u64().unwrap()));
            ops.insert(edges[edges.len() - 1].1, to.clone());
        }
    }
    let mut part: BTreeMap<u64, u64> = ops.keys().map(|index| (*index, *index)).collect();
    let mut depth: BTreeMap<u64, usize> = ops.keys().map(|index| (*index, 0)).collect();
    for _ in 0..ops.len() {
        for (from, to) in &edges {
            let joined = part[from].min(part[to]);
            part.insert(*from, joined);
            part.insert(*to, joined);
            depth.insert(*to, depth[to].max(depth[from] + 1));
        }
    }
    let parts: BTreeSet<u64> = part.values().copied().collect();
    let history_of = |number: u64| {
        let mut entries = Vec::new();
        for level in 0..ops.len() {
            let mut members: Vec<(usize, Value)> = Vec::new();
            for (process, (index, op)) in ops.iter().enumerate() {
                if part[index] == number && depth[index] == level {
                    members.push((process, op.clone()));
                }
            }
            for kind in ["invoke", ""] {
                for (process, op) in &mut members {
                    let mut op = op.clone();
                    op["process"] = json!(*process);
                    if kind == "invoke" {
                        op["type"] = json!(kind);
                    }
                    entries.push(op);
                }
            }
        }
        history(&entries)
    };
    parts.into_iter().map(history_of).collect()
}

#[test]
fn version_graphs_of_rw_register() {
    for case in cases("rw_register_cases.jsonl").iter().filter(|case| !case["txn_graph"].is_null()) {
        let mut found: BTreeMap<String, BTreeSet<(u64, u64)>> = BTreeMap::new();
        for history in histories_in_time(&case["txn_graph"]) {
            let store: Store<Registers> = store(&history);
            let options = Options { linearizable_keys: true, ..Options::default() };
            let number = |version: u32| store.values.value_json(version).as_u64();
            let analysis = RegisterAnalysis::new(&store, &options);
            let keys = 0..store.values.interner.len() as u32;
            for (before, after, _) in keys.flat_map(|key| analysis.version_edges(key)) {
                if let (Some(before_value), Some(after)) = (number(*before), number(*after)) {
                    let key = store.key_json(store.values.key_of(*before)).as_str().unwrap().to_owned();
                    found.entry(key).or_default().insert((before_value, after));
                }
            }
        }
        assert_eq!(json!(found), case["expected"]["version_edges"], "{}", case["id"]);
    }
}

#[test]
fn the_example_of_the_paper_is_a_g_single() {
    let case = json!({"history_file": "paper-example.edn", "workload": "list-append"});
    let Some(history) = history_of(&case) else { return };
    let options = Options { promise: "serializable".parse().unwrap(), ..Options::default() };
    let verdict = check(&case, &history, options);
    assert_eq!(verdict.details["anomaly_types"], json!(["G-single-item"]));
}

#[test]
fn the_lattice_is_the_known_one() {
    let Some(path) = corpus("models.json") else { return };
    let models: Value = crate::json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let names: BTreeSet<&str> = Model::names().collect();
    assert_eq!(names.len(), 54);
    assert_eq!(json!(names), json!(strings(&models["all_models"])));
    for (alias, canonical) in models["canonical_names"].as_object().unwrap() {
        assert_eq!(Model::named(alias), Model::named(canonical.as_str().unwrap()));
    }
    for (canonical, friendly) in models["friendly_names"].as_object().unwrap() {
        assert_eq!(Model::named(canonical).unwrap().long_name(), friendly.as_str().unwrap());
    }
    for (name, implied) in models["all_implied"].as_object().unwrap() {
        let model = Model::named(name).unwrap();
        for other in Model::all() {
            let is_implied = strings(implied).iter().any(|name| Model::named(name) == Ok(other));
            assert_eq!(model.implies(other), is_implied || other == model, "{name} -> {other:?}");
        }
    }
    for (name, proscribed) in models["all_prohibited_anomalies"].as_object().unwrap() {
        let mut expected: AnomalySet = strings(proscribed).iter().filter_map(|name| known_anomaly(name)).collect();
        // A value that nobody wrote is one that nobody committed.
        if expected.contains(Anomaly::G1A) {
            expected.insert(Anomaly::UNEXPECTED);
        }
        assert_eq!(Model::named(name).unwrap().proscribed(), expected, "{name}");
    }
}

#[test]
fn boundaries_of_single_anomalies_are_the_known_ones() {
    let Some(path) = corpus("models.json") else { return };
    let models: Value = crate::json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for (name, expected) in models["boundary_of_single_anomaly"].as_object().unwrap() {
        let Some(anomaly) = known_anomaly(name) else { continue };
        let boundary = Boundary::around(|model| model.proscribed().contains(anomaly));
        assert_eq!(json!(boundary.not), expected["not"], "{name}");
        assert_eq!(json!(boundary.also_not), expected["also_not"], "{name}");
    }
}

#[test]
fn implications_of_anomalies_are_the_known_ones() {
    let Some(path) = corpus("models.json") else { return };
    let models: Value = crate::json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for (name, implied) in models["implied_anomalies_direct"].as_object().unwrap() {
        let Some(anomaly) = known_anomaly(name) else { continue };
        for other in strings(implied) {
            assert!(known_anomaly(&other).is_none_or(|other| anomaly.implies(other)), "{name} -> {other}");
        }
    }
}

/// All but the original's placeholders for cycles that it did not find (`…-cycle-exists`), and its second spelling of
/// `G-SIb` (`GSIb`).
fn known_anomaly(name: &str) -> Option<Anomaly> {
    if name.ends_with("-cycle-exists") || name.starts_with("GSI") {
        return None;
    }
    Some(Anomaly::named(name).unwrap_or_else(|error| panic!("{error}")))
}

fn strings(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap().into()).collect()
}

#[test]
fn op_positions_reach_the_evidence() {
    let ops: Vec<Op> = history(&[
        json!({"type": "invoke", "process": 0, "value": [["append", "x", 1]], "index": 10}),
        json!({"type": "fail", "process": 0, "value": null, "index": 11}),
        json!({"type": "ok", "process": 1, "value": [["r", "x", [1]]], "index": 12}),
    ])
    .ops;
    let verdict = ListAppend::default().check(&History { ops }, &CheckContext::default());
    let evidence = &verdict.findings[0].evidence;
    assert_eq!(
        evidence.iter().map(|line| (line.invocation, line.completion)).collect::<Vec<_>>(),
        [(None, Some(2)), (Some(0), Some(1))]
    );
    assert_eq!(verdict.details["anomalies"]["G1a"][0]["writer"], json!(11));
}
