//! The seccomp filter: a program in the kernel that inspects each system call of a node before it happens.
//!
//! It decides whether the thread stops for the tracer. It reads only the call's number and a few small arguments, which
//! costs nanoseconds. Calls that do not concern time, randomness or blocking are allowed without a stop.

use super::arch::{AUDIT_ARCH, Call, FORBIDDEN, TRACED, UNSUPPORTED, X32_CALLS};

/// Offsets of fields in `struct seccomp_data`.
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
const fn return_verdict(verdict: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, 0, 0, verdict)
}
/// Skips `skip` instructions unless the loaded value equals `k`.
const fn unless_equal(k: u32, skip: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, skip, k)
}
const fn unless_set(k: u32, skip: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, skip, k)
}
const fn unless_at_least(k: u32, skip: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, skip, k)
}

/// The argument, and its values, for which a call is traced. `None`: a call is traced for all arguments.
fn traced_values(call: Call) -> Option<(u32, &'static [u32])> {
    match call {
        // They may replace descriptor 0, the pipe that messages arrive in.
        Call::Close | Call::CloseRange => Some((0, &[0])),
        Call::Dup2 | Call::Dup3 => Some((1, &[0])),
        // They wait for a lock.
        Call::Fcntl => Some((1, &[libc::F_SETLKW as u32, libc::F_OFD_SETLKW as u32])),
        // They concern time limits, which would run on real time.
        Call::Setsockopt | Call::Getsockopt => Some((2, &SOCKET_TIMEOUTS)),
        _ => None,
    }
}

/// `SO_RCVTIMEO` and `SO_SNDTIMEO`, and their forms for times beyond 2038.
const SOCKET_TIMEOUTS: [u32; 4] = [libc::SO_RCVTIMEO as u32, libc::SO_SNDTIMEO as u32, 66, 67];

/// Builds the filter.
pub(super) fn filter() -> Vec<libc::sock_filter> {
    let mut program = vec![
        load(ARCH),
        unless_equal(AUDIT_ARCH, 1),
        instruction(libc::BPF_JMP | libc::BPF_JA, 0, 0, 1),
        return_verdict(KILL),
        load(NUMBER),
        unless_at_least(X32_CALLS, 1),
        return_verdict(fail(libc::ENOSYS)),
    ];
    for (number, call) in TRACED {
        match traced_values(*call) {
            // The child would not be traced.
            None if *call == Call::Clone => program.extend([
                unless_equal(*number as u32, 4),
                load(low_half_of_arg(0)),
                unless_set(libc::CLONE_UNTRACED as u32, 1),
                return_verdict(TRACE),
                return_verdict(ALLOW),
            ]),
            None => program.extend([unless_equal(*number as u32, 1), return_verdict(TRACE)]),
            Some((arg, values)) => {
                program.extend([unless_equal(*number as u32, 2 * values.len() as u8 + 2), load(low_half_of_arg(arg))]);
                for value in values {
                    program.extend([unless_equal(*value, 1), return_verdict(TRACE)]);
                }
                program.push(return_verdict(ALLOW));
            }
        }
    }
    for (numbers, errno) in [(UNSUPPORTED, libc::ENOSYS), (FORBIDDEN, libc::EPERM)] {
        for number in numbers {
            program.extend([unless_equal(*number as u32, 1), return_verdict(fail(errno))]);
        }
    }
    program.push(return_verdict(ALLOW));
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the filter as the kernel does.
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
                        other => panic!("the filter reads offset {other}"),
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
    fn calls_are_traced_allowed_or_refused_as_the_tables_say() {
        for (number, call) in TRACED {
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
    fn calls_of_other_architectures_are_refused() {
        assert_eq!(verdict(0x4000_0003, 1, [0, 0, 0]), KILL);
        assert_eq!(verdict(AUDIT_ARCH, i64::from(X32_CALLS) + 1, [0, 0, 0]), fail(libc::ENOSYS));
    }
}
