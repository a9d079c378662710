//! What depends on the processor (x86-64): system call numbers, instructions, machine code.

/// The architecture as the kernel's audit code names it. The filter refuses calls of any other.
pub(super) const AUDIT_ARCH: u32 = 0xC000_003E;
/// Numbers from here on belong to the x32 interface, which the simulation does not offer.
pub(super) const X32_CALLS: u32 = 0x4000_0000;
/// The `syscall` instruction.
pub(super) const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// The length of an instruction that reads the time-stamp counter (`rdtsc`, `rdtscp`); `None` for any other instruction.
pub(super) fn tsc_read_length(code: [u8; 3]) -> Option<u64> {
    match code {
        [0x0f, 0x31, _] => Some(2),
        [0x0f, 0x01, 0xf9] => Some(3),
        _ => None,
    }
}

/// Whether a signal interrupted a thread of this process at an instruction that reads the time-stamp counter.
///
/// # Safety
/// The context is the one that a signal handler received, and the instruction can be read.
#[allow(unsafe_code)]
pub(super) unsafe fn is_at_tsc_read(context: *const libc::ucontext_t) -> bool {
    // SAFETY: as the caller guarantees. The third byte is read only where the instruction has one.
    unsafe {
        let code = (*context).uc_mcontext.gregs[libc::REG_RIP as usize] as *const u8;
        let (first, second) = (code.read(), code.add(1).read());
        let third = if second == 0x01 { code.add(2).read() } else { 0 };
        tsc_read_length([first, second, third]).is_some()
    }
}

/// `clock_gettime`, in a page that is followed by the page of a [`ClockPage`](super::clock_page::ClockPage). It counts the
/// read, and returns the base plus 40 ns for each read plus the clock's offset. It makes the system call if the clock has no
/// offset, or after too many reads. If the clock is set between its two loads of the base, it starts again.
#[rustfmt::skip]
pub(super) const CLOCK_READER: &[u8] = &[
    0x89, 0xff, // mov edi, edi
    0x83, 0xff, 0x0b, // cmp edi, 11
    0x77, 0x4c, // ja slow
    0x48, 0x8d, 0x0d, 0xf2, 0x0f, 0x00, 0x00, // lea rcx, [data]
    0x4c, 0x8b, 0x44, 0xf9, 0x18, // mov r8, [rcx + 8 * rdi + 24]
    0x4d, 0x85, 0xc0, // test r8, r8
    0x74, 0x3b, // jz slow
    0x4c, 0x8b, 0x49, 0x08, // again: mov r9, [rcx + 8]
    0xb8, 0x01, 0x00, 0x00, 0x00, // mov eax, 1
    0xf0, 0x48, 0x0f, 0xc1, 0x01, // lock xadd [rcx], rax
    0x48, 0x3b, 0x41, 0x10, // cmp rax, [rcx + 16]
    0x73, 0x27, // jae slow
    0x4c, 0x3b, 0x49, 0x08, // cmp r9, [rcx + 8]
    0x75, 0xe6, // jne again
    0x48, 0xff, 0xc0, // inc rax
    0x48, 0x6b, 0xc0, 0x28, // imul rax, rax, 40
    0x4c, 0x01, 0xc8, // add rax, r9
    0x4c, 0x01, 0xc0, // add rax, r8
    0x31, 0xd2, // xor edx, edx
    0xb9, 0x00, 0xca, 0x9a, 0x3b, // mov ecx, 1000000000
    0x48, 0xf7, 0xf1, // div rcx
    0x48, 0x89, 0x06, // mov [rsi], rax
    0x48, 0x89, 0x56, 0x08, // mov [rsi + 8], rdx
    0x31, 0xc0, // xor eax, eax
    0xc3, // ret
    0xb8, 0xe4, 0x00, 0x00, 0x00, // slow: mov eax, 228
    0x0f, 0x05, // syscall
    0xc3, // ret
];

/// Code that jumps to an address.
pub(super) fn jump(address: u64) -> Vec<u8> {
    let mut code = vec![0x48, 0xb8]; // mov rax, address
    code.extend(address.to_le_bytes());
    code.extend([0xff, 0xe0]); // jmp rax
    code
}

/// A function that makes a system call.
pub(super) fn system_call(number: i64) -> Vec<u8> {
    let mut code = vec![0xb8]; // mov eax, number
    code.extend((number as u32).to_le_bytes());
    code.extend([0x0f, 0x05, 0xc3]); // syscall; ret
    code
}

/// A function that returns an error.
pub(super) fn return_error(errno: i32) -> Vec<u8> {
    let mut code = vec![0x48, 0xc7, 0xc0]; // mov rax, -errno
    code.extend((-errno).to_le_bytes());
    code.push(0xc3); // ret
    code
}

macro_rules! calls {
    ($($name:ident $number:expr,)*) => {
        /// A system call that the tracer handles.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Call { $($name),* }

        /// The calls at which the filter stops a thread, the most frequent ones first.
        pub(super) const TRACED: &[(i64, Call)] = &[$(($number, Call::$name)),*];
    };
}

