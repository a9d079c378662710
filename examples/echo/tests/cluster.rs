//! Runs three copies of the node with three clients. A checker compares every response with its request.

#[maelstrom::test(workload = "echo", nodes = 3)]
fn every_word_comes_back() {}

/// The body of a test can check the finished run.
#[maelstrom::test(workload = "echo", nodes = 1, time_limit = "2s")]
fn nobody_waits_for_long(run: &maelstrom::Run) {
    assert!(run.is_valid());
    assert_eq!(run.net.servers.msg_count, 0, "a single node sends no messages to other nodes");
}

maelstrom::main!();
