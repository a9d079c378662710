//! Time and memory of the transactional checkers.
//!
//! `cargo bench -p maelstrom-test --bench txn`. Memory is counted by the allocator. *checker* is the peak of the checker
//! without the history; *streamed* is the total peak if entries are passed one by one and dropped.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use maelstrom::checker::txn::simulated::{Database, Isolation};
use maelstrom::checker::txn::{ListAppend, Options, RwRegister};
use maelstrom::checker::{CheckContext, Checker, Verdict};
use maelstrom::history::{History, Op, OpType};
use maelstrom::json::{Value, json};

/// An allocator that counts the memory in use and its peak.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn note(more: usize, less: usize) {
    let now = IN_USE.fetch_add(more, Ordering::Relaxed) + more - less;
    IN_USE.fetch_sub(less, Ordering::Relaxed);
    MOST.fetch_max(now, Ordering::Relaxed);
}

#[allow(unsafe_code)]
// SAFETY: every call is passed to the system allocator unchanged. Counting does not access the memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: the caller satisfies the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note(0, layout.size());
        // SAFETY: the caller satisfies the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size, layout.size());
        // SAFETY: the caller satisfies the contract of `realloc`.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn database(isolation: Isolation, registers: bool, transactions: usize) -> Database {
    let defaults = Database::default();
    Database { isolation, registers, transactions, processes: 20, keys: 10, p_abort: 0.01, p_info: 0.0, ..defaults }
}

/// Inserts transactions of new processes, given as (process, value), into the middle of a history.
fn plant(history: &mut History, txns: &[(u64, Value)]) {
    let middle = history.ops.len() / 2;
    let time = history.ops[middle].time;
    let entries = txns.iter().flat_map(|(process, value)| {
        [OpType::Invoke, OpType::Ok].map(|kind| Op { time, ..Op::new(0, kind, *process, "txn", value.clone()) })
    });
    history.ops.splice(middle..middle, entries.collect::<Vec<_>>());
    renumber(history);
}

fn renumber(history: &mut History) {
    history.ops.iter_mut().enumerate().for_each(|(at, op)| op.index = at as u64);
}

fn write_name(registers: bool) -> &'static str {
    if registers { "w" } else { "append" }
}

/// Adds a transaction that reads one write of another transaction, but not the other.
fn plant_single(history: &mut History, registers: bool) {
    let write = write_name(registers);
    let seen = if registers { json!(1) } else { json!([1]) };
    plant(
        history,
        &[
            (1_000_001, json!([[write, "x", 1], [write, "y", 1]])),
            (1_000_002, json!([["r", "x", seen], ["r", "y", null]])),
        ],
    );
}

/// Makes the first transaction read a write of the last one, so that all are one component.
fn close_the_ring(history: &mut History, registers: bool) {
    let value = if registers { json!(1) } else { json!([1]) };
    let entry = |kind, value: Value, time| Op { time, ..Op::new(0, kind, 1_000_000, "txn", value) };
    let (first, last) = (json!([["r", "end", value]]), json!([[write_name(registers), "end", 1]]));
    let end = history.ops[history.ops.len() - 1].time;
    let begin = [entry(OpType::Invoke, first.clone(), 0), entry(OpType::Ok, first, 0)];
    history.ops.splice(0..0, begin);
    history.ops.extend([entry(OpType::Invoke, last.clone(), end), entry(OpType::Ok, last, end)]);
    renumber(history);
}

fn checker(registers: bool) -> Box<dyn Checker> {
    let options = Options { wfr_keys: true, ..Options::default() };
    if registers { Box::new(RwRegister::new(options)) } else { Box::new(ListAppend::new(options)) }
}

fn megabytes(bytes: usize) -> usize {
    bytes / 1_000_000
}

fn report(name: &str, history: &History, registers: bool) {
    let before = IN_USE.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let checker = checker(registers);
    let start = Instant::now();
    let verdict = checker.check(history, &CheckContext::default());
    let elapsed = start.elapsed();
    let peak = MOST.load(Ordering::Relaxed) - before;
    println!(
        "{name:44} {:>9} {:>7.3} s   checker {:>4} MB   history {:>5} MB   {}",
        history.ops.len() / 2,
        elapsed.as_secs_f64(),
        megabytes(peak),
        megabytes(before),
        summary(&verdict)
    );
}

fn summary(verdict: &Verdict) -> String {
    let steps = |finding: &maelstrom::checker::Finding| format!("{} {}", finding.anomaly, finding.evidence.len());
    let shown: Vec<String> = verdict.findings.iter().take(3).map(steps).collect();
    let components = &verdict.details["component_count"];
    format!("{} ({components} components) {}", verdict.valid.to_json(), shown.join(", "))
}

/// Generates, streams and drops entries. Measures only the time in the checker.
fn report_streamed(database: &Database) {
    let before = IN_USE.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let (checker, context) = (ListAppend::default(), CheckContext::default());
    let mut stream = checker.stream(&context);
    let mut elapsed = Duration::ZERO;
    let mut batch: Vec<Op> = Vec::new();
    let mut take = |batch: &mut Vec<Op>| {
        let start = Instant::now();
        batch.iter().for_each(|op| stream.push(op));
        elapsed += start.elapsed();
        batch.clear();
    };
    database.run(|op| {
        batch.push(op);
        if batch.len() == 1_000 {
            take(&mut batch);
        }
    });
    take(&mut batch);
    let start = Instant::now();
    let verdict = stream.finish();
    elapsed += start.elapsed();
    let peak = MOST.load(Ordering::Relaxed) - before;
    println!(
        "{:44} {:>9} {:>7.3} s   streamed {:>4} MB                     {}",
        "list-append, streamed",
        database.transactions,
        elapsed.as_secs_f64(),
        megabytes(peak),
        summary(&verdict)
    );
}

fn main() {
    let largest = std::env::args().filter_map(|arg| arg.parse().ok()).max().unwrap_or(1_000_000);
    for transactions in [10_000, 100_000, 1_000_000].into_iter().filter(|count| *count <= largest) {
        report_streamed(&database(Isolation::StrictSerializable, false, transactions));
        for registers in [false, true] {
            let name = if registers { "rw-register" } else { "list-append" };
            let mut history = database(Isolation::StrictSerializable, registers, transactions).history();
            report(&format!("{name}, strict-serializable"), &history, registers);
            plant_single(&mut history, registers);
            report(&format!("{name}, one G-single planted"), &history, registers);
        }
    }
    for transactions in [5_000, 10_000, 20_000, 40_000] {
        for registers in [false, true] {
            let name = if registers { "rw-register" } else { "list-append" };
            let mut history = database(Isolation::StrictSerializable, registers, transactions).history();
            close_the_ring(&mut history, registers);
            report(&format!("{name}, one component (ring)"), &history, registers);
            let stale =
                Database { staleness: 5_000_000_000, ..database(Isolation::Serializable, registers, transactions) };
            report(&format!("{name}, one component (stale reads)"), &stale.history(), registers);
            for isolation in [Isolation::Serializable, Isolation::SnapshotIsolation, Isolation::ReadCommitted] {
                let history = database(isolation, registers, transactions).history();
                report(&format!("{name}, {isolation:?}"), &history, registers);
            }
        }
    }
}
