//! Serialization and deserialization with `serde`.

use serde_core::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};
use serde_core::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Error, Number, Value};

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(number) = self.as_u64() {
            return serializer.serialize_u64(number);
        }
        match (self.as_i64(), self.text()) {
            (Some(number), _) => serializer.serialize_i64(number),
            (None, Some(text)) => {
                let raw: &RawValue = serde_json::from_str(text).map_err(S::Error::custom)?;
                raw.serialize(serializer)
            }
            (None, None) => unreachable!("a number without text is a machine integer"),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Number(number) => number.serialize(serializer),
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(items) => items.serialize(serializer),
            Value::Object(entries) => entries.serialize(serializer),
        }
    }
}

/// Works only with the deserializers of `serde_json`, which provide the text of a number. Other deserializers fail, since
/// they may have rounded the number. So do the deserializers inside flattened, untagged and internally tagged types.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        super::from_str(raw.get()).map_err(D::Error::custom)
    }
}

/// Deserializes a type from a value. The type decides how it represents numbers.
///
/// # Errors
/// If the value does not match the type.
pub fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, Error> {
    serde_json::from_str(&value.to_string())
}

/// Serializes something to a value.
///
/// # Errors
/// If it cannot be serialized as JSON.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, Error> {
    super::from_str(&serde_json::to_string(value)?)
}
