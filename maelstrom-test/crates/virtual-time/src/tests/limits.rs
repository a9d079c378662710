//! Nodes that print or compute without end.

use super::*;

#[test]
fn a_line_that_is_too_long_is_reported() {
    let mut cluster = TestCluster::script("sh", "-c", "head -c 68000000 /dev/zero; sleep 1").expect("a shell");
    cluster.run_until(2 * SECOND);
    let output: Vec<String> = cluster.output().into_iter().map(|line| line.replace('\0', "")).collect();
    assert_eq!(output, ["0 LineTooLong { node: 0 }", "1000 n0 ", "1000 n0 ended: exit status: 0"]);
}

#[test]
fn a_large_message_passes_through_small_pipes() {
    let text =
        "import sys\nfor line in sys.stdin: print(len(line), line[:3], flush=True); print(line, end='', flush=True)";
    let Some(mut cluster) = TestCluster::script("python3", "-c", text) else { return };
    let line = "abc".repeat(1_000_000);
    cluster.send(0, &line);
    cluster.run_until(MILLISECOND);
    let output = cluster.output();
    // Not `assert_eq`, which would print the whole line.
    assert!(output == ["0 n0 3000001 abc".to_owned(), format!("0 n0 {line}")], "{} lines", output.len());
}

#[test]
fn input_of_a_node_that_does_not_read_is_limited() {
    let mut cluster = TestCluster::new(1, 1, &find("sleep").expect("every system can sleep"), &["100"]);
    let line = vec![b'x'; 16 << 20];
    let sent = (0..32).take_while(|_| cluster.machine.deliver(0, &line).is_ok()).count();
    // 256 MiB are queued in the tracer, and a little in the pipe.
    assert_eq!(sent, 16);
    assert!(cluster.machine.is_up(0));
}

#[test]
fn threads_that_spin_without_a_call_are_preempted() {
    let text = "
#include <pthread.h>
#include <stdio.h>
volatile int flag;
void *set(void *unused) { flag = 1; return unused; }
int main() { pthread_t t; pthread_create(&t, 0, set, 0); while (!flag) {} puts(\"free\"); return 0; }";
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "spin", text) else { return };
    let mut cluster = TestCluster::new(1, 1, &program, &[]);
    assert_eq!(cluster.output(), ["0 n0 free", "0 n0 ended: exit status: 0"]);
    assert!(
        cluster.machine.nondeterminism().iter().any(|note| note.contains("computed for 4 s")),
        "{:?}",
        cluster.machine.nondeterminism()
    );
}

#[test]
fn a_time_limit_that_runs_on_real_time_is_reported() {
    let text = r#"
#include <stdio.h>
#include <sys/sem.h>
#include <time.h>
int semtimedop(int, struct sembuf *, size_t, const struct timespec *);
int main() {
    struct timespec soon = {0, 1000000};
    int semaphores = semget(IPC_PRIVATE, 2, 0600);
    struct sembuf wait[] = {{0, -1, 0}, {1, -1, IPC_NOWAIT}};
    semtimedop(semaphores, wait, 2, &soon);
    semctl(semaphores, 0, IPC_RMID);
    puts("over");
}"#;
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "escapes", text) else { return };
    let mut cluster = TestCluster::new(1, 1, &program, &[]);
    assert_eq!(cluster.output()[0], "0 n0 over");
    let expected = "n0 uses semtimedop with IPC_NOWAIT for some operations, whose time limit runs on real time";
    assert_eq!(cluster.machine.nondeterminism(), [expected]);
}

#[test]
fn a_long_computation_returns_to_the_caller_for_checks() {
    let mut cluster = TestCluster::script("sh", "-c", "echo begun; i=0; while [ $i -lt 3000000 ]; do i=$((i+1)); done")
        .expect("a shell");
    let mut events = Vec::new();
    cluster.machine.kill(0);
    cluster.machine.start(0, &cluster.program).expect("a shell");
    assert!(!cluster.machine.run_briefly(&mut events).expect("tracing works"), "it is still computing");
    assert!(cluster.machine.is_up(0));
    while !cluster.machine.run_briefly(&mut events).expect("tracing works") {}
    let last = events.last();
    assert!(matches!(last, Some(Event::Exited { status, .. }) if status.success()), "{last:?}");
    assert_eq!(cluster.machine.nondeterminism(), [""; 0]);
}

#[test]
#[ignore = "takes ten seconds of CPU time"]
fn a_node_that_never_stops_computing_is_reported() {
    let mut cluster = TestCluster::script("sh", "-c", "while :; do :; done").expect("a shell");
    assert_eq!(cluster.output(), ["0 Hung { node: 0 }"]);
}
