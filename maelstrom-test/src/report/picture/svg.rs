//! SVG markup.
//!
//! The markup is written as text. A crate for SVG would add a tree of elements that is only printed. What matters is that
//! all text is escaped, and [`text`] does that.

use std::fmt::{Display, Write as _};

use crate::report::escape::visible;

/// Colours and styles of pictures.
const STYLE: &str =
    concat!(include_str!("../../../templates/palette.css"), include_str!("../../../templates/picture.css"));

/// An SVG drawing of fixed size in CSS pixels.
#[derive(Clone, Debug)]
pub(in crate::report) struct Drawing {
    width: f64,
    height: f64,
    /// The height of the title, in pixels.
    head: f64,
    title: String,
    body: String,
}

impl Drawing {
    /// Creates an empty drawing. Screen readers read its title.
    pub(super) fn new(width: f64, height: f64, title: &str) -> Drawing {
        Drawing { width, height, head: 0.0, title: title.to_owned(), body: String::new() }
    }

    /// Sets the height once it is known.
    pub(super) fn set_height(&mut self, height: f64) {
        self.height = height;
    }

    /// Sets the height of the title. Pages omit the title, because they have a heading.
    pub(super) fn set_head(&mut self, head: f64) {
        self.head = head;
    }

    /// Appends markup. Every text in it must be escaped with [`text`].
    pub(super) fn push(&mut self, markup: impl Display) {
        write!(self.body, "{markup}").expect("writing to a string does not fail");
    }

    /// Appends a line of text.
    pub(super) fn label(&mut self, x: f64, y: f64, class: &str, anchor: &str, content: &str) {
        self.push(format_args!(
            r#"<text x="{}" y="{}" class="{class}" text-anchor="{anchor}">{}</text>"#,
            px(x),
            px(y),
            text(content, 300)
        ));
    }

    /// Renders an element for a page with the style sheet, without the title.
    pub(in crate::report) fn inline(&self) -> String {
        format!("<svg {}>{}</svg>", self.attributes(self.head), self.body)
    }

    /// Renders a separate file.
    pub(in crate::report) fn file(&self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" {}>\n<style>\n{STYLE}</style>\n{}</svg>\n",
            px(self.width),
            px(self.height),
            self.attributes(0.0),
            self.body
        )
    }

    /// Returns the attributes of the element, with `top` pixels cut off at the top.
    fn attributes(&self, top: f64) -> String {
        let title = text(&self.title, 300);
        let (width, height, top) = (px(self.width), px(self.height - top), px(top));
        format!(r#"class="picture" viewBox="0 {top} {width} {height}" role="img" aria-label="{title}""#)
    }
}

/// Formats a coordinate with one decimal.
pub(super) fn px(value: f64) -> impl Display {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded == 0.0 { 0.0 } else { rounded }
}

/// Escapes at most `limit` characters of a text for an element or a quoted attribute.
pub(super) fn text(raw: &str, limit: usize) -> String {
    let mut out = String::with_capacity(raw.len().min(limit) + 8);
    for character in visible(raw, limit).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'), // XML cannot represent them.
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_have_one_decimal() {
        let shown = [1.0, 1.26, -0.01, 100.04].map(|value| px(value).to_string());
        assert_eq!(shown, ["1", "1.3", "0", "100"]);
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(
            text("</text><script>'\"&\u{1b}\u{ffff}", 99),
            "&lt;/text&gt;&lt;script&gt;&#39;&quot;&amp;\\u{1b}\u{fffd}"
        );
        let mut drawing = Drawing::new(10.0, 10.0, "\"><script>");
        drawing.label(0.0, 0.0, "quiet", "start", "<b>");
        for markup in [drawing.inline(), drawing.file()] {
            assert!(!markup.contains("<script>") && !markup.contains("<b>"), "{markup}");
        }
    }
}
