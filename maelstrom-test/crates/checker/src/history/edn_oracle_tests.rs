//! Property tests that compare our reader of EDN with the crate `clojure-reader`.
//!
//! Texts contain only what both readers know. The crate has no `\u` escapes, no metadata, no regular expressions, no
//! `##Inf`, and, without further dependencies, no numbers beyond 64 bits; `tests.rs` covers these with examples.

use std::collections::BTreeMap;

use clojure_reader::edn::{self, Edn};
use proptest::prelude::*;

use super::HistoryReader;
use super::read::Notation;
use crate::json::{Map, Number, Value, json};
use crate::test_cases::cases;

/// What stands between forms.
fn blank() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(" "), 1 => prop::sample::select(vec![",", "\n", "\t\r\n", " ; a ] comment\n", " #_ [1 (:a)] ", " #_#_ 1 2 "])]
}

fn leaf() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["nil", "true", "false"]).prop_map(str::to_owned),
        any::<i64>().prop_map(|number| number.to_string()),
        "[+-]?(0[xX][0-9a-fA-F]{1,15}|0{0,2}[0-9]{1,9}|36r[0-9A-Z]{1,8}|2r[01]{1,8})",
        "[+-]?[0-9]{1,9}(\\.[0-9]{0,6}|\\.[0-9]{0,6}[eE][+-]?[0-9]{1,2}|[eE][+-]?[0-9]{1,2})",
        "-?[0-9]{1,3}/[1-9][0-9]{0,2}",
        ":[a-zA-Z0-9*+!_?<>=.-]{1,6}(/[a-z]{1,4})?",
        "[a-zA-Z*!_?<>=&$%][a-zA-Z0-9*+!_?<>=.$%&-]{0,6}(/[a-z]{1,4})?",
        "\"([^\"\\\\]|\\\\[nrt\"\\\\]){0,8}\"",
        "\\\\(newline|space|tab|return|[a-zA-Z0-9é☃])",
    ]
}

/// A key of a map. Readers may not take it for that of another entry.
fn key(name: &str, kind: u8) -> String {
    match kind {
        0 => format!(":{name}"),
        1 => format!("\"{name}\""),
        2 => format!("s-{name}"),
        _ => format!(":_/{name}"),
    }
}

fn form() -> impl Strategy<Value = String> {
    leaf().prop_recursive(4, 32, 6, |inner| {
        let items = prop::collection::vec((blank(), inner.clone()), 0..6)
            .prop_map(|items| items.iter().fold(String::new(), |text, (blank, item)| text + blank + item));
        let map = prop::collection::btree_map("[a-z]{1,4}", (0..4_u8, blank(), inner.clone()), 0..5).prop_map(
            |entries: BTreeMap<String, _>| {
                let text = |(name, (kind, blank, value)): (&String, &(u8, &str, String))| {
                    format!("{}{blank} {value} ", key(name, *kind))
                };
                entries.iter().map(text).collect::<String>()
            },
        );
        let numbers = prop::collection::btree_set(any::<i8>(), 0..4);
        prop_oneof![
            (any::<bool>(), items).prop_map(|(is_list, items)| if is_list {
                format!("({items} )")
            } else {
                format!("[{items}]")
            }),
            (prop::sample::select(vec!["", "#:name"]), map)
                .prop_map(|(prefix, entries)| format!("{prefix}{{{entries}}}")),
            (numbers, inner.clone()).prop_map(|(numbers, other)| {
                let numbers: String = numbers.iter().map(|number| format!("{number} ")).collect();
                // The crate refuses doubles, and a list is none of the numbers.
                format!("#{{{numbers}({other})}}")
            }),
            ("[a-z]{2,5}(\\.[A-Z][a-z]{0,3})?(/[a-z]{1,3})?", blank(), inner.clone())
                .prop_map(|(tag, blank, value)| format!("#{tag}{blank} {value}")),
            (inner.clone(), inner)
                .prop_map(|(key, value)| format!("#jepsen.independent.Tuple{{:key {key} :value {value}}}")),
        ]
    })
}

