//! Bytes of a text, one after another, with their line and column.

use std::fmt;
use std::io::BufRead;

use super::ReadError;
use super::json_read::MAX_ENTRY;

/// A place in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    line: u64,
    column: u64,
}

impl Place {
    /// The beginning of a line, which are numbered from 1.
    pub(super) fn new(line: u64) -> Place {
        Place { line, column: 1 }
    }

    /// The place after a text that begins here.
    pub(super) fn after(self, text: &str) -> Place {
        match text.rsplit_once('\n') {
            None => Place { column: self.column + text.chars().count() as u64, ..self },
            Some((before, last)) => Place {
                line: self.line + 1 + before.matches('\n').count() as u64,
                column: 1 + last.chars().count() as u64,
            },
        }
    }

    /// The error that something is wrong at this place.
    pub(super) fn error(self, message: impl Into<String>) -> ReadError {
        ReadError::Syntax { line: self.line, column: self.column, message: message.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Reads ahead by one byte.
pub(super) struct Source<R> {
    reader: R,
    place: Place,
    /// Bytes that may still be read before the entry at hand is too long.
    allowance: u64,
}

impl<R: BufRead> Source<R> {
    pub(super) fn new(reader: R) -> Source<R> {
        Source { reader, place: Place { line: 1, column: 1 }, allowance: MAX_ENTRY }
    }

    /// Where the next byte is.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// A new entry begins.
    pub(super) fn renew_allowance(&mut self) {
        self.allowance = MAX_ENTRY;
    }

    /// The next byte, which stays.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            match self.reader.fill_buf() {
                Ok(buffer) => return Ok(buffer.first().copied()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes the byte that `peek` showed.
    pub(super) fn advance(&mut self, byte: u8) -> Result<(), ReadError> {
        if self.allowance == 0 {
            return Err(self.place.error(format!("this entry is longer than {MAX_ENTRY} bytes")));
        }
        self.allowance -= 1;
        self.reader.consume(1);
        if byte == b'\n' {
            self.place = Place { line: self.place.line + 1, column: 1 };
        } else if byte & 0xC0 != 0x80 {
            // Bytes that continue a UTF-8 character do not count.
            self.place.column += 1;
        }
        Ok(())
    }

    /// Takes the next byte.
    pub(super) fn next(&mut self) -> Result<Option<u8>, ReadError> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.advance(byte)?;
        }
        Ok(byte)
    }
}
