//! Reads a text byte by byte, and counts its lines and columns.

use std::fmt;
use std::io::BufRead;

use super::ReadError;
use super::json_read::MAX_ENTRY;

/// A position in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextPosition {
    line: u64,
    column: u64,
}

impl TextPosition {
    /// The beginning of a line. Lines are numbered from 1.
    pub(super) fn new(line: u64) -> TextPosition {
        TextPosition { line, column: 1 }
    }

    /// The position after a text that begins here.
    pub(super) fn after(self, text: &str) -> TextPosition {
        match text.rsplit_once('\n') {
            None => TextPosition { column: self.column + text.chars().count() as u64, ..self },
            Some((before, last)) => TextPosition {
                line: self.line + 1 + before.matches('\n').count() as u64,
                column: 1 + last.chars().count() as u64,
            },
        }
    }

    /// An error at this position.
    pub(super) fn error(self, message: impl Into<String>) -> ReadError {
        ReadError::Syntax { line: self.line, column: self.column, message: message.into() }
    }
}

impl fmt::Display for TextPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A reader with a lookahead of one byte.
pub(super) struct ByteSource<R> {
    reader: R,
    place: TextPosition,
    /// The number of bytes that may be read before the current entry is too long.
    allowance: u64,
}

impl<R: BufRead> ByteSource<R> {
    pub(super) fn new(reader: R) -> ByteSource<R> {
        ByteSource { reader, place: TextPosition { line: 1, column: 1 }, allowance: MAX_ENTRY }
    }

    /// The position of the next byte.
    pub(super) fn place(&self) -> TextPosition {
        self.place
    }

    /// Begins a new entry.
    pub(super) fn renew_allowance(&mut self) {
        self.allowance = MAX_ENTRY;
    }

    /// The next byte, without consuming it.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            match self.reader.fill_buf() {
                Ok(buffer) => return Ok(buffer.first().copied()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Consumes the byte that `peek` returned.
    pub(super) fn advance(&mut self, byte: u8) -> Result<(), ReadError> {
        if self.allowance == 0 {
            return Err(self.place.error(format!("this entry is longer than {MAX_ENTRY} bytes")));
        }
        self.allowance -= 1;
        self.reader.consume(1);
        if byte == b'\n' {
            self.place = TextPosition { line: self.place.line + 1, column: 1 };
        } else if byte & 0xC0 != 0x80 {
            // Continuation bytes of a UTF-8 character are not columns.
            self.place.column += 1;
        }
        Ok(())
    }

    /// Consumes the next byte.
    pub(super) fn next(&mut self) -> Result<Option<u8>, ReadError> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.advance(byte)?;
        }
        Ok(byte)
    }
}
