//! Children that are that several threads start and wait for.

use super::{Directory, SECOND, TestCluster, compile_c};

#[test]
fn every_call_waits_for_children_from_any_thread() {
    let directory = Directory::new();
    let text = format!("{}\n{}", include_str!("prelude.c"), include_str!("children.c"));
    let Some(program) = compile_c(&directory, "children", &text) else { return };
    let mut cluster = TestCluster::new(1, 1, &program, &[]);
    cluster.run_until(10 * SECOND);
    let output: Vec<String> =
        cluster.output().iter().filter_map(|line| Some(line.split_once(" n0 ")?.1.to_owned())).collect();
    let each = |way: &str, answers: &[&str]| -> Vec<String> {
        let of_one_thread = answers.iter().map(|answer| format!("{way} {answer}"));
        of_one_thread.clone().chain(of_one_thread).collect()
    };
    let one_round: Vec<String> = [
        each("wait", &["ok"]),
        each("waitpid", &["ok"]),
        each("waitpid group", &["ok"]),
        each("waitid", &["ok"]),
        each("waitid any", &["ok"]),
        each("waitid group", &["ok"]),
        each("waitid pidfd", &["ok"]),
        each("waitid nowait", &["ok", "ok"]),
        each("waitid without information", &["ok", "reaped"]),
    ]
    .concat();
    let stopped = ["stopped ok", "stopped ok", "ended: exit status: 0"].map(String::from);
    assert_eq!(output, [one_round.clone(), one_round, stopped.to_vec()].concat());
    assert_eq!(cluster.machine.nondeterminism(), [""; 0]);
}
