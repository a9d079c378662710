//! A small process above each node, so that nothing of a node outlives the run.
//!
//! What does *not* suffice: killing the node's process (what it forked lives on), its process group or session (a child
//! can leave both), a parent-death signal (not inherited by grandchildren, and sent when the spawning *thread* ends).
//!
//! So every node gets a supervisor, made by forking once more between `fork` and `exec`. It calls itself the reaper of
//! all orphans below it (`PR_SET_CHILD_SUBREAPER`), has a session of its own (signals for our terminal or process group
//! pass it by), and holds one end of a socket whose other end we hold. Whatever way we end, SIGKILL included, the kernel
//! closes our end; the supervisor then kills its children until it has none. Since a killed process hands its own
//! children up to the supervisor, this reaches every descendant, also those that have left for a session of their own.
//!
//! The supervisor ends when the node's program does, after killing what that left behind, and with the same status.
//!
//! Between `fork` and `exec` of a program with several threads only async-signal-safe calls are allowed. The supervisor
//! lives there for ever, so this file allocates nothing after the fork and calls nothing but the kernel.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

use libc::{c_int, pid_t};

/// SIGKILL to every process; answered when none is left.
pub(super) const KILL: u8 = b'K';
/// SIGSTOP to every process.
pub(super) const PAUSE: u8 = b'P';
/// SIGCONT to every process.
pub(super) const RESUME: u8 = b'R';

/// More processes than this are not paused (all are killed, however many there are).
const MOST_PROCESSES: usize = 4096;

/// Makes the command start under a supervisor that listens on `control`.
pub(super) fn put_under(command: &mut Command, control: &UnixStream) {
    let control = control.as_raw_fd();
    // SAFETY: `become_supervised` only makes system calls and touches its own stack, as is required between fork and
    // exec. `control` stays open until spawn returns, since the caller holds it.
    unsafe { command.pre_exec(move || become_supervised(control)) };
}

/// Runs in the forked child. Returns in the grandchild, which goes on to execute the node's program.
fn become_supervised(control: RawFd) -> io::Result<()> {
    // SAFETY: plain system calls.
    unsafe {
        libc::setsid();
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        match libc::fork() {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                libc::setpgid(0, 0);
                Ok(())
            }
            node => supervise(control, node),
        }
    }
}

fn supervise(control: RawFd, node: pid_t) -> ! {
    ignore_signals();
    close_all_but(control);
    let mut supervisor = Supervisor { control, node, status: None };
    let children = supervisor.watch_children();
    loop {
        supervisor.reap();
        if supervisor.status.is_some() {
            supervisor.kill_all();
            supervisor.end_like_the_node();
        }
        wait_for_input(control, children);
        drain(children);
        match supervisor.read_order() {
            Some(KILL) => {
                let count = supervisor.kill_all();
                supervisor.answer(count);
            }
            Some(PAUSE) => {
                let count = supervisor.signal_all(libc::SIGSTOP);
                supervisor.answer(count);
            }
            Some(RESUME) => {
                let count = supervisor.signal_all(libc::SIGCONT);
                supervisor.answer(count);
            }
            Some(_) => {
                supervisor.kill_all();
                supervisor.end_like_the_node();
            }
            None => {}
        }
    }
}

struct Supervisor {
    control: RawFd,
    /// The node's own process.
    node: pid_t,
    /// How it ended.
    status: Option<c_int>,
}

impl Supervisor {
    /// Collects children that have ended, without waiting; gives their number.
    fn reap(&mut self) -> u64 {
        let mut count = 0;
        while self.wait(libc::WNOHANG) > 0 {
            count += 1;
        }
        count
    }

    /// Like `waitpid` for any child: its id, 0 if none has ended, −1 if there are none.
    fn wait(&mut self, flags: c_int) -> pid_t {
        let mut status = 0;
        // SAFETY: `status` is a valid place for the result.
        let pid = unsafe { libc::waitpid(-1, &mut status, flags) };
        if pid == self.node {
            self.status = Some(status);
        }
        pid
    }

