//! Calling the function under the attribute: what it returns, and what it panics with.

use std::cell::RefCell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use crate::scenario::Run;

/// What a function under `#[maelstrom::test]` may return: nothing, or a `Result` without a value.
#[diagnostic::on_unimplemented(
    message = "a function under #[maelstrom::test] returns nothing or a `Result<(), E>` where `E: Debug`, not `{Self}`",
    label = "not a result of a test"
)]
pub trait Outcome {
    /// The failure's text, if it failed.
    ///
    /// # Errors
    /// The text of the error that the function returned.
    fn into_result(self) -> Result<(), String>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: fmt::Debug> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| format!("Error: {error:?}"))
    }
}

thread_local! {
    /// While a body runs and panics are not to be printed: what it panicked with, and where.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Whether a body runs on this thread.
    static IN_BODY: RefCell<bool> = const { RefCell::new(false) };
}

/// From now on panics of bodies are kept for the case's failure instead of being printed at once, because nothing
/// captures what test functions print here. To be called once, by a program that is all ours.
pub(super) fn silence_panics_of_bodies() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if IN_BODY.with_borrow(|inside| *inside) {
            PANIC.with_borrow_mut(|kept| *kept = Some(info.to_string()));
        } else {
            previous(info);
        }
    }));
}

/// How a body failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// It returned an error.
    Error(String),
    /// It panicked, with this message; and the text to show.
    Panic {
        /// The message alone.
        message: String,
        /// With the place, if the hook has not printed it already.
        shown: String,
    },
}

/// Calls a body.
pub(super) fn call(body: fn(&Run) -> Result<(), String>, run: &Run) -> Result<(), Failed> {
    catch(|| body(run))
}

/// Calls something that may panic.
pub(super) fn catch(call: impl FnOnce() -> Result<(), String>) -> Result<(), Failed> {
    IN_BODY.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    IN_BODY.set(false);
    match result {
        Ok(result) => result.map_err(Failed::Error),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let message = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_string();
            let shown = PANIC.take().unwrap_or_else(|| format!("panicked: {message}"));
            Err(Failed::Panic { message, shown })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_nothing_are_outcomes() {
        assert_eq!(().into_result(), Ok(()));
        assert_eq!(Ok::<(), u8>(()).into_result(), Ok(()));
        assert_eq!(Err::<(), &str>("why").into_result(), Err("Error: \"why\"".into()));
    }

    #[test]
    fn panics_become_values() {
        assert_eq!(catch(|| Ok(())), Ok(()));
        assert_eq!(catch(|| Err("no".into())), Err(Failed::Error("no".into())));
        let Err(Failed::Panic { message, shown }) = catch(|| panic!("boom {}", 1)) else {
            panic!("it must be a panic")
        };
        assert_eq!(message, "boom 1");
        assert!(shown.contains("boom 1"), "{shown}");
    }
}
