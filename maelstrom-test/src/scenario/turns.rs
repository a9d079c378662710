//! Limits the number of concurrent runs in real time in one process, because they affect each other's timing.

use std::sync::{Condvar, Mutex, PoisonError};

/// The number of active runs in real time.
static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// The permission to run in real time. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn(());

/// Waits until fewer than `MAELSTROM_REAL_TIME_RUNS` runs in real time are active. The default is one.
pub(super) fn wait() -> Turn {
    let limit = std::env::var("MAELSTROM_REAL_TIME_RUNS").ok().and_then(|value| value.parse().ok()).unwrap_or(1);
    wait_for(limit)
}

fn wait_for(limit: usize) -> Turn {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut running =
        ENDED.wait_while(running, |running| *running >= limit.max(1)).unwrap_or_else(PoisonError::into_inner);
    *running += 1;
    Turn(())
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_limit_is_not_exceeded() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let _turn = wait_for(2);
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    }
}
