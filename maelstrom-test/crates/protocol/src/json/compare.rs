//! Comparison of values with strings, numbers and booleans.

use super::{Number, Value};

macro_rules! equal_text {
    ($($text:ty)*) => {
        $(impl PartialEq<$text> for Value {
            fn eq(&self, other: &$text) -> bool {
                self.as_str() == Some(other.as_ref())
            }
        }

        impl PartialEq<Value> for $text {
            fn eq(&self, other: &Value) -> bool {
                other == self
            }
        })*
    };
}

equal_text!(str &str String);

macro_rules! equal_integer {
    ($($integer:ty)*) => {
        $(impl PartialEq<$integer> for Value {
            fn eq(&self, other: &$integer) -> bool {
                self.as_number().is_some_and(|number| *number == Number::from(*other))
            }
        }

        impl PartialEq<Value> for $integer {
            fn eq(&self, other: &Value) -> bool {
                other == self
            }
        })*
    };
}

equal_integer!(u8 u16 u32 u64 usize u128 i8 i16 i32 i64 isize i128);

impl PartialEq<bool> for Value {
    fn eq(&self, other: &bool) -> bool {
        self.as_bool() == Some(*other)
    }
}

impl PartialEq<Value> for bool {
    fn eq(&self, other: &Value) -> bool {
        other == self
    }
}

/// Decimal numbers only: `1` is not equal to `1.0`.
impl PartialEq<f64> for Value {
    fn eq(&self, other: &f64) -> bool {
        self.as_number().is_some_and(|number| Number::from_f64(*other).as_ref() == Some(number))
    }
}

impl PartialEq<Value> for f64 {
    fn eq(&self, other: &Value) -> bool {
        other == self
    }
}