    /// Kills children until there are none; their own children become ours as they die.
    fn kill_all(&mut self) -> u64 {
        let mut count = 0;
        loop {
            let mut buffer = [0; MOST_PROCESSES];
            let known = children_of_self(&mut buffer);
            for &pid in &buffer[..known] {
                // SAFETY: plain system call. The process is our child and not yet reaped, so the id is still its own.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
            if known == 0 {
                self.kill_blindly();
            }
            // The dead have handed their children up to us: look for those before waiting for anybody. Where nothing
            // is reaped yet, somebody whom we killed is still dying, so that waiting comes to an end.
            let reaped = self.reap();
            count += reaped;
            if reaped == 0 {
                match self.wait(if known > 0 { 0 } else { libc::WNOHANG }) {
                    -1 => return count,
                    0 => _ = unsafe { libc::sched_yield() }, // SAFETY: plain system call.
                    _ => count += 1,
                }
            }
        }
    }

    /// For systems that do not tell who our children are: the node's process and group.
    fn kill_blindly(&self) {
        if self.status.is_none() {
            // SAFETY: plain system calls; the node is our child and not yet reaped.
            unsafe {
                libc::kill(-self.node, libc::SIGKILL);
                libc::kill(self.node, libc::SIGKILL);
            }
        }
    }

    /// Sends a signal to every descendant, again until no new ones turn up; gives their number.
    fn signal_all(&mut self, signal: c_int) -> u64 {
        let mut known = 0;
        for _ in 0..16 {
            let mut buffer = [0; MOST_PROCESSES];
            let count = descendants(&mut buffer);
            for &pid in &buffer[..count] {
                // SAFETY: plain system call on a process that descended from us a moment ago.
                unsafe { libc::kill(pid, signal) };
            }
            if count == known {
                break;
            }
            known = count;
        }
        if known == 0 && self.status.is_none() {
            // SAFETY: plain system call; the node is our child and not yet reaped.
            unsafe { libc::kill(-self.node, signal) };
            known = 1;
        }
        known as u64
    }

    /// The next order; `Some(0)` if whoever gives orders is gone.
    fn read_order(&self) -> Option<u8> {
        let mut byte = 0u8;
        // SAFETY: one byte is read into a byte.
        match unsafe { libc::recv(self.control, (&raw mut byte).cast(), 1, libc::MSG_DONTWAIT) } {
            1 => Some(byte),
            0 => Some(0),
            _ if matches!(
                io::Error::last_os_error().kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ) =>
            {
                None
            }
            _ => Some(0),
        }
    }

    fn answer(&self, count: u64) {
        let bytes = count.to_ne_bytes();
        // SAFETY: the buffer has the length that is given; SIGPIPE is ignored.
        unsafe { libc::send(self.control, bytes.as_ptr().cast(), bytes.len(), 0) };
    }

    /// A descriptor that becomes readable when a child ends; −1 where there is no such thing.
    #[cfg(target_os = "linux")]
    fn watch_children(&mut self) -> RawFd {
        // SAFETY: plain system calls on a signal set that is initialised first.
        unsafe {
            let mut set = std::mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGCHLD);
            libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            libc::signalfd(-1, &set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC)
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn watch_children(&mut self) -> RawFd {
        -1
    }

    fn end_like_the_node(&self) -> ! {
        // SAFETY: plain system calls; the core size limit is set so that a second core file is not written.
        unsafe {
            let Some(status) = self.status else { libc::_exit(0) };
            if libc::WIFEXITED(status) {
                libc::_exit(libc::WEXITSTATUS(status));
            }
            let signal = libc::WTERMSIG(status);
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &none);
            libc::signal(signal, libc::SIG_DFL);
            libc::kill(libc::getpid(), signal);
            libc::_exit(128 + signal)
        }
    }
}

fn ignore_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE, libc::SIGTSTP] {
        // SAFETY: plain system call.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Closes every descriptor but one: pipes of this and other nodes must end when their users do.
fn close_all_but(control: RawFd) {
    // SAFETY: plain system calls; this process uses no other descriptor, and never runs destructors.
    unsafe {
        #[cfg(target_os = "linux")]
        {
            let control = control as libc::c_uint;
            let below = control == 0 || libc::syscall(libc::SYS_close_range, 0, control - 1, 0) == 0;
            if below && libc::syscall(libc::SYS_close_range, control + 1, libc::c_uint::MAX, 0) == 0 {
                return;
            }
        }
        let most = libc::sysconf(libc::_SC_OPEN_MAX).clamp(256, 1 << 16) as RawFd;
        (0..most).filter(|&fd| fd != control).for_each(|fd| _ = libc::close(fd));
    }
}

/// Sleeps until there is an order or a child has ended.
fn wait_for_input(control: RawFd, children: RawFd) {
    let mut fds = [
        libc::pollfd { fd: control, events: libc::POLLIN, revents: 0 },
        libc::pollfd { fd: children, events: libc::POLLIN, revents: 0 },
    ];
    let timeout = if children < 0 { 20 } else { -1 };
    // SAFETY: the array has as many elements as is said. (Negative descriptors are ignored by poll.)
    unsafe { libc::poll(fds.as_mut_ptr(), 2, timeout) };
}

fn drain(children: RawFd) {
    let mut bytes = [0u8; 1024];
    // SAFETY: the buffer has the length that is given; the descriptor does not block.
    while children >= 0 && unsafe { libc::read(children, bytes.as_mut_ptr().cast(), bytes.len()) } > 0 {}
}

/// Our direct children: their number, and their ids at the beginning of the buffer.
#[cfg(target_os = "linux")]
fn children_of_self(pids: &mut [pid_t; MOST_PROCESSES]) -> usize {
    read_pids(c"/proc/thread-self/children", pids, 0)
}

#[cfg(not(target_os = "linux"))]
fn children_of_self(_: &mut [pid_t; MOST_PROCESSES]) -> usize {
    0
}

/// All our descendants.
#[cfg(target_os = "linux")]
fn descendants(pids: &mut [pid_t; MOST_PROCESSES]) -> usize {
    let mut count = children_of_self(pids);
    let mut next = 0;
    while next < count {
        count = children_of(pids[next], pids, count);
        next += 1;
    }
    count
}

#[cfg(not(target_os = "linux"))]
fn descendants(_: &mut [pid_t; MOST_PROCESSES]) -> usize {
    0
}

/// Appends the children of all threads of a process.
#[cfg(target_os = "linux")]
fn children_of(pid: pid_t, pids: &mut [pid_t; MOST_PROCESSES], mut count: usize) -> usize {
    let mut path = Path::new();
    path.push(b"/proc/").push_number(pid).push(b"/task");
    // SAFETY: the path ends with a zero byte; plain system calls on a buffer of the length that is given.
    unsafe {
        let directory = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC);
        if directory < 0 {
            return count;
        }
        let mut entries = [0u8; 4096];
        loop {
            let read = libc::syscall(libc::SYS_getdents64, directory, entries.as_mut_ptr(), entries.len());
            if read <= 0 {
                break;
            }
            for_each_number(&entries[..read as usize], |thread| {
                let mut path = Path::new();
                path.push(b"/proc/").push_number(pid).push(b"/task/").push_number(thread).push(b"/children");
                count = read_pids(path.as_c_str(), pids, count);
            });
        }
        libc::close(directory);
    }
    count
}

