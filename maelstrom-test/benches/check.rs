//! Time and memory of `maelstrom check` for long histories.
//!
//! `cargo bench -p maelstrom-test --features cli --bench check`. Numbers of operations can follow after `--`; the defaults are
//! half a million and five million. The histories are written to the target directory, with 260 bytes per operation, and
//! removed afterwards. Memory is the peak of the process (`VmHWM`, on Linux only).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use maelstrom::checker::txn::simulated::Database;
use maelstrom::history::{HistoryFormat, HistoryWriter, Op, OpType};
use maelstrom::json::{Value, json};
use maelstrom::random::Rng;
use rand::{RngExt, SeedableRng};

const PROCESSES: u64 = 20;
/// The number of operations on a register before the clients use the next one.
const OPERATIONS_PER_KEY: u64 = 200;

fn main() {
    let mut sizes: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![500_000, 5_000_000];
    }
    for operations in sizes {
        for (workload, write) in [
            ("txn-list-append", lists as fn(usize, &mut dyn FnMut(Op))),
            ("txn-rw-register", registers),
            ("lin-kv", lin_kv),
        ] {
            let file = path(workload);
            let out = File::create(&file).expect("the target folder can be written");
            let mut out = HistoryWriter::new(out, HistoryFormat::JsonLines);
            write(operations, &mut |op| out.write(&op).expect("the disk has room"));
            out.flush().expect("the disk has room");
            report(workload, operations, &file);
            fs::remove_file(&file).expect("it is there");
        }
    }
}

fn path(workload: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-check-{workload}.jsonl"))
}

fn database(transactions: usize, registers: bool) -> Database {
    Database { transactions, registers, processes: PROCESSES, keys: 10, p_info: 0.0, ..Database::default() }
}

fn lists(operations: usize, sink: &mut dyn FnMut(Op)) {
    database(operations, false).run(sink);
}

fn registers(operations: usize, sink: &mut dyn FnMut(Op)) {
    database(operations, true).run(sink);
}

/// Generates reads, writes and compare-and-sets that take effect at their completion.
fn lin_kv(operations: usize, sink: &mut dyn FnMut(Op)) {
    let mut random = Rng::seed_from_u64(1);
    let (mut index, mut state) = (0, Value::Null);
    let mut open = vec![None; PROCESSES as usize];
    let mut emit = |kind, process, f: &str, value| {
        sink(Op { time: index * 1000, ..Op::new(index, kind, process, f, value) });
        index += 1;
    };
    let (mut begun, mut ended) = (0, 0);
    while ended < operations as u64 {
        let process = random.random_range(0..PROCESSES);
        match open[process as usize].take() {
            None if begun < operations as u64 => {
                let key = begun / OPERATIONS_PER_KEY;
                if begun.is_multiple_of(OPERATIONS_PER_KEY) && open.iter().any(Option::is_some) {
                    // The next key begins when no operation on the last one is open, so one state is sufficient for all keys.
                    continue;
                }
                if begun.is_multiple_of(OPERATIONS_PER_KEY) {
                    state = Value::Null;
                }
                begun += 1;
                let (f, value) = match random.random_range(0..4) {
                    0 | 1 => ("read", json!([key, null])),
                    2 => ("write", json!([key, begun])),
                    _ => ("cas", json!([key, [state, begun]])),
                };
                emit(OpType::Invoke, process, f, value.clone());
                open[process as usize] = Some((f, value));
            }
            None => {}
            Some((f, mut value)) => {
                ended += 1;
                let mut kind = OpType::Ok;
                match f {
                    "read" => value[1] = state.clone(),
                    "write" => state = value[1].clone(),
                    _ if value[1][0] == state => state = value[1][1].clone(),
                    _ => kind = OpType::Fail,
                }
                emit(kind, process, f, value);
            }
        }
    }
}

fn report(workload: &str, operations: usize, file: &Path) {
    let size = fs::metadata(file).expect("it was written").len();
    let start = Instant::now();
    let mut check = Command::new(env!("CARGO_BIN_EXE_maelstrom"));
    let check = check.args(["check", "--workload", workload]).arg(file).stdout(Stdio::null());
    let mut check = check.spawn().expect("the program can be started");
    let status = format!("/proc/{}/status", check.id());
    let mut peak = None;
    let code = loop {
        if let Some(status) = check.try_wait().expect("it is our child") {
            break status.code();
        }
        peak = high_water(&status).or(peak);
        std::thread::sleep(Duration::from_millis(5));
    };
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(code, Some(0), "the history is valid");
    let peak = peak.map_or("unknown".into(), |kilobytes| {
        let bytes = kilobytes * 1024;
        format!("{} MB, {} bytes per operation", bytes / 1_000_000, bytes / operations as u64)
    });
    println!("{workload:16} {operations:>9} operations   {:>5} MB   {seconds:>6.1} s   peak {peak}", size / 1_000_000);
}

/// Returns the peak memory of a process, in units of 1024 bytes.
fn high_water(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
