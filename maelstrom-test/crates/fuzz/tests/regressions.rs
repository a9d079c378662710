//! Every target on the inputs that once broke it, and on random ones.

use std::fs;
use std::path::Path;

use maelstrom_fuzz::TARGETS;
use proptest::prelude::*;

#[test]
fn inputs_that_once_broke_a_target_do_so_no_more() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut tried = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let (_, target) =
            TARGETS.iter().find(|(target, _)| name == **target).expect("each folder is named after a target");
        for input in fs::read_dir(entry.path()).unwrap() {
            target(&fs::read(input.unwrap().path()).unwrap());
            tried += 1;
        }
    }
    assert!(tried > 0);
}

/// Pieces of what the parsers read, so that random inputs get beyond the first byte.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\u00",
            "null",
            "true",
            "1",
            "-0.5e3",
            "18446744073709551616",
            "\n",
            " ",
            "\"src\":\"n1\"",
            "\"dest\":\"c1\"",
            "\"body\":{}",
            "\"type\":\"invoke\"",
            "\"type\":\"ok\"",
            "\"process\":0",
            "\"f\":\"read\"",
            "\"f\":\"txn\"",
            "\"value\":[[\"r\",1,[1,2]]]",
            "\"time\":5",
            "\"index\":0",
            ":type :invoke",
            ":f :write",
            ":process :nemesis",
            "#",
            "nodes=",
            "latency=10ms",
            "workload",
            "\u{feff}",
            "é",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_inputs_break_no_target(input in input()) {
        for (_, target) in TARGETS {
            target(&input);
        }
    }
}