/// Calls `f` with every name in the answer of `getdents64` that is a number.
#[cfg(target_os = "linux")]
fn for_each_number(mut entries: &[u8], mut f: impl FnMut(pid_t)) {
    // Each entry: inode (8 bytes), offset (8), length of the entry (2), type (1), name with a zero byte at its end.
    while entries.len() > 19 {
        let length = u16::from_ne_bytes([entries[16], entries[17]]) as usize;
        if length <= 19 || length > entries.len() {
            return;
        }
        let mut number: pid_t = 0;
        let mut digits = entries[19..length].iter().take_while(|&&byte| byte != 0).peekable();
        let is_number = digits.peek().is_some()
            && digits.all(|byte| {
                number = number.wrapping_mul(10).wrapping_add(pid_t::from(byte.wrapping_sub(b'0')));
                byte.is_ascii_digit()
            });
        if is_number {
            f(number);
        }
        entries = &entries[length..];
    }
}

/// Appends the numbers in a small file of numbers; gives the new count.
#[cfg(target_os = "linux")]
fn read_pids(path: &std::ffi::CStr, pids: &mut [pid_t; MOST_PROCESSES], mut count: usize) -> usize {
    // SAFETY: the path ends with a zero byte; the buffer has the length that is given.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if file < 0 {
            return count;
        }
        let (mut buffer, mut number) = ([0u8; 4096], None);
        loop {
            let read = libc::read(file, buffer.as_mut_ptr().cast(), buffer.len());
            if read <= 0 {
                break;
            }
            for &byte in &buffer[..read as usize] {
                if byte.is_ascii_digit() {
                    number = Some(number.unwrap_or(0) * 10 + pid_t::from(byte - b'0'));
                } else if let Some(pid) = number.take()
                    && count < pids.len()
                {
                    pids[count] = pid;
                    count += 1;
                }
            }
        }
        libc::close(file);
    }
    count
}

/// A path on the stack.
#[cfg(target_os = "linux")]
struct Path {
    bytes: [u8; 64],
    length: usize,
}

#[cfg(target_os = "linux")]
impl Path {
    fn new() -> Path {
        Path { bytes: [0; 64], length: 0 }
    }

    fn push(&mut self, text: &[u8]) -> &mut Path {
        for &byte in text {
            // The last byte stays zero.
            if self.length + 1 < self.bytes.len() {
                self.bytes[self.length] = byte;
                self.length += 1;
            }
        }
        self
    }

    fn push_number(&mut self, number: pid_t) -> &mut Path {
        let (mut digits, mut at, mut rest) = ([0u8; 12], 12, number.unsigned_abs());
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push(&digits[at..])
    }

    fn as_ptr(&self) -> *const libc::c_char {
        self.bytes.as_ptr().cast()
    }

    fn as_c_str(&self) -> &std::ffi::CStr {
        std::ffi::CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}
