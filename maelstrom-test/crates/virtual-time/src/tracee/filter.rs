//! The seccomp filter: a small program in the kernel that looks at each system call of a node before it happens, and
//! decides whether the tracer has to see it.
//!
//! It only looks at numbers (and a few small arguments), which costs nanoseconds; calls that have nothing to do with
//! time, chance or waiting go through at full speed.

use crate::tracee::arch::{ABSENT, AUDIT_ARCH, Call, FORBIDDEN, FOREIGN_CALLS, TRAPPED};

/// Where `struct seccomp_data` keeps what is asked for.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const fn low_half_of_arg(index: u32) -> u32 {
    16 + 8 * index
}

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const TRACE: u32 = libc::SECCOMP_RET_TRACE;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
const fn fail(errno: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno as u32
}

const fn instruction(code: u32, yes: u8, no: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: yes, jf: no, k }
}
const fn load(offset: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset)
}
const fn answer(verdict: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, 0, 0, verdict)
}
/// Skips `skip` instructions unless the loaded value is `k`.
const fn unless_equal(k: u32, skip: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, skip, k)
}
const fn unless_set(k: u32, skip: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, skip, k)
}
const fn unless_at_least(k: u32, skip: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, skip, k)
}

/// The argument and its values for which a call is of interest; `None`: always.
fn interesting(call: Call) -> Option<(u32, &'static [u32])> {
    match call {
        // Whether descriptor 0 is still the pipe that messages arrive in.
        Call::Close | Call::CloseRange => Some((0, &[0])),
        Call::Dup2 | Call::Dup3 => Some((1, &[0])),
        // Waiting for a lock.
        Call::Fcntl => Some((1, &[libc::F_SETLKW as u32, libc::F_OFD_SETLKW as u32])),
        // Time limits, which would run on real time.
        Call::Setsockopt | Call::Getsockopt => Some((2, &SOCKET_TIMEOUTS)),
        _ => None,
    }
}

/// `SO_RCVTIMEO` and `SO_SNDTIMEO`, and their forms for times beyond 2038.
const SOCKET_TIMEOUTS: [u32; 4] = [libc::SO_RCVTIMEO as u32, libc::SO_SNDTIMEO as u32, 66, 67];

/// The program.
pub(crate) fn filter() -> Vec<libc::sock_filter> {
    let mut program = vec![
        load(ARCH),
        unless_equal(AUDIT_ARCH, 1),
        instruction(libc::BPF_JMP | libc::BPF_JA, 0, 0, 1),
        answer(KILL),
        load(NUMBER),
        unless_at_least(FOREIGN_CALLS, 1),
        answer(fail(libc::ENOSYS)),
    ];
    for (number, call) in TRAPPED {
        match interesting(*call) {
            // A child that would escape the tracer.
            None if *call == Call::Clone => program.extend([
                unless_equal(*number as u32, 4),
                load(low_half_of_arg(0)),
                unless_set(libc::CLONE_UNTRACED as u32, 1),
                answer(TRACE),
                answer(ALLOW),
            ]),
            None => program.extend([unless_equal(*number as u32, 1), answer(TRACE)]),
            Some((arg, values)) => {
                program.extend([unless_equal(*number as u32, 2 * values.len() as u8 + 2), load(low_half_of_arg(arg))]);
                for value in values {
                    program.extend([unless_equal(*value, 1), answer(TRACE)]);
                }
                program.push(answer(ALLOW));
            }
        }
    }
    for (numbers, errno) in [(ABSENT, libc::ENOSYS), (FORBIDDEN, libc::EPERM)] {
        for number in numbers {
            program.extend([unless_equal(*number as u32, 1), answer(fail(errno))]);
        }
    }
    program.push(answer(ALLOW));
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the program as the kernel does.
    fn verdict(arch: u32, number: i64, args: [u32; 3]) -> u32 {
        let program = filter();
        let (mut at, mut value) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            match u32::from(step.code) {
                code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                    value = match step.k {
                        NUMBER => number as u32,
                        ARCH => arch,
                        16 => args[0],
                        24 => args[1],
                        32 => args[2],
                        other => panic!("the filter looks at offset {other}"),
                    };
                }
                code if code == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => {
                    at += usize::from(if value == step.k { step.jt } else { step.jf });
                }
                code if code == libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K => {
                    at += usize::from(if value >= step.k { step.jt } else { step.jf });
                }
                code if code == libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K => {
                    at += usize::from(if value & step.k != 0 { step.jt } else { step.jf });
                }
                code if code == libc::BPF_JMP | libc::BPF_JA => at += step.k as usize,
                _ => return step.k,
            }
        }
    }

    #[test]
    fn calls_are_traced_allowed_and_refused_as_the_tables_say() {
        for (number, call) in TRAPPED {
            let args = match call {
                Call::Clone => [(libc::CLONE_UNTRACED | libc::CLONE_VFORK) as u32, 0, 0],
                Call::Fcntl => [0, libc::F_SETLKW as u32, 0],
                Call::Setsockopt | Call::Getsockopt => [0, 0, libc::SO_SNDTIMEO as u32],
                _ => [0, 0, 0],
            };
            assert_eq!(verdict(AUDIT_ARCH, *number, args), TRACE, "{call:?}");
        }
        assert_eq!(verdict(AUDIT_ARCH, libc::SYS_close, [7, 0, 0]), ALLOW);
        assert_eq!(verdict(AUDIT_ARCH, libc::SYS_clone, [libc::CLONE_VM as u32, 0, 0]), ALLOW);
        assert_eq!(verdict(AUDIT_ARCH, libc::SYS_dup2, [0, 7, 0]), ALLOW);
        assert_eq!(verdict(AUDIT_ARCH, libc::SYS_fcntl, [0, libc::F_GETFL as u32, 0]), ALLOW);
        assert_eq!(verdict(AUDIT_ARCH, libc::SYS_write, [1, 0, 0]), ALLOW);
        assert_eq!(verdict(AUDIT_ARCH, libc::SYS_io_uring_setup, [0, 0, 0]), fail(libc::ENOSYS));
        assert_eq!(verdict(AUDIT_ARCH, libc::SYS_settimeofday, [0, 0, 0]), fail(libc::EPERM));
    }

    #[test]
    fn other_interfaces_are_refused() {
        assert_eq!(verdict(0x4000_0003, 1, [0, 0, 0]), KILL);
        assert_eq!(verdict(AUDIT_ARCH, i64::from(FOREIGN_CALLS) + 1, [0, 0, 0]), fail(libc::ENOSYS));
    }
}
