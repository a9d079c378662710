use crate::json::json;

use super::*;
use crate::checker::{Bar, Intervals, Picture};
use crate::network::{EventType, JournalEvent};
use crate::report::cause;
use crate::report::sample::{self, Sample};

const NASTY: &str = "</script><img src=x onerror=alert(1)>\u{202e}'\"&{{ 1 }}";

fn with_messages(mut sample: Sample) -> Sample {
    let body = json!({"type": NASTY, "text": NASTY});
    let line = json!({"id": 0, "src": "c1", "dest": "n1", "body": body}).to_string();
    let event = |seq, kind, message: &str| JournalEvent {
        seq,
        time: seq * 1000,
        kind,
        id: 0,
        message: message.into(),
        cause: None,
        identity: None,
    };
    sample.journal = vec![event(0, EventType::Send, &line), event(1, EventType::Recv, "")];
    sample
}

fn report(view: &RunView<'_>) -> String {
    super::report(view, &[])
}

/// Returns a page without its style sheet and its script.
fn without_style_and_script(html: &str) -> String {
    html.replace(STYLE, "").replace(SCRIPT, "")
}

#[test]
fn the_verdict_comes_first() {
    let html = report(&with_messages(sample::stale_read()).view());
    let at = |part: &str| html.find(part).unwrap_or_else(|| panic!("{part} is missing"));
    let parts = [
        "<h1>not linearizable (key 3)",
        "write 3 ← 2",
        "id=\"messages\"",
        "id=\"timeline\"",
        "id=\"performance\"",
        "id=\"logs\"",
    ];
    assert!(parts.windows(2).all(|pair| at(pair[0]) < at(pair[1])));
    assert!(html.contains("href=\"#messages-2\"") && html.contains("during a partition (majority)"));
}

