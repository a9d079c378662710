//! Forced stops and checks come at moments that depend on the speed of the machine. They must change nothing.

use super::*;

/// Threads that compete for a mutex and for a file lock, read clocks, and sleep.
const THREADS: &str = r#"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
static void *work(void *name) {
    char line[64];
    int lock = open("lock", O_CREAT | O_RDWR, 0600);
    for (int turn = 0; turn < 30; turn++) {
        flock(lock, LOCK_EX);
        long long began = now();
        for (int reads = 0; reads < 40; reads++) now();
        pthread_mutex_lock(&mutex);
        int length = snprintf(line, sizeof line, "%s %d %lld %lld\n", (char *)name, turn, began, now());
        if (write(1, line, length) != length) return 0;
        pthread_mutex_unlock(&mutex);
        struct timespec pause = {0, 1000 * (turn % 3)};
        if (turn % 5 == 0) nanosleep(&pause, 0);
        flock(lock, LOCK_UN);
        getppid();
    }
    return 0;
}
int main() {
    char *names[] = {"a", "b", "c", "d"};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, work, names[i]);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
    return 0;
}
"#;

#[test]
fn the_moments_of_forced_stops_and_checks_make_no_difference() {
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "threads", THREADS) else { return };
    for seed in 1..4 {
        let record = |late_stops, checks| {
            let mut cluster = TestCluster::with(seed, 2, &program, &[], true, |machine| {
                (machine.interruptions.late_stops, machine.interruptions.checks) = (late_stops, checks);
            });
            cluster.run_until(SECOND);
            assert!(cluster.machine.nondeterminism().is_empty(), "{:?}", cluster.machine.nondeterminism());
            cluster.output_in_ns()
        };
        let expected = record(None, None);
        assert_eq!(expected.len(), 2 * (4 * 30 + 1));
        for interval in [2, 3, 4, 5, 7, 11, 50] {
            assert_eq!(
                record(Some(interval), None),
                expected,
                "seed {seed}: a late stop after every {interval} resumptions"
            );
            assert_eq!(
                record(None, Some(interval)),
                expected,
                "seed {seed}: a check after every {interval} resumptions"
            );
        }
    }
}
