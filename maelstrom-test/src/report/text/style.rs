//! Colour, where it is allowed.

use std::io::IsTerminal;

/// How a text report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colour may be used.
    pub colour: bool,
    /// Everything, instead of at most 40 lines: all findings with all their evidence, and statistics.
    pub full: bool,
}

/// What a piece of text is, so that colour can show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// A name or a title.
    Strong,
    /// A broken promise.
    Bad,
    /// A kept one.
    Good,
    /// Neither.
    Doubtful,
    /// Of second rank.
    Quiet,
}

impl Style {
    /// No colour, at most 40 lines: what `report.txt` holds.
    pub const PLAIN: Style = Style { colour: false, full: false };

    /// The style for standard output: colour on a terminal, unless `NO_COLOR` or `CARGO_TERM_COLOR=never` forbid it.
    /// `CARGO_TERM_COLOR=always` asks for it everywhere.
    pub fn for_stdout() -> Style {
        let variable = |name: &str| std::env::var(name).ok();
        Style { colour: allowed(std::io::stdout().is_terminal(), variable), full: false }
    }

    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Strong => "1",
            Tone::Bad => "1;31",
            Tone::Good => "1;32",
            Tone::Doubtful => "1;33",
            Tone::Quiet => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

fn allowed(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    match (variable("NO_COLOR"), variable("CARGO_TERM_COLOR").as_deref()) {
        (Some(text), _) if !text.is_empty() => false,
        (_, Some("never")) => false,
        (_, Some("always")) => true,
        _ => terminal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_decide_before_the_terminal() {
        let with =
            |name: &'static str, value: &'static str| move |asked: &str| (asked == name).then(|| value.to_owned());
        assert!(allowed(true, |_| None) && !allowed(false, |_| None));
        assert!(!allowed(true, with("NO_COLOR", "1")) && allowed(true, with("NO_COLOR", "")));
        assert!(!allowed(true, with("CARGO_TERM_COLOR", "never")));
        assert!(allowed(false, with("CARGO_TERM_COLOR", "always")));
    }

    #[test]
    fn plain_text_has_no_escapes() {
        assert_eq!(Style::PLAIN.paint(Tone::Bad, "lost"), "lost");
        assert_eq!(Style { colour: true, full: false }.paint(Tone::Quiet, "x"), "\x1b[2mx\x1b[0m");
    }
}
