//! In the end, every node must know every acknowledged message. The last test also bounds the number of messages.

#[maelstrom::test(workload = "broadcast", nodes = [1, 5])]
fn everybody_hears_everything() {}

#[maelstrom::test(workload = "broadcast", nodes = 5, nemesis = ["partition", "pause"])]
fn nothing_gets_lost() {}

#[maelstrom::test(workload = "broadcast", nodes = 25, topology = "tree4", latency = "100ms", nemesis = "partition")]
fn gossip_is_frugal(run: &maelstrom::Run) {
    // A tree of 25 nodes has 24 edges. A broadcast sends a message and an acknowledgement over each. Half of the operations
    // are reads.
    assert!(run.net.servers.msgs_per_op < 30.0, "{} messages per operation", run.net.servers.msgs_per_op);
}

maelstrom::main!();
