//! Options of a run: given, read and checked.

use crate::kind::Kind;
use crate::latency::default_latency_distribution;
use crate::row::{OPTIONS, find, unknown_option};
use crate::value::ValueType;
use crate::{Defaults, FrontEnd, OptionError};

macro_rules! options {
    ($({
        name: $name:ident,
        doc: $doc:literal,
        value: $value:ty,
        builder: $argument:ty as $literal:ty,
        kind: $kind:expr,
        default: $default:tt,
        workloads: $workloads:expr,
        flag: $flag:literal $metavar:literal in $commands:expr,
        config: $config:tt,
    })*) => {
        /// Options of a run, each of them read and checked. `None`: not given.
        ///
        /// Every option of [`OPTIONS`](crate::OPTIONS) has a field.
        ///
        /// ```
        /// use maelstrom_options::{Defaults, FrontEnd, Options};
        /// use std::time::Duration;
        ///
        /// let mut options = Options::default();
        /// options.set("time_limit", "2m", FrontEnd::Builder)?;
        /// assert_eq!(options.time_limit, Some(Duration::from_secs(120)));
        /// assert_eq!(options.rate, None);
        /// let error = options.set("rate", "fast", FrontEnd::Builder).unwrap_err();
        /// assert_eq!(error.message(), "`fast` is not a number");
        /// assert_eq!(options.or_default(Defaults::Plain).rate, Some(5.0));
        /// # Ok::<(), maelstrom_options::OptionError>(())
        /// ```
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct Options {
            $(#[doc = $doc] pub $name: Option<$value>,)*
        }

        impl Options {
            /// Reads and sets an option by its name in the table.
            ///
            /// # Errors
            /// There is no such option, or it does not allow this value. The error does not name the option.
            pub fn set(&mut self, name: &str, text: &str, front_end: FrontEnd) -> Result<(), OptionError> {
                let row = find(name).ok_or_else(|| unknown_option(name))?;
                if row.kind == Kind::Special {
                    return Err(row.not_by_name());
                }
                let value = row.parse(text, front_end)?;
                match row.name {
                    $(stringify!($name) => self.$name = ValueType::from_value(value),)*
                    _ => {}
                }
                Ok(())
            }

            /// The options that were given, with their values as people write them, in the order of the table.
            pub fn given(&self) -> Vec<(&'static str, String)> {
                let texts = [$((stringify!($name), self.$name.clone().map(|value| value.into_value().to_string()))),*];
                texts.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
            }
        }
    };
}

for_each_option!(options);

impl Options {
    /// The defaults of all options that have one.
    pub fn of_defaults(defaults: Defaults) -> Options {
        Options::default().or_default(defaults)
    }

    /// The same options, with defaults for those that were not given and have one.
    #[must_use]
    pub fn or_default(mut self, defaults: Defaults) -> Options {
        // The default distribution depends on another option.
        if self.latency_dist.is_none() {
            self.latency_dist = Some(default_latency_distribution(defaults, self.latency.is_some()).into());
        }
        let given = self.given();
        for row in OPTIONS.iter().filter(|row| given.iter().all(|(name, _)| *name != row.name)) {
            if let Some(text) = row.default.of(defaults) {
                self.set(row.name, text, FrontEnd::Builder).expect("the table's defaults are right");
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_can_be_read() {
        for defaults in [Defaults::Plain, Defaults::Test] {
            let options = Options::of_defaults(defaults);
            let expected: Vec<&str> =
                OPTIONS.iter().filter(|row| row.default.of(defaults).is_some()).map(|row| row.name).collect();
            assert_eq!(options.given().iter().map(|(name, _)| *name).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn given_options_read_back() {
        let mut options = Options::of_defaults(Defaults::Test);
        for (name, text) in [("nodes", "a,b"), ("concurrency", "3n"), ("seed", "7"), ("availability", "total")] {
            options.set(name, text, FrontEnd::Attribute).expect("it is right");
        }
        let mut again = Options::default();
        for (name, text) in options.given() {
            again.set(name, &text, FrontEnd::Attribute).expect("it is right");
        }
        assert_eq!(again, options);
    }
}
