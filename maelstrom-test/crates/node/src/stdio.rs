//! [`run`]: runs a node as a program, with standard input, standard output and the clock.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::driver::Driver;
use super::{Node, Server};

/// The output buffer is flushed when it reaches this size.
const OUTPUT_LIMIT_BYTES: usize = 256 * 1024;

/// Runs a server on standard input and output until the input ends.
///
/// `start` creates the server when `init` arrives, which provides the name of the node and the names of the others. The
/// library acknowledges `init`.
///
/// The program has one thread. It sleeps until input is available or a timer is due, handles all available input, and
/// writes the resulting messages with one system call.
pub fn run<S: Server>(start: impl FnOnce(&mut Node<S>) -> S + 'static) -> ExitCode {
    match serve(&mut Driver::new(start)) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output is gone, as it is when the run has ended.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: cannot continue: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve<S: Server>(driver: &mut Driver<S>) -> io::Result<()> {
    // Files, since the standard handles add buffers and locks.
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let started = Instant::now();
    let mut lines = Lines::default();
    loop {
        let timeout = driver.next_timer().map(|due| due.saturating_sub(driver.now()));
        let open = !wait(&input, timeout)? || lines.fill(&mut input)?;
        driver.advance(started.elapsed());
        while let Some(line) = lines.next(open) {
            driver.receive(line);
            flush(driver, &mut output, OUTPUT_LIMIT_BYTES)?;
        }
        driver.run_due_tasks();
        flush(driver, &mut output, 1)?;
        if !open {
            return Ok(());
        }
    }
}

/// Waits for input until the timeout; true if input is available.
fn wait(input: &File, timeout: Option<Duration>) -> io::Result<bool> {
    let Some(timeout) = timeout else { return Ok(true) }; // the read blocks
    let timeout = Timespec { tv_sec: timeout.as_secs() as _, tv_nsec: timeout.subsec_nanos() as _ };
    match poll(&mut [PollFd::new(input, PollFlags::IN)], Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn flush<S: Server>(driver: &mut Driver<S>, output: &mut File, at_least: usize) -> io::Result<()> {
    if let Some(bytes) = driver.output().filter(|bytes| bytes.len() >= at_least) {
        output.write_all(bytes)?;
        bytes.clear();
    }
    Ok(())
}

/// Splits input into lines.
#[derive(Default)]
struct Lines {
    buffer: Vec<u8>,
    /// Start of the first line that was not returned yet.
    start: usize,
    /// Between `start` and this position there is no line feed.
    scanned: usize,
    /// End of the valid bytes.
    end: usize,
}

impl Lines {
    const CHUNK_BYTES: usize = 64 * 1024;

    /// Reads available input; false at the end of the input.
    fn fill(&mut self, input: &mut impl Read) -> io::Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.buffer.len() < self.end + Self::CHUNK_BYTES {
            self.buffer.resize(self.end + Self::CHUNK_BYTES, 0);
        }
        loop {
            match input.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next complete line. At the end of the input, also a last line without a line feed.
    fn next(&mut self, open: bool) -> Option<&[u8]> {
        let line_end = self.buffer[self.scanned..self.end].iter().position(|byte| *byte == b'\n');
        let line = match line_end {
            Some(length) => self.start..self.scanned + length,
            None if !open && self.start < self.end => self.start..self.end,
            None => {
                self.scanned = self.end;
                return None;
            }
        };
        self.start = (line.end + 1).min(self.end);
        self.scanned = self.start;
        Some(&self.buffer[line])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_split_into_lines_for_any_chunk_size() {
        let text = "one\ntwo\n\nthree";
        for chunk in 1..text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            let mut rest = text.as_bytes();
            loop {
                let open = lines.fill(&mut (&mut rest).take(chunk as u64)).unwrap();
                while let Some(line) = lines.next(open) {
                    found.push(String::from_utf8(line.to_vec()).unwrap());
                }
                if !open {
                    break;
                }
            }
            assert_eq!(found, ["one", "two", "", "three"]);
        }
    }

    #[test]
    fn the_buffer_grows_for_long_lines() {
        let text = "x".repeat(3 * Lines::CHUNK_BYTES) + "\n";
        let mut lines = Lines::default();
        let mut rest = text.as_bytes();
        while lines.next(true).is_none() {
            assert!(lines.fill(&mut rest).unwrap());
        }
        assert_eq!(lines.next(true), None);
    }
}
