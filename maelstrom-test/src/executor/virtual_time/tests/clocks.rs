//! Clocks: faults of a single one, and none by themselves.

use super::*;

#[test]
fn a_fault_of_a_clock_is_seen_by_one_node_and_only_in_its_time_of_day() {
    let text = r#"
#include <pthread.h>
#include <stdio.h>
#include <time.h>
static long long ms(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}
static void *alarm_clock(void *unused) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += 10;
    clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
    puts("awake");
    return unused;
}
int main() {
    setlinebuf(stdout);
    long long wall = ms(CLOCK_REALTIME), monotonic = ms(CLOCK_MONOTONIC);
    pthread_t thread;
    pthread_create(&thread, NULL, alarm_clock, NULL);
    char line[9];
    while (fgets(line, sizeof line, stdin))
        printf("%lld %lld\n", ms(CLOCK_REALTIME) - wall, ms(CLOCK_MONOTONIC) - monotonic);
}"#;
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "clocks", text) else { return };
    let mut lab = Lab::new(1, 2, &program, &[]);
    let ask = |lab: &mut Lab, at: Nanos| {
        lab.run_until(at * SECOND);
        lab.send(0, "?");
        lab.send(1, "?");
    };
    ask(&mut lab, 1);
    lab.machine.bump_clock(1, 4 * SECOND as i64);
    ask(&mut lab, 2);
    ask(&mut lab, 7);
    lab.machine.reset_clock(1);
    ask(&mut lab, 8);
    lab.machine.bump_clock(1, -3 * SECOND as i64);
    ask(&mut lab, 11);
    let expected = "1000 n0 1000 1000,1000 n1 1000 1000,2000 n0 2000 2000,2000 n1 6000 2000,6000 n1 awake,\
        7000 n0 7000 7000,7000 n1 11000 7000,8000 n0 8000 8000,8000 n1 8000 8000,10000 n0 awake,\
        11000 n0 11000 11000,11000 n1 8000 11000";
    assert_eq!(lab.said(), expected.split(',').collect::<Vec<_>>());
}

#[test]
fn a_clock_stays_wrong_when_its_node_starts_again() {
    let mut lab = Lab::script("sh", "-c", "date +%S").expect("a shell");
    lab.machine.bump_clock(0, 20 * SECOND as i64);
    lab.start(0);
    lab.machine.reset_clock(0);
    lab.start(0);
    let lines: Vec<String> = lab.said().into_iter().filter(|line| !line.contains("ended")).collect();
    assert_eq!(lines, ["0 n0 00", "0 n0 20", "0 n0 00"]);
}

#[test]
fn thousands_of_seconds_pass_without_drift() {
    let text = r#"
#include <stdio.h>
#include <time.h>
int main() {
    struct timespec second = {1, 0};
    for (int i = 0; i < 5000; i++) nanosleep(&second, NULL);
    puts("over");
}"#;
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "sleeps", text) else { return };
    let mut lab = Lab::new(1, 3, &program, &[]);
    lab.run_until(6_000 * SECOND);
    let ends = |node: usize| [format!("5000000 n{node} over"), format!("5000000 n{node} ended: exit status: 0")];
    assert_eq!(lab.said(), [ends(0), ends(1), ends(2)].concat());
}
