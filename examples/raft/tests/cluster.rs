//! A store is linearizable if every operation takes effect at one moment between its request and its response. The checker
//! proves from the history that such moments exist, or shows operations for which they do not.

#[maelstrom::test(workload = "lin-kv", nodes = [1, 3, 5])]
fn raft_is_linearizable() {}

#[maelstrom::test(workload = "lin-kv", nodes = 5, nemesis = ["partition", "kill", "pause", "packet", "partition,kill,pause,packet"])]
fn raft_survives() {}

maelstrom::main!();
