//! A supervisor process for each node, which kills all processes of the node when the run ends.
//!
//! Simpler methods do not reach all of them:
//!
//! | method | processes that it misses |
//! | --- | --- |
//! | a signal to the node | its children |
//! | a signal to its process group or session | children that have left them |
//! | a parent-death signal | grandchildren; it is also sent when only the spawning *thread* exits |
//!
//! So every node has a supervisor, which is created by a second fork between `fork` and `exec`. The supervisor
//!
//! - is the subreaper of its descendants (`PR_SET_CHILD_SUBREAPER`): it becomes the parent of every orphan;
//! - has its own session, so signals for our terminal or process group do not reach it;
//! - shares a socket with us. When we exit in any way, including SIGKILL, the kernel closes our end. The supervisor then kills
//!   its children until it has none. The children of a killed process become children of the supervisor, so it reaches every
//!   descendant, even those in other sessions.
//!
//! When the program of the node exits, the supervisor kills the remaining processes and exits with the same status.
//!
//! Some programs send signals to their parent. If the supervisor were stopped, the run would not end; if it were killed,
//! processes would remain. So the parent of the node is a separate process without any function, the *shield*:
//!
//! ```text
//! maelstrom ── supervisor ── shield ── node ── its descendants
//! ```
//!
//! | signal to the shield | effect |
//! | --- | --- |
//! | SIGSTOP | the supervisor continues it |
//! | SIGKILL | the supervisor becomes the parent of the node; a second SIGKILL kills the supervisor |
//! | any other | ignored |
//!
//! Between `fork` and `exec` of a program with several threads, only async-signal-safe calls are allowed. The supervisor never
//! executes another program, so the code in this file does not allocate after the fork and calls only the kernel.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

use libc::{c_int, pid_t};

use super::descendants::{MAX_PROCESSES, children_of_self, descendants};

/// The request to send SIGKILL to every process. The response is sent when all have exited.
pub(super) const KILL: u8 = b'K';
/// The request to send SIGSTOP to every process.
pub(super) const PAUSE: u8 = b'P';
/// The request to send SIGCONT to every process.
pub(super) const RESUME: u8 = b'R';

/// Configures the command to start under a supervisor that reads requests from `control`.
pub(super) fn supervise(command: &mut Command, control: &UnixStream) {
    let control = control.as_raw_fd();
    // SAFETY: `become_supervised` only makes system calls and accesses its own stack, as required between fork and exec.
    // `control` is open until spawn returns, because the caller holds it.
    unsafe { command.pre_exec(move || become_supervised(control)) };
}

/// Runs in the forked child. Returns in a descendant, which then executes the program of the node.
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
        Fork::Supervisor { shield, node } => run_supervisor(Supervisor { control, shield, node, status: None }),
    }
}

/// The process in which a fork returned.
enum Fork {
    Node,
    Supervisor { shield: Option<pid_t>, node: pid_t },
}

