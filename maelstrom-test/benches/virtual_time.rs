//! How fast virtual time is: messages per second in lockstep, and a Raft cluster's minute.
//!
//! The nodes are those of the fixtures: `cargo build --release -p maelstrom-fixtures` first.

use std::path::PathBuf;
use std::time::Instant;

use maelstrom::Scenario;

fn main() {
    let fixture = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.parent()?.join("fixture")));
    let Some(fixture) = fixture.filter(|path| path.is_file()) else {
        return eprintln!("skipped: build the fixtures first (cargo build --release -p maelstrom-fixtures)");
    };
    for (workload, node, nodes, rate, faults) in [
        ("echo", "echo", 5, 2000.0, None),
        ("broadcast", "broadcast", 25, 100.0, None),
        ("lin-kv", "lin-kv", 5, 5.0, Some("partition")),
        ("lin-kv", "lin-kv", 5, 100.0, Some("partition")),
    ] {
        let directory: PathBuf = std::env::temp_dir().join(format!("maelstrom-bench-{}", std::process::id()));
        let mut scenario = Scenario::new(workload)
            .bin(&fixture)
            .args([node])
            .nodes(nodes)
            .rate(rate)
            .seed(1)
            .time("virtual")
            .time_limit("60s")
            .directory(&directory);
        if let Some(faults) = faults {
            scenario = scenario.nemesis(faults);
        }
        let began = Instant::now();
        let run = scenario.run();
        let took = began.elapsed().as_secs_f64();
        let _ = std::fs::remove_dir_all(&directory);
        match run {
            Err(error) => println!("{workload:10} {nodes:2} nodes: {error}"),
            Ok(run) => {
                let received = run.net.all.recv_count;
                println!(
                    "{workload:10} {nodes:2} nodes, {rate:5} op/s: {:5.1} virtual s in {took:.3} s; {received} messages, {:.0}/s; {:?}",
                    run.duration as f64 / 1e9,
                    received as f64 / took,
                    run.verdict.valid()
                );
            }
        }
    }
}
