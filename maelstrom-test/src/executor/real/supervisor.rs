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
//! Some programs send signals to their parent. A supervisor that is stopped would never end the run, and one that is
//! killed would leave processes behind. So the node's parent is a process in between, the *shield*, which does nothing:
//!
//! ```text
//! maelstrom ── supervisor ── shield ── node ── what it starts
//! ```
//!
//! | signal to the shield | effect |
//! | --- | --- |
//! | SIGSTOP | the supervisor continues it |
//! | SIGKILL | the supervisor becomes the parent of the node, and is itself killed by a second SIGKILL |
//! | any other | ignored |
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

use super::descendants::{MOST_PROCESSES, children_of_self, descendants};

/// SIGKILL to every process; answered when none is left.
pub(super) const KILL: u8 = b'K';
/// SIGSTOP to every process.
pub(super) const PAUSE: u8 = b'P';
/// SIGCONT to every process.
pub(super) const RESUME: u8 = b'R';

/// Makes the command start under a supervisor that listens on `control`.
pub(super) fn put_under(command: &mut Command, control: &UnixStream) {
    let control = control.as_raw_fd();
    // SAFETY: `become_supervised` only makes system calls and touches its own stack, as is required between fork and
    // exec. `control` stays open until spawn returns, since the caller holds it.
    unsafe { command.pre_exec(move || become_supervised(control)) };
}

/// Runs in the forked child. Returns in a descendant, which goes on to execute the node's program.
fn become_supervised(control: RawFd) -> io::Result<()> {
    // SAFETY: plain system calls.
    unsafe {
        libc::setsid();
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
    }
    match fork_node()? {
        Fork::Node => Ok(()),
        Fork::Supervisor { shield, node } => supervise(Supervisor { control, shield, node, status: None }),
    }
}

/// In which process a fork returned.
enum Fork {
    Node,
    Supervisor { shield: Option<pid_t>, node: pid_t },
}

