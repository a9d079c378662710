//! Builds an [`Op`] from the keys of a stored entry, for all notations.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::{Op, OpType, Process};
use crate::json::{Map, Number, Value};

/// The names of functions. Each name is stored once, however often it occurs.
#[derive(Default)]
pub(super) struct FunctionNames {
    names: FxHashSet<Arc<str>>,
}

impl FunctionNames {
    /// The number of names that are stored. A history has a few functions. If it has very many, a streaming reader must not
    /// keep them all.
    const LIMIT: usize = 4096;

    fn intern(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        if self.names.len() < Self::LIMIT {
            self.names.insert(Arc::clone(&name));
        }
        name
    }
}

/// The largest index. Checkers number entries, operations and values in 32 bits, and the highest number stands for "none".
const MOST_ENTRIES: u64 = u32::MAX as u64 - 1;

/// A key of an entry, spelled as in JSON lines or as in Jepsen's EDN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Index,
    Time,
    Type,
    Process,
    F,
    Value,
    Error,
    Final,
    /// Any other key. It goes to [`Op::extra`].
    Extra(String),
}

impl From<&str> for Key {
    fn from(name: &str) -> Key {
        match name {
            "index" => Key::Index,
            "time" => Key::Time,
            "type" => Key::Type,
            "process" => Key::Process,
            "f" => Key::F,
            "value" => Key::Value,
            "error" => Key::Error,
            "final" | "final?" => Key::Final,
            "seek-to-beginning?" => Key::Extra("seek_to_beginning".into()),
            other => Key::Extra(other.into()),
        }
    }
}

/// Collects the keys of an entry.
#[derive(Default)]
pub(super) struct EntryBuilder {
    index: Option<u64>,
    time: Option<u64>,
    kind: Option<OpType>,
    process: Option<Process>,
    f: Option<Arc<str>>,
    value: Option<Value>,
    error: Option<Value>,
    is_final: Option<bool>,
    extra: Option<Box<Map<String, Value>>>,
}

impl EntryBuilder {
    /// Adds a key and its value. The error is a message for users.
    pub(super) fn set(&mut self, key: Key, value: Value, interner: &mut FunctionNames) -> Result<(), String> {
        match key {
            Key::Index => once(&mut self.index, whole_number("index", &value)?, "index"),
            Key::Time => once(&mut self.time, whole_number("time", &value)?, "time"),
            Key::Type => once(&mut self.kind, Some(op_type(&value)?), "type"),
            Key::Process => once(&mut self.process, process(&value)?, "process"),
            Key::F => once(&mut self.f, function(&value, interner), "f"),
            Key::Value => once(&mut self.value, Some(value), "value"),
            Key::Error => once(&mut self.error, Some(value), "error"),
            Key::Final => once(&mut self.is_final, flag(&value)?, "final"),
            Key::Extra(name) => {
                let extra = self.extra.get_or_insert_default();
                if extra.contains_key(&name) {
                    return Err(format!("the key `{name}` stands twice in this entry"));
                }
                extra.insert(name, value);
                Ok(())
            }
        }
    }

    /// The entry. `position` is its `index` if it does not have one.
    pub(super) fn finish(self, position: u64, interner: &mut FunctionNames) -> Result<Op, String> {
        if position >= MOST_ENTRIES {
            return Err(format!("this is one entry more than {MOST_ENTRIES}; longer histories cannot be checked"));
        }
        let kind = self.kind.ok_or("this entry has no `type`; expected one of invoke, ok, fail, info")?;
        Ok(Op {
            index: self.index.unwrap_or(position),
            time: self.time.unwrap_or(0),
            kind,
            process: self.process.unwrap_or(Process::Client(0)),
            f: self.f.unwrap_or_else(|| interner.intern("txn")),
            value: self.value.unwrap_or(Value::Null),
            error: self.error.filter(|error| !error.is_null()),
            is_final: self.is_final.unwrap_or(false),
            extra: self.extra,
        })
    }
}

fn once<T>(slot: &mut Option<T>, value: Option<T>, name: &str) -> Result<(), String> {
    if slot.is_some() {
        return Err(format!("the key `{name}` stands twice in this entry"));
    }
    *slot = value;
    Ok(())
}

/// A number that is not negative. Jepsen writes -1 if it is unknown, which counts as missing.
fn whole_number(name: &str, value: &Value) -> Result<Option<u64>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let too_large = || format!("`{name}` is {}; expected an integer below 2^64", brief(value));
    match integer(value) {
        Some(number) if number < Number::from(0) => Ok(None),
        Some(number) => Ok(Some(number.as_u64().ok_or_else(too_large)?)),
        None => Err(format!("`{name}` is {}; expected an integer", brief(value))),
    }
}

/// An integer, with or without quotes, because some tools write all values as strings.
fn integer(value: &Value) -> Option<Number> {
    let number = match value {
        Value::Number(number) => number.clone(),
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    Some(number).filter(Number::is_integer)
}

fn op_type(value: &Value) -> Result<OpType, String> {
    match value.as_str() {
        Some("invoke") => Ok(OpType::Invoke),
        Some("ok") => Ok(OpType::Ok),
        Some("fail") => Ok(OpType::Fail),
        Some("info") => Ok(OpType::Info),
        _ => Err(format!("`type` is {}; expected one of invoke, ok, fail, info", brief(value))),
    }
}

fn process(value: &Value) -> Result<Option<Process>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(name) if name == "nemesis" => Ok(Some(Process::Nemesis)),
        other => match integer(other).and_then(|number| number.as_u64()) {
            Some(number) => Ok(Some(Process::Client(number))),
            None => Err(format!("`process` is {}; expected an integer from 0 to 2^64 - 1, or nemesis", brief(other))),
        },
    }
}

/// The name of a function. Some nemeses of Jepsen have a list instead of a name; its text is the name.
fn function(value: &Value, interner: &mut FunctionNames) -> Option<Arc<str>> {
    match value {
        Value::Null => None,
        Value::String(name) => Some(interner.intern(name)),
        other => Some(interner.intern(&other.to_string())),
    }
}

fn flag(value: &Value) -> Result<Option<bool>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        other => Err(format!("`final` is {}; expected true or false", brief(other))),
    }
}

/// A value as in error messages.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
