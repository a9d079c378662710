//! Programs that ask again and again instead of waiting. Time passes for them as well.

use super::{Directory, Lab, MILLISECOND, Nanos, Path, SECOND, compile_c};

/// The ways in `polling.c`.
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
    let mut lab = Lab::new(1, 1, program, &[kind]);
    lab.run_until(SECOND);
    lab.send(0, "a second is over");
    lab.run_until(10 * SECOND);
    assert_eq!(lab.machine.nondeterminism(), [""; 0], "{kind}");
    lab.said_exactly()
}

#[test]
fn a_second_passes_for_every_program_that_polls() {
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "polling", include_str!("polling.c")) else { return };
    for kind in KINDS {
        let said = record(&program, kind);
        let lines: Vec<&str> = said.iter().map(|(_, line)| &**line).collect();
        assert_eq!(lines, ["n0 done", "n0 ended: exit status: 0"], "{kind}");
        // A node that never comes to rest pauses for longer, so it finds out later.
        let late = said[0].0.checked_sub(SECOND).unwrap_or_else(|| panic!("{kind}: {said:?}"));
        assert!(late <= 500 * MILLISECOND, "{kind}: {said:?}");
        assert_eq!(record(&program, kind), said, "{kind}");
    }
}
