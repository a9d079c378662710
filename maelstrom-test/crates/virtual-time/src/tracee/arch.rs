//! All that depends on the processor (x86-64): registers, system calls, the time-stamp counter.

/// The architecture as the kernel's audit code names it; the filter refuses calls of any other.
pub(crate) const AUDIT_ARCH: u32 = 0xC000_003E;
/// Numbers from here on belong to the x32 interface, which the simulation does not offer.
pub(crate) const FOREIGN_CALLS: u32 = 0x4000_0000;
/// Length of the `syscall` instruction: stepping back this far runs it again.
const SYSCALL_LENGTH: u64 = 2;
/// That instruction.
pub(crate) const SYSCALL: [u8; 2] = [0x0f, 0x05];
/// The code segment of 64-bit programs.
const SEGMENT_64_BIT: u64 = 0x33;

/// The registers of a stopped thread.
#[derive(Clone, Copy)]
pub(crate) struct Registers(pub(crate) libc::user_regs_struct);

impl Registers {
    /// The number of the system call that the thread is in.
    pub(crate) fn number(&self) -> i64 {
        self.0.orig_rax as i64
    }

    /// An argument of the system call, from 0.
    pub(crate) fn arg(&self, index: usize) -> u64 {
        let r = &self.0;
        [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9][index]
    }

    /// Changes an argument of the system call.
    pub(crate) fn set_arg(&mut self, index: usize, value: u64) {
        let r = &mut self.0;
        *[&mut r.rdi, &mut r.rsi, &mut r.rdx, &mut r.r10, &mut r.r8, &mut r.r9][index] = value;
    }

    /// Turns the system call that is about to happen into another one.
    pub(crate) fn set_number(&mut self, number: i64) {
        self.0.orig_rax = number as u64;
    }

    /// The result of the system call that has just happened; errors are negative.
    pub(crate) fn result(&self) -> i64 {
        self.0.rax as i64
    }

    /// Replaces the result of a system call that has happened.
    pub(crate) fn set_result(&mut self, value: i64) {
        self.0.rax = value as u64;
    }

    /// Answers the system call in the kernel's place: it is not executed (again), and returns this.
    pub(crate) fn answer(&mut self, value: i64) {
        self.0.orig_rax = u64::MAX;
        self.0.rax = value as u64;
    }

    /// Makes the thread execute its system call once more, from the start.
    pub(crate) fn rewind(&mut self, number: i64) {
        self.0.rip -= SYSCALL_LENGTH;
        self.0.rax = number as u64;
        self.0.orig_rax = u64::MAX;
    }

    /// The next instruction's address.
    pub(crate) fn instruction(&self) -> u64 {
        self.0.rip
    }

    /// Lets the thread, which stands at the end of a system call, make another one: with the `syscall` instruction at
    /// this address.
    pub(crate) fn call_at(&mut self, address: u64, number: i64) {
        self.0.rip = address;
        self.0.rax = number as u64;
        self.0.orig_rax = u64::MAX;
    }

    /// Makes the thread go on behind the system call that starts at `instruction`.
    pub(crate) fn set_behind_call(&mut self, instruction: u64) {
        self.0.rip = instruction + SYSCALL_LENGTH;
    }

    /// The stack pointer.
    pub(crate) fn stack(&self) -> u64 {
        self.0.rsp
    }

    /// Whether the program is a 64-bit one.
    pub(crate) fn is_64_bit(&self) -> bool {
        self.0.cs == SEGMENT_64_BIT
    }

    /// If the instruction here reads the time-stamp counter, lets the thread have read `counter` and go on behind it.
    pub(crate) fn emulate_counter(&mut self, code: [u8; 3], counter: u64) -> bool {
        let r = &mut self.0;
        let Some(length) = reads_counter(code) else { return false };
        if length == 3 {
            // `rdtscp` also tells the processor's number.
            r.rcx = 0;
        }
        r.rip += length;
        r.rax = counter & 0xffff_ffff;
        r.rdx = counter >> 32;
        true
    }
}

/// The length of an instruction that reads the time-stamp counter (`rdtsc`, `rdtscp`); `None` if it is another one.
fn reads_counter(code: [u8; 3]) -> Option<u64> {
    match code {
        [0x0f, 0x31, _] => Some(2),
        [0x0f, 0x01, 0xf9] => Some(3),
        _ => None,
    }
}

