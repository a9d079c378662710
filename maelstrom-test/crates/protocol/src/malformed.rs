//! [`Malformed`]: what is wrong with a message, and where.

use std::fmt;

/// What is wrong with a message or its body, and where in the line.
///
/// ```
/// use maelstrom_protocol::Envelope;
/// let line = r#"{"src": "n1", "dest": "c1", "time": 1, "body": {}}"#;
/// let malformed = Envelope::parse(line.as_bytes()).unwrap_err();
/// assert_eq!(malformed.to_string(), r#"unknown key "time" beside src, dest and body (put payload fields inside body)"#);
/// assert_eq!(&line[malformed.position_in(line)..][..6], r#""time""#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    reason: String,
    position: Position,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Position {
    /// Unknown, or the whole line.
    Start,
    /// An offset from the start of the line, in bytes.
    Byte(usize),
    /// A key of the message or its body.
    Key(String),
}

impl Malformed {
    /// An error of the whole message, or at an unknown position.
    pub fn new(reason: impl Into<String>) -> Malformed {
        Malformed { reason: reason.into(), position: Position::Start }
    }

    /// An error of a key or its value.
    pub fn at_key(key: &str, reason: impl Into<String>) -> Malformed {
        Malformed { reason: reason.into(), position: Position::Key(key.into()) }
    }

    /// An error at a byte offset in the line.
    pub fn at_byte(byte: usize, reason: impl Into<String>) -> Malformed {
        Malformed { reason: reason.into(), position: Position::Byte(byte) }
    }

    /// The position of the error in the line, in characters from its start; 0 if unknown.
    pub fn position_in(&self, line: &str) -> usize {
        let byte = match &self.position {
            Position::Start => 0,
            Position::Byte(byte) => *byte,
            Position::Key(key) => line.find(&format!("{key:?}")).unwrap_or(0),
        };
        line.char_indices().take_while(|(at, _)| *at < byte).count()
    }

    /// Combines errors into one with all reasons and the position of the first; `None` if there are none.
    pub(super) fn join(all: Vec<Malformed>) -> Option<Malformed> {
        let reasons: Vec<&str> = all.iter().map(|malformed| malformed.reason.as_str()).collect();
        let reason = reasons.join("; ");
        all.into_iter().next().map(|first| Malformed { reason, ..first })
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Malformed {}

impl From<String> for Malformed {
    fn from(reason: String) -> Malformed {
        Malformed::new(reason)
    }
}

impl From<&str> for Malformed {
    fn from(reason: &str) -> Malformed {
        Malformed::new(reason)
    }
}
