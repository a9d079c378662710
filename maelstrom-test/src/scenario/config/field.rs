//! How the value of an option becomes the value of a field, and how a field is shown.

use std::time::Duration;

use super::{KeepJournal, TimeChoice, WorkingDirectory};
use crate::history::Nanos;
use crate::nemesis::FaultKind;
use crate::scenario::options::format_nanos;

/// A field of the configuration that takes an option's value of type `T`.
pub(super) trait Field<T> {
    /// Sets it.
    fn set(&mut self, value: T);

    /// Its value as people write it; `None` if it has none.
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

/// No option allows a time that is too long for nanoseconds.
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

/// Fields that are one of several named values.
macro_rules! choices {
    ($($type:ty: $($name:literal $value:ident),*;)*) => {
        $(
            impl $type {
                /// The values with their names in options.
                #[cfg(test)]
                pub(super) const NAMES: &[&str] = &[$($name),*];
            }

            impl Field<String> for $type {
                fn set(&mut self, value: String) {
                    match value.as_str() {
                        $($name => *self = <$type>::$value,)*
                        _ => unreachable!("the option has other choices: {value}"),
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
