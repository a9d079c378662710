//! Programs that poll instead of waiting. Time passes for them as well.

use super::{Directory, MILLISECOND, Nanos, Path, SECOND, TestCluster, compile_c};

/// The ways to poll in `polling.c`.
const KINDS: &[&str] = &[
    "clock",
    "time of day",
    "short sleeps",
    "yield",
    "poll",
    "epoll",
    "read",
    "child",
    "calls",
    "timer",
    "alarm",
    "signals",
    "children",
    "ping-pong",
];

fn record(program: &Path, kind: &str) -> Vec<(Nanos, String)> {
    let mut cluster = TestCluster::new(1, 1, program, &[kind]);
    cluster.run_until(SECOND);
    cluster.send(0, "a second is over");
    cluster.run_until(10 * SECOND);
    assert_eq!(cluster.machine.nondeterminism(), [""; 0], "{kind}");
    cluster.output_in_ns()
}

#[test]
fn time_passes_for_every_program_that_polls() {
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "polling", include_str!("polling.c")) else { return };
    for kind in KINDS {
        let output = record(&program, kind);
        let lines: Vec<&str> = output.iter().map(|(_, line)| &**line).collect();
        assert_eq!(lines, ["n0 done", "n0 ended: exit status: 0"], "{kind}");
        // A node that does not come to rest is delayed for longer, so it notices later.
        let late = output[0].0.checked_sub(SECOND).unwrap_or_else(|| panic!("{kind}: {output:?}"));
        assert!(late <= 500 * MILLISECOND, "{kind}: {output:?}");
        assert_eq!(record(&program, kind), output, "{kind}");
    }
}
