//! The selection of cases by filters on the command line.
//!
//! libtest-mimic supports a single filter on names of cases. This module adds what libtest supports: `cargo test a b` selects
//! the cases that contain `a` or `b`, and `--exact` with the path of a function, which editors use, selects all its cases.

use super::case::Case;

/// Options of the harness with a value in the next argument.
const WITH_VALUE: [&str; 6] = ["-Z", "--color", "--format", "--logfile", "--skip", "--test-threads"];

/// Splits a command line into options and filters.
pub(super) fn split(words: impl Iterator<Item = String>) -> (Vec<String>, Vec<String>) {
    let (mut options, mut filters) = (Vec::new(), Vec::new());
    let mut words = words;
    // The first word is the program.
    options.extend(words.next());
    while let Some(word) = words.next() {
        if word == "--" {
            filters.extend(words.by_ref());
        } else if !word.starts_with('-') {
            filters.push(word);
        } else {
            let value = if WITH_VALUE.contains(&&*word) { words.next() } else { None };
            options.push(word);
            options.extend(value);
        }
    }
    (options, filters)
}

/// Whether a case is selected. Without filters, every case is.
pub(super) fn select(case: &Case, filters: &[String], exact: bool) -> bool {
    let matches = |filter: &String| {
        if exact { case.name == *filter || case.function.path() == *filter } else { case.name.contains(filter) }
    };
    filters.is_empty() || filters.iter().any(matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_line(line: &str) -> (String, String) {
        let (options, filters) = split(line.split_whitespace().map(str::to_owned));
        (options.join(" "), filters.join(" "))
    }

    #[test]
    fn values_of_options_are_not_filters() {
        let expected = |options: &str, filters: &str| (options.to_owned(), filters.to_owned());
        assert_eq!(split_line("program"), expected("program", ""));
        assert_eq!(split_line("program a --nocapture b"), expected("program --nocapture", "a b"));
        assert_eq!(
            split_line("program --skip a b --test-threads 1 c"),
            expected("program --skip a --test-threads 1", "b c")
        );
        assert_eq!(
            split_line("program --format=terse --exact a -- --b"),
            expected("program --format=terse --exact", "a --b")
        );
    }
}
