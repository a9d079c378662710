//! [`Malformed`]: what is wrong with a message, and where.

use std::fmt;

/// What is wrong with a message or its body, and where in the line it is.
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
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// Unknown, or the whole line.
    Start,
    /// A number of bytes from the start of the line.
    Byte(usize),
    /// A key of the message or its body.
    Key(String),
}

impl Malformed {
    /// A message that is malformed as a whole, or in a place that cannot be told.
    pub fn new(reason: impl Into<String>) -> Malformed {
        Malformed { reason: reason.into(), place: Place::Start }
    }

    /// A message whose key, or the value of this key, is wrong.
    pub fn at_key(key: &str, reason: impl Into<String>) -> Malformed {
        Malformed { reason: reason.into(), place: Place::Key(key.into()) }
    }

    /// A message that is wrong at this byte of the line, counted from 0.
    pub fn at_byte(byte: usize, reason: impl Into<String>) -> Malformed {
        Malformed { reason: reason.into(), place: Place::Byte(byte) }
    }

    /// Where the fault is in the line, in characters from its start. 0 if the place cannot be told.
    pub fn position_in(&self, line: &str) -> usize {
        let byte = match &self.place {
            Place::Start => 0,
            Place::Byte(byte) => *byte,
            Place::Key(key) => line.find(&format!("{key:?}")).unwrap_or(0),
        };
        line.char_indices().take_while(|(at, _)| *at < byte).count()
    }

    /// One that says all of these; its place is that of the first.
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
