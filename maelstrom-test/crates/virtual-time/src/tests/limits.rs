//! Nodes that print or compute without end.

use super::*;

#[test]
fn a_line_without_end_is_reported() {
    let mut lab = Lab::script("sh", "-c", "head -c 68000000 /dev/zero; sleep 1").expect("a shell");
    lab.run_until(2 * SECOND);
    let said: Vec<String> = lab.said().into_iter().map(|line| line.replace('\0', "")).collect();
    assert_eq!(said, ["0 LineTooLong { node: 0 }", "1000 n0 ", "1000 n0 ended: exit status: 0"]);
}

#[test]
fn a_large_message_passes_through_small_pipes() {
    let text =
        "import sys\nfor line in sys.stdin: print(len(line), line[:3], flush=True); print(line, end='', flush=True)";
    let Some(mut lab) = Lab::script("python3", "-c", text) else { return };
    let line = "abc".repeat(1_000_000);
    lab.send(0, &line);
    lab.run_until(MILLISECOND);
    let said = lab.said();
    // Not `assert_eq`, which would print all of it.
    assert!(said == ["0 n0 3000001 abc".to_owned(), format!("0 n0 {line}")], "{} lines", said.len());
}

#[test]
fn a_node_that_does_not_read_may_be_sent_much_but_not_everything() {
    let mut lab = Lab::new(1, 1, &find("sleep").expect("every system can sleep"), &["100"]);
    let line = vec![b'x'; 16 << 20];
    let sent = (0..32).take_while(|_| lab.machine.deliver(0, &line).is_ok()).count();
    // 256 MiB wait on our side, and a little in the pipe.
    assert_eq!(sent, 16);
    assert!(lab.machine.is_up(0));
}

#[test]
fn threads_that_spin_without_a_call_let_others_go_on() {
    let text = "
#include <pthread.h>
#include <stdio.h>
volatile int flag;
void *set(void *unused) { flag = 1; return unused; }
int main() { pthread_t t; pthread_create(&t, 0, set, 0); while (!flag) {} puts(\"free\"); return 0; }";
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "spin", text) else { return };
    let mut lab = Lab::new(1, 1, &program, &[]);
    assert_eq!(lab.said(), ["0 n0 free", "0 n0 ended: exit status: 0"]);
    assert!(
        lab.machine.nondeterminism().iter().any(|note| note.contains("computed for 1 s")),
        "{:?}",
        lab.machine.nondeterminism()
    );
}

#[test]
fn what_runs_on_real_time_is_noted_by_name() {
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
    let mut lab = Lab::new(1, 1, &program, &[]);
    assert_eq!(lab.said()[0], "0 n0 over");
    let expected = "n0 uses semtimedop with IPC_NOWAIT for some operations, whose time limit runs on real time";
    assert_eq!(lab.machine.nondeterminism(), [expected]);
}

#[test]
fn a_long_computation_can_be_looked_at_in_between() {
    let mut lab =
        Lab::script("sh", "-c", "echo begun; i=0; while [ $i -lt 3000000 ]; do i=$((i+1)); done").expect("a shell");
    let mut events = Vec::new();
    lab.machine.kill(0);
    lab.machine.start(0, &lab.program).expect("a shell");
    assert!(!lab.machine.run_briefly(&mut events).expect("tracing works"), "it is still computing");
    assert!(lab.machine.is_up(0));
    while !lab.machine.run_briefly(&mut events).expect("tracing works") {}
    let last = events.last();
    assert!(matches!(last, Some(Event::Exited { status, .. }) if status.success()), "{last:?}");
    assert_eq!(lab.machine.nondeterminism(), [""; 0]);
}

#[test]
#[ignore = "takes ten seconds of processor time"]
fn a_node_that_never_stops_computing_is_reported() {
    let mut lab = Lab::script("sh", "-c", "while :; do :; done").expect("a shell");
    assert_eq!(lab.said(), ["0 Hung { node: 0 }"]);
}
