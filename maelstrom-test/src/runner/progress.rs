//! The progress of long runs: a line on the terminal that is redrawn a few times per second.
//!
//! The line is our own, because a few escape sequences are all it needs. `indicatif` would add a terminal library to the build of
//! every user's tests.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::scenario::{Progress, ProgressSink};
use crate::simulation::Phase;

/// The minimum time between two redraws.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);
/// The time before the line is drawn first. Short runs show no progress.
const INITIAL_DELAY: Duration = Duration::from_millis(500);

/// The line with the progress of all active runs. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct ProgressLine(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    runs: BTreeMap<String, Progress>,
    /// The time of the next redraw.
    next: Instant,
    is_drawn: bool,
    interval: Duration,
}

impl ProgressLine {
    /// Creates the line of a test program. Returns `None` if `MAELSTROM_PROGRESS` forbids it. By default, only programs on a
    /// terminal have one, outside CI and cargo-nextest.
    pub(crate) fn for_tests() -> Option<ProgressLine> {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let wanted = match std::env::var("MAELSTROM_PROGRESS").as_deref() {
            Ok("always") => true,
            Ok("never") => false,
            _ => !set("CI") && !set("NEXTEST") && is_capable_terminal(),
        };
        wanted.then(|| ProgressLine::new(INITIAL_DELAY, REDRAW_INTERVAL))
    }

    /// Creates the line of the program `maelstrom`, if standard error is a terminal.
    #[cfg(feature = "cli")]
    pub(crate) fn for_program() -> Option<ProgressLine> {
        is_capable_terminal().then(|| ProgressLine::new(INITIAL_DELAY, REDRAW_INTERVAL))
    }

    fn new(delay: Duration, interval: Duration) -> ProgressLine {
        let next = Instant::now() + delay;
        ProgressLine(Arc::new(Mutex::new(State { runs: BTreeMap::new(), next, is_drawn: false, interval })))
    }

    /// Returns the sink for the progress of a run.
    pub(crate) fn sink(&self, name: &str) -> ProgressSink {
        let (line, name) = (self.clone(), name.to_string());
        Arc::new(move |progress| line.update(&name, progress))
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

    /// Removes a finished run and erases the line, because the result of the run is printed at its place. The line is not
    /// redrawn for a moment even if other runs are active: another thread prints the result, and a result that is shorter
    /// than the line would not cover it.
    pub(crate) fn finish(&self, name: &str) {
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

/// Draws a line below the cursor and restores the cursor, so that other output is not disturbed. The sequence: erase to the
/// end of the line, make room (index, up), save the cursor, next line, erase, disable wrapping, restore.
fn draw(line: &str) {
    let sequence = format!("\x1b[K\x1bD\x1b[A\x1b7\x1bE\x1b[J\x1b[?7l{line}\x1b[?7h\x1b8");
    // The terminal may have been closed.
    let _ = std::io::stderr().write_all(sequence.as_bytes());
}

/// Formats the progress of all runs: one run in detail, several with their times only.
fn line(runs: &BTreeMap<String, Progress>) -> String {
    let mut entries = runs.iter();
    match (entries.next(), runs.len()) {
        (None, _) => String::new(),
        (Some((name, progress)), 1) => format!("{name}: {}", describe(progress)),
        (Some(_), count) => {
            let seconds = |progress: &Progress| progress.now / 1_000_000_000;
            let short = |(name, run): (&String, &Progress)| match run.reruns {
                Some((runs, limit)) => format!("{name} cause {runs}/{limit}"),
                None => format!("{name} {} s", seconds(run)),
            };
            let short: Vec<String> = runs.iter().map(short).collect();
            format!("{count} runs: {}", short.join(", "))
        }
    }
}

/// Formats the progress of a run: `12 of 60 s, 240 ok of 251 operations, partition`.
fn describe(progress: &Progress) -> String {
    let seconds = |nanos: u64| nanos / 1_000_000_000;
    if let Some((runs, limit)) = progress.reruns {
        return format!("searching for the cause: {runs} of {limit} runs");
    }
    let mut parts = vec![match progress.phase {
        Phase::Boot => "starting nodes".to_string(),
        Phase::Main => format!("{} of {} s", seconds(progress.now), seconds(progress.time_limit)),
        Phase::Recovery => format!("{} s, recovery", seconds(progress.now)),
        Phase::Final => format!("{} s, final operations", seconds(progress.now)),
        Phase::Over => "checking the history".to_string(),
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
            reruns: None,
        }
    }

    /// Prints results and progress like a test program. The test below runs it in a terminal.
    #[test]
    #[ignore = "prints to a terminal"]
    fn in_a_terminal() {
        let line = ProgressLine::new(Duration::ZERO, Duration::from_millis(20));
        let trial = |number: u64| {
            let (line, name) = (line.clone(), format!("case_{number}"));
            libtest_mimic::Trial::test(name.clone(), move || {
                let (sink, began) = (line.sink(&name), Instant::now());
                while began.elapsed() < Duration::from_millis(30 + 15 * (number % 3)) {
                    sink(&progress(12));
                    std::thread::yield_now();
                }
                line.finish(&name);
                Ok(())
            })
        };
        let arguments = libtest_mimic::Arguments { test_threads: Some(3), ..libtest_mimic::Arguments::default() };
        assert!(!libtest_mimic::run(&arguments, (0..12).map(trial).collect()).has_failed());
    }

    /// Returns the final content of a terminal of this width, including the lines that were scrolled out. Returns `None`
    /// if tmux is not installed.
    fn terminal(columns: u32) -> Option<String> {
        let socket = format!("maelstrom-{}-{columns}", std::process::id());
        let tmux = |arguments: &[&str]| {
            let mut command = std::process::Command::new("tmux");
            let output = command.args(["-L", &socket, "-f", "/dev/null"]).args(arguments).output().ok()?;
            assert!(output.status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let program = std::env::current_exe().expect("the path of this program is available");
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
    fn results_and_progress_do_not_overlap() {
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
    fn one_run_is_shown_in_detail_and_several_with_times() {
        let mut runs = BTreeMap::new();
        assert_eq!(line(&runs), "");
        runs.insert("raft".to_string(), progress(12));
        assert_eq!(line(&runs), "raft: 12 of 60 s, 240 ok of 251 operations, partition");
        runs.insert("gossip".to_string(), progress(3));
        assert_eq!(line(&runs), "2 runs: gossip 3 s, raft 12 s");
        runs.insert("gossip".to_string(), Progress { reruns: Some((7, 200)), ..progress(3) });
        assert_eq!(line(&runs), "2 runs: gossip cause 7/200, raft 12 s");
        runs.remove("raft");
        assert_eq!(line(&runs), "gossip: searching for the cause: 7 of 200 runs");
    }
}
