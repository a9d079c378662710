//! Ctrl-C: the first one aborts the run, which then writes its report. The second one ends the program.

use std::io::{Write as _, stderr};
use std::process;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::ABORTED;
use crate::scenario::Interrupt;

/// The time that the run may take to end after the first signal. With it, the program ends within a second.
const GRACE: Duration = Duration::from_millis(800);

/// Returns an interrupt that the first SIGINT or SIGTERM raises.
///
/// The second signal ends the program immediately. The program also ends if the run is not over after [`GRACE`], for
/// example because a node does not exit, a check takes long, or the disk is slow. No process of a node remains in either
/// case: the kernel kills traced processes, and supervisors kill the others.
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
            // Standard error may be closed: Ctrl-C ends all programs of a pipeline.
            let _ = writeln!(stderr(), "\ninterrupted: writing the report; interrupt again to exit immediately");
            if tokio::time::timeout(GRACE, next()).await.is_err() {
                let _ = writeln!(stderr(), "interrupted: the report was not written in time");
            }
            process::exit(ABORTED.into());
        });
    };
    // If the thread cannot be started, the first signal ends the program, as the second one otherwise does.
    let _ = std::thread::Builder::new().name("maelstrom-signals".into()).spawn(watch);
    interrupt
}
