//! Processes and threads: starting, ending, forking, stopping; faults.

use super::*;

#[test]
fn a_shell_forks_executes_waits_and_exits() {
    let mut cluster = TestCluster::script(
        "sh",
        "-c",
        "echo a; sleep 3; (sleep 2; echo b) & wait; x=$(sleep 1; echo c); echo $x; exit 7",
    )
    .expect("every system has a shell");
    cluster.run_until(10 * SECOND);
    let output = cluster.output();
    assert_eq!(output, ["0 n0 a", "5000 n0 b", "6000 n0 c", "6000 n0 ended: exit status: 7"]);
}

#[test]
fn the_signal_that_ends_a_node_is_reported() {
    let mut cluster = TestCluster::script("sh", "-c", "kill -KILL $$").expect("a shell");
    assert_eq!(cluster.output(), ["0 n0 ended: signal: 9 (SIGKILL)"]);
    assert!(!cluster.machine.is_up(0));
}

#[test]
fn processes_that_a_node_has_started_end_with_it() {
    let mut cluster = TestCluster::script("sh", "-c", "setsid sleep 100 & sleep 1").expect("a shell");
    assert_eq!(cluster.machine.process_count(0), 3);
    cluster.run_until(2 * SECOND);
    assert_eq!(cluster.output(), ["1000 n0 ended: exit status: 0"]);
    assert_eq!(cluster.machine.process_count(0), 0);
    assert_eq!(cluster.machine.next_timer(), None);
}

#[test]
fn messages_arrive_one_by_one_and_killed_nodes_restart() {
    let text = "while read line; do echo got $line; done";
    let mut cluster = TestCluster::new(1, 2, &find("sh").expect("a shell"), &["-c", text]);
    cluster.send(0, "one");
    cluster.machine.advance_to(5 * MILLISECOND);
    cluster.send(1, "two");
    cluster.machine.kill(0);
    cluster.send(0, "lost");
    cluster.start(0);
    cluster.send(0, "three");
    assert_eq!(cluster.output(), ["0 n0 got one", "5 n1 got two", "5 n0 got three"]);
}

#[test]
fn a_paused_node_does_not_run_and_its_timers_wait() {
    let text = "for i in 1 2 3; do sleep 1; echo $i; done";
    let mut cluster = TestCluster::script("sh", "-c", text).expect("a shell");
    cluster.run_until(SECOND + MILLISECOND);
    cluster.machine.pause(0);
    assert_eq!(cluster.machine.next_timer(), None);
    cluster.run_until(5 * SECOND);
    cluster.machine.resume(0);
    cluster.settle();
    cluster.run_until(10 * SECOND);
    let ends = "6000 n0 ended: exit status: 0";
    assert_eq!(cluster.output(), ["1000 n0 1", "5000 n0 2", "6000 n0 3", ends]);
}

#[test]
fn no_thread_of_a_stopped_process_runs() {
    let text = r#"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
static void *tick(void *name) {
    for (int i = 0; i < 4; i++) {
        usleep(100000);
        printf("%s%d\n", (char *)name, i);
    }
    return NULL;
}
int main() {
    setlinebuf(stdout);
    pid_t child = fork();
    if (!child) {
        pthread_t a, b;
        pthread_create(&a, NULL, tick, "a");
        pthread_create(&b, NULL, tick, "b");
        pthread_join(a, NULL);
        pthread_join(b, NULL);
        _exit(0);
    }
    usleep(250000);
    kill(child, SIGSTOP);
    usleep(1000000);
    kill(child, SIGCONT);
    wait(NULL);
    puts("over");
}"#;
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "stopped", text) else { return };
    let mut cluster = TestCluster::new(1, 1, &program, &[]);
    cluster.run_until(120 * MILLISECOND);
    // A pause of the whole node is independent of that.
    cluster.machine.pause(0);
    cluster.run_until(10_120 * MILLISECOND);
    cluster.machine.resume(0);
    cluster.settle();
    cluster.run_until(20 * SECOND);
    let output: Vec<String> = cluster.output().into_iter().map(|line| line.replace(" n0 ", " ")).collect();
    // The timers of all three are due when the node resumes, and the parent runs first.
    let expected = "100 a0,100 b0,11120 a1,11120 b1,11220 a2,11220 b2,11320 a3,11320 b3,11320 over";
    assert_eq!(output[..9], expected.split(',').collect::<Vec<_>>(), "{output:?}");
}

