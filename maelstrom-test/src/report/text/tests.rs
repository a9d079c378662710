use super::*;
use crate::checker::Evidence;
use crate::report::sample;
use crate::report::{FaultTally, NodeLog};

fn plain(sample: &sample::Sample) -> String {
    render(&sample.view(), Style::PLAIN)
}

#[test]
fn an_invalid_run_shows_verdict_then_proof_then_where_more_is() {
    let expected = "\
raft_is_linearizable: not linearizable (key 3)                      seed 7 · 60 s simulated in 1.3 s

  n1 answered a read with a value that had been overwritten:

     12.031 s  p4 → n4  write 3 ← 2   ok
     12.040 s  p1 → n1  read  3 → 1   no order of these operations explains it:
                                      the write of 2 was over before the read began,
                                      and nothing wrote 1 after it

  during  partition (majority) {n0 n1} | {n2 n3 n4}, 10.2–19.8 s

  the last that n1 wrote to standard error:
     term 3: follower of n0
     read key 3 locally

  report  target/maelstrom/cluster/raft_is_linearizable/report.html
  again   MAELSTROM_SEED=7 cargo test raft_is_linearizable
";
    let text = plain(&sample::stale_read());
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn a_valid_run_says_in_one_line_what_it_survived() {
    let text = plain(&sample::valid());
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("echo_works: valid   "), "{text}");
    assert_eq!(
        lines[1],
        "  100 operations (echo: 100 ok) · 5 × partition (212 messages cut) · messages per operation: 0.00 between nodes \
         and services (net.servers), 2.00 with those of clients (net.all) · latency of clients: median 4 ms, worst 7 ms"
    );
}

#[test]
fn a_broadcast_says_first_how_fast_it_spreads_and_what_that_costs() {
    let mut sample = sample::valid();
    let latencies = crate::json::json!({"0": 0, "0.5": 393.4, "0.95": 480, "0.99": 499, "1": 500});
    sample.parts[2].verdict.details.insert("stable_latencies".into(), latencies);
    sample.net.servers.msg_count = 2_498;
    let text = plain(&sample);
    let first = "  known everywhere after: median 393 ms, worst 500 ms · messages per operation: 24.98 between nodes and \
                 services (net.servers), 2.00 with those of clients (net.all) · 100 operations";
    assert!(text.lines().nth(1).unwrap().starts_with(first), "{text}");
}

#[test]
fn faults_without_effect_stand_in_the_verdict_line() {
    let mut sample = sample::valid();
    sample.faults.push(FaultTally { kind: "pause".into(), actions: 2, ..FaultTally::default() });
    assert!(plain(&sample).starts_with("echo_works: valid (pause had no effect)  "));
}

#[test]
fn an_unknown_run_says_why() {
    let mut sample = sample::valid();
    sample.parts[2].verdict.valid = Valid::Unknown;
    sample.parts[2].verdict.reason = Some("no worker read at the end".into());
    let text = plain(&sample);
    assert!(text.starts_with("echo_works: unknown: no worker read at the end"), "{text}");
    assert!(text.contains("\n  workload: no worker read at the end\n"), "{text}");
}

#[test]
fn a_crash_shows_the_last_lines_of_both_streams() {
    let sample = sample::crash();
    let text = plain(&sample);
    assert!(text.starts_with("echo_works: n1 crashed  "), "{text}");
    for part in [
        "exited with status 101",
        "the last 18 lines that n1 wrote to standard output:",
        "\n     {\"src\":\"n1\",\"dest\":\"c39\",\"body\":{}}\n",
        "what n1 wrote to standard error:",
        "\n     index out of bounds\n",
        "node-logs/n1.log",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(text.lines().count() <= LINES, "{text}");
}

#[test]
fn lines_that_name_an_error_are_not_cut() {
    let mut sample = sample::crash();
    let python = "/root/.pyenv/versions/3.11.7/bin/python3: can't open file '/tmp/maelstrom-node/nodes/echo.py': \
                  [Errno 2] No such file or directory";
    let other = "word ".repeat(40);
    let breakdown = sample.breakdown.as_mut().expect("it crashed");
    breakdown.stderr = vec![other.clone(), python.into(), "    raise KeyError(1)".into()];
    let text = plain(&sample);
    let told: Vec<&str> = text.lines().skip_while(|line| !line.contains("wrote to standard error")).skip(1).collect();
    let cut = format!("     {}…", &other[..WIDTH - 5]);
    let expected = [
        cut.as_str(),
        "     /root/.pyenv/versions/3.11.7/bin/python3: can't open file '/tmp/maelstrom-node/nodes/echo.py':",
        "     [Errno 2] No such file or directory",
        "         raise KeyError(1)",
    ];
    assert_eq!(told[..4], expected, "{text}");

    let breakdown = sample.breakdown.as_mut().expect("it crashed");
    breakdown.stderr = vec!["error ".repeat(50); 32];
    let text = plain(&sample);
    assert!(text.lines().count() <= LINES, "{text}");
    assert!(text.contains("that n1 wrote to standard error:") && text.contains("to standard output:"), "{text}");
}

#[test]
fn reports_keep_to_forty_lines_and_say_what_is_missing() {
    let mut sample = sample::stale_read();
    let line = Evidence { text: "read 1".into(), note: "a note that explains".repeat(20), ..Evidence::default() };
    sample.parts[2].verdict.findings[0].evidence = vec![line; 500];
    sample.parts[2].verdict.findings[0].story = "words ".repeat(1000);
    let more = sample.parts[2].verdict.findings[0].clone();
    sample.parts[2].verdict.findings.extend(vec![more; 20]);
    sample.notes = vec!["a note ".repeat(100); 20];
    sample.logs[0].tail = vec!["x".repeat(100_000); 50];
    let text = plain(&sample);
    assert!(text.lines().count() <= LINES, "{}\n{text}", text.lines().count());
    assert!(text.lines().all(|line| layout::width(line) <= 2 * WIDTH), "{text}");
    assert!(text.contains("more in the report"), "{text}");
    let full = render(&sample.view(), Style { colour: false, full: true });
    assert!(full.lines().count() > 500);
}

#[test]
fn what_nodes_wrote_cannot_reach_the_terminal_raw() {
    let mut sample = sample::stale_read();
    let nasty = "\x1b]0;owned\x07\u{202e}abc\r";
    let finding = &mut sample.parts[2].verdict.findings[0];
    (finding.headline, finding.story) = (nasty.into(), nasty.into());
    finding.evidence[0].text = nasty.into();
    finding.evidence[0].note = nasty.into();
    sample.logs[0] = NodeLog { tail: vec![nasty.into()], ..sample.logs[0].clone() };
    sample.name = nasty.into();
    sample.notes = vec![nasty.into()];
    for full in [false, true] {
        let text = render(&sample.view(), Style { colour: false, full });
        assert!(!text.contains(['\x1b', '\u{202e}', '\r', '\x07']), "{text:?}");
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    let sample = sample::stale_read();
    let coloured = render(&sample.view(), Style { colour: true, full: false });
    assert!(coloured.contains("\x1b[1;31mnot linearizable (key 3)\x1b[0m"));
    let mut stripped = String::new();
    let mut inside = false;
    for character in coloured.chars() {
        match character {
            '\x1b' => inside = true,
            'm' if inside => inside = false,
            _ if inside => {}
            _ => stripped.push(character),
        }
    }
    assert_eq!(stripped, plain(&sample));
}
