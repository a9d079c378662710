//! Colours of the text report.

#[cfg(feature = "cli")]
use std::io::IsTerminal;

/// The style of a text report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to use escape sequences for colours.
    pub colour: bool,
    /// Whether to show all findings, all evidence and statistics, instead of at most [`LINES`](super::LINES) lines.
    pub full: bool,
    /// The maximum number of characters of a line, except for paths and commands.
    pub width: usize,
}

/// The meaning of a piece of text, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// A name or a title.
    Strong,
    /// An invalid or aborted run.
    Bad,
    /// A valid run.
    Good,
    /// A run with an unknown verdict.
    Unknown,
    /// Text of minor importance.
    Dim,
}

impl Style {
    /// The style of `report.txt`: no colours, at most [`LINES`](super::LINES) lines.
    pub const PLAIN: Style = Style { colour: false, full: false, width: 80 };

    /// Returns the style for standard output. It has colours on a terminal, unless `NO_COLOR` is set or `CARGO_TERM_COLOR` is
    /// `never`. With `CARGO_TERM_COLOR=always` it always has colours.
    #[cfg(feature = "cli")]
    pub(crate) fn for_stdout() -> Style {
        let variable = |name: &str| std::env::var(name).ok();
        Style { colour: allowed(std::io::stdout().is_terminal(), variable), width: terminal_width(), full: false }
    }

    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Strong => "1",
            Tone::Bad => "1;31",
            Tone::Good => "1;32",
            Tone::Unknown => "1;33",
            Tone::Dim => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Returns the width of the terminal, within limits in which reports are readable.
#[cfg(feature = "cli")]
fn terminal_width() -> usize {
    crate::executor::terminal_width().map_or(Style::PLAIN.width, |width| width.clamp(60, 120))
}

#[cfg(any(test, feature = "cli"))]
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
    fn variables_take_precedence_over_the_terminal() {
        let with =
            |name: &'static str, value: &'static str| move |other: &str| (other == name).then(|| value.to_owned());
        assert!(allowed(true, |_| None) && !allowed(false, |_| None));
        assert!(!allowed(true, with("NO_COLOR", "1")) && allowed(true, with("NO_COLOR", "")));
        assert!(!allowed(true, with("CARGO_TERM_COLOR", "never")));
        assert!(allowed(false, with("CARGO_TERM_COLOR", "always")));
    }

    #[test]
    fn plain_text_has_no_escapes() {
        assert_eq!(Style::PLAIN.paint(Tone::Bad, "lost"), "lost");
        assert_eq!(Style { colour: true, ..Style::PLAIN }.paint(Tone::Dim, "x"), "\x1b[2mx\x1b[0m");
    }
}
