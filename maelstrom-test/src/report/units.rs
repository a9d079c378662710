//! Formats of times and counts.
//!
//! Points in time are rounded down, here and in the script of the page. So a displayed time is never after the real one, and
//! two times keep their order.

use std::time::Duration;

use crate::history::Nanos;

/// Formats a point in time: `12.031 s`.
pub(crate) fn moment(time: Nanos) -> String {
    format!("{}.{:03} s", time / 1_000_000_000, time / 1_000_000 % 1000)
}

/// Formats a point in time with microseconds: `12.031999 s`.
pub(super) fn exact_moment(time: Nanos) -> String {
    format!("{}.{:06} s", time / 1_000_000_000, time / 1_000 % 1_000_000)
}

/// Formats an interval of time: `10.2–19.8 s`.
pub(super) fn interval(start: Nanos, end: Option<Nanos>) -> String {
    let tenths = |time: Nanos| format!("{}.{}", time / 1_000_000_000, time / 100_000_000 % 10);
    match end {
        Some(end) => format!("{}–{} s", tenths(start), tenths(end)),
        None => format!("from {} s on", tenths(start)),
    }
}

/// Formats a duration in nanoseconds with about two significant digits: `3.2 ms`, `60 s`.
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

/// Formats a [`Duration`] like [`length`].
pub(super) fn duration(duration: Duration) -> String {
    length(duration.as_nanos().try_into().unwrap_or(Nanos::MAX))
}

/// Formats a count with a comma between groups of three digits: `2,400,000`.
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

/// Formats a count with a noun: `1 message`, `2 messages`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number))
}

/// Formats an effect of a fault: `212 messages cut`, `12.4 s paused`.
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
    fn times_and_counts_are_formatted() {
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
