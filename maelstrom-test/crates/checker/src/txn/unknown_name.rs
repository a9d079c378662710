//! The error for an unknown name.

use thiserror::Error;

/// The error for a name of a model or an anomaly that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no {kind} `{name}`; did you mean {}?", list(.nearest))]
#[non_exhaustive]
pub struct UnknownName {
    /// What the name stands for: `consistency model` or `anomaly`.
    pub kind: &'static str,
    /// The name, as it was given.
    pub name: String,
    /// The most similar known names, the most similar first.
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
    use crate::txn::model::Model;

    #[test]
    fn the_message_suggests_similar_names() {
        assert_eq!(
            Model::named("serialisable").unwrap_err().to_string(),
            "there is no consistency model `serialisable`; did you mean `serializable`?"
        );
        let error = Model::named("strong-session").unwrap_err();
        assert_eq!(error.nearest.len(), 3);
        assert!(error.nearest.iter().all(|name| name.starts_with("strong-session-")));
    }
}
