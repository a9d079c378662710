//! Ctrl-C: the first ends the run in order, the second ends the program.

use std::io::{Write as _, stderr};
use std::process;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::BROKE;
use crate::scenario::Interrupt;

/// How long the run may take to end after the first signal. It is to be over within a second.
const GRACE: Duration = Duration::from_millis(800);

/// A switch that the first SIGINT or SIGTERM raises. The second ends the program at once, and so does [`GRACE`] if the
/// run is not over by then, wherever it is: nodes that do not end, a long check, a report on a slow disk. None of the
/// nodes' processes is left behind either way: the kernel ends those that are traced, and supervisors end the others.
pub(super) fn on_signals() -> Interrupt {
    let interrupt = Interrupt::default();
    let raised = interrupt.clone();
    let watch = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let (Ok(mut interrupts), Ok(mut terminations)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            let mut next = async || {
                tokio::select! {
                    _ = interrupts.recv() => {}
                    _ = terminations.recv() => {}
                }
            };
            next().await;
            raised.raise();
            // Whoever would read it may be gone: Ctrl-C ends all programs of a pipeline.
            let _ = writeln!(stderr(), "\ninterrupted: writing what there is; once more to stop at once");
            if tokio::time::timeout(GRACE, next()).await.is_err() {
                let _ = writeln!(stderr(), "interrupted: no report, because it was not written in time");
            }
            process::exit(BROKE.into());
        });
    };
    // Without the thread a signal ends the program at once, which is no worse than the second one.
    let _ = std::thread::Builder::new().name("maelstrom-signals".into()).spawn(watch);
    interrupt
}
