//! The checker against databases that keep exactly what they promise.

use std::collections::BTreeSet;

use crate::test_cases::cases;
use crate::txn::simulated::{Database, Isolation};
use crate::txn::{ListAppend, Options, RwRegister};
use crate::{CheckContext, Checker, Valid, Verdict};

/// Seeds that are tried of each database.
fn seeds() -> std::ops::Range<u64> {
    0..u64::from(cases(60))
}

fn check(database: &Database, model: &str) -> Verdict {
    let options = Options {
        promise: model.parse().unwrap(),
        wfr_keys: true,
        // Registers of a database that shows only the latest value never go back.
        linearizable_keys: database.isolation == Isolation::StrictSerializable,
        ..Options::default()
    };
    let history = database.history();
    match database.registers {
        false => ListAppend::new(options).check(&history, &CheckContext::default()),
        true => RwRegister::new(options).check(&history, &CheckContext::default()),
    }
}

/// All anomalies that are found in histories of a level, whether or not the model rules them out.
fn found(isolation: Isolation, registers: bool, model: &str) -> BTreeSet<String> {
    let mut anomalies = BTreeSet::new();
    for seed in seeds() {
        let verdict = check(&Database { isolation, registers, seed, ..Database::default() }, model);
        anomalies.extend(verdict.findings.into_iter().map(|finding| finding.anomaly));
    }
    anomalies
}

#[test]
fn every_level_keeps_its_promise() {
    use Isolation::*;
    for isolation in [StrictSerializable, Serializable, SnapshotIsolation, ReadCommitted, ReadUncommitted] {
        for registers in [false, true] {
            for seed in seeds() {
                let database = Database { isolation, registers, seed, ..Database::default() };
                let verdict = check(&database, isolation.model().unwrap());
                let broken = verdict.findings.first().filter(|finding| finding.proscribed);
                assert_eq!(verdict.valid, Valid::True, "{database:?}: {broken:#?}");
            }
        }
    }
}

#[test]
fn strict_serializability_shows_no_anomaly_at_all() {
    for registers in [false, true] {
        assert_eq!(found(Isolation::StrictSerializable, registers, "strict-serializable"), BTreeSet::new());
    }
}

#[test]
fn whatever_a_level_allows_is_found() {
    let cases: [(Isolation, &[&str]); 5] = [
        (Isolation::Serializable, &["G-single-item-realtime"]),
        (Isolation::SnapshotIsolation, &["G2-item"]),
        (Isolation::ReadCommitted, &["G-single-item", "lost-update", "internal", "G2-item"]),
        (Isolation::ReadUncommitted, &["G1a", "G1b", "G1c", "G-single-item"]),
        (Isolation::None, &["G0", "G1a", "G1b", "G1c", "dirty-update"]),
    ];
    for (isolation, wanted) in cases {
        let found = found(isolation, false, "strict-serializable");
        for anomaly in wanted {
            assert!(found.contains(*anomaly), "{isolation:?} allows {anomaly}, but only {found:?} were found");
        }
    }
}

#[test]
fn registers_show_less_and_enough() {
    let cases: [(Isolation, &[&str]); 4] = [
        (Isolation::SnapshotIsolation, &["G2-item"]),
        (Isolation::ReadCommitted, &["G-single-item", "lost-update", "internal"]),
        (Isolation::ReadUncommitted, &["G1a", "G1b", "G1c"]),
        (Isolation::None, &["G1a", "G1b", "G1c"]),
    ];
    for (isolation, wanted) in cases {
        let found = found(isolation, true, "serializable");
        for anomaly in wanted {
            assert!(found.contains(*anomaly), "{isolation:?} allows {anomaly}, but only {found:?} were found");
        }
    }
}

#[test]
fn snapshots_never_show_what_snapshot_isolation_rules_out() {
    let allowed = ["G2-item", "G2-item-process", "G2-item-realtime"];
    for registers in [false, true] {
        for anomaly in found(Isolation::SnapshotIsolation, registers, "strict-serializable") {
            assert!(allowed.contains(&anomaly.as_str()), "{anomaly}");
        }
    }
}
