//! "Did you mean": the likeliest name behind a mistyped one.

/// The choice that is most like `name`, if one is like it at all: at most a third of the letters differ.
///
/// ```
/// use maelstrom::suggest::closest;
/// assert_eq!(closest("brodcast", ["echo", "broadcast"]), Some("broadcast"));
/// assert_eq!(closest("raft", ["echo", "broadcast"]), None);
/// ```
pub fn closest<'a>(name: &str, choices: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let (distance, best) =
        choices.into_iter().map(|choice| (distance(&name, choice), choice)).min_by_key(|(distance, _)| *distance)?;
    let longest = name.chars().count().max(best.chars().count());
    (distance * 3 <= longest).then_some(best)
}

/// Up to three choices that may have been meant, likeliest first, however little they are like `name`. One that contains
/// `name` counts as if two letters differed.
///
/// ```
/// use maelstrom::suggest::nearest;
/// let models = ["serializable", "strict-serializable", "causal"];
/// assert_eq!(nearest("serialisable", models), ["serializable"]);
/// assert_eq!(nearest("Strict", models), ["strict-serializable"]);
/// ```
pub fn nearest<'a>(name: &str, choices: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let rank = |choice: &str| {
        let distance = distance(&name, &choice.to_lowercase());
        if !name.is_empty() && choice.contains(&name) { distance.min(2) } else { distance }
    };
    let mut ranked: Vec<(usize, &str)> = choices.into_iter().map(|choice| (rank(choice), choice)).collect();
    ranked.sort_unstable();
    let best = ranked.first().map_or(0, |(rank, _)| *rank);
    ranked.into_iter().take_while(|(rank, _)| *rank <= best + 2).take(3).map(|(_, choice)| choice).collect()
}

/// ` (did you mean "x"?)`, or nothing: to be put after the complaint about a wrong name.
///
/// ```
/// assert_eq!(maelstrom::suggest::did_you_mean("ecko", ["echo"]), " (did you mean \"echo\"?)");
/// ```
pub fn did_you_mean<'a>(name: &str, choices: impl IntoIterator<Item = &'a str>) -> String {
    closest(name, choices).map(|choice| format!(" (did you mean \"{choice}\"?)")).unwrap_or_default()
}

/// The number of letters to insert, delete, replace or swap with a neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let swapped = if swapped { rows[i - 2][j - 2] + 1 } else { usize::MAX };
                replaced.min(swapped).min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1)
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("lni-kv", "lin-kv"), 1);
        assert_eq!(distance("same", "same"), 0);
    }
}
