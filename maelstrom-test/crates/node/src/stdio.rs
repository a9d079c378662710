//! A node as a program: standard input, standard output, and the clock.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::driver::Driver;
use super::{Node, Server};

/// Output is written at the latest when this much of it has collected.
const OUTPUT_LIMIT: usize = 256 * 1024;

/// Runs a server on standard input and output until the input ends. `start` is called when the node is initialised and
/// knows its name and its neighbours; `init` itself is answered for you.
///
/// The program is one thread. It sleeps until there is input or a timer is due, works off what there is, and writes all
/// that this produced at once.
pub fn run<S: Server>(start: impl FnOnce(&mut Node<S>) -> S + 'static) -> ExitCode {
    match serve(&mut Driver::new(start)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output is gone: there is nobody to tell.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot go on: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve<S: Server>(driver: &mut Driver<S>) -> io::Result<()> {
    // Files, because the standard handles have buffers and locks of their own.
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let started = Instant::now();
    let mut lines = Lines::default();
    loop {
        let patience = driver.next_timer().map(|due| due.saturating_sub(driver.now()));
        let open = !wait(&input, patience)? || lines.fill(&mut input)?;
        driver.advance(started.elapsed());
        while let Some(line) = lines.next(open) {
            driver.receive(line);
            flush(driver, &mut output, OUTPUT_LIMIT)?;
        }
        driver.fire();
        flush(driver, &mut output, 1)?;
        if !open {
            return Ok(());
        }
    }
}

/// Waits for input, at most until the next timer; true if there is input.
fn wait(input: &File, timeout: Option<Duration>) -> io::Result<bool> {
    let Some(timeout) = timeout else { return Ok(true) }; // the read itself waits
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

/// Input, cut into lines.
#[derive(Default)]
struct Lines {
    buffer: Vec<u8>,
    /// Where the first line that was not handed out yet begins.
    start: usize,
    /// Up to here there is no line end after `start`.
    scanned: usize,
    /// Where the valid bytes end.
    end: usize,
}

impl Lines {
    const CHUNK: usize = 64 * 1024;

    /// Reads what there is; false at the end of the input.
    fn fill(&mut self, input: &mut impl Read) -> io::Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.buffer.len() < self.end + Self::CHUNK {
            self.buffer.resize(self.end + Self::CHUNK, 0);
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

    /// The next whole line; once the input is no longer open, also a last line without its end.
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
    fn input_is_cut_into_lines_however_it_arrives() {
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
    fn long_lines_grow_the_buffer() {
        let text = "x".repeat(3 * Lines::CHUNK) + "\n";
        let mut lines = Lines::default();
        let mut rest = text.as_bytes();
        while lines.next(true).is_none() {
            assert!(lines.fill(&mut rest).unwrap());
        }
        assert_eq!(lines.next(true), None);
    }
}
