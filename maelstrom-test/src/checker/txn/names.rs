//! Names that users type, and what they may have meant by those that do not exist.

use thiserror::Error;

/// A name that is in none of the tables.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no {kind} `{name}`; did you mean {}?", list(.nearest))]
pub struct UnknownName {
    /// What it should have been: `consistency model` or `anomaly`.
    pub kind: &'static str,
    /// As it was given.
    pub name: String,
    /// The known names that are nearest to it, nearest first.
    pub nearest: Vec<&'static str>,
}

impl UnknownName {
    pub(super) fn new(kind: &'static str, name: &str, nearest: Vec<&'static str>) -> UnknownName {
        UnknownName { kind, name: name.into(), nearest }
    }
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.join(", "),
    }
}

/// Up to three known names, nearest first. The distance is that of Levenshtein, disregarding case; a known name that
/// contains the given one is as near as one with two typing errors.
pub(super) fn nearest(name: &str, known: impl IntoIterator<Item = &'static str>) -> Vec<&'static str> {
    let wanted = name.to_lowercase();
    let mut ranked: Vec<(usize, &'static str)> = known
        .into_iter()
        .map(|known| {
            let candidate = known.to_lowercase();
            let distance = distance(&wanted, &candidate);
            (if candidate.contains(&wanted) && !wanted.is_empty() { distance.min(2) } else { distance }, known)
        })
        .collect();
    ranked.sort_unstable();
    let best = ranked.first().map_or(0, |(distance, _)| *distance);
    ranked.into_iter().take_while(|(distance, _)| *distance <= best + 2).take(3).map(|(_, known)| known).collect()
}

/// How many letters must be inserted, removed or replaced to turn one text into the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("serialisable", "serializable"), 1);
    }

    #[test]
    fn the_message_says_what_may_have_been_meant() {
        let known = ["serializable", "strict-serializable", "causal"];
        let error = UnknownName::new("consistency model", "serialisable", nearest("serialisable", known));
        assert_eq!(error.to_string(), "there is no consistency model `serialisable`; did you mean `serializable`?");
        assert_eq!(nearest("Strict", known), ["strict-serializable"]);
    }
}
