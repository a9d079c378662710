use super::*;
use crate::checker::Evidence;
use crate::report::sample;
use crate::report::{FaultSummary, NodeLog, TimeMode, cause};

fn plain(sample: &sample::Sample) -> String {
    render(&sample.view(), Style::PLAIN)
}

#[test]
fn an_invalid_run_has_verdict_evidence_and_references() {
    insta::assert_snapshot!(plain(&sample::stale_read()));
}

#[test]
fn the_cause_comes_before_the_proof() {
    let mut sample = sample::stale_read();
    sample.cause = Some(cause::sample::stale_leader());
    let text = plain(&sample);
    assert!(text.lines().count() <= LINES, "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_failure_in_real_time_says_why_there_is_no_cause() {
    let sample = sample::stale_read();
    let view = RunView { time_mode: TimeMode::Real, ..sample.view() };
    insta::assert_snapshot!(render(&view, Style::PLAIN));
    let expectation = crate::report::Expectation { expect: "nonlinearizable".into(), failure: None };
    let expected = RunView { expectation: Some(&expectation), ..view };
    assert!(!render(&expected, Style::PLAIN).contains("not searched"));
}

#[test]
fn a_valid_run_has_a_summary() {
    insta::assert_snapshot!(plain(&sample::valid()));
}

#[test]
fn the_summary_of_broadcast_begins_with_propagation_and_messages() {
    let mut sample = sample::valid();
    let latencies = crate::json::json!({"0": 0, "0.5": 393.4, "0.95": 480, "0.99": 499, "1": 500});
    sample.parts[2].verdict.details.insert("stable_latencies".into(), latencies);
    sample.net.servers.msg_count = 2_498;
    insta::assert_snapshot!(plain(&sample));
}

#[test]
fn the_verdict_names_faults_without_effect() {
    let mut sample = sample::valid();
    sample.faults.push(FaultSummary { kind: "pause".into(), actions: 2, ..FaultSummary::default() });
    assert!(plain(&sample).starts_with("echo_works: valid (pause had no effect)  "));
}

#[test]
fn an_unknown_run_has_the_reasons() {
    let mut sample = sample::valid();
    sample.parts[2].verdict.valid = Valid::Unknown;
    sample.parts[2].verdict.reason = Some("no worker read at the end".into());
    insta::assert_snapshot!(plain(&sample));
}

#[test]
fn an_aborted_run_has_the_last_lines_of_both_streams() {
    let text = plain(&sample::crash());
    assert!(text.lines().count() <= LINES, "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_finding_without_operations_has_the_log_of_its_node() {
    let mut sample = sample::stale_read();
    let note = Evidence { note: "3 times, first in line 7 of its standard output:".into(), ..Evidence::default() };
    let finding = &mut sample.parts[2].verdict.findings[0];
    finding.headline = "n1 printed a line that is not a message".into();
    finding.story = "n1 printed a line that is not a message: expected value at line 1 column 1.".into();
    finding.evidence = vec![Evidence { node: Some("n1".into()), ..note }];
    insta::assert_snapshot!(plain(&sample));
}

#[test]
fn a_full_report_has_all_findings_and_statistics() {
    let mut sample = sample::stale_read();
    let other = sample.parts[2].verdict.findings[0].clone();
    sample.parts[2].verdict.findings.push(other);
    sample.notes = vec!["in real time, for 20 s instead of 60 s: ptrace is not permitted".into()];
    insta::assert_snapshot!(render(&sample.view(), Style { full: true, ..Style::PLAIN }));
}

#[test]
fn lines_that_name_an_error_are_wrapped() {
    let mut sample = sample::crash();
    let python = "/root/.pyenv/versions/3.11.7/bin/python3: can't open file '/tmp/maelstrom-node/nodes/echo.py': \
                  [Errno 2] No such file or directory";
    let other = "word ".repeat(40);
    let breakdown = sample.breakdown.as_mut().expect("it crashed");
    breakdown.stderr = vec![other.clone(), python.into(), "    raise KeyError(1)".into()];
    let text = plain(&sample);
    let shown: Vec<&str> = text.lines().skip_while(|line| !line.contains("standard error of n1:")).skip(1).collect();
    let cut = format!("     {}…", &other[..Style::PLAIN.width - 5]);
    let expected = [
        cut.as_str(),
        "     /root/.pyenv/versions/3.11.7/bin/python3: can't open file",
        "     '/tmp/maelstrom-node/nodes/echo.py': [Errno 2] No such file or directory",
        "         raise KeyError(1)",
    ];
    assert_eq!(shown[..4], expected, "{text}");

    let breakdown = sample.breakdown.as_mut().expect("it crashed");
    breakdown.stderr = vec!["error ".repeat(50); 32];
    let text = plain(&sample);
    assert!(text.lines().count() <= LINES, "{text}");
    assert!(text.contains("of n1's standard error:") && text.contains("of n1's standard output:"), "{text}");
}

#[test]
fn reports_have_at_most_forty_lines_and_count_the_missing_ones() {
    let mut sample = sample::stale_read();
    let line = Evidence { text: "read 1".into(), note: "a note that explains".repeat(20), ..Evidence::default() };
    sample.parts[2].verdict.findings[0].evidence = vec![line; 500];
    sample.parts[2].verdict.findings[0].story = "words ".repeat(1000);
    let more = sample.parts[2].verdict.findings[0].clone();
    sample.parts[2].verdict.findings.extend(vec![more; 20]);
    sample.notes = vec!["a note ".repeat(100); 20];
    sample.logs[0].tail = vec!["x".repeat(100_000).as_str().into(); 50];
    let text = plain(&sample);
    assert!(text.lines().count() <= LINES, "{}\n{text}", text.lines().count());
    assert!(text.lines().all(|line| layout::width(line) <= 2 * Style::PLAIN.width), "{text}");
    assert!(text.contains("more lines in the report"), "{text}");
    let full = render(&sample.view(), Style { full: true, ..Style::PLAIN });
    assert!(full.lines().count() > 500);
}

#[test]
fn output_of_nodes_is_escaped() {
    let mut sample = sample::stale_read();
    let nasty = "\x1b]0;owned\x07\u{202e}abc\r";
    let finding = &mut sample.parts[2].verdict.findings[0];
    (finding.headline, finding.story) = (nasty.into(), nasty.into());
    finding.evidence[0].text = nasty.into();
    finding.evidence[0].note = nasty.into();
    sample.logs[0] = NodeLog { tail: vec![nasty.into()], ..sample.logs[0].clone() };
    sample.name = nasty.into();
    sample.notes = vec![nasty.into()];
    let mut cause = cause::sample::stale_leader();
    cause.sentence = Some(nasty.into());
    for row in &mut cause.rows {
        row.note = nasty.into();
        if let cause::RowKind::Log(text) = &mut row.kind {
            *text = nasty.into();
        }
    }
    sample.cause = Some(cause);
    for full in [false, true] {
        let text = render(&sample.view(), Style { full, ..Style::PLAIN });
        assert!(!text.contains(['\x1b', '\u{202e}', '\r', '\x07']), "{text:?}");
    }
}

#[test]
fn colours_do_not_change_the_text() {
    let mut sample = sample::stale_read();
    sample.cause = Some(cause::sample::stale_leader());
    let coloured = render(&sample.view(), Style { colour: true, ..Style::PLAIN });
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