#[test]
fn programs_that_cannot_be_executed_are_errors() {
    let mut machine =
        Machine::new(MachineOptions { seed: 1, nodes: vec!["n0".into()], preemption: false }).expect("virtual time");
    for path in ["/no/such/program", "/etc/passwd", "/"] {
        let program = Program {
            path: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            dir: "/".into(),
            cwd: None,
            dir_variable: "MAELSTROM_NODE_DIR".into(),
            stderr: "/dev/null".into(),
        };
        let error = machine.start(0, &program).expect_err("it is not a program");
        assert!(error.to_string().starts_with(&format!("cannot execute {path}: ")), "{error}");
    }
}

#[test]
fn a_nodes_directory_has_the_same_path_in_every_run() {
    let script = "pwd -P; echo seen > file; cat \"$0/file\"";
    let mut cluster = TestCluster::script("sh", "-c", "sleep 1").expect("a shell");
    let directory = Directory::new();
    let long = directory.0.join("long".repeat(20));
    std::fs::create_dir_all(&long).expect("there is room");
    let mut paths = Vec::new();
    for dir in [&directory.0, &long] {
        cluster.machine.kill(0);
        cluster.program.dir = dir.clone();
        cluster.program.args = ["-c", script, path(dir)].map(Into::into).into();
        cluster.start(0);
        let output = cluster.output();
        assert_eq!(output[1], "0 n0 seen", "its own path leads there as well");
        paths.push(output[0].clone());
        assert!(dir.join("file").is_file());
    }
    if cluster.machine.nondeterminism().is_empty() {
        assert_eq!(paths, ["0 n0 /tmp/maelstrom-node"; 2]);
    }
}

#[test]
fn a_node_with_another_working_directory_learns_the_path_of_its_own() {
    let script = "pwd -P; echo \"$MAELSTROM_NODE_DIR\"; echo seen > \"$MAELSTROM_NODE_DIR/file\"";
    let mut cluster = TestCluster::script("sh", "-c", "sleep 1").expect("a shell");
    let (own, elsewhere) = (Directory::new(), Directory::new());
    let elsewhere = elsewhere.0.canonicalize().expect("it exists");
    cluster.machine.kill(0);
    (cluster.program.dir, cluster.program.cwd) = (own.0.clone(), Some(elsewhere.clone()));
    cluster.program.args = ["-c", script].map(Into::into).into();
    cluster.start(0);
    let found = if cluster.machine.nondeterminism().is_empty() {
        "/tmp/maelstrom-node".into()
    } else {
        own.0.display().to_string()
    };
    assert_eq!(cluster.output()[..2], [format!("0 n0 {}", elsewhere.display()), format!("0 n0 {found}")]);
    assert!(own.0.join("file").is_file());
}

#[test]
fn wall_time_counts_for_the_node_that_computes() {
    let script = "read line; i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo $i; read line";
    let mut cluster = TestCluster::new(1, 2, &find("sh").expect("a shell"), &["-c", script]);
    let before = cluster.machine.wall_times()[1];
    cluster.send(1, "go");
    assert_eq!(cluster.output(), ["0 n1 300000"]);
    assert!(cluster.machine.wall_times()[1] > before);
    assert_eq!(cluster.machine.wall_times().len(), 2);
}

#[test]
fn a_node_waits_for_a_lock_that_another_node_holds() {
    if find("flock").is_none() {
        return;
    }
    let directory = Directory::new();
    let file = directory.0.join("lock").to_string_lossy().into_owned();
    // The first node takes the lock and keeps it for a while. The other one asks for it in the meantime.
    let text =
        r#"read line; [ "$line" = second ] && sleep 0.1; echo asks; flock "$0" sh -c 'echo has; sleep 1'; echo done"#;
    let mut cluster = TestCluster::new(1, 2, &find("sh").expect("a shell"), &["-c", text, &file]);
    cluster.send(0, "first");
    cluster.send(1, "second");
    cluster.run_until(5 * SECOND);
    let output: Vec<String> = cluster.output();
    let order: Vec<&str> = output.iter().filter_map(|line| line.split_once(' ')?.1.strip_suffix("has")).collect();
    assert_eq!(order, ["n0 ", "n1 "], "{output:?}");
    assert!(output.iter().any(|line| line.ends_with("n1 done")), "{output:?}");
}