#[cfg(target_os = "linux")]
fn fork_node() -> io::Result<Fork> {
    let mut pipe = [0; 2];
    // SAFETY: plain system calls on buffers of the given lengths. The shield never returns.
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
                    run_shield(node)
                }
            },
            shield => {
                let mut node: pid_t = 0;
                libc::close(writer);
                // Without a response there is no node: the shield could not fork, and exits.
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

/// Waits until the node has exited. The supervisor reaps it.
#[cfg(target_os = "linux")]
fn run_shield(node: pid_t) -> ! {
    ignore_signals();
    close_all_but(None);
    // SAFETY: plain system calls. The kernel writes at most a `siginfo_t`.
    unsafe {
        let mut info = std::mem::zeroed();
        while libc::waitid(libc::P_PID, node as libc::id_t, &mut info, libc::WEXITED | libc::WNOWAIT) != 0
            && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
        {}
        libc::_exit(0)
    }
}

fn run_supervisor(mut supervisor: Supervisor) -> ! {
    let control = supervisor.control;
    ignore_signals();
    close_all_but(Some(control));
    let children = supervisor.watch_children();
    loop {
        supervisor.continue_shield();
        supervisor.reap();
        if supervisor.status.is_some() {
            supervisor.kill_all();
            supervisor.exit_with_status_of_node();
        }
        wait_for_input(control, children);
        drain(children);
        match supervisor.read_request() {
            Some(KILL) => {
                let count = supervisor.kill_all();
                supervisor.respond(count);
            }
            Some(PAUSE) => {
                let count = supervisor.signal_all(libc::SIGSTOP);
                supervisor.respond(count);
            }
            Some(RESUME) => {
                let count = supervisor.signal_all(libc::SIGCONT);
                supervisor.respond(count);
            }
            Some(_) => {
                supervisor.kill_all();
                supervisor.exit_with_status_of_node();
            }
            None => {}
        }
    }
}

struct Supervisor {
    control: RawFd,
    /// The shield, unless it has exited.
    shield: Option<pid_t>,
    /// The process of the node. Only the supervisor reaps it, so the id is not reused while `status` is `None`.
    node: pid_t,
    /// The exit status of the node.
    status: Option<c_int>,
}

impl Supervisor {
    /// Reaps children that have exited, without waiting. Returns their number.
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
        // SAFETY: plain system calls on our child, which is not reaped yet. The kernel writes at most a `siginfo_t`.
        unsafe {
            let mut info = std::mem::zeroed();
            libc::waitid(libc::P_PID, shield as libc::id_t, &mut info, libc::WSTOPPED | libc::WNOHANG);
            if info.si_signo != 0 {
                libc::kill(shield, libc::SIGCONT);
            }
        }
    }

    /// Calls `waitpid` for any child. Returns its id, 0 if none has exited, or −1 if there are no children.
    fn wait(&mut self, flags: c_int) -> pid_t {
        let mut status = 0;
        // SAFETY: `status` is valid for writes.
        let pid = unsafe { libc::waitpid(-1, &mut status, flags) };
        if pid == self.node {
            self.status = Some(status);
        }
        if Some(pid) == self.shield {
            self.shield = None;
        }
        pid
    }

    /// Kills children until there are none. The children of a killed process become ours. Returns the number of killed
    /// processes without the shield.
    fn kill_all(&mut self) -> u64 {
        let had_shield = self.shield.is_some();
        self.kill_everything().saturating_sub(u64::from(had_shield))
    }

    fn kill_everything(&mut self) -> u64 {
        let mut count = 0;
        // The node is killed before the shield, because it may have requested a signal for the death of its parent.
        self.kill_node();
        loop {
            let mut buffer = [0; MAX_PROCESSES];
            let known = children_of_self(&mut buffer);
            for &pid in &buffer[..known] {
                // SAFETY: plain system call. The process is our child and not reaped yet, so the id is not reused.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
            if known == 0 {
                self.kill_known();
            }
            // The children of reaped processes are now ours, so look for them before waiting. If nothing was reaped, a
            // killed process is still exiting, so the wait ends.
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
            // SAFETY: plain system call. The node is not reaped yet.
            unsafe { libc::kill(self.node, libc::SIGKILL) };
        }
    }

    /// Kills the node with its process group, and the shield. Used on systems without a list of our children.
    fn kill_known(&self) {
        // SAFETY: plain system calls. Neither process is reaped yet.
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

    /// Sends a signal to every descendant except the shield, repeatedly until there are no new ones. Returns their number.
    fn signal_all(&mut self, signal: c_int) -> u64 {
        let mut known = 0;
        for _ in 0..16 {
            let mut buffer = [0; MAX_PROCESSES];
            let all = descendants(&mut buffer);
            let mut count = 0;
            for &pid in buffer[..all].iter().filter(|&&pid| Some(pid) != self.shield) {
                // SAFETY: plain system call on a process that was just listed as our descendant.
                unsafe { libc::kill(pid, signal) };
                count += 1;
            }
            if count == known {
                break;
            }
            known = count;
        }
        if known == 0 && self.status.is_none() {
            // SAFETY: plain system call. The node is not reaped yet.
            unsafe { libc::kill(-self.node, signal) };
            known = 1;
        }
        known as u64
    }

    /// Reads the next request. Returns `Some(0)` if the socket is closed.
    fn read_request(&self) -> Option<u8> {
        let mut byte = 0u8;
        // SAFETY: at most one byte is written to `byte`.
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

    fn respond(&self, count: u64) {
        let bytes = count.to_ne_bytes();
        // SAFETY: the length is that of the buffer. SIGPIPE is ignored.
        unsafe { libc::send(self.control, bytes.as_ptr().cast(), bytes.len(), 0) };
    }

    /// Returns a descriptor that becomes readable when a child exits, or −1 if the system has none.
    #[cfg(target_os = "linux")]
    fn watch_children(&mut self) -> RawFd {
        // SAFETY: plain system calls on an initialised signal set.
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

    fn exit_with_status_of_node(&self) -> ! {
        // SAFETY: plain system calls. The limit for core files prevents a second core file.
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

/// Ignores every signal except SIGCHLD, which announces that a child has exited. (SIGKILL and SIGSTOP cannot be ignored.)
fn ignore_signals() {
    for signal in (1..=64).filter(|&signal| signal != libc::SIGCHLD) {
        // SAFETY: plain system call. It fails for numbers that are not signals.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Closes every descriptor except one. Otherwise pipes of this and other nodes would remain open after their users exit.
fn close_all_but(kept: Option<RawFd>) {
    // SAFETY: plain system calls. This process uses no other descriptor, and never runs destructors.
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

/// Waits until there is a request or a child has exited.
fn wait_for_input(control: RawFd, children: RawFd) {
    let mut fds = [
        libc::pollfd { fd: control, events: libc::POLLIN, revents: 0 },
        libc::pollfd { fd: children, events: libc::POLLIN, revents: 0 },
    ];
    let timeout = if children < 0 { 20 } else { -1 };
    // SAFETY: the length is that of the array. `poll` ignores negative descriptors.
    unsafe { libc::poll(fds.as_mut_ptr(), 2, timeout) };
}

fn drain(children: RawFd) {
    let mut bytes = [0u8; 1024];
    // SAFETY: the length is that of the buffer. The descriptor does not block.
    while children >= 0 && unsafe { libc::read(children, bytes.as_mut_ptr().cast(), bytes.len()) } > 0 {}
}
