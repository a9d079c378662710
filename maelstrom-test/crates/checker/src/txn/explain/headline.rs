//! First lines of reports.

use crate::txn::anomaly::Anomaly;
use crate::txn::promise::Promise;

/// The common name of an anomaly whose name is a code.
fn common_name(anomaly: &str) -> &'static str {
    match anomaly {
        "G1a" => ": aborted read",
        "G1b" => ": intermediate read",
        _ if anomaly.starts_with("G0") => ": dirty write",
        _ if anomaly.starts_with("G1c") => ": circular information flow",
        _ if anomaly.starts_with("G-single") && anomaly.ends_with("-realtime") => ": stale read",
        _ if anomaly.starts_with("G-single") => ": read skew",
        _ if anomaly.starts_with("G-nonadjacent") => ": long fork",
        _ if anomaly.starts_with("G2") => ": write skew",
        _ => "",
    }
}

/// The first line of a report about an anomaly.
pub(in crate::txn) fn headline(anomaly: Anomaly, promise: &Promise) -> String {
    match promise.broken_model(anomaly) {
        Some(model) => format!("not {model}{} ({anomaly})", common_name(anomaly.name())),
        None if anomaly == Anomaly::UNEXPECTED => format!("a value that no transaction wrote ({anomaly})"),
        None if promise.proscribes(anomaly) => format!("{anomaly} was found"),
        None => format!("{anomaly} was found, which the promise allows"),
    }
}
