#[maelstrom::test(workload = "lin-kb")]
fn workload() {}

#[maelstrom::test(workload = "unique-ids", node = 5)]
fn option() {}

#[maelstrom::test(workload = "unique-ids", topology = "line")]
fn unused() {}

#[maelstrom::test(workload = "unique-ids", nemesis = "partitions")]
fn value() {}

#[maelstrom::test(workload = "unique-ids", bin = "scrtch")]
fn binary() {}

#[maelstrom::test(workload = "unique-ids")]
async fn asynchronous() {}

#[maelstrom::test(workload = "unique-ids")]
fn returns_a_number() -> u8 {
    1
}

#[maelstrom::test(workload = "unique-ids")]
fn takes_text(text: &str) {
    let _ = text;
}

#[maelstrom::test(workload = "unique-ids", node_count = 3)]
fn flag() {}

#[maelstrom::test(workload = "unique-ids", time-limit = "3s")]
fn dashes() {}

#[maelstrom::test(workload = "unique-ids", nodes = NODES)]
fn constant() {}

#[maelstrom::test(workload = "unique-ids", nodes = "three")]
fn word() {}

maelstrom::main!();
