//! Escapes for the output of nodes, which may contain anything.

use std::fmt::Write as _;

/// Returns at most `limit` characters of a text on one line. Control characters and characters that change the direction of
/// text appear as escapes, so that they cannot control a terminal or mislead a reader.
pub(super) fn visible(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit + 16));
    for (count, character) in text.chars().enumerate() {
        if count == limit {
            out.push('…');
            break;
        }
        match character {
            '\t' => out.push(' '),
            _ if is_deceptive(character) => {
                write!(out, "\\u{{{:x}}}", u32::from(character)).expect("writing to a string does not fail")
            }
            _ => out.push(character),
        }
    }
    out
}

/// Whether it is a control character, or a character that reorders or hides others.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn control_characters_and_direction_marks_are_escaped() {
        assert_eq!(visible("\x1b[2Jgone\r\n", 80), "\\u{1b}[2Jgone\\u{d}\\u{a}");
        assert_eq!(visible("abc\u{202e}def", 80), "abc\\u{202e}def");
        assert_eq!(visible("größer → ok", 80), "größer → ok");
        assert_eq!(visible(&"x".repeat(1_000_000), 5), "xxxxx…");
    }
}
