//! Processes and threads: starting, ending, forking, stopping; faults.

use super::*;

#[test]
fn a_shell_forks_executes_waits_and_exits() {
    let mut lab =
        Lab::script("sh", "-c", "echo a; sleep 3; (sleep 2; echo b) & wait; x=$(sleep 1; echo c); echo $x; exit 7")
            .expect("every system has a shell");
    lab.run_until(10 * SECOND);
    let said = lab.said();
    assert_eq!(said, ["0 n0 a", "5000 n0 b", "6000 n0 c", "6000 n0 ended: exit status: 7"]);
}

#[test]
fn a_node_that_a_signal_ends_says_which() {
    let mut lab = Lab::script("sh", "-c", "kill -KILL $$").expect("a shell");
    assert_eq!(lab.said(), ["0 n0 ended: signal: 9 (SIGKILL)"]);
    assert!(!lab.machine.is_up(0));
}

#[test]
fn what_a_node_has_started_ends_with_it() {
    let mut lab = Lab::script("sh", "-c", "setsid sleep 100 & sleep 1").expect("a shell");
    assert_eq!(lab.machine.process_count(0), 3);
    lab.run_until(2 * SECOND);
    assert_eq!(lab.said(), ["1000 n0 ended: exit status: 0"]);
    assert_eq!(lab.machine.process_count(0), 0);
    assert_eq!(lab.machine.next_timer(), None);
}

#[test]
fn messages_arrive_one_by_one_and_killed_nodes_come_back() {
    let text = "while read line; do echo got $line; done";
    let mut lab = Lab::new(1, 2, &find("sh").expect("a shell"), &["-c", text]);
    lab.send(0, "one");
    lab.machine.advance_to(5 * MILLISECOND);
    lab.send(1, "two");
    lab.machine.kill(0);
    lab.send(0, "lost");
    lab.start(0);
    lab.send(0, "three");
    assert_eq!(lab.said(), ["0 n0 got one", "5 n1 got two", "5 n0 got three"]);
}

#[test]
fn a_paused_node_stands_still_and_its_timers_wait() {
    let text = "for i in 1 2 3; do sleep 1; echo $i; done";
    let mut lab = Lab::script("sh", "-c", text).expect("a shell");
    lab.run_until(SECOND + MILLISECOND);
    lab.machine.pause(0);
    assert_eq!(lab.machine.next_timer(), None);
    lab.run_until(5 * SECOND);
    lab.machine.resume(0);
    lab.settle();
    lab.run_until(10 * SECOND);
    let ends = "6000 n0 ended: exit status: 0";
    assert_eq!(lab.said(), ["1000 n0 1", "5000 n0 2", "6000 n0 3", ends]);
}

#[test]
fn all_threads_of_a_stopped_process_stand_still() {
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
    let mut lab = Lab::new(1, 1, &program, &[]);
    lab.run_until(120 * MILLISECOND);
    // Standing still as a whole is another matter.
    lab.machine.pause(0);
    lab.run_until(10_120 * MILLISECOND);
    lab.machine.resume(0);
    lab.settle();
    lab.run_until(20 * SECOND);
    let said: Vec<String> = lab.said().into_iter().map(|line| line.replace(" n0 ", " ")).collect();
    // The timers of all three are due when the node goes on, and the parent's turn comes first.
    let expected = "100 a0,100 b0,11120 a1,11120 b1,11220 a2,11220 b2,11320 a3,11320 b3,11320 over";
    assert_eq!(said[..9], expected.split(',').collect::<Vec<_>>(), "{said:?}");
}

#[test]
fn programs_that_cannot_be_run_are_errors() {
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
fn a_node_finds_its_directory_at_the_same_place_in_every_run() {
    let script = "pwd -P; echo seen > file; cat \"$0/file\"";
    let mut lab = Lab::script("sh", "-c", "sleep 1").expect("a shell");
    let directory = Directory::new();
    let long = directory.0.join("long".repeat(20));
    std::fs::create_dir_all(&long).expect("there is room");
    let mut told = Vec::new();
    for dir in [&directory.0, &long] {
        lab.machine.kill(0);
        lab.program.dir = dir.clone();
        lab.program.args = ["-c", script, path(dir)].map(Into::into).into();
        lab.start(0);
        let said = lab.said();
        assert_eq!(said[1], "0 n0 seen", "its own path leads there as well");
        told.push(said[0].clone());
        assert!(dir.join("file").is_file());
    }
    if lab.machine.nondeterminism().is_empty() {
        assert_eq!(told, ["0 n0 /tmp/maelstrom-node"; 2]);
    }
}

#[test]
fn a_node_that_works_elsewhere_is_told_where_its_own_directory_is() {
    let script = "pwd -P; echo \"$MAELSTROM_NODE_DIR\"; echo seen > \"$MAELSTROM_NODE_DIR/file\"";
    let mut lab = Lab::script("sh", "-c", "sleep 1").expect("a shell");
    let (own, elsewhere) = (Directory::new(), Directory::new());
    let elsewhere = elsewhere.0.canonicalize().expect("it exists");
    lab.machine.kill(0);
    (lab.program.dir, lab.program.cwd) = (own.0.clone(), Some(elsewhere.clone()));
    lab.program.args = ["-c", script].map(Into::into).into();
    lab.start(0);
    let found = if lab.machine.nondeterminism().is_empty() {
        "/tmp/maelstrom-node".into()
    } else {
        own.0.display().to_string()
    };
    assert_eq!(lab.said()[..2], [format!("0 n0 {}", elsewhere.display()), format!("0 n0 {found}")]);
    assert!(own.0.join("file").is_file());
}

#[test]
fn time_on_the_wall_clock_is_added_up_for_the_node_that_computes() {
    let script = "read line; i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo $i; read line";
    let mut lab = Lab::new(1, 2, &find("sh").expect("a shell"), &["-c", script]);
    let before = lab.machine.wall_times()[1];
    lab.send(1, "go");
    assert_eq!(lab.said(), ["0 n1 300000"]);
    assert!(lab.machine.wall_times()[1] > before);
    assert_eq!(lab.machine.wall_times().len(), 2);
}

#[test]
fn a_lock_that_another_node_holds_is_waited_for() {
    if find("flock").is_none() {
        return;
    }
    let directory = Directory::new();
    let file = directory.0.join("lock").to_string_lossy().into_owned();
    // The first node takes the lock and keeps it for a while; the other one comes meanwhile.
    let text =
        r#"read line; [ "$line" = second ] && sleep 0.1; echo asks; flock "$0" sh -c 'echo has; sleep 1'; echo done"#;
    let mut lab = Lab::new(1, 2, &find("sh").expect("a shell"), &["-c", text, &file]);
    lab.send(0, "first");
    lab.send(1, "second");
    lab.run_until(5 * SECOND);
    let said: Vec<String> = lab.said();
    let order: Vec<&str> = said.iter().filter_map(|line| line.split_once(' ')?.1.strip_suffix("has")).collect();
    assert_eq!(order, ["n0 ", "n1 "], "{said:?}");
    assert!(said.iter().any(|line| line.ends_with("n1 done")), "{said:?}");
}
