//! Speed of virtual time: messages per second in lockstep, and one minute of a Raft cluster, in three languages.
//!
//! The nodes are those of the fixtures. Build them first with `cargo build --release -p maelstrom-fixtures`. Languages that are
//! not installed are skipped with a notice.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use maelstrom::Scenario;

struct Case {
    workload: &'static str,
    what: &'static str,
    command: Option<Vec<PathBuf>>,
    nodes: u32,
    rate: f64,
    faults: Option<&'static str>,
}

fn main() {
    let fixture = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.parent()?.join("fixture")));
    let Some(fixture) = fixture.filter(|path| path.is_file()) else {
        return eprintln!("skipped: build the fixtures first (cargo build --release -p maelstrom-fixtures)");
    };
    let directory: PathBuf = std::env::temp_dir().join(format!("maelstrom-bench-{}", std::process::id()));
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let rust = |name: &str| Some(vec![fixture.clone(), name.into()]);
    let python = || Some(vec!["python3".into(), sources.join("python/raft.py")]);
    let go = || {
        let program = directory.with_extension("go");
        let built = Command::new("go")
            .current_dir(sources.join("go"))
            .env("GOFLAGS", "-mod=mod")
            .args(["build", "-o"])
            .arg(&program)
            .arg("./raft")
            .status();
        built.is_ok_and(|status| status.success()).then(|| vec![program])
    };
    let case = |workload, what, command, nodes, rate, faults| Case { workload, what, command, nodes, rate, faults };
    let partition = Some("partition");
    let cases = [
        case("echo", "Rust", rust("echo"), 5, 2000.0, None),
        case("broadcast", "Rust", rust("broadcast"), 25, 100.0, None),
        case("lin-kv", "Raft in Rust", rust("lin-kv-raft"), 5, 5.0, partition),
        case("lin-kv", "Raft in Rust", rust("lin-kv-raft"), 5, 100.0, partition),
        case("lin-kv", "Raft in Go", go(), 5, 5.0, partition),
        case("lin-kv", "Raft in Go", go(), 5, 100.0, partition),
        case("lin-kv", "Raft in Python", python(), 5, 5.0, partition),
        case("lin-kv", "Raft in Python", python(), 5, 100.0, partition),
    ];
    for case in cases {
        measure(&case, &directory);
    }
    let _ = std::fs::remove_file(directory.with_extension("go"));
}

fn measure(case: &Case, directory: &Path) {
    let Case { workload, what, nodes, rate, .. } = case;
    let label = format!("{workload:9} {what:14} {nodes:2} nodes, {rate:6} op/s");
    let Some(command) = &case.command else { return println!("{label}: skipped, it cannot be built") };
    let mut scenario = Scenario::new(*workload)
        .command(command)
        .nodes(*nodes)
        .rate(*rate)
        .seed(1u64)
        .time("virtual")
        .time_limit("60s")
        .directory(directory);
    if let Some(faults) = case.faults {
        scenario = scenario.nemesis(faults);
    }
    let began = Instant::now();
    let run = scenario.run();
    let took = began.elapsed().as_secs_f64();
    let _ = std::fs::remove_dir_all(directory);
    match run {
        Err(error) => println!("{label}: {error}"),
        Ok(run) => {
            let received = run.net.all.recv_count;
            println!(
                "{label}: {:5.1} virtual s in {took:6.3} s; {received:6} messages, {:6.0}/s; {:?}",
                run.duration as f64 / 1e9,
                received as f64 / took,
                run.verdict.valid()
            );
        }
    }
}
