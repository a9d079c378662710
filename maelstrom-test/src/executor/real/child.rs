//! The process of a node, with its pipes.

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

/// The size of the pipes. Larger pipes need fewer reads and writes.
const PIPE_SIZE: libc::c_int = 1 << 20;

/// The result of a read from a node.
pub(super) enum ReadOutcome {
    /// There is nothing to read.
    Pending,
    Lines,
    /// The node and all its descendants have closed their standard output.
    Closed,
    LineTooLong,
}

/// A running node under its supervisor (see [`supervisor`]).
pub(super) struct Child {
    process: std::process::Child,
    control: Option<UnixStream>,
    stdin: Option<pipe::Sender>,
    stdout: Option<pipe::Receiver>,
    /// The beginning of a line that is not complete yet.
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
        supervisor::supervise(&mut command, &theirs);
        let process = command.spawn()?;
        Ok(Child {
            process,
            control: Some(UnixStream::from_std(control)?),
            stdin: Some(pipe::Sender::from_owned_fd(OwnedFd::from(input_writer))?),
            stdout: Some(pipe::Receiver::from_owned_fd(OwnedFd::from(output_reader))?),
            partial: Vec::new(),
        })
    }

    /// Writes as many bytes as the pipe accepts, and returns their number. Bytes for a node that closed its standard input are
    /// discarded.
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

    /// Reads once, and calls `on_line` with every complete line.
    pub(super) fn read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        mut on_line: impl FnMut(&[u8]),
    ) -> ReadOutcome {
        let Some(stdout) = &mut self.stdout else { return ReadOutcome::Pending };
        let mut read = ReadBuf::new(buffer);
        match Pin::new(stdout).poll_read(cx, &mut read) {
            Poll::Pending => ReadOutcome::Pending,
            Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                split(&mut self.partial, read.filled(), &mut on_line);
                if self.partial.len() > LINE_LIMIT { ReadOutcome::LineTooLong } else { ReadOutcome::Lines }
            }
            Poll::Ready(_) => {
                // The last line may have no line feed.
                self.stdout = None;
                let last = std::mem::take(&mut self.partial);
                if !last.is_empty() {
                    on_line(&last);
                }
                ReadOutcome::Closed
            }
        }
    }

    /// Reads the rest of the output after the process has exited. Discards an incomplete last line.
    pub(super) fn drain(&mut self, buffer: &mut [u8], mut on_line: impl FnMut(&[u8])) {
        let Some(stdout) = self.stdout.take() else { return };
        while let Ok(count @ 1..) = stdout.try_read(buffer) {
            split(&mut self.partial, &buffer[..count], &mut on_line);
            if self.partial.len() > LINE_LIMIT {
                return;
            }
        }
    }

    /// Whether the program and all its descendants have exited.
    pub(super) fn has_exited(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(control) = &mut self.control else { return true };
        let mut byte = [0];
        !matches!(Pin::new(control).poll_read(cx, &mut ReadBuf::new(&mut byte)), Poll::Pending)
    }

    /// Sends a request to the supervisor. Returns the number of affected processes, 0 if all have exited.
    pub(super) async fn request(&mut self, request: u8) -> u64 {
        let Some(control) = &mut self.control else { return 0 };
        let mut response = [0; 8];
        let sent = control.write_all(&[request]).await;
        match (sent, control.read_exact(&mut response).await) {
            (Ok(()), Ok(_)) => u64::from_ne_bytes(response),
            _ => 0,
        }
    }

    /// Closes the connection to the supervisor, which then kills all processes of the node.
    pub(super) fn disconnect(&mut self) {
        (self.control, self.stdin, self.stdout) = (None, None, None);
    }

    /// Disconnects, waits until all processes of the node have exited, and describes the exit status of the node.
    pub(super) fn wait(&mut self) -> String {
        self.disconnect();
        match self.process.wait() {
            Ok(status) => describe_exit(status),
            Err(error) => format!("its exit status is not available: {error}"),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.wait();
    }
}

/// Calls `on_line` with every complete line in `partial` and `bytes`, and keeps the rest in `partial`.
fn split(partial: &mut Vec<u8>, bytes: &[u8], on_line: &mut impl FnMut(&[u8])) {
    let mut rest = bytes;
    if !partial.is_empty() {
        let Some(end) = memchr::memchr(b'\n', rest) else { return partial.extend_from_slice(rest) };
        partial.extend_from_slice(&rest[..end]);
        on_line(partial);
        // Do not keep the memory of an exceptionally long line.
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
    // SAFETY: plain system call on a descriptor that we own. If it fails because of a limit, the pipe stays small.
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
    fn lines_are_complete_for_every_split_of_the_input() {
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
