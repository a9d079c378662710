//! Values as the builder's methods take them, before they are checked.
//!
//! Numbers and switches are Rust's own types. The other options take the types of this module, so that a value can be
//! given as a Rust value or as people write it:
//!
//! ```
//! use maelstrom_options::literal::{Concurrency, Names, Nodes, Share, Time};
//! use std::time::Duration;
//!
//! let _: [Time; 3] = [Duration::from_secs(10).into(), "10s".into(), 10.into()];
//! let _: [Nodes; 3] = [5.into(), "n1,n2,n3".into(), ["n1", "n2", "n3"].into()];
//! let _: [Concurrency; 2] = [10.into(), "2n".into()];
//! let _: [Names; 2] = ["partition,kill".into(), ["partition", "kill"].into()];
//! let _: [Share; 2] = [0.9.into(), "total".into()];
//! ```

use std::fmt;

use crate::duration::format_exactly;

macro_rules! literals {
    ($($(#[$doc:meta])* $name:ident from $($type:ty),*;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $name(String);

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }

            $(impl From<$type> for $name {
                fn from(value: $type) -> $name {
                    $name(value.to_string())
                }
            })*
        )*
    };
}

literals! {
    /// A time: a [`Duration`](std::time::Duration), or a text with its unit (`"1.5s"`, `"100ms"`, `"250us"`, `"2m"`, `"1h"`).
    ///
    /// A number without a unit is allowed where the option's documentation says what it counts.
    Time from &str, String, &String, i32, u32, u64, f64;
    /// How many nodes there are, or their names: a list, or a text with commas between them.
    Nodes from &str, String, &String, i32, u32, u64, usize;
    /// How many client workers there are, or a text like `"2n"`: that many times the number of nodes.
    Concurrency from &str, String, &String, i32, u32, u64, usize;
    /// Several names: a list, or a text with commas between them.
    Names from &str, String, &String;
    /// A share from 0 to 1, or `"total"`, which is 1.
    Share from &str, String, &String, i32, f64;
}

impl From<std::time::Duration> for Time {
    fn from(time: std::time::Duration) -> Time {
        Time(format_exactly(time))
    }
}

macro_rules! from_lists {
    ($($name:ident),*) => {
        $(
            impl<const N: usize> From<[&str; N]> for $name {
                fn from(names: [&str; N]) -> $name {
                    $name(names.join(","))
                }
            }

            impl From<&[&str]> for $name {
                fn from(names: &[&str]) -> $name {
                    $name(names.join(","))
                }
            }

            impl From<Vec<&str>> for $name {
                fn from(names: Vec<&str>) -> $name {
                    $name(names.join(","))
                }
            }

            impl From<&[String]> for $name {
                fn from(names: &[String]) -> $name {
                    $name(names.join(","))
                }
            }

            impl From<Vec<String>> for $name {
                fn from(names: Vec<String>) -> $name {
                    $name(names.join(","))
                }
            }
        )*
    };
}

from_lists!(Nodes, Names);
