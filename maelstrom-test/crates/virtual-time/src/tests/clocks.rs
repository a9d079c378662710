//! Clocks: faults of the wall clock, and agreement of all ways to read the time.

use super::*;

#[test]
fn a_clock_fault_changes_only_the_wall_clock_of_one_node() {
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
    let mut cluster = TestCluster::new(1, 2, &program, &[]);
    let ask = |cluster: &mut TestCluster, at: Nanos| {
        cluster.run_until(at * SECOND);
        cluster.send(0, "?");
        cluster.send(1, "?");
    };
    ask(&mut cluster, 1);
    cluster.machine.bump_clock(1, 4 * SECOND as i64);
    ask(&mut cluster, 2);
    ask(&mut cluster, 7);
    cluster.machine.reset_clock(1);
    ask(&mut cluster, 8);
    cluster.machine.bump_clock(1, -3 * SECOND as i64);
    ask(&mut cluster, 11);
    let expected = "1000 n0 1000 1000,1000 n1 1000 1000,2000 n0 2000 2000,2000 n1 6000 2000,6000 n1 awake,\
        7000 n0 7000 7000,7000 n1 11000 7000,8000 n0 8000 8000,8000 n1 8000 8000,10000 n0 awake,\
        11000 n0 11000 11000,11000 n1 8000 11000";
    assert_eq!(cluster.output(), expected.split(',').collect::<Vec<_>>());
}

#[test]
fn a_clock_fault_survives_a_restart_of_its_node() {
    let mut cluster = TestCluster::script("sh", "-c", "date +%S").expect("a shell");
    cluster.machine.bump_clock(0, 20 * SECOND as i64);
    cluster.start(0);
    cluster.machine.reset_clock(0);
    cluster.start(0);
    let lines: Vec<String> = cluster.output().into_iter().filter(|line| !line.contains("ended")).collect();
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
    let mut cluster = TestCluster::new(1, 3, &program, &[]);
    cluster.run_until(6_000 * SECOND);
    let ends = |node: usize| [format!("5000000 n{node} over"), format!("5000000 n{node} ended: exit status: 0")];
    assert_eq!(cluster.output(), [ends(0), ends(1), ends(2)].concat());
}

#[test]
fn all_ways_to_read_the_time_agree_and_time_never_goes_back() {
    let text = r#"
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>
static _Atomic long long last;
static void see(const char *way, long long now, long long grain) {
    if (now < last / grain * grain) {
        printf("%s goes back from %lld to %lld\n", way, last, now);
        exit(1);
    }
    if (now > last) last = now;
}
static long long ns(struct timespec t) { return t.tv_sec * 1000000000LL + t.tv_nsec; }
// What each clock shows, as time of day.
static long long ahead[3];
static void look(void) {
    struct timespec t;
    struct timeval v;
    clock_gettime(CLOCK_REALTIME, &t), see("clock_gettime", ns(t), 1);
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &t), see("the call clock_gettime", ns(t), 1);
    gettimeofday(&v, NULL), see("gettimeofday", v.tv_sec * 1000000000LL + v.tv_usec * 1000LL, 1000);
    see("time", time(NULL) * 1000000000LL, 1000000000);
    clock_gettime(CLOCK_MONOTONIC, &t), see("the monotonic clock", ns(t) + ahead[0], 1);
    clock_gettime(CLOCK_BOOTTIME, &t), see("the clock since boot", ns(t) + ahead[0], 1);
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t), see("the coarse clock", ns(t) + ahead[0], 1);
    clock_gettime(CLOCK_TAI, &t), see("atomic time", ns(t) - 37000000000LL, 1);
    see("the counter", __rdtsc() + ahead[0], 1);
}
static void *look_often(void *unused) {
    for (int i = 0; i < 3000; i++) {
        look();
        if (i % 100 == 0) usleep(1);
    }
    return unused;
}
int main() {
    // The computer was booted an hour before 2026-01-01.
    ahead[0] = 1767225600000000000LL - 3600000000000LL;
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, look_often, NULL);
    look_often(NULL);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    int status = 0;
    if (fork()) wait(&status);
    look_often(NULL);
    puts(status ? "different" : "the same");
    return status;
}"#;
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "ways", text) else { return };
    let mut cluster = TestCluster::new(1, 1, &program, &[]);
    cluster.run_until(2 * SECOND);
    let output: Vec<String> =
        cluster.output().into_iter().map(|line| line[line.find("n0").unwrap_or(0)..].into()).collect();
    let end = "n0 ended: exit status: 0";
    assert_eq!(output, ["n0 the same", "n0 the same", end]);
}

#[test]
fn a_long_computation_that_reads_the_clock_is_reproducible() {
    let text = r#"
#include <stdio.h>
#include <time.h>
int main() {
    struct timespec t;
    for (volatile long i = 0; i < 600000000; i++)
        if (i % 30000 == 0) clock_gettime(CLOCK_MONOTONIC, &t);
    printf("%ld\n", t.tv_nsec);
}"#;
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "computes", text) else { return };
    let record = |_| {
        let mut cluster = TestCluster::new(1, 1, &program, &[]);
        cluster.run_until(SECOND);
        assert_eq!(cluster.machine.nondeterminism(), [""; 0]);
        cluster.output_in_ns()
    };
    let runs = [0, 1, 2].map(record);
    assert!(runs.iter().all(|run| run == &runs[0]), "{runs:?}");
}
