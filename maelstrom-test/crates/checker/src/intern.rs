//! Numbers for JSON values, so that checkers compare and store only integers.

use std::hash::{BuildHasher, Hash};

use crate::json::Value;
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// Maps values (keys, written values, elements of lists) to numbers. Equal values have equal numbers. `1` and `1.0` differ.
#[derive(Default)]
pub(crate) struct Interner {
    /// The numbers, by the hash of their values.
    numbers: HashTable<u32>,
    values: Vec<Interned>,
}

/// A value in little memory. Nearly all values are integers or short names.
enum Interned {
    Integer(i64),
    Text(Box<str>),
    Other(Box<Value>),
}

impl Interned {
    fn of(value: &Value) -> Interned {
        match value {
            Value::String(text) => Interned::Text(text.as_str().into()),
            value => value.as_i64().map_or_else(|| Interned::Other(Box::new(value.clone())), Interned::Integer),
        }
    }

    fn is(&self, value: &Value) -> bool {
        match self {
            Interned::Integer(integer) => value.as_i64() == Some(*integer),
            Interned::Text(text) => value.as_str() == Some(text),
            Interned::Other(own) => **own == *value,
        }
    }

    fn hash(&self) -> u64 {
        match self {
            Interned::Integer(integer) => hash(integer),
            Interned::Text(text) => hash(&**text),
            Interned::Other(value) => hash(&**value),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Interned::Integer(integer) => Value::from(*integer),
            Interned::Text(text) => Value::from(&**text),
            Interned::Other(value) => (**value).clone(),
        }
    }
}

pub(crate) fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    FxBuildHasher.hash_one(value)
}

fn hash_of(value: &Value) -> u64 {
    match value {
        Value::String(text) => hash(text.as_str()),
        value => value.as_i64().map_or_else(|| hash(value), |integer| hash(&integer)),
    }
}

impl Interner {
    /// The number of a value. Numbers are assigned in order, from 0.
    pub(crate) fn id(&mut self, value: &Value) -> u32 {
        let (hash, values) = (hash_of(value), &self.values);
        if let Some(id) = self.numbers.find(hash, |id| values[*id as usize].is(value)) {
            return *id;
        }
        let id = self.values.len() as u32;
        self.values.push(Interned::of(value));
        self.numbers.insert_unique(hash, id, |id| self.values[*id as usize].hash());
        id
    }

    /// The value with a number.
    pub(crate) fn value(&self, id: u32) -> Value {
        self.values[id as usize].to_json()
    }

    /// Whether a number is that of a value.
    pub(crate) fn is(&self, id: u32, value: &Value) -> bool {
        self.values[id as usize].is(value)
    }

    /// The number of different values.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Frees what is needed only to number further values.
    pub(crate) fn close(&mut self) {
        self.numbers = HashTable::new();
    }
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    #[test]
    fn equal_values_get_one_number_whatever_their_key_order() {
        let mut interner = Interner::default();
        let id = interner.id(&json!({"a": 1, "b": [2]}));
        assert_eq!(interner.id(&crate::json::from_str(r#"{"b":[2],"a":1}"#).unwrap()), id);
        assert_ne!(interner.id(&json!(1)), interner.id(&json!(1.0)));
        assert_ne!(interner.id(&json!("1")), interner.id(&json!(1)));
        assert_eq!(interner.id(&json!(u64::MAX)), interner.id(&json!(u64::MAX)));
        assert_eq!(interner.value(id), json!({"a": 1, "b": [2]}));
    }

    #[test]
    fn values_are_recovered_from_their_numbers() {
        let mut interner = Interner::default();
        let values: Vec<Value> =
            (0..1000).flat_map(|i| [json!(i), json!(i.to_string()), json!([i]), json!(i as f64)]).collect();
        let ids: Vec<u32> = values.iter().map(|value| interner.id(value)).collect();
        assert!(ids.iter().copied().eq(0..4000));
        assert!(values.iter().map(|value| interner.id(value)).eq(0..4000));
        assert!((0..4000).map(|id| interner.value(id)).eq(values));
    }
}
