//! Progress of long runs on a terminal: one line below the last output, redrawn a few times per second.
//!
//! The line is our own, because a few escape sequences are all it needs. `indicatif` would add a terminal library to the build of
//! every user's tests.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::scenario::{Progress, ProgressSink};
use crate::simulation::Phase;

/// Redraw no more often than this.
const INTERVAL: Duration = Duration::from_millis(100);
/// Nothing is shown of runs that are shorter than this.
const PATIENCE: Duration = Duration::from_millis(500);

/// The line. Clones share it.
#[derive(Clone, Debug)]
pub struct Display(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    runs: BTreeMap<String, Progress>,
    /// Not drawn before this.
    next: Instant,
    is_drawn: bool,
    interval: Duration,
}

impl Display {
    /// The line for a test program, if it should have one: on a terminal, outside CI and cargo-nextest, unless
    /// `MAELSTROM_PROGRESS` says otherwise.
    pub fn for_tests() -> Option<Display> {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let wanted = match std::env::var("MAELSTROM_PROGRESS").as_deref() {
            Ok("always") => true,
            Ok("never") => false,
            _ => !set("CI") && !set("NEXTEST") && is_capable_terminal(),
        };
        wanted.then(|| Display::new(PATIENCE, INTERVAL))
    }

    /// The line for the command line: on a terminal.
    pub fn for_program() -> Option<Display> {
        is_capable_terminal().then(|| Display::new(PATIENCE, INTERVAL))
    }

    fn new(patience: Duration, interval: Duration) -> Display {
        let next = Instant::now() + patience;
        Display(Arc::new(Mutex::new(State { runs: BTreeMap::new(), next, is_drawn: false, interval })))
    }

    /// Where a run of this name tells how far it is.
    pub fn sink(&self, name: &str) -> ProgressSink {
        let (display, name) = (self.clone(), name.to_string());
        Arc::new(move |progress| display.update(&name, progress))
    }

    fn update(&self, name: &str, progress: &Progress) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.runs.insert(name.into(), progress.clone());
        let now = Instant::now();
        if now >= state.next {
            state.next = now + state.interval;
            state.is_drawn = true;
            draw(&line(&state.runs));
        }
    }

    /// A run is over: its result is printed next, where the line is now. So the line is erased, and stays away for a
    /// moment even if others go on: the result is printed by another thread, and over a line only as far as it is long.
    pub fn finish(&self, name: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.runs.remove(name);
        state.next = state.next.max(Instant::now() + state.interval);
        if std::mem::take(&mut state.is_drawn) {
            draw("");
        }
    }
}

fn is_capable_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Draws below the current line and comes back to the cursor's place, so that others' output goes on undisturbed:
/// erase what is behind it, make room (index, up), save the cursor, next line, erase, no wrapping, restore.
fn draw(line: &str) {
    let sequence = format!("\x1b[K\x1bD\x1b[A\x1b7\x1bE\x1b[J\x1b[?7l{line}\x1b[?7h\x1b8");
    // A terminal that is gone is no reason to fail.
    let _ = std::io::stderr().write_all(sequence.as_bytes());
}

/// One run in detail, several in short.
fn line(runs: &BTreeMap<String, Progress>) -> String {
    let mut entries = runs.iter();
    match (entries.next(), runs.len()) {
        (None, _) => String::new(),
        (Some((name, progress)), 1) => format!("{name}: {}", describe(progress)),
        (Some(_), count) => {
            let seconds = |progress: &Progress| progress.now / 1_000_000_000;
            let short: Vec<String> = runs.iter().map(|(name, run)| format!("{name} {} s", seconds(run))).collect();
            format!("{count} runs: {}", short.join(", "))
        }
    }
}

