//! Conversions between the values of options and the fields of the configuration.

use std::time::Duration;

use super::{KeepJournal, TimeChoice, WorkingDirectory};
use crate::history::Nanos;
use crate::nemesis::FaultKind;
use crate::scenario::options::format_nanos;

/// A field of the configuration that is set from an option with values of type `T`.
pub(super) trait Field<T> {
    /// Sets the field.
    fn set(&mut self, value: T);

    /// Returns the value as it is written in an option; `None` if the field has no value.
    fn show(&self) -> Option<String>;
}

macro_rules! plain {
    ($($type:ty),*) => {
        $(
            impl Field<$type> for $type {
                fn set(&mut self, value: $type) {
                    *self = value;
                }

                fn show(&self) -> Option<String> {
                    Some(self.to_string())
                }
            }

            impl Field<$type> for Option<$type> {
                fn set(&mut self, value: $type) {
                    *self = Some(value);
                }

                fn show(&self) -> Option<String> {
                    self.as_ref().map(ToString::to_string)
                }
            }
        )*
    };
}

plain!(u64, f64, bool, String);

/// Converts a duration into nanoseconds. The ranges of the options exclude an overflow.
fn nanos(time: Duration) -> Nanos {
    time.as_nanos() as Nanos
}

impl Field<Duration> for Nanos {
    fn set(&mut self, value: Duration) {
        *self = nanos(value);
    }

    fn show(&self) -> Option<String> {
        Some(format_nanos(*self))
    }
}

impl Field<Duration> for Option<Nanos> {
    fn set(&mut self, value: Duration) {
        *self = Some(nanos(value));
    }

    fn show(&self) -> Option<String> {
        self.map(format_nanos)
    }
}

impl Field<Vec<String>> for Vec<String> {
    fn set(&mut self, value: Vec<String>) {
        *self = value;
    }

    fn show(&self) -> Option<String> {
        Some(self.join(","))
    }
}

impl Field<Vec<String>> for Vec<FaultKind> {
    fn set(&mut self, value: Vec<String>) {
        *self = value.iter().filter_map(|name| name.parse().ok()).collect();
    }

    fn show(&self) -> Option<String> {
        Some(self.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(","))
    }
}

/// Implements [`Field`] for types with a list of named values.
macro_rules! choices {
    ($($type:ty: $($name:literal $value:ident),*;)*) => {
        $(
            impl $type {
                /// The names of the values in options.
                #[cfg(test)]
                pub(super) const NAMES: &[&str] = &[$($name),*];
            }

            impl Field<String> for $type {
                fn set(&mut self, value: String) {
                    match value.as_str() {
                        $($name => *self = <$type>::$value,)*
                        _ => unreachable!("the option does not allow `{value}`"),
                    }
                }

                fn show(&self) -> Option<String> {
                    Some(match self { $(<$type>::$value => $name),* }.into())
                }
            }
        )*
    };
}

choices! {
    TimeChoice: "auto" Auto, "virtual" Virtual, "real" Real;
    WorkingDirectory: "node" Node, "package" Package;
    KeepJournal: "always" Always, "failures" Failures;
}
