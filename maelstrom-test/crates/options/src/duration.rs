//! Times as people write them.

use std::time::Duration;

/// The units of times, with their lengths in nanoseconds, longest first.
const UNITS: [(u64, &str); 6] = [
    (3_600_000_000_000, "h"),
    (60_000_000_000, "m"),
    (1_000_000_000, "s"),
    (1_000_000, "ms"),
    (1_000, "us"),
    (1, "ns"),
];

/// Reads a time with its unit: `1.5s`, `100ms`, `2m`, `1h`, `250us`, `10ns`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let suffix = match &text[digits.len()..] {
        "min" => "m",
        "µs" | "μs" => "us",
        suffix => suffix,
    };
    let (unit, _) = UNITS.iter().find(|(_, name)| *name == suffix)?;
    let number: f64 = digits.trim().replace('_', "").parse().ok()?;
    let nanos = number * *unit as f64;
    (number.is_finite() && (0.0..1e19).contains(&nanos)).then(|| Duration::from_nanos(nanos.round() as u64))
}

/// A time as people write it: `0`, `250us`, `100ms`, `1.5s`, `2m`, `1h`.
pub fn format_nanos(nanos: u64) -> String {
    if nanos == 0 {
        return "0".into();
    }
    let whole = UNITS.iter().find(|(unit, _)| nanos.is_multiple_of(*unit)).unwrap_or(&UNITS[5]);
    if nanos / whole.0 < 1000 {
        return format!("{}{}", nanos / whole.0, whole.1);
    }
    let (unit, name) = UNITS[2..].iter().find(|(unit, _)| nanos >= *unit).unwrap_or(&UNITS[5]);
    format!("{}{name}", nanos as f64 / *unit as f64)
}

/// The same of a `Duration`.
pub(crate) fn format_duration(time: Duration) -> String {
    format_nanos(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// A time without loss: `1500ms`, `7ms`.
pub(crate) fn format_exactly(time: Duration) -> String {
    let nanos = time.as_nanos();
    if nanos == 0 {
        return "0".into();
    }
    let (unit, name) = UNITS.iter().find(|(unit, _)| nanos.is_multiple_of(u128::from(*unit))).unwrap_or(&UNITS[5]);
    format!("{}{name}", nanos / u128::from(*unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_times_read_back() {
        for nanos in
            [1, 999, 1_000, 250_000, 100_000_000, 1_500_000_000, 60_000_000_000, 90_000_000_000, 86_400_000_000_000]
        {
            let time = Some(Duration::from_nanos(nanos));
            assert_eq!(parse_duration(&format_nanos(nanos)), time, "{}", format_nanos(nanos));
            assert_eq!(parse_duration(&format_exactly(Duration::from_nanos(nanos))), time, "{nanos}");
        }
        assert_eq!(format_nanos(0), "0");
        assert_eq!(format_nanos(1_500_000_000), "1.5s");
        assert_eq!(format_nanos(100_000_000), "100ms");
        assert_eq!(format_exactly(Duration::from_millis(1_500)), "1500ms");
    }
}
