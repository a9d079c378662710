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

/// Programs that sleep a millisecond in each round of a loop.
#[test]
fn sleeps_between_polls_are_coalesced_only_if_nothing_happens() {
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "coalescing", include_str!("coalescing.c")) else { return };
    let last = |kind: &str| {
        let mut cluster = TestCluster::new(1, 1, &program, &[kind]);
        cluster.run_until(10 * SECOND);
        assert_eq!(cluster.machine.nondeterminism(), [""; 0], "{kind}");
        let output = cluster.output_in_ns();
        let lines: Vec<&str> = output.iter().map(|(_, line)| &**line).filter(|line| !line.contains("tick")).collect();
        lines.join(", ")
    };
    // Only deadlines of their own are noticed late.
    let expected = [
        ("only sleeps", "n0 1000 ms"),
        ("prints", "n0 1000 ms"),
        ("deadline", "n0 1005 ms"),
        ("select without files", "n0 1005 ms"),
        ("thread", "n0 1000 ms"),
        ("signal", "n0 1002 ms"),
        ("zero", "n0 0 changes, n0 1003 ms"),
    ];
    for (kind, output) in expected {
        assert_eq!((kind, &*last(kind)), (kind, &*format!("{output}, n0 ended: exit status: 0")));
    }
}

/// A message is handled where the program would have looked next if its sleeps were not coalesced.
#[test]
fn coalesced_sleeps_do_not_delay_messages() {
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "coalescing", include_str!("coalescing.c")) else { return };
    let mut cluster = TestCluster::new(1, 1, &program, &["input"]);
    // The first message finds short sleeps, the others find long ones.
    let times = [10_300_000, 600_300_000, 603_000_000, 1_601_900_000];
    for (number, time) in times.into_iter().enumerate() {
        cluster.run_until(time);
        cluster.send(0, &number.to_string());
    }
    cluster.run_until(2 * SECOND);
    let late_us = |((time, _), sent): (&(Nanos, String), Nanos)| (time - sent) / 1_000;
    let late: Vec<u64> = cluster.output_in_ns().iter().zip(times).map(late_us).collect();
    assert_eq!(late, [700, 700, 0, 100]);
}
