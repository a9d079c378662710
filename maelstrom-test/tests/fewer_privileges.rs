//! Virtual time without the privileges of root. The tests start this program again, as another user or without namespaces.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::Path;
use std::process::Command;

use maelstrom::executor::virtual_time::{Event, Machine, MachineOptions, Program};

/// The environment variable of the program that is started again.
const CONFINED: &str = "MAELSTROM_TEST_CONFINED";
const SECOND: u64 = 1_000_000_000;

/// Runs a node. Returns its output with times in seconds, and the reasons why another run may differ.
fn record() -> (Vec<String>, Vec<String>) {
    let program = Program {
        path: Path::new("/bin/sh").into(),
        args: ["-c", "echo $$ $(pwd); sleep 3; echo slept; read line; echo got $line"].map(Into::into).into(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        dir: "/usr".into(),
        cwd: None,
        dir_variable: String::new(),
        stderr: "/dev/null".into(),
    };
    let mut machine = Machine::new(MachineOptions { seed: 1, nodes: vec!["n0".into()], preemption: false })
        .expect("virtual time needs no privileges");
    let (mut output, mut events) = (Vec::new(), Vec::new());
    machine.start(0, &program).expect("there is a shell");
    for time in [0, 2, 4, 6] {
        while let Some(next) = machine.next_timer().filter(|next| *next <= time * SECOND) {
            machine.run_until_quiescent(&mut events).expect("tracing works");
            machine.advance_to(next);
        }
        machine.advance_to(time * SECOND);
        if time == 4 {
            machine.deliver(0, b"mail\n").expect("there is room");
        }
        machine.run_until_quiescent(&mut events).expect("tracing works");
        output.extend(events.drain(..).map(|event| match event {
            Event::Line { line, .. } => format!("{time} {}", String::from_utf8_lossy(&line)),
            other => format!("{time} {other:?}"),
        }));
    }
    (output, machine.nondeterminism().to_vec())
}

/// Not a test: the process that the tests below start.
#[test]
fn confined() {
    if std::env::var_os(CONFINED).is_none() {
        return;
    }
    let (output, notes) = record();
    println!("output: {}", output.join(","));
    println!("notes: {}", notes.join(","));
}

/// Whether a command can run with this prefix.
fn is_possible(words: &[&str]) -> bool {
    let tried = Command::new(words[0]).args(&words[1..]).arg("true").output();
    let possible = tried.is_ok_and(|output| output.status.success());
    if !possible {
        eprintln!("skipped: `{}` is not possible on this machine", words.join(" "));
    }
    possible
}

/// Runs [`confined`] with this prefix and returns its output, or `None` if the prefix is not possible.
fn run_confined(words: &[&str]) -> Option<String> {
    let program = std::env::current_exe().expect("this program has a path");
    if !is_possible(words) {
        return None;
    }
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(program).args(["--exact", "confined", "--nocapture"]).env(CONFINED, "1");
    let output = command.output().expect("the prefix is possible");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    Some(printed)
}

#[test]
fn unprivileged_users_get_all_features() {
    let unprivileged = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    if !is_possible(&[&unprivileged[..], &["unshare", "--user", "--pid", "--mount", "--fork"]].concat()) {
        return;
    }
    let Some(printed) = run_confined(&unprivileged) else { return };
    assert!(printed.contains("output: 0 2 /tmp/maelstrom-node,4 slept,4 got mail,4 Exited"), "{printed}");
    assert!(printed.contains("notes: \n"), "{printed}");
}

#[test]
fn without_namespaces_notes_name_the_missing_features() {
    let script =
        "for kind in user pid mnt; do echo 0 > /proc/sys/user/max_${kind}_namespaces; done; exec \"$0\" \"$@\"";
    let Some(printed) = run_confined(&["unshare", "--user", "--map-root-user", "sh", "-c", script]) else { return };
    assert!(printed.contains(" /usr,4 slept,4 got mail,4 Exited"), "{printed}");
    assert!(printed.contains("notes: process ids differ between runs, because"), "{printed}");
    assert!(printed.contains("in different directories, because the system refuses to mount directories"), "{printed}");
}
