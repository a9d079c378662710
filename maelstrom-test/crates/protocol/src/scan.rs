//! A fast parser of messages in their usual form.
//!
//! Every message of a run is parsed here, so this decides how many pass per second. The scan knows only what nodes
//! usually write: an object of `src`, `dest`, `body` and perhaps `id`, with names that have no escapes. For any other
//! line it returns `None`, and the complete parser reads the line. What the scan accepts, the complete parser accepts
//! too: a property test compares them.
//!
//! The scan is our own for speed. It takes half the time of the complete parser, which is `serde_json` with a borrowed
//! `RawValue` for the body (measured in a release build, on lines of 87 and 221 bytes).

/// Maximum nesting of a body. Deeper bodies are left to the complete parser.
const MAX_DEPTH: usize = 64;

/// `src`, `dest` and `body` of a message in its usual form.
pub(super) fn message(text: &str) -> Option<[&str; 3]> {
    let mut scan = Scan { text, bytes: text.as_bytes(), at: 0 };
    let mut parts = [None; 4];
    scan.expect(b'{')?;
    loop {
        let key = scan.plain_string()?;
        scan.expect(b':')?;
        let (place, value) = match key {
            "src" => (0, scan.plain_string()?),
            "dest" => (1, scan.plain_string()?),
            "body" => (2, scan.object()?),
            "id" => (3, scan.small_number()?),
            _ => return None,
        };
        if parts[place].replace(value).is_some() {
            return None;
        }
        match scan.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    match (scan.next(), parts) {
        (None, [Some(src), Some(dest), Some(body), _]) => Some([src, dest, body]),
        _ => None,
    }
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    /// Skips white space and takes the next byte.
    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// A string without escapes.
    fn plain_string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let start = self.at;
        self.skip_plain_text();
        (self.bytes.get(self.at)? == &b'"').then(|| {
            self.at += 1;
            &self.text[start..self.at - 1]
        })
    }

    /// Skips to the next quote, backslash or control character.
    fn skip_plain_text(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at)
            && byte != b'"'
            && byte != b'\\'
            && byte >= 0x20
        {
            self.at += 1;
        }
    }

    /// A positive integer of at most 18 digits.
    fn small_number(&mut self) -> Option<&'a str> {
        let first = self.next()?;
        let start = self.at - 1;
        matches!(first, b'1'..=b'9').then(|| self.digits())?;
        (self.at - start < 19).then(|| &self.text[start..self.at])
    }

    /// An object with any content.
    fn object(&mut self) -> Option<&'a str> {
        self.expect(b'{')?;
        let start = self.at - 1;
        // The closing bracket of each open object or array.
        let mut open = [0; MAX_DEPTH];
        let mut depth = 1;
        open[0] = b'}';
        let mut empty = true;
        while depth > 0 {
            let mut byte = self.next()?;
            if byte == open[depth - 1] && empty {
                depth -= 1;
            } else {
                if open[depth - 1] == b'}' {
                    (byte == b'"').then_some(())?;
                    self.rest_of_string()?;
                    self.expect(b':')?;
                    byte = self.next()?;
                }
                if let b'{' | b'[' = byte {
                    // '{' and '}', '[' and ']' are two apart.
                    *open.get_mut(depth)? = byte + 2;
                    depth += 1;
                    empty = true;
                    continue;
                }
                self.rest_of_scalar(byte)?;
            }
            // A value has ended, and perhaps the objects and arrays that it completes.
            while depth > 0 {
                match self.next()? {
                    b',' => break,
                    end if end == open[depth - 1] => depth -= 1,
                    _ => return None,
                }
            }
            empty = false;
        }
        Some(&self.text[start..self.at])
    }

    fn rest_of_scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => self.rest_of_string(),
            b't' => self.rest_of_word(b"rue"),
            b'f' => self.rest_of_word(b"alse"),
            b'n' => self.rest_of_word(b"ull"),
            b'-' | b'0'..=b'9' => self.rest_of_number(first),
            _ => None,
        }
    }

    fn rest_of_word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn rest_of_string(&mut self) -> Option<()> {
        loop {
            self.skip_plain_text();
            self.at += 1;
            match self.bytes.get(self.at - 1)? {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        self.at += 1;
        match self.bytes.get(self.at - 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                self.at += 4;
                self.bytes.get(self.at - 4..self.at)?.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    /// Digits with an optional fraction. Exponents are left to the complete parser.
    fn rest_of_number(&mut self, first: u8) -> Option<()> {
        let first = if first == b'-' {
            self.at += 1;
            *self.bytes.get(self.at - 1)?
        } else {
            first
        };
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            let start = self.at;
            self.digits();
            (self.at > start).then_some(())?;
        }
        // A digit after a leading zero, or an exponent, is rejected by the caller: neither is a separator.
        Some(())
    }

    fn digits(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::parse_any_form;

    /// Valid and invalid parts of lines.
    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\"",
        "\\",
        "\"a\"",
        "\"\\n\"",
        "\"\\u00e9\"",
        "\"\\u00g\"",
        "\"\\x\"",
        "\"é\"",
        "\"\t\"",
        "0",
        "01",
        "-",
        "-1",
        "1.5",
        "1.",
        "1e5",
        "2E-3",
        "true",
        "false",
        "nul",
        "null",
        "{}",
        "[]",
        "[1,2]",
        "\"a\":1",
        "\"a\":{\"b\":[]}",
        "\"src\":\"n1\"",
        "\"id\":3",
    ];

    fn assert_complete_parser_agrees(line: &str) {
        if let Some([src, dest, body]) = message(line) {
            let envelope = parse_any_form(line).unwrap_or_else(|error| panic!("{line} was accepted, but: {error}"));
            assert_eq!((src, dest, body), (&*envelope.src, &*envelope.dest, envelope.body()));
        }
    }

    #[test]
    fn messages_in_the_usual_form_are_accepted() {
        let body = r#"{ "type":"x", "a":[1,-2.5,[],{}, {"b":null}], "c":"\"\u00e9\n", "d":true}"#;
        let line = format!(r#" {{"id": 12,"dest" : "n2", "body":{body} ,"src":"n1"}} "#);
        assert_eq!(message(&line), Some(["n1", "n2", body]));
        assert_complete_parser_agrees(&line);
    }

    #[test]
    fn other_lines_are_left_to_the_complete_parser() {
        let deep = format!(r#"{{"src":"a","dest":"b","body":{{"a":{}{}}}}}"#, "[".repeat(70), "]".repeat(70));
        let unusual = [
            r#"{"src":"n\u0031","dest":"n2","body":{}}"#,
            r#"{"src":"n1","dest":"n2","body":{},"id":1.5}"#,
            r#"{"src":"n1","dest":"n2","body":{},"id":12345678901234567890}"#,
            r#"{"src":"n1","dest":"n2","body":{"a":1e5}}"#,
            r#"{"src":"n1","src":"n1","dest":"n2","body":{}}"#,
            r#"{"src":"n1","dest":"n2","body":{}} x"#,
            r#"{"src":"n1","dest":"n2","body":{},}"#,
            r#"{"src":"n1","dest":"n2","body":{"a":01}}"#,
            r#"{"src":"n1","dest":"n2","body":{"a":[1,]}}"#,
            r#"{"src":"n1","dest":"n2","body":[]}"#,
            r#"{"src":"n1","dest":"n2"}"#,
            "",
            &deep,
        ];
        for line in unusual {
            assert_eq!(message(line), None, "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_accepted_line_is_a_message(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12)) {
            let inside = pieces.concat();
            assert_complete_parser_agrees(&format!(r#"{{"src":"n1","dest":"n2","body":{inside}}}"#));
            assert_complete_parser_agrees(&format!(r#"{{"src":"n1","dest":"n2","body":{{"x":{inside}}}}}"#));
            assert_complete_parser_agrees(&inside);
        }

        #[test]
        fn the_parsers_agree_after_one_changed_byte(at in 0..90usize, byte in 0x01..0x7fu8) {
            let line = r#"{"src":"n1","dest":"n2","body":{"type":"x","a":[1,-2.5,"\u00e9\n",{"b":null}],"d":true}}"#;
            let mut bytes = line.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            assert_complete_parser_agrees(std::str::from_utf8(&bytes).unwrap());
        }
    }
}
