//! Three copies of the node, three clients that talk to them, and a checker that compares what came back.

#[maelstrom::test(workload = "echo", nodes = 3)]
fn every_word_comes_back() {}

/// The body of a test can look at the finished run.
#[maelstrom::test(workload = "echo", nodes = 1, time_limit = "2s")]
fn nobody_waits_for_long(run: &maelstrom::Run) {
    assert!(run.is_valid());
    assert_eq!(run.net.servers.msg_count, 0, "a node that is alone has nobody to talk to");
}

maelstrom::main!();