#[test]
fn the_cause_is_a_list_before_the_evidence() {
    let mut sample = with_messages(sample::stale_read());
    sample.cause = Some(cause::sample::stale_leader());
    let html = without_style_and_script(&report(&sample.view()));
    let at = |part: &str| html.find(part).unwrap_or_else(|| panic!("{part} is missing in {html}"));
    let parts = [
        "<h1>not linearizable (key 3)",
        "<section id=\"cause\">",
        "It had heard nothing from n1 and n2",
        "cut down to 3 of 5,411 operations",
        "partition starts: n0 | n1 n2",
        "<span class=\"who\">n1 → n2</span>",
        "href=\"shrunk/report.html#message-112\"",
        "⋮ 2.2 s",
        "cut by the partition",
        "href=\"shrunk/report.html#messages-6\"",
        "<li class=\"wrong\">",
        "wrong-mark",
        "maelstrom replay target/maelstrom/cluster/raft_is_linearizable/shrunk/plan.json",
        "id=\"evidence\"",
    ];
    assert!(parts.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{:?}", parts.map(at));
    let list = &html[at("<ol class=\"cause\"")..at("</ol>")];
    let count = |part: &str| list.matches(part).count();
    // The names, twelve events, and a gap. Messages and operations have bodies.
    assert_eq!([count("</li>"), count("<svg "), count("<summary ")], [14, 13, 8]);

    // In the report of the reduced run itself, the rows link to the same page.
    let cause = sample.cause.as_mut().unwrap();
    (cause.directory, cause.headline) = (Some("".into()), "another".into());
    let html = report(&sample.view());
    assert!(html.contains("href=\"#message-112\"") && !html.contains("a report of its own"));
    assert!(html.contains("The reduced run is another"));
    assert!(html.contains(r#""matters":{"messages":[112,115,203,206,207,211,214,215]"#), "{html}");
}

#[test]
fn a_cause_that_was_only_chosen_says_so() {
    let mut sample = with_messages(sample::stale_read());
    let mut chosen = cause::sample::stale_leader();
    (chosen.is_chosen, chosen.directory, chosen.plan) = (true, Some("".into()), "".into());
    chosen.columns[1].informed = Some(4_204 * sample::MS);
    sample.cause = Some(chosen);
    let html = report(&RunView { time_mode: TimeMode::Real, ..sample.view() });
    assert!(html.contains("chosen from the messages, not proved by repeating the run: 3 of 5,411 operations"));
    assert!(html.contains("<b>cause</b>: not proved") && html.contains(r#""chosen":true"#));
    assert!(html.contains("becomes thick when the node receives what the answer lacks"));
    assert!(html.contains("lane server  hollow") && html.contains("lane server \""));
    assert!(!html.contains("maelstrom replay"));
}

#[test]
fn a_failure_in_real_time_says_why_there_is_no_cause() {
    let sample = with_messages(sample::stale_read());
    let html = report(&RunView { time_mode: TimeMode::Real, ..sample.view() });
    assert!(html.contains("<b>cause</b>: not proved, because runs in real time cannot be repeated exactly"));
}

#[test]
fn pages_load_no_other_resources() {
    let html = without_style_and_script(&report(&with_messages(sample::stale_read()).view()));
    for part in ["src=\"", "url(", "@import", "http://", "https://", "<link rel=\"stylesheet"] {
        assert!(!html.contains(part), "{part} in {html}");
    }
}

#[test]
fn output_of_nodes_is_escaped() {
    let mut sample = with_messages(sample::stale_read());
    sample.name = NASTY.into();
    sample.notes = vec![NASTY.into()];
    sample.logs[0].tail = vec![NASTY.into()];
    let lines = [PlacedLine { node: "n1".into(), time: 12, events: 1, text: NASTY.into() }];
    let verdict = &mut sample.parts[2].verdict;
    verdict.reason = Some(NASTY.into());
    verdict.details.insert(NASTY.into(), NASTY.into());
    let finding = &mut verdict.findings[0];
    (finding.headline, finding.story, finding.anomaly) = (NASTY.into(), NASTY.into(), NASTY.into());
    finding.evidence[0].text = NASTY.into();
    finding.evidence[0].note = NASTY.into();
    let bar = Bar { label: NASTY.into(), ..Bar::default() };
    finding.picture = Some(Picture::Intervals(Intervals { bars: vec![bar], orders: vec![], stuck: None }));
    sample.history.ops[0].value = NASTY.into();
    let mut cause = cause::sample::stale_leader();
    cause.sentence = Some(NASTY.into());
    cause.columns[0].name = NASTY.into();
    for row in &mut cause.rows {
        row.note = NASTY.into();
        match &mut row.kind {
            cause::RowKind::Message(message) => (message.kind, message.body) = (NASTY.into(), NASTY.into()),
            cause::RowKind::FaultStart(fault) => fault.kind = NASTY.into(),
            cause::RowKind::Log(text) => *text = NASTY.into(),
            _ => {}
        }
    }
    sample.cause = Some(cause);
    for op in &mut sample.history.ops {
        if op.process.client().is_some() {
            op.f = NASTY.into();
        }
    }
    for html in [super::report(&sample.view(), &lines), super::timeline(&sample.view(), &lines)] {
        assert!(!html.contains("<img"), "{}", without_style_and_script(&html));
        assert_eq!(html.matches("<script").count(), html.matches("</script>").count());
        assert!(
            !without_style_and_script(&html).contains('\u{202e}')
                || without_style_and_script(&html).matches('\u{202e}').count() <= 2 * NASTY.len()
        );
    }
}

#[test]
fn every_outcome_has_a_title_and_its_text() {
    for (sample, title) in [
        (sample::stale_read(), "✗ raft_is_linearizable: not linearizable (key 3)"),
        (sample::valid(), "✓ echo_works: valid"),
        (sample::crash(), "! echo_works: n1 crashed"),
    ] {
        let html = report(&sample.view());
        assert!(html.contains(&format!("<title>{title}</title>")), "{title}");
    }
    assert!(report(&sample::crash().view()).contains("index out of bounds"));
    assert!(report(&sample::valid().view()).contains("100 operations (echo: 100 ok)"));
}

#[test]
fn pages_of_large_runs_are_small() {
    let mut sample = with_messages(sample::stale_read());
    let long = "x".repeat(10_000);
    let finding = sample.parts[2].verdict.findings[0].clone();
    let mut more = finding.clone();
    more.evidence = vec![more.evidence[0].clone(); 10_000];
    more.story = long.clone();
    sample.parts[2].verdict.findings = vec![more; 500];
    sample.logs = vec![sample.logs[0].clone(); 5];
    sample.logs[0].tail = vec![long.as_str().into(); 200];
    let html = report(&sample.view());
    assert!(html.len() < 3_000_000, "{}", html.len());
    assert!(html.contains("450 more findings") && html.contains("9940 more operations"));
}