/// `12 of 60 s, 240 ok of 251 operations, partition`.
fn describe(progress: &Progress) -> String {
    let seconds = |nanos: u64| nanos / 1_000_000_000;
    let mut parts = vec![match progress.phase {
        Phase::Boot => "nodes start".to_string(),
        Phase::Main => format!("{} of {} s", seconds(progress.now), seconds(progress.time_limit)),
        Phase::Recovery => format!("{} s, nodes recover", seconds(progress.now)),
        Phase::Final => format!("{} s, final operations", seconds(progress.now)),
        Phase::Over => "the history is judged".to_string(),
    }];
    if progress.invoked > 0 {
        parts.push(format!("{} ok of {} operations", progress.ok, progress.invoked));
    }
    parts.extend(progress.faults.iter().cloned());
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(now: u64) -> Progress {
        Progress {
            phase: Phase::Main,
            now: now * 1_000_000_000,
            time_limit: 60_000_000_000,
            ok: 240,
            invoked: 251,
            faults: vec!["partition".into()],
        }
    }

    /// Prints results as a test program does, in which the trials tell their progress. Run in a terminal by the test below.
    #[test]
    #[ignore = "prints to a terminal"]
    fn in_a_terminal() {
        let display = Display::new(Duration::ZERO, Duration::from_millis(20));
        let trial = |number: u64| {
            let (display, name) = (display.clone(), format!("case_{number}"));
            libtest_mimic::Trial::test(name.clone(), move || {
                let (sink, began) = (display.sink(&name), Instant::now());
                while began.elapsed() < Duration::from_millis(30 + 15 * (number % 3)) {
                    sink(&progress(12));
                    std::thread::yield_now();
                }
                display.finish(&name);
                Ok(())
            })
        };
        let arguments = libtest_mimic::Arguments { test_threads: Some(3), ..libtest_mimic::Arguments::default() };
        assert!(!libtest_mimic::run(&arguments, (0..12).map(trial).collect()).has_failed());
    }

    /// What a terminal of so many columns holds in the end, with what was scrolled out of it; `None` without tmux.
    fn terminal(columns: u32) -> Option<String> {
        let socket = format!("maelstrom-{}-{columns}", std::process::id());
        let tmux = |arguments: &[&str]| {
            let mut command = std::process::Command::new("tmux");
            let output = command.args(["-L", &socket, "-f", "/dev/null"]).args(arguments).output().ok()?;
            assert!(output.status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let program = std::env::current_exe().expect("this test");
        let command = format!(
            "'{}' --exact --ignored --nocapture runner::progress::tests::in_a_terminal; tmux -L {socket} wait-for -S over; cat",
            program.display()
        );
        let columns = columns.to_string();
        tmux(&["new-session", "-d", "-s", "test", "-x", &columns, "-y", "10", &command])?;
        tmux(&["wait-for", "over"])?;
        let held = tmux(&["capture-pane", "-p", "-S", "-", "-t", "test"]);
        tmux(&["kill-server"])?;
        held
    }

    #[test]
    fn results_are_printed_on_clean_lines() {
        for columns in [80, 30] {
            let Some(held) = terminal(columns) else {
                eprintln!("skipped: tmux is not installed");
                return;
            };
            let results: Vec<&str> = held.lines().filter(|line| line.contains("case_")).collect();
            assert_eq!(results.len(), 12, "{columns} columns:\n{held}");
            for line in results {
                let name = line.strip_prefix("test case_").and_then(|rest| rest.split_once(' '));
                assert_eq!(name.map(|(_, rest)| rest.trim_start()), Some("... ok"), "{columns} columns:\n{held}");
            }
            assert!(!held.contains(" operations") && !held.contains(" runs:"), "{columns} columns:\n{held}");
        }
    }

    #[test]
    fn one_run_is_shown_in_detail_and_several_in_short() {
        let mut runs = BTreeMap::new();
        assert_eq!(line(&runs), "");
        runs.insert("raft".to_string(), progress(12));
        assert_eq!(line(&runs), "raft: 12 of 60 s, 240 ok of 251 operations, partition");
        runs.insert("gossip".to_string(), progress(3));
        assert_eq!(line(&runs), "2 runs: gossip 3 s, raft 12 s");
    }
}
