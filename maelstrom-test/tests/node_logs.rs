//! In virtual time, each line that a node writes to standard error has the time at which the node wrote it.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::fs;
use std::path::{Path, PathBuf};

use maelstrom::json::{self, Value};
use maelstrom::{Run, Scenario};

/// An echo node that logs every message and every 70 ms without a message.
const NODE: &str = r#"
import json, os, select, sys
pending = b""
while True:
    if not select.select([0], [], [], 0.07)[0]:
        print("idle", file=sys.stderr)
        continue
    pending += os.read(0, 65536)
    *lines, pending = pending.split(b"\n")
    for line in lines:
        message = json.loads(line)
        print("received", message["id"], file=sys.stderr)
        body = message["body"]
        reply = {"type": body["type"] + "_ok", "in_reply_to": body["msg_id"]}
        if "echo" in body:
            reply["echo"] = body["echo"]
        print(json.dumps({"src": message["dest"], "dest": message["src"], "body": reply}), flush=True)
"#;

fn run(directory: &Path) -> Run {
    let scenario = Scenario::new("echo").command(["python3", "-c", NODE]).nodes(2).rate(8.0).time_limit(2.0);
    let scenario = scenario.latency("30ms").seed(5u64).time("virtual").journal("always").directory(directory);
    let run = scenario.run().expect("the node is correct");
    run.assert_valid();
    run
}

fn read(run: &Run, name: &str) -> String {
    fs::read_to_string(run.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The lines of a log with their times and the number of events before them.
fn timed_lines(run: &Run, node: &str) -> Vec<(u64, u64, String)> {
    let log = read(run, &format!("node-logs/{node}.log"));
    let entry =
        |line: &str| -> (usize, u64, u64) { json::from_str(line).and_then(|value| json::from_value(&value)).unwrap() };
    let entries: Vec<_> = read(run, &format!("node-logs/{node}.times")).lines().map(entry).collect();
    let mut offset = 0;
    let line = |line: &str| {
        let (_, time, events) = entries.iter().rev().find(|(start, ..)| *start <= offset).unwrap();
        offset += line.len();
        (*time, *events, line.trim_end().to_owned())
    };
    log.split_inclusive('\n').map(line).collect()
}

#[test]
fn lines_have_the_times_of_the_messages_that_they_are_about() {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("node-logs-{}", std::process::id()));
    let first = run(&root.join("run"));
    let journal: Vec<Value> =
        read(&first, "messages.jsonl").lines().map(|line| json::from_str(line).unwrap()).collect();
    let mut counts = [0, 0];
    for node in ["n0", "n1"] {
        let mut last = 0;
        for (time, events, line) in timed_lines(&first, node) {
            assert!(time >= last, "{line} at {time} after {last}");
            let Some(id) = line.strip_prefix("received ") else {
                // The node had waited for 70 ms.
                assert_eq!((line.as_str(), time >= last + 70_000_000), ("idle", true));
                (counts[0], last) = (counts[0] + 1, time);
                continue;
            };
            let id: u64 = id.parse().unwrap();
            let received = journal.iter().find(|event| event["type"] == "recv" && event["id"] == id).unwrap();
            assert_eq!(received["time"], time, "{line}");
            assert!(received["seq"].as_u64().unwrap() < events, "{line} was written after the message arrived");
            let reply = journal
                .iter()
                .find(|event| event["type"] == "send" && event["time"] == time && event["message"]["src"] == node)
                .unwrap();
            assert!(events <= reply["seq"].as_u64().unwrap(), "{line} was written before the reply");
            (counts[1], last) = (counts[1] + 1, time);
        }
    }
    assert!(counts.iter().all(|count| *count > 10), "{counts:?}");
    assert!(first.logs[0].tail.iter().all(|line| line.time.is_some()));
    assert!(read(&first, "report.html").contains(r#""logs":{"nodes":["n0","n1"],"lines":[["#));

    let names = ["node-logs/n0.log", "node-logs/n0.times", "node-logs/n1.log", "node-logs/n1.times"];
    let before = names.map(|name| read(&first, name));
    let second = run(&root.join("run"));
    assert_eq!(names.map(|name| read(&second, name)), before);
    fs::remove_dir_all(&root).unwrap();
}
