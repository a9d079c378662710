//! A store is linearizable if every operation seems to happen at one moment between its request and its answer. The
//! checker proves from the history that it was so, or shows the operations for which it cannot have been.

#[maelstrom::test(workload = "lin-kv", nodes = [1, 3, 5])]
fn raft_is_linearizable() {}

#[maelstrom::test(workload = "lin-kv", nodes = 5, nemesis = ["partition", "kill", "pause", "packet", "partition,kill,pause,packet"])]
fn raft_survives() {}

maelstrom::main!();
