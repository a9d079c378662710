//! Built-in nodes by name (feature `nodes`): correct nodes for every workload, which `maelstrom demo` runs, and nodes with
//! planted bugs, which test the checkers.

use std::process::ExitCode;

mod broadcast;
mod counter;
mod disk;
mod echo;
mod g_set;
mod kafka;
mod lin_kv;
mod lin_kv_proxy;
mod raft;
mod txn;
mod unique_ids;
mod update;

use kafka::on_lin_kv::Bug as Kafka;
use txn::isolation::Bug as Isolation;

type Main = fn() -> ExitCode;

/// The name and the main function of every node. A node with a planted bug is a variant of a correct node.
const NODES: &[(&str, Main)] = &[
    ("echo", || crate::run(|_| echo::Echo)),
    ("unique-ids", || crate::run(|node| unique_ids::Ids::new(node, None))),
    ("unique-ids-bare-counter", || crate::run(|node| unique_ids::Ids::new(node, Some(unique_ids::Bug::BareCounter)))),
    ("broadcast", || crate::run(|node| broadcast::Broadcast::new(node, None))),
    ("broadcast-no-retry", || crate::run(|node| broadcast::Broadcast::new(node, Some(broadcast::Bug::NoRetry)))),
    ("g-set", || crate::run(|node| g_set::GSet::new(node, None))),
    ("g-set-forgets", || crate::run(|node| g_set::GSet::new(node, Some(g_set::Bug::Forgets)))),
    ("g-counter", || crate::run(|node| counter::Counter::new(node, None))),
    ("pn-counter", || crate::run(|node| counter::Counter::new(node, None))),
    ("counter-counts-twice", || crate::run(|node| counter::Counter::new(node, Some(counter::Bug::CountsTwice)))),
    ("lin-kv-proxy", || crate::run(|_| lin_kv_proxy::Proxy::new(None))),
    ("lin-kv-on-seq-kv", || crate::run(|_| lin_kv_proxy::Proxy::new(Some(lin_kv_proxy::Bug::SeqKv)))),
    ("lin-kv-stale-reads", || crate::run(|_| lin_kv_proxy::Proxy::new(Some(lin_kv_proxy::Bug::StaleReads)))),
    ("lin-kv-non-atomic-cas", || crate::run(|_| lin_kv_proxy::Proxy::new(Some(lin_kv_proxy::Bug::NonAtomicCas)))),
    ("lin-kv-raft", || lin_kv_raft(None)),
    ("lin-kv-raft-local-reads", || lin_kv_raft(Some(raft::Bug::LocalReads))),
    ("lin-kv-raft-minority-commit", || lin_kv_raft(Some(raft::Bug::MinorityCommit))),
    ("lin-kv-raft-votes-twice", || lin_kv_raft(Some(raft::Bug::VotesTwice))),
    ("lin-kv-raft-forgets-log", || lin_kv_raft(Some(raft::Bug::ForgetsLog))),
    ("txn-lin-kv", || crate::run(|_| txn::on_lin_kv::OnLinKv)),
    ("txn-leader", || txn_leader(None)),
    ("txn-raft", || txn_raft(None)),
    ("txn-raft-local-reads", || txn_raft(Some(raft::Bug::LocalReads))),
    ("txn-multi-leader", || crate::run(txn::multi_leader::MultiLeader::new)),
    ("txn-write-skew", || txn_leader(Some(Isolation::WriteSkew))),
    ("txn-lost-update", || txn_leader(Some(Isolation::LostUpdate))),
    ("txn-dirty-read", || txn_leader(Some(Isolation::DirtyRead))),
    ("txn-intermediate-read", || txn_leader(Some(Isolation::IntermediateRead))),
    ("txn-stale-reads", || txn_leader(Some(Isolation::StaleReads))),
    ("txn-fractured-reads", || txn_leader(Some(Isolation::FracturedReads))),
    ("txn-retries-blindly", || txn_leader(Some(Isolation::RetriesBlindly))),
    ("kafka-raft", || crate::run(|node| raft::Raft::new(node, kafka::Logs::default(), None))),
    ("kafka-lin-kv", || kafka_on_lin_kv(None)),
    ("kafka-reused-offsets", || kafka_on_lin_kv(Some(Kafka::ReusedOffsets))),
    ("kafka-skipped-messages", || kafka_on_lin_kv(Some(Kafka::SkippedMessages))),
    ("kafka-lost-sends", || kafka_on_lin_kv(Some(Kafka::LostSends))),
    ("kafka-offsets-go-backwards", || kafka_on_lin_kv(Some(Kafka::OffsetsGoBackwards))),
    ("kafka-uncommitted-polls", || kafka_on_lin_kv(Some(Kafka::UncommittedPolls))),
];

fn txn_leader(bug: Option<Isolation>) -> ExitCode {
    crate::run(move |_| txn::leader::Leader::new(bug))
}

fn txn_raft(bug: Option<raft::Bug>) -> ExitCode {
    crate::run(move |node| raft::Raft::new(node, txn::Transactions::default(), bug))
}

fn kafka_on_lin_kv(bug: Option<Kafka>) -> ExitCode {
    crate::run(move |_| kafka::on_lin_kv::OnLinKv::new(bug))
}

fn lin_kv_raft(bug: Option<raft::Bug>) -> ExitCode {
    crate::run(move |node| raft::Raft::new(node, lin_kv::LinKv::default(), bug))
}

/// The names of all built-in nodes.
pub fn names() -> impl Iterator<Item = &'static str> {
    NODES.iter().map(|(name, _)| *name)
}

/// Runs the node with this name until its input ends. `None` if there is no such node.
pub fn run(name: &str) -> Option<ExitCode> {
    NODES.iter().find(|(known, _)| *known == name).map(|(_, main)| main())
}
