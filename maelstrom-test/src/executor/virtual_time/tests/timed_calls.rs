//! All system calls that wait or tell the time, from a program in C.

use super::*;

/// What the program prints, with the microseconds that each took.
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

#[test]
fn every_call_that_waits_takes_its_time_exactly() {
    let directory = Directory::new();
    let Some(program) = compile_c(&directory, "calls", include_str!("calls.c")) else { return };
    let mut lab = Lab::new(1, 1, &program, &[]);
    lab.run_until(60 * SECOND);
    let said: Vec<String> = lab.said().iter().filter_map(|line| Some(line.split_once(" n0 ")?.1.to_owned())).collect();
    // Looking at clocks costs a little; a microsecond covers it, and a spin may oversleep by some naps.
    let (mut expected, mut wrong) = (EXPECTED.lines(), Vec::new());
    for line in &said {
        let Some(wanted) = expected.next() else { break };
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
    assert!(wrong.is_empty(), "{wrong:#?}\n{said:#?}");
    assert_eq!(said.last().map(String::as_str), Some("ended: exit status: 0"), "{said:#?}");
    assert_eq!(said.len(), EXPECTED.lines().count() + 1, "{said:#?}");
}