/// Whether a thread of this process that was interrupted by a signal stands at such an instruction.
///
/// # Safety
/// The context is a signal handler's, and the instruction can be read.
#[allow(unsafe_code)]
pub(crate) unsafe fn stands_at_counter(context: *const libc::ucontext_t) -> bool {
    // SAFETY: as the caller says; the third byte is read only where the instruction has one.
    unsafe {
        let code = (*context).uc_mcontext.gregs[libc::REG_RIP as usize] as *const u8;
        let (first, second) = (code.read(), code.add(1).read());
        let third = if second == 0x01 { code.add(2).read() } else { 0 };
        reads_counter([first, second, third]).is_some()
    }
}

/// `clock_gettime` on a page whose successor is the clock's (see [`crate::tracee::vdso`]): counts the reading, and gives the base
/// plus 40 ns for each, plus the clock's offset. The system is asked if there is no offset, or after too many readings.
/// Should the thread be stopped half-way, and the clock be set meanwhile, it reads again.
#[rustfmt::skip]
pub(crate) const CLOCK_READER: &[u8] = &[
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

/// Code that goes to an address.
pub(crate) fn jump(address: u64) -> Vec<u8> {
    let mut code = vec![0x48, 0xb8]; // mov rax, address
    code.extend(address.to_le_bytes());
    code.extend([0xff, 0xe0]); // jmp rax
    code
}

/// A function that makes a system call.
pub(crate) fn plain_call(number: i64) -> Vec<u8> {
    let mut code = vec![0xb8]; // mov eax, number
    code.extend((number as u32).to_le_bytes());
    code.extend([0x0f, 0x05, 0xc3]); // syscall; ret
    code
}

/// A function that fails.
pub(crate) fn plain_failure(errno: i32) -> Vec<u8> {
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

        /// Which calls the filter hands to the tracer, the frequent ones first.
        pub(crate) const TRAPPED: &[(i64, Call)] = &[$(($number, Call::$name)),*];
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
    // Handed over only for certain arguments, see the filter.
    Close libc::SYS_close, CloseRange libc::SYS_close_range, Dup2 libc::SYS_dup2, Dup3 libc::SYS_dup3,
    Fcntl libc::SYS_fcntl, Setsockopt libc::SYS_setsockopt, Getsockopt libc::SYS_getsockopt,
}

const fn lookup() -> [Option<Call>; 512] {
    let mut table = [None; 512];
    let mut index = 0;
    while index < TRAPPED.len() {
        table[TRAPPED[index].0 as usize] = Some(TRAPPED[index].1);
        index += 1;
    }
    table
}

/// What the tracer knows a number as.
pub(crate) fn call(number: i64) -> Option<Call> {
    static TABLE: [Option<Call>; 512] = lookup();
    TABLE.get(usize::try_from(number).ok()?).copied().flatten()
}

/// Calls that fail as if the kernel lacked them. With io_uring, waiting would escape the tracer; restartable sequences
/// and `openat2` tell the real processor and open files unseen. All runtimes have another way.
pub(crate) const ABSENT: &[i64] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_rseq,
    libc::SYS_openat2,
    libc::SYS_io_setup,
    // Its flags are in memory, where the filter cannot look for `CLONE_UNTRACED`.
    libc::SYS_clone3,
];

/// Calls that would set the machine's real clock.
pub(crate) const FORBIDDEN: &[i64] =
    &[libc::SYS_settimeofday, libc::SYS_clock_settime, libc::SYS_adjtimex, libc::SYS_clock_adjtime];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_finds_every_trapped_call() {
        for (number, name) in TRAPPED {
            assert_eq!(call(*number), Some(*name));
        }
        assert_eq!(call(libc::SYS_write), None);
        assert_eq!(call(-1), None);
    }

    #[test]
    fn reading_the_counter_is_recognised_in_both_forms() {
        // SAFETY: plain integers; all zeros is a valid value.
        #[allow(unsafe_code)]
        let mut registers = Registers(unsafe { std::mem::zeroed() });
        assert!(registers.emulate_counter([0x0f, 0x31, 0x90], 0x1_0000_0002));
        assert_eq!((registers.0.rip, registers.0.rax, registers.0.rdx), (2, 2, 1));
        assert!(registers.emulate_counter([0x0f, 0x01, 0xf9], 7));
        assert_eq!((registers.0.rip, registers.0.rax), (5, 7));
        assert!(!registers.emulate_counter([0x0f, 0xa2, 0x90], 7));
    }
}
