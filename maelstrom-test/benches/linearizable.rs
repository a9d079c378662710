//! Time of the linearizability checker: `cargo bench --bench linearizable`.
//!
//! Each line has the minimum and the median of several complete checks, from a parsed history to a verdict with its
//! explanation. The recorded histories are measured if their directory exists.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use maelstrom::checker::linearizable::Linearizable;
use maelstrom::checker::{CheckContext, Checker, Valid};
use maelstrom::history::{History, Op, OpType};
use maelstrom::json::{Value, json};
use maelstrom::random::Rng;
use rand::{RngExt, SeedableRng};

const ROUNDS: usize = 7;

fn main() {
    recorded();
    for (name, mix) in [("values 0 to 4", Mix::SmallDomain), ("unique values", Mix::Unique)] {
        for indeterminate in [0.0, 0.001] {
            let history = simulate(100_000, 10, mix, indeterminate, 1);
            let name = format!("one key, 10 clients, {name}, {}% info", indeterminate * 100.0);
            single(&name, &history, Valid::True);
        }
        let history = with_stale_read(simulate(100_000, 10, mix, 0.0, 1));
        single(&format!("the same, {name}, with a stale read near the end"), &history, Valid::False);
    }
    let history = simulate(20_000, 10, Mix::SmallDomain, 0.01, 1);
    single("one key, 10 clients, values 0 to 4, 1% info", &history, Valid::True);
    let history = simulate(100_000, 25, Mix::SmallDomain, 0.0, 1);
    single("one key, 25 clients, values 0 to 4, 0% info", &history, Valid::True);
}

fn single(name: &str, history: &History, expected: Valid) {
    let checker = Linearizable::register();
    let operations = history.pairs().len();
    measure(name, operations, || assert_eq!(checker.check(history, &CheckContext::default()).valid, expected));
}

fn measure(name: &str, operations: usize, mut run: impl FnMut()) {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        run();
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!("{:9.2} ms (median {:9.2})  {operations:>7} operations  {name}", ms(times[0]), ms(times[ROUNDS / 2]));
}

/// Measures all recorded histories.
fn recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora/linearizable");
    let Ok(index) = std::fs::read_to_string(folder.join("index.jsonl")) else {
        println!("no recorded histories in {}", folder.display());
        return;
    };
    let rows: Vec<Value> = index.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let histories: Vec<(Linearizable, History)> = rows
        .iter()
        .map(|row| {
            let history = load(&folder.join(row["file"].as_str().expect("a file name")));
            match &row["initial"] {
                Value::Null => (Linearizable::register(), history),
                initial => (Linearizable::register().initial(initial.clone()).ignoring_null_reads(), history),
            }
        })
        .collect();
    let operations = histories.iter().map(|(_, history)| history.pairs().len()).sum();
    measure(&format!("{} recorded histories", histories.len()), operations, || {
        for (checker, history) in &histories {
            black_box(checker.check(history, &CheckContext::default()));
        }
    });
}

fn load(path: &PathBuf) -> History {
    let text = std::fs::read_to_string(path).expect("the history can be read");
    let ops = text.lines().enumerate().map(|(index, line)| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let kind: OpType = maelstrom::json::from_value(&line["type"]).expect("a type");
        let process = line["process"].as_u64().expect("a process");
        Op::new(index as u64, kind, process, line["f"].as_str().expect("a function"), line["value"].clone())
    });
    History { ops: ops.collect() }
}

#[derive(Clone, Copy)]
enum Mix {
    /// Reads, writes and compare-and-sets of five values; most compare-and-sets fail.
    SmallDomain,
    /// Every write has a unique value. Compare-and-sets expect a recent value.
    Unique,
}

/// The state of a client.
struct Client {
    process: u64,
    f: &'static str,
    argument: Value,
    takes_effect: u64,
    returns: u64,
    result: Option<(OpType, Value)>,
}

/// Generates a history of busy clients of a correct register.
fn simulate(operations: usize, clients: u64, mix: Mix, indeterminate: f64, seed: u64) -> History {
    let mut rng = Rng::seed_from_u64(seed);
    let mut ops: Vec<Op> = Vec::new();
    let mut register = Value::Null;
    let mut fresh = 0;
    let mut next_process = clients;
    let mut invoked = 0;
    let mut invoke = |process: u64, now: u64, register: &Value, ops: &mut Vec<Op>, rng: &mut Rng| {
        let mut value = || match mix {
            Mix::SmallDomain => json!(rng.random_range(0..=4)),
            Mix::Unique => {
                fresh += 1;
                json!(fresh)
            }
        };
        let (to, from) = (value(), value());
        let from = if let Mix::Unique = mix { register.clone() } else { from };
        let (f, argument) = match rng.random_range(0..3) {
            0 => ("read", Value::Null),
            1 => ("write", to),
            _ => ("cas", json!([from, to])),
        };
        ops.push(Op::new(ops.len() as u64, OpType::Invoke, process, f, argument.clone()));
        let takes_effect = now + rng.random_range(1..1000);
        let returns = takes_effect + rng.random_range(1..1000);
        Client { process, f, argument, takes_effect, returns, result: None }
    };
    let mut busy: Vec<Client> =
        (0..clients).map(|process| invoke(process, process, &register, &mut ops, &mut rng)).collect();
    while invoked < operations {
        let at = |client: &Client| if client.result.is_none() { client.takes_effect } else { client.returns };
        let client = busy.iter_mut().min_by_key(|client| at(client)).expect("there are clients");
        let Some((kind, value)) = client.result.take() else {
            client.result = Some(apply(client.f, &client.argument, &mut register));
            continue;
        };
        let now = client.returns;
        let lost = rng.random_bool(indeterminate);
        let kind = if lost { OpType::Info } else { kind };
        ops.push(Op::new(
            ops.len() as u64,
            kind,
            client.process,
            client.f,
            if lost { client.argument.clone() } else { value },
        ));
        if lost {
            client.process = next_process;
            next_process += 1;
        }
        invoked += 1;
        *client = invoke(client.process, now, &register, &mut ops, &mut rng);
    }
    History { ops }
}

fn apply(f: &str, argument: &Value, register: &mut Value) -> (OpType, Value) {
    match f {
        "read" => (OpType::Ok, register.clone()),
        "write" => {
            *register = argument.clone();
            (OpType::Ok, argument.clone())
        }
        _ if *register == argument[0] => {
            *register = argument[1].clone();
            (OpType::Ok, argument.clone())
        }
        _ => (OpType::Fail, argument.clone()),
    }
}

/// Appends a write after all operations, and a read that does not return it.
fn with_stale_read(mut history: History) -> History {
    let tail = [
        (OpType::Invoke, "write", json!(-1)),
        (OpType::Ok, "write", json!(-1)),
        (OpType::Invoke, "write", json!(-2)),
        (OpType::Ok, "write", json!(-2)),
        (OpType::Invoke, "read", Value::Null),
        (OpType::Ok, "read", json!(-1)),
    ];
    for (kind, f, value) in tail {
        history.ops.push(Op::new(history.ops.len() as u64, kind, 1_000_000, f, value));
    }
    history
}
