//! Ctrl-C: the first ends the run in order, the second ends the program.

use std::io::{Write as _, stderr};
use std::process;

use super::BROKE;
use crate::scenario::Interrupt;

/// A switch that the first SIGINT or SIGTERM raises. The second ends the program at once; the supervisors of nodes see
/// to it that none is left behind.
pub(super) fn on_signals() -> Interrupt {
    let interrupt = Interrupt::default();
    let raised = interrupt.clone();
    let watch = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            while signal().await.is_ok() {
                if raised.is_raised() {
                    process::exit(BROKE.into());
                }
                raised.raise();
                // Whoever would read it may be gone: Ctrl-C ends all programs of a pipeline.
                let _ = writeln!(stderr(), "\ninterrupted: writing what there is; once more to stop at once");
            }
        });
    };
    // Without the thread a signal ends the program at once, which is no worse than the second one.
    let _ = std::thread::Builder::new().name("maelstrom-signals".into()).spawn(watch);
    interrupt
}

/// Waits for SIGINT or SIGTERM.
async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
