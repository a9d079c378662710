//! "Did you mean": the likeliest name behind a mistyped one.

use strsim::osa_distance;

/// The choice that is most like `name`, if one is like it at all: at most a third of the letters differ.
///
/// ```
/// use maelstrom_options::suggest::closest;
/// assert_eq!(closest("brodcast", ["echo", "broadcast"]), Some("broadcast"));
/// assert_eq!(closest("raft", ["echo", "broadcast"]), None);
/// ```
pub fn closest<'a>(name: &str, choices: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let (distance, best) = choices
        .into_iter()
        .map(|choice| (osa_distance(&name, choice), choice))
        .min_by_key(|(distance, _)| *distance)?;
    let longest = name.chars().count().max(best.chars().count());
    (distance * 3 <= longest).then_some(best)
}

/// Up to three choices that may have been meant, likeliest first, however little they are like `name`. One that contains
/// `name` counts as if two letters differed.
///
/// ```
/// use maelstrom_options::suggest::nearest;
/// let models = ["serializable", "strict-serializable", "causal"];
/// assert_eq!(nearest("serialisable", models), ["serializable"]);
/// assert_eq!(nearest("Strict", models), ["strict-serializable"]);
/// ```
pub fn nearest<'a>(name: &str, choices: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let rank = |choice: &str| {
        let distance = osa_distance(&name, &choice.to_lowercase());
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
/// assert_eq!(maelstrom_options::suggest::did_you_mean("ecko", ["echo"]), " (did you mean \"echo\"?)");
/// ```
pub fn did_you_mean<'a>(name: &str, choices: impl IntoIterator<Item = &'a str>) -> String {
    closest(name, choices).map(|choice| format!(" (did you mean \"{choice}\"?)")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use strsim::osa_distance;

    #[test]
    fn distances_count_swapped_letters_once() {
        assert_eq!(osa_distance("", "abc"), 3);
        assert_eq!(osa_distance("kitten", "sitting"), 3);
        assert_eq!(osa_distance("lni-kv", "lin-kv"), 1);
        assert_eq!(osa_distance("same", "same"), 0);
    }
}
