//! Which cases a command line selects.
//!
//! `cargo test a b` means what contains `a` and what contains `b`, and an editor runs `--exact` with the path of a
//! function, which is the name of none of its cases if it has several. libtest-mimic knows one filter, and names only.

use super::case::Case;

/// Options of the harness whose value is a word of its own.
const WITH_VALUE: [&str; 6] = ["-Z", "--color", "--format", "--logfile", "--skip", "--test-threads"];

/// Parts a command line into options and filters.
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

/// Whether a case is selected; without filters every one is.
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
    fn values_of_options_are_no_filters() {
        let told = |options: &str, filters: &str| (options.to_owned(), filters.to_owned());
        assert_eq!(split_line("program"), told("program", ""));
        assert_eq!(split_line("program a --nocapture b"), told("program --nocapture", "a b"));
        assert_eq!(
            split_line("program --skip a b --test-threads 1 c"),
            told("program --skip a --test-threads 1", "b c")
        );
        assert_eq!(
            split_line("program --format=terse --exact a -- --b"),
            told("program --format=terse --exact", "a --b")
        );
    }
}
