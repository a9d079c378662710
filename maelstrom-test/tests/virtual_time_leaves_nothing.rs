//! Many runs in virtual time in one process leave no process, descriptor or thread.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::Path;

use maelstrom::executor::virtual_time::{Machine, MachineOptions, Program};

fn entries(directory: &str) -> usize {
    std::fs::read_dir(directory).expect("/proc is there").count()
}

/// Returns the numbers of descriptors and threads of this process, and its children.
fn resources() -> (usize, usize, String) {
    let children = format!("/proc/self/task/{}/children", std::process::id());
    (entries("/proc/self/fd"), entries("/proc/self/task"), std::fs::read_to_string(children).unwrap_or_default())
}

fn one_run(seed: u64) {
    let program = Program {
        path: Path::new("/bin/sh").into(),
        args: vec!["-c".into(), "setsid sleep 1000 & sleep 1 | cat; while read line; do echo $line; done".into()],
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        dir: "/".into(),
        cwd: None,
        dir_variable: String::new(),
        stderr: "/dev/null".into(),
    };
    let names = vec!["n0".into(), "n1".into()];
    let mut machine =
        Machine::new(MachineOptions { seed, nodes: names, preemption: false }).expect("virtual time is possible here");
    let mut events = Vec::new();
    for node in 0..2 {
        machine.start(node, &program).expect("there is a shell");
    }
    machine.run_until_quiescent(&mut events).expect("tracing works");
    machine.kill(0);
    machine.start(0, &program).expect("there is a shell");
    machine.deliver(1, b"hello\n").expect("there is room");
    machine.advance_to(2_000_000_000);
    machine.run_until_quiescent(&mut events).expect("tracing works");
    assert_eq!(events.len(), 1, "{events:?}");
}

#[test]
fn two_hundred_runs_leave_no_resources() {
    std::thread::spawn(|| one_run(0)).join().expect("the first run");
    let before = resources();
    std::thread::spawn(|| (1..=200).for_each(one_run)).join().expect("all runs");
    assert_eq!(resources(), before);
}
