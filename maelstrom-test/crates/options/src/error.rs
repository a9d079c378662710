//! What is wrong with an option.

use std::fmt;

use crate::suggest::closest;

/// An option that is wrong: what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    option: Option<String>,
    message: String,
    help: String,
}

impl OptionError {
    /// An error: what is wrong, with the wrong value in quotes, and what to write instead.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> OptionError {
        OptionError { option: None, message: message.into(), help: help.into() }
    }

    /// An error about a name that is not one of the choices.
    pub fn choose(message: impl Into<String>, name: &str, choices: &[&str]) -> OptionError {
        let hint = closest(name, choices.iter().copied()).map(|near| format!("did you mean \"{near}\"? "));
        OptionError::new(message, format!("{}choices are: {}", hint.unwrap_or_default(), choices.join(", ")))
    }

    /// The same error with the name of the option in front, for front ends that cannot point at it.
    #[must_use]
    pub fn of(self, option: &str) -> OptionError {
        OptionError { option: Some(option.into()), ..self }
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do.
    pub fn help(&self) -> &str {
        &self.help
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(option) = &self.option {
            write!(f, "{option}: ")?;
        }
        write!(f, "{}\n  help: {}", self.message, self.help)
    }
}

impl std::error::Error for OptionError {}
