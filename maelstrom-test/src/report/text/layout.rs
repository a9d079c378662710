//! Lines of bounded width.

/// Returns the number of characters of a text. East Asian wide characters count as one, so lines with them are not aligned.
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

/// Appends spaces to a text up to a width.
pub(super) fn pad(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

/// Breaks a text into lines at spaces. Words longer than a line are split. Line feeds of the text are kept, and so are lines
/// that begin with four spaces.
pub(super) fn wrap(text: &str, limit: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        if paragraph.starts_with("    ") {
            lines.push(paragraph.to_owned());
            continue;
        }
        let mut line = String::new();
        for word in paragraph.split(' ').flat_map(|word| pieces(word, limit)) {
            if !line.is_empty() && width(&line) + 1 + width(&word) > limit {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        lines.push(line);
    }
    lines
}

fn pieces(word: &str, limit: usize) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    if characters.is_empty() {
        return vec![String::new()];
    }
    characters.chunks(limit.max(1)).map(|piece| piece.iter().collect()).collect()
}

/// Returns at most `limit` lines. If there are more, the last line is `more` with the number of missing lines.
pub(super) fn at_most(mut lines: Vec<String>, limit: usize, more: impl Fn(usize) -> String) -> Vec<String> {
    if lines.len() > limit {
        let missing = lines.len() + 1 - limit.max(1);
        lines.truncate(limit.saturating_sub(1));
        lines.push(more(missing));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("the write of 2 is over\nbefore", 12), ["the write of", "2 is over", "before"]);
        assert_eq!(wrap("aaaaaaa b", 3), ["aaa", "aaa", "a b"]);
        assert_eq!(wrap("", 9), Vec::<String>::new());
        assert_eq!(wrap("see\n    as it is\n      ^", 8), ["see", "    as it is", "      ^"]);
    }

    #[test]
    fn the_last_line_counts_the_missing_ones() {
        let lines = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
        let more = |n| format!("{n} more");
        assert_eq!(at_most(lines(3), 3, more), ["0", "1", "2"]);
        assert_eq!(at_most(lines(5), 3, more), ["0", "1", "3 more"]);
    }
}