/// Whether our value is the one for a form of the crate's, by the table at [`HistoryReader`].
fn agrees(form: &Edn<'_>, value: &Value) -> bool {
    match (form, value) {
        (Edn::Nil, Value::Null) => true,
        (Edn::Bool(one), Value::Bool(other)) => one == other,
        (Edn::Int(one), Value::Number(other)) => Number::from(*one) == *other,
        (Edn::Double(one), Value::Number(other)) => !other.is_integer() && other.as_f64() == Some(one.0),
        (Edn::Rational((above, below)), value) => ratio(*above, *below) == *value,
        (Edn::Key(one) | Edn::Symbol(one) | Edn::Str(one), Value::String(other)) => one == other,
        (Edn::Char(one), Value::String(other)) => *other == one.to_string(),
        (Edn::Vector(one) | Edn::List(one), Value::Array(other)) => all_agree(one, other),
        (Edn::Set(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().all(|form| other.iter().any(|value| agrees(form, value)))
        }
        (Edn::Map(one), Value::Object(other)) => entries_agree(one, other, None),
        (Edn::Tagged(tag, form), value) => match (&**tag, &**form, value) {
            ("jepsen.independent.Tuple", Edn::Map(entries), Value::Array(pair)) => {
                let part = |name: &'static str| entries.get(&Edn::key(name)).expect("the text has it");
                pair.len() == 2 && agrees(part("key"), &pair[0]) && agrees(part("value"), &pair[1])
            }
            (":name", Edn::Map(entries), Value::Object(other)) => entries_agree(entries, other, Some("name")),
            (_, form, value) => agrees(form, value),
        },
        _ => false,
    }
}

fn all_agree(forms: &[Edn<'_>], values: &[Value]) -> bool {
    forms.len() == values.len() && forms.iter().zip(values).all(|(form, value)| agrees(form, value))
}

fn entries_agree(entries: &BTreeMap<Edn<'_>, Edn<'_>>, object: &Map<String, Value>, namespace: Option<&str>) -> bool {
    let name = |key: &Edn<'_>| match (key, namespace) {
        (Edn::Key(key), Some(_)) if key.starts_with("_/") => key[2..].to_owned(),
        (Edn::Key(key), Some(namespace)) => format!("{namespace}/{key}"),
        (Edn::Key(key) | Edn::Str(key) | Edn::Symbol(key), _) => key.to_string(),
        other => panic!("{other:?} is no key of these tests"),
    };
    let agrees = |(key, form): (&Edn<'_>, &Edn<'_>)| object.get(&name(key)).is_some_and(|value| agrees(form, value));
    entries.len() == object.len() && entries.iter().all(agrees)
}

fn ratio(above: i64, below: i64) -> Value {
    let divisor = (1..=below).rev().find(|d| above % d == 0 && below % d == 0).expect("1 divides both");
    match (above / divisor, below / divisor) {
        (above, 1) => json!(above),
        (above, below) => json!(format!("{above}/{below}")),
    }
}

/// What our reader takes for the value of an entry.
fn our_value(entry: &str) -> Result<Value, String> {
    let mut reader =
        HistoryReader::with_notation(entry.as_bytes(), Notation::Edn).map_err(|error| error.to_string())?;
    let op = reader.next().ok_or("no entry")?.map_err(|error| error.to_string())?;
    Ok(op.value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(2000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn readers_of_edn_agree(form in form()) {
        let theirs = edn::read_string(&form);
        prop_assert!(theirs.is_ok(), "{form}: {theirs:?}");
        let ours = our_value(&format!("{{:process 0, :type :ok, :f :x, :value {form}}}"));
        prop_assert!(ours.is_ok(), "{form}: {ours:?}");
        let (theirs, ours) = (theirs.unwrap(), ours.unwrap());
        prop_assert!(agrees(&theirs, &ours), "{form}\n{theirs:?}\n{ours:?}");
    }
}
