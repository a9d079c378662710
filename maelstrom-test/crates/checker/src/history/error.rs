//! Errors of reading a history.

use std::io;

/// A history could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file or pipe failed.
    #[error("cannot read the history: {0}")]
    Io(#[from] io::Error),
    /// The text is not a history.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// The line of the text, from 1.
        line: u64,
        /// The column in characters, from 1.
        column: u64,
        /// What is wrong, and what was expected.
        message: String,
    },
}
