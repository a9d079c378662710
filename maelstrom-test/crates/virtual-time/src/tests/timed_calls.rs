//! All system calls that wait or return the time, called from C.

use super::*;

/// What `calls.c` prints: the result of each call, and the microseconds that it took.
const EXPECTED: &str = "\
nanosleep: 0 1500000
clock_nanosleep monotonic: 0 250000
clock_nanosleep realtime: 0 250000
nanosleep invalid: -1 EINVAL 0
clock_getres: 1 0
poll: 0 300000
ppoll: 0 300000
ppoll remaining: 0 0
select: 0 300000
select set: 0 0
pselect ready: 1 0
pselect remaining in ms: 301 0
poll ready: 1 0
poll bad: 1 0
epoll ready: 1 0
epoll: 0 400000
epoll_pwait2: 0 123456
recv: -1 EAGAIN 700000
recv dontwait: -1 EAGAIN 0
mq_timedreceive: -1 ETIMEDOUT 300000
mq_send: 0 0
mq_timedsend: -1 ETIMEDOUT 300000
mq_receive: 1 0
cond_timedwait: 1 300000
cond_clockwait: 1 300000
cond_wait: 1 200000
join: 0 200000
futex: -1 ETIMEDOUT 100000
futex changed: -1 EAGAIN 0
sem_timedwait: -1 ETIMEDOUT 300000
inheriting: 0 200000
full pipe: 1048576 200000
yielding is over after a while: 0 200000
spinning on the clock ends: 0 100000
timerfd: 8 100000
timerfd again: 1 50000
timerfd late: 2 120000
timerfd interval in ms: 50 0
timerfd poll: 1 100000
timerfd nonblocking: -1 EAGAIN 0
alarm: -1 EINTR 2000000
setitimer: -1 EINTR 250000
remaining in ms: 751 0
getitimer in ms: 251 0
poll interrupted: -1 EINTR 250000
timer_create: 42 300000
sigtimedwait: -1 EAGAIN 400000
sigwait: 1 300000
read restarts: 1 200000
read is interrupted: -1 EINTR 100000
an ignored signal: 0 500000
wait: 3 300000
system: 0 250000
flock: 0 200000
fcntl: 0 200000
stopped: 1 0
continued: 4 100000
killed: 9 1000
exec in a thread: 9 0
io_uring: -1 ENOSYS 0
processors: 1 0
parent: 1 0";

/// The same for [`limits.c`](limits.c).
const EXPECTED_LIMITS: &str = "\
semtimedop: -1 EAGAIN 5000000
semtimedop of two: -1 EAGAIN 5000000
its operations are as they were: 0 0
semtimedop refusing: -1 EAGAIN 0
semtimedop done: 0 200000
semop done: 0 200000
semop interrupted: -1 EINTR 200000
semtimedop not interrupted: -1 EAGAIN 5000000
semtimedop removed: -1 EIDRM 200000
limit: 5000000 0
recv: -1 EAGAIN 5000000
recvmsg: -1 EAGAIN 5000000
read: -1 EAGAIN 5000000
readv: -1 EAGAIN 5000000
recv done: 1 200000
recv interrupted: -1 EINTR 200000
recvmmsg: -1 EAGAIN 5000000
recvmmsg of some: 1 5000000
remaining: 0 0
recvmmsg for one: 1 200000
remaining: 4800 0
recvmmsg of all: 2 200000
recvmmsg without waiting: 1 0
recvmmsg of nothing: -1 EAGAIN 0
recvmmsg of too few: 1 250000
limit: 5000000 0
send of a part: 1 5000000
send: -1 EAGAIN 5000000
write: -1 EAGAIN 5000000
writev: -1 EAGAIN 5000000
sendmsg: -1 EAGAIN 5000000
send interrupted: -1 EINTR 200000
send without limit interrupted: -1 EINTR 200000
limit: 5000000 0
send done: 4194304 200000
write of a part interrupted: 1 200000
limit: 5000000 0
accept: -1 EAGAIN 5000000
connect at once: 0 0
limit: 5000000 0
connect: -1 EAGAIN 5000000
timedlock done: 0 199000
timedlock: 1 5000000
clocklock: 1 5000000
timedlock goes on after a signal: 1 5000000
condition that inherits: -1 ENOSYS 0";

/// Runs a program in C, whose source follows the prelude, and compares its output.
fn check(name: &str, text: &str, expected: &str) {
    let directory = Directory::new();
    let text = format!("{}\n{text}", include_str!("prelude.c"));
    let Some(program) = compile_c(&directory, name, &text) else { return };
    let mut cluster = TestCluster::new(1, 1, &program, &[]);
    cluster.run_until(300 * SECOND);
    let output: Vec<String> =
        cluster.output().iter().filter_map(|line| Some(line.split_once(" n0 ")?.1.to_owned())).collect();
    // Reading clocks takes a little time: less than a microsecond. A program that polls is delayed a few times.
    let (mut lines, mut wrong) = (expected.lines(), Vec::new());
    for line in &output {
        let Some(wanted) = lines.next() else { break };
        let (Some((what, took)), Some((wanted_what, wanted_took))) = (line.rsplit_once(' '), wanted.rsplit_once(' '))
        else {
            wrong.push(format!("{line} instead of {wanted}"));
            continue;
        };
        let tolerance = if what.starts_with("spinning") || what.starts_with("yielding") { 5_000 } else { 20 };
        let late = took.parse::<i64>().ok().zip(wanted_took.parse::<i64>().ok()).map(|(took, wanted)| took - wanted);
        if what != wanted_what || !late.is_some_and(|late| (-1..=tolerance).contains(&late)) {
            wrong.push(format!("{line} instead of {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{output:#?}");
    assert_eq!(output.last().map(String::as_str), Some("ended: exit status: 0"), "{output:#?}");
    assert_eq!(output.len(), expected.lines().count() + 1, "{output:#?}");
    assert_eq!(cluster.machine.nondeterminism(), [""; 0]);
}

#[test]
fn every_call_that_waits_takes_exactly_its_time() {
    check("calls", include_str!("calls.c"), EXPECTED);
}

#[test]
fn time_limits_of_sockets_semaphores_and_locks_are_exact() {
    check("limits", include_str!("limits.c"), EXPECTED_LIMITS);
}
