//! Numbers as people read them.
//!
//! Moments are cut off, not rounded, everywhere (the page's script does the same): what is shown never lies after the
//! moment itself, and two moments keep their order.

use std::time::Duration;

use crate::history::Nanos;

/// A moment of the run: `12.031 s`.
pub(super) fn moment(time: Nanos) -> String {
    format!("{}.{:03} s", time / 1_000_000_000, time / 1_000_000 % 1000)
}

/// A moment of the run to the microsecond: `12.031999 s`.
pub(super) fn exact_moment(time: Nanos) -> String {
    format!("{}.{:06} s", time / 1_000_000_000, time / 1_000 % 1_000_000)
}

/// An interval of the run: `10.2–19.8 s`.
pub(super) fn interval(start: Nanos, end: Option<Nanos>) -> String {
    let tenths = |time: Nanos| format!("{}.{}", time / 1_000_000_000, time / 100_000_000 % 10);
    match end {
        Some(end) => format!("{}–{} s", tenths(start), tenths(end)),
        None => format!("from {} s on", tenths(start)),
    }
}

/// A length of time with two or three significant digits: `3.2 ms`, `60 s`.
pub(crate) fn length(nanos: Nanos) -> String {
    let (value, unit) = match nanos {
        0 => return "0 ms".into(),
        1..1_000 => (nanos as f64, "ns"),
        1_000..1_000_000 => (nanos as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (nanos as f64 / 1e6, "ms"),
        _ => (nanos as f64 / 1e9, "s"),
    };
    let text = if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") };
    format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
}

/// The same of a [`Duration`].
pub(super) fn duration(duration: Duration) -> String {
    length(duration.as_nanos().try_into().unwrap_or(Nanos::MAX))
}

/// A count with thin groups of three: `2,400,000`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count of things: `1 message`, `2 messages`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number))
}

/// An effect of a fault, counted: `212 messages cut`, `12.4 s paused`.
pub(super) fn effect(unit: &str, count: &crate::json::Value) -> String {
    match (unit.strip_suffix("_ns"), count.as_u64()) {
        (Some(what), Some(nanos)) => format!("{} {}", length(nanos), what.replace('_', " ")),
        (None, Some(number)) => format!("{} {}", self::count(number), unit.replace('_', " ")),
        _ => format!("{count} {}", unit.replace('_', " ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(moment(12_031_999_999), "12.031 s");
        assert_eq!(exact_moment(12_031_999_999), "12.031999 s");
        assert_eq!(interval(10_200_000_000, Some(19_849_000_000)), "10.2–19.8 s");
        assert_eq!(interval(10_299_999_999, Some(19_999_999_999)), "10.2–19.9 s");
        assert_eq!(interval(10_200_000_000, None), "from 10.2 s on");
        assert_eq!(
            [0, 7, 1_500, 3_249_000, 60_000_000_000, 1_000_000_000].map(length),
            ["0 ms", "7 ns", "1.5 µs", "3.2 ms", "60 s", "1 s"]
        );
        assert_eq!([0, 999, 1000, 2_400_000].map(count), ["0", "999", "1,000", "2,400,000"]);
        assert_eq!(effect("messages_cut", &2120.into()), "2,120 messages cut");
        assert_eq!(effect("paused_ns", &1_500_000_000u64.into()), "1.5 s paused");
        assert_eq!([1, 2].map(|n| counted(n, "message")), ["1 message", "2 messages"]);
    }
}