#[cfg(target_os = "linux")]
fn fork_node() -> io::Result<Fork> {
    let mut pipe = [0; 2];
    // SAFETY: plain system calls on buffers of the lengths that are given; the shield never returns.
    unsafe {
        if libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return Err(io::Error::last_os_error());
        }
        let [reader, writer] = pipe;
        match libc::fork() {
            -1 => Err(io::Error::last_os_error()),
            0 => match libc::fork() {
                -1 => Err(io::Error::last_os_error()),
                0 => {
                    libc::setpgid(0, 0);
                    Ok(Fork::Node)
                }
                node => {
                    libc::write(writer, (&raw const node).cast(), size_of::<pid_t>());
                    be_shield(node)
                }
            },
            shield => {
                let mut node: pid_t = 0;
                libc::close(writer);
                // Without an answer there is no node: the shield could not fork, and ends.
                if libc::read(reader, (&raw mut node).cast(), size_of::<pid_t>()) <= 0 {
                    node = shield;
                }
                Ok(Fork::Supervisor { shield: Some(shield), node })
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn fork_node() -> io::Result<Fork> {
    // SAFETY: plain system calls.
    unsafe {
        match libc::fork() {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                libc::setpgid(0, 0);
                Ok(Fork::Node)
            }
            node => Ok(Fork::Supervisor { shield: None, node }),
        }
    }
}

/// Waits until the node has ended, and leaves it to the supervisor to reap it.
#[cfg(target_os = "linux")]
fn be_shield(node: pid_t) -> ! {
    ignore_signals();
    close_all_but(None);
    // SAFETY: plain system calls; the kernel writes no further than `siginfo_t` is long.
    unsafe {
        let mut info = std::mem::zeroed();
        while libc::waitid(libc::P_PID, node as libc::id_t, &mut info, libc::WEXITED | libc::WNOWAIT) != 0
            && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
        {}
        libc::_exit(0)
    }
}

fn supervise(mut supervisor: Supervisor) -> ! {
    let control = supervisor.control;
    ignore_signals();
    close_all_but(Some(control));
    let children = supervisor.watch_children();
    loop {
        supervisor.continue_shield();
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
    /// The process between this one and the node, unless it has ended.
    shield: Option<pid_t>,
    /// The node's own process. Nobody else reaps it, so the id is its own until there is a status.
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

    /// Continues the shield if the node has stopped it.
    fn continue_shield(&self) {
        let Some(shield) = self.shield else { return };
        // SAFETY: plain system calls on our child, which is not yet reaped; the kernel writes no further than `siginfo_t` is
        // long.
        unsafe {
            let mut info = std::mem::zeroed();
            libc::waitid(libc::P_PID, shield as libc::id_t, &mut info, libc::WSTOPPED | libc::WNOHANG);
            if info.si_signo != 0 {
                libc::kill(shield, libc::SIGCONT);
            }
        }
    }

    /// Like `waitpid` for any child: its id, 0 if none has ended, −1 if there are none.
    fn wait(&mut self, flags: c_int) -> pid_t {
        let mut status = 0;
        // SAFETY: `status` is a valid place for the result.
        let pid = unsafe { libc::waitpid(-1, &mut status, flags) };
        if pid == self.node {
            self.status = Some(status);
        }
        if Some(pid) == self.shield {
            self.shield = None;
        }
        pid
    }

    /// Kills children until there are none; their own children become ours as they die. Gives their number, without the
    /// shield.
    fn kill_all(&mut self) -> u64 {
        let had_shield = self.shield.is_some();
        self.kill_everything().saturating_sub(u64::from(had_shield))
    }

    fn kill_everything(&mut self) -> u64 {
        let mut count = 0;
        // First, since a node may have asked for a signal when its parent ends.
        self.kill_node();
        loop {
            let mut buffer = [0; MOST_PROCESSES];
            let known = children_of_self(&mut buffer);
            for &pid in &buffer[..known] {
                // SAFETY: plain system call. The process is our child and not yet reaped, so the id is still its own.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
            if known == 0 {
                self.kill_known();
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

    fn kill_node(&self) {
        if self.status.is_none() {
            // SAFETY: plain system call; the node is not yet reaped.
            unsafe { libc::kill(self.node, libc::SIGKILL) };
        }
    }

    /// For systems that do not tell who our children are: the node's process and group, and the shield.
    fn kill_known(&self) {
        // SAFETY: plain system calls; neither process is reaped yet.
        unsafe {
            if self.status.is_none() {
                libc::kill(-self.node, libc::SIGKILL);
            }
            self.kill_node();
            if let Some(shield) = self.shield {
                libc::kill(shield, libc::SIGKILL);
            }
        }
    }

    /// Sends a signal to every descendant but the shield, again until no new ones turn up; gives their number.
    fn signal_all(&mut self, signal: c_int) -> u64 {
        let mut known = 0;
        for _ in 0..16 {
            let mut buffer = [0; MOST_PROCESSES];
            let all = descendants(&mut buffer);
            let mut count = 0;
            for &pid in buffer[..all].iter().filter(|&&pid| Some(pid) != self.shield) {
                // SAFETY: plain system call on a process that descended from us a moment ago.
                unsafe { libc::kill(pid, signal) };
                count += 1;
            }
            if count == known {
                break;
            }
            known = count;
        }
        if known == 0 && self.status.is_none() {
            // SAFETY: plain system call; the node is not yet reaped.
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

/// Ignores every signal but SIGCHLD, which tells that a child has ended. (SIGKILL and SIGSTOP cannot be ignored.)
fn ignore_signals() {
    for signal in (1..=64).filter(|&signal| signal != libc::SIGCHLD) {
        // SAFETY: plain system call, which fails for what is no signal.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Closes every descriptor, but for one: pipes of this and other nodes must end when their users do.
fn close_all_but(kept: Option<RawFd>) {
    // SAFETY: plain system calls; this process uses no other descriptor, and never runs destructors.
    unsafe {
        #[cfg(target_os = "linux")]
        {
            let close = |from: RawFd, to: libc::c_uint| libc::syscall(libc::SYS_close_range, from, to, 0) == 0;
            let below = kept.is_none_or(|kept| kept == 0 || close(0, kept as libc::c_uint - 1));
            if below && close(kept.map_or(0, |kept| kept + 1), libc::c_uint::MAX) {
                return;
            }
        }
        let most = libc::sysconf(libc::_SC_OPEN_MAX).clamp(256, 1 << 16) as RawFd;
        (0..most).filter(|&fd| Some(fd) != kept).for_each(|fd| _ = libc::close(fd));
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
