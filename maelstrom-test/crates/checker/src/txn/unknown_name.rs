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

#[cfg(test)]
mod tests {
    use super::super::Model;

    #[test]
    fn the_message_says_what_may_have_been_meant() {
        assert_eq!(
            Model::named("serialisable").unwrap_err().to_string(),
            "there is no consistency model `serialisable`; did you mean `serializable`?"
        );
        let error = Model::named("strong-session").unwrap_err();
        assert_eq!(error.nearest.len(), 3);
        assert!(error.nearest.iter().all(|name| name.starts_with("strong-session-")));
    }
}
