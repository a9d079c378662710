//! Calls of the function with the attribute: its result, and its panics.

use std::cell::RefCell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use crate::scenario::Run;

/// A return type of functions with `#[maelstrom::test]`: nothing, or a `Result` without a value.
#[diagnostic::on_unimplemented(
    message = "a function with #[maelstrom::test] returns nothing or a `Result<(), E>` where `E: Debug`, not `{Self}`",
    label = "not a test result"
)]
pub trait IntoTestResult {
    /// Converts the value into a `Result` with the text of the error.
    ///
    /// # Errors
    /// Fails if the function returned an error.
    fn into_result(self) -> Result<(), String>;
}

impl IntoTestResult for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: fmt::Debug> IntoTestResult for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| format!("Error: {error:?}"))
    }
}

thread_local! {
    /// The message and the location of the last panic in a body, if panics are captured.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Whether a body runs on this thread.
    static IN_BODY: RefCell<bool> = const { RefCell::new(false) };
}

/// Installs a panic hook that keeps the panics of bodies for the failures of their cases instead of printing them.
/// libtest-mimic does not capture output, so they would be printed between other results. Must be called once, and only by
/// [`main`](super::main), because the hook is global.
pub(super) fn capture_panics() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if IN_BODY.with_borrow(|inside| *inside) {
            PANIC.with_borrow_mut(|kept| *kept = Some(info.to_string()));
        } else {
            previous(info);
        }
    }));
}

/// Why a body failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyFailure {
    /// It returned an error with this text.
    Error(String),
    /// It panicked.
    Panic {
        /// The message of the panic.
        message: String,
        /// The text to show: the message, with the location if the hook captured it.
        shown: String,
    },
}

/// Calls a body.
pub(super) fn call(body: fn(&Run) -> Result<(), String>, run: &Run) -> Result<(), BodyFailure> {
    catch(|| body(run))
}

/// Calls a function that may panic.
pub(super) fn catch(call: impl FnOnce() -> Result<(), String>) -> Result<(), BodyFailure> {
    IN_BODY.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    IN_BODY.set(false);
    match result {
        Ok(result) => result.map_err(BodyFailure::Error),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let message = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_string();
            let shown = PANIC.take().unwrap_or_else(|| format!("panicked: {message}"));
            Err(BodyFailure::Panic { message, shown })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_results_are_converted() {
        assert_eq!(().into_result(), Ok(()));
        assert_eq!(Ok::<(), u8>(()).into_result(), Ok(()));
        assert_eq!(Err::<(), &str>("why").into_result(), Err("Error: \"why\"".into()));
    }

    #[test]
    fn panics_become_values() {
        assert_eq!(catch(|| Ok(())), Ok(()));
        assert_eq!(catch(|| Err("no".into())), Err(BodyFailure::Error("no".into())));
        let Err(BodyFailure::Panic { message, shown }) = catch(|| panic!("boom {}", 1)) else {
            panic!("it must be a panic")
        };
        assert_eq!(message, "boom 1");
        assert!(shown.contains("boom 1"), "{shown}");
    }
}
