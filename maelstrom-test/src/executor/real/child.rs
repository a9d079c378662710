//! A node's process with its pipes.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use super::supervisor;
use crate::executor::{LINE_LIMIT, NODE_DIRECTORY, NodeProgram, describe_exit};

/// Size that the pipes are asked to have: fewer, larger reads and writes.
const PIPE_SIZE: libc::c_int = 1 << 20;

/// What came of reading from a node.
pub(super) enum ReadOutcome {
    Nothing,
    Something,
    /// The node, and all that it started, closed its output.
    Closed,
    LineTooLong,
}

/// A running node, under its supervisor (see [`supervisor`]).
pub(super) struct Child {
    process: std::process::Child,
    control: Option<UnixStream>,
    stdin: Option<pipe::Sender>,
    stdout: Option<pipe::Receiver>,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
}

impl Child {
    pub(super) fn start(program: &NodeProgram) -> io::Result<Child> {
        let (input_reader, input_writer) = io::pipe()?;
        let (output_reader, output_writer) = io::pipe()?;
        let log = OpenOptions::new().create(true).append(true).open(&program.log)?;
        let (control, theirs) = std::os::unix::net::UnixStream::pair()?;
        control.set_nonblocking(true)?;
        enlarge(&input_writer);
        enlarge(&output_reader);
        let mut command = Command::new(&program.program);
        command
            .args(&program.args)
            .envs(program.env.iter().map(|(key, value)| (key, value)))
            .current_dir(program.cwd.as_ref().unwrap_or(&program.directory))
            .stdin(input_reader)
            .stdout(output_writer)
            .stderr(log);
        if program.cwd.is_some() {
            command.env(NODE_DIRECTORY, &program.directory);
        }
        supervisor::put_under(&mut command, &theirs);
        let process = command.spawn()?;
        Ok(Child {
            process,
            control: Some(UnixStream::from_std(control)?),
            stdin: Some(pipe::Sender::from_owned_fd(OwnedFd::from(input_writer))?),
            stdout: Some(pipe::Receiver::from_owned_fd(OwnedFd::from(output_reader))?),
            partial: Vec::new(),
        })
    }

    /// Writes as much as the pipe takes; gives the number of bytes. A node that closed its input takes everything.
    pub(super) fn write(&mut self, cx: &mut Context<'_>, mut bytes: &[u8]) -> usize {
        let all = bytes.len();
        while !bytes.is_empty() {
            let Some(stdin) = &mut self.stdin else { return all };
            match Pin::new(stdin).poll_write(cx, bytes) {
                Poll::Ready(Ok(count)) => bytes = &bytes[count..],
                Poll::Ready(Err(_)) => self.stdin = None,
                Poll::Pending => break,
            }
        }
        all - bytes.len()
    }

    /// Reads once, and hands on every whole line.
    pub(super) fn read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        mut on_line: impl FnMut(&[u8]),
    ) -> ReadOutcome {
        let Some(stdout) = &mut self.stdout else { return ReadOutcome::Nothing };
        let mut read = ReadBuf::new(buffer);
        match Pin::new(stdout).poll_read(cx, &mut read) {
            Poll::Pending => ReadOutcome::Nothing,
            Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                split(&mut self.partial, read.filled(), &mut on_line);
                if self.partial.len() > LINE_LIMIT { ReadOutcome::LineTooLong } else { ReadOutcome::Something }
            }
            Poll::Ready(_) => {
                // The node closed its output: a last line may lack its line feed.
                self.stdout = None;
                let last = std::mem::take(&mut self.partial);
                if !last.is_empty() {
                    on_line(&last);
                }
                ReadOutcome::Closed
            }
        }
    }

    /// Reads what is left after the process has ended; an unfinished last line is dropped only by a kill.
    pub(super) fn drain(&mut self, buffer: &mut [u8], mut on_line: impl FnMut(&[u8])) {
        let Some(stdout) = self.stdout.take() else { return };
        while let Ok(count @ 1..) = stdout.try_read(buffer) {
            split(&mut self.partial, &buffer[..count], &mut on_line);
            if self.partial.len() > LINE_LIMIT {
                return;
            }
        }
    }

    /// Whether the program, and all that it started, is gone.
    pub(super) fn has_ended(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(control) = &mut self.control else { return true };
        let mut byte = [0];
        !matches!(Pin::new(control).poll_read(cx, &mut ReadBuf::new(&mut byte)), Poll::Pending)
    }

    /// Gives the supervisor an order; the number of processes concerned, 0 if they are gone already.
    pub(super) async fn order(&mut self, order: u8) -> u64 {
        let Some(control) = &mut self.control else { return 0 };
        let mut answer = [0; 8];
        let sent = control.write_all(&[order]).await;
        match (sent, control.read_exact(&mut answer).await) {
            (Ok(()), Ok(_)) => u64::from_ne_bytes(answer),
            _ => 0,
        }
    }

    /// Tells the supervisor to end everything.
    pub(super) fn let_go(&mut self) {
        (self.control, self.stdin, self.stdout) = (None, None, None);
    }

    /// Waits for the end, which must be under way; says how it came.
    pub(super) fn wait(&mut self) -> String {
        self.let_go();
        match self.process.wait() {
            Ok(status) => describe_exit(status),
            Err(error) => format!("its end could not be learned: {error}"),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.wait();
    }
}

/// Hands on the lines in `bytes`, the first of which may have begun in `partial`.
fn split(partial: &mut Vec<u8>, bytes: &[u8], on_line: &mut impl FnMut(&[u8])) {
    let mut rest = bytes;
    if !partial.is_empty() {
        let Some(end) = memchr::memchr(b'\n', rest) else { return partial.extend_from_slice(rest) };
        partial.extend_from_slice(&rest[..end]);
        on_line(partial);
        // A rare giant must not be kept for ever.
        if partial.capacity() > 1 << 20 {
            *partial = Vec::new()
        } else {
            partial.clear()
        }
        rest = &rest[end + 1..];
    }
    while let Some(end) = memchr::memchr(b'\n', rest) {
        on_line(&rest[..end]);
        rest = &rest[end + 1..];
    }
    partial.extend_from_slice(rest);
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn enlarge(pipe: &impl AsRawFd) {
    // SAFETY: plain system call on a descriptor that we own; failure (a limit) only means smaller pipes.
    unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, PIPE_SIZE) };
}

#[cfg(not(target_os = "linux"))]
fn enlarge(_: &impl AsRawFd) {
    let _ = PIPE_SIZE;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_however_they_are_cut() {
        let text = b"one\n\ntwo three\nfour";
        for cut in 0..text.len() {
            let (mut partial, mut lines) = (Vec::new(), Vec::new());
            let mut on_line = |line: &[u8]| lines.push(String::from_utf8_lossy(line).into_owned());
            split(&mut partial, &text[..cut], &mut on_line);
            split(&mut partial, &text[cut..], &mut on_line);
            assert_eq!(lines, ["one", "", "two three"]);
            assert_eq!(partial, b"four");
        }
    }
}