calls! {
    Read libc::SYS_read, ClockGettime libc::SYS_clock_gettime, Futex libc::SYS_futex, Poll libc::SYS_poll,
    Ppoll libc::SYS_ppoll, EpollWait libc::SYS_epoll_wait, EpollPwait libc::SYS_epoll_pwait,
    EpollPwait2 libc::SYS_epoll_pwait2, Select libc::SYS_select, Pselect libc::SYS_pselect6,
    Gettimeofday libc::SYS_gettimeofday, Time libc::SYS_time,
    Nanosleep libc::SYS_nanosleep, ClockNanosleep libc::SYS_clock_nanosleep,
    SchedYield libc::SYS_sched_yield, Getrandom libc::SYS_getrandom,
    Open libc::SYS_open, Openat libc::SYS_openat,
    Readv libc::SYS_readv, Recvfrom libc::SYS_recvfrom, Recvmsg libc::SYS_recvmsg, Recvmmsg libc::SYS_recvmmsg,
    Accept libc::SYS_accept, Accept4 libc::SYS_accept4, Splice libc::SYS_splice, Connect libc::SYS_connect,
    Bind libc::SYS_bind,
    FutexWaitv libc::SYS_futex_waitv, FutexWait 455, FutexWake 454, FutexRequeue 456,
    Wait4 libc::SYS_wait4, Waitid libc::SYS_waitid,
    TimerfdCreate libc::SYS_timerfd_create, TimerfdSettime libc::SYS_timerfd_settime,
    TimerfdGettime libc::SYS_timerfd_gettime, Setitimer libc::SYS_setitimer, Getitimer libc::SYS_getitimer,
    Alarm libc::SYS_alarm, TimerCreate libc::SYS_timer_create, TimerSettime libc::SYS_timer_settime,
    TimerGettime libc::SYS_timer_gettime, TimerGetoverrun libc::SYS_timer_getoverrun,
    TimerDelete libc::SYS_timer_delete,
    Kill libc::SYS_kill, Tkill libc::SYS_tkill, Tgkill libc::SYS_tgkill, RtSigqueueinfo libc::SYS_rt_sigqueueinfo,
    RtTgsigqueueinfo libc::SYS_rt_tgsigqueueinfo, PidfdSendSignal libc::SYS_pidfd_send_signal,
    RtSigtimedwait libc::SYS_rt_sigtimedwait, RtSigsuspend libc::SYS_rt_sigsuspend, Pause libc::SYS_pause,
    Clone libc::SYS_clone,
    Execve libc::SYS_execve, Execveat libc::SYS_execveat,
    SchedGetaffinity libc::SYS_sched_getaffinity, SchedSetaffinity libc::SYS_sched_setaffinity,
    Getcpu libc::SYS_getcpu, Times libc::SYS_times, Getrusage libc::SYS_getrusage, Sysinfo libc::SYS_sysinfo,
    Flock libc::SYS_flock, MqTimedsend libc::SYS_mq_timedsend, MqTimedreceive libc::SYS_mq_timedreceive,
    Semop libc::SYS_semop, Semtimedop libc::SYS_semtimedop,
    // Traced for certain arguments only, see the filter.
    Close libc::SYS_close, CloseRange libc::SYS_close_range, Dup2 libc::SYS_dup2, Dup3 libc::SYS_dup3,
    Fcntl libc::SYS_fcntl, Setsockopt libc::SYS_setsockopt, Getsockopt libc::SYS_getsockopt,
}

const fn lookup() -> [Option<Call>; 512] {
    let mut table = [None; 512];
    let mut index = 0;
    while index < TRACED.len() {
        table[TRACED[index].0 as usize] = Some(TRACED[index].1);
        index += 1;
    }
    table
}

/// Returns the traced call with this number.
pub(crate) fn call(number: i64) -> Option<Call> {
    static TABLE: [Option<Call>; 512] = lookup();
    TABLE.get(usize::try_from(number).ok()?).copied().flatten()
}

/// Calls that fail as if the kernel did not have them. With io_uring a program would block without a traced call;
/// restartable sequences reveal the real processor; `openat2` opens files without a traced call. All runtimes have
/// alternatives to these calls.
pub(super) const UNSUPPORTED: &[i64] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_rseq,
    libc::SYS_openat2,
    libc::SYS_io_setup,
    // Its flags are in memory, so the filter cannot check them for `CLONE_UNTRACED`.
    libc::SYS_clone3,
];

/// Calls that would set the real clock.
pub(super) const FORBIDDEN: &[i64] =
    &[libc::SYS_settimeofday, libc::SYS_clock_settime, libc::SYS_adjtimex, libc::SYS_clock_adjtime];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_traced_call_is_found_by_its_number() {
        for (number, name) in TRACED {
            assert_eq!(call(*number), Some(*name));
        }
        assert_eq!(call(libc::SYS_write), None);
        assert_eq!(call(-1), None);
    }
}
