//! Progress of long runs on a terminal: one line below the last output, redrawn a few times per second.

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
    began: Instant,
    drawn: Option<Instant>,
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
        wanted.then(Display::new)
    }

    /// The line for the command line: on a terminal.
    pub fn for_program() -> Option<Display> {
        is_capable_terminal().then(Display::new)
    }

    fn new() -> Display {
        Display(Arc::new(Mutex::new(State { runs: BTreeMap::new(), began: Instant::now(), drawn: None })))
    }

    /// Where a run of this name tells how far it is.
    pub fn sink(&self, name: &str) -> ProgressSink {
        let (display, name) = (self.clone(), name.to_string());
        Arc::new(move |progress| display.update(&name, progress))
    }

    fn update(&self, name: &str, progress: &Progress) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.runs.insert(name.into(), progress.clone());
        let due = state.drawn.map_or(state.began + PATIENCE, |drawn| drawn + INTERVAL);
        if Instant::now() >= due {
            state.drawn = Some(Instant::now());
            draw(&line(&state.runs));
        }
    }

    /// A run is over: it leaves the line.
    pub fn finish(&self, name: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.runs.remove(name);
        if state.drawn.is_some() {
            draw(&line(&state.runs));
        }
    }
}

fn is_capable_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Draws below the current line and comes back to the cursor's place, so that others' output goes on undisturbed:
/// make room (index, up), save the cursor, next line, erase, no wrapping, restore.
fn draw(line: &str) {
    let sequence = format!("\x1bD\x1b[A\x1b7\x1bE\x1b[J\x1b[?7l{line}\x1b[?7h\x1b8");
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
