//! Reports in a real browser: pages open from disk, load no other resources, cause no errors, and their controls work.
//!
//! These tests need Chromium (Debian's package `chromium`), so they are ignored by default:
//! `cargo test -p maelstrom-test --features cli --test browser -- --ignored` (without the feature, `maelstrom serve` is not
//! tested). The same command followed by `screenshots` writes pictures to `target/screenshots`.

mod access;
mod cause;
mod chromium;
mod gallery;
mod nodes;
mod runs;

use std::path::{Path, PathBuf};

use chromium::Chromium;
use gallery::SampleRun;
use maelstrom::network::EventType;
use maelstrom::scenario::options;
use maelstrom::workload;

fn gallery() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("gallery")
}

/// Asserts that the console has no errors, and that only the page itself was requested, from an address below `own`.
fn assert_quiet(browser: &Chromium, what: &Path, own: &str) {
    assert!(browser.errors.is_empty(), "{}: {:#?}", what.display(), browser.errors);
    // The browser requests an icon if the page has none, as plain text has.
    let of_page = |url: &&String| !url.starts_with("data:") && !url.ends_with("/favicon.ico");
    let asked: Vec<&String> = browser.requests.iter().filter(of_page).collect();
    let foreign: Vec<&&String> = asked.iter().filter(|url| !url.starts_with(own)).collect();
    assert!(foreign.is_empty(), "{}: {foreign:?}", what.display());
    assert!(asked.len() <= 1, "{asked:?}");
}

fn count(browser: &mut Chromium, selector: &str) -> u64 {
    browser.evaluate(&format!("document.querySelectorAll({selector:?}).length")).as_u64().unwrap()
}

fn text(browser: &mut Chromium, selector: &str) -> String {
    browser.evaluate(&format!("document.querySelector({selector:?}).textContent")).as_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs Chromium"]
fn reports_of_every_workload_open_without_errors() {
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    for workload in workload::all() {
        for wrong in [false, true] {
            let sample =
                SampleRun::new(options::WORKLOADS.iter().find(|name| **name == workload.name()).unwrap(), wrong);
            let directory = sample.write(&gallery());
            let outcome = if wrong { "invalid" } else { "valid" };
            for file in
                ["report.html", "timeline.html", "messages.svg", "latency-raw.svg", "latency-quantiles.svg", "rate.svg"]
            {
                let path = directory.join(file);
                browser.open(&path);
                assert_quiet(&browser, &path, "file://");
            }
            browser.open(&directory.join("report.html"));
            assert_eq!(count(&mut browser, &format!(".verdict.{outcome}")), 1, "{}", sample.name());
            assert!(count(&mut browser, "#messages .m") > 0 && count(&mut browser, "#timeline .b") > 0);
            if wrong {
                assert!(count(&mut browser, ".finding .story") > 0, "{} explains nothing", sample.name());
            }
        }
    }
}

#[test]
#[ignore = "needs Chromium"]
fn the_diagram_has_the_events_of_the_journal() {
    let sample = SampleRun::new("broadcast", true);
    let report = sample.write(&gallery()).join("report.html");
    let expected = sample.view(report.parent().unwrap(), |view| {
        let count =
            |kinds: &[EventType]| view.journal.iter().filter(|event| kinds.contains(&event.kind)).count() as u64;
        // Losses, duplications and delays happen when a message is sent, so they have no rows.
        (count(&[EventType::Send, EventType::Recv, EventType::Drop]), count(&[EventType::Send]))
    });
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    browser.open(&report);
    let shown = browser.evaluate("[report.messages.rows(), report.messages.messages.length]");
    assert_eq!((shown[0].as_u64().unwrap(), shown[1].as_u64().unwrap()), expected);
    // Scrolling through the diagram draws every message.
    let drawn = browser.evaluate(
        "(async () => {
            const seen = new Set(), strip = report.messages.strip;
            for (let top = 0; top <= strip.root.scrollHeight; top += strip.root.clientHeight / 2) {
                strip.root.scrollTop = top;
                await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
                for (const arrow of strip.svg.querySelectorAll('.m')) seen.add(arrow.dataset.m);
            }
            return seen.size;
        })()",
    );
    assert_eq!(drawn.as_u64().unwrap(), expected.1);
    assert!(count(&mut browser, "#messages .cross") > 0 || sample.faults.is_empty());
    // The descriptions of lost messages are those of the journal.
    let descriptions = browser.evaluate(
        "report.messages.messages.filter((m) => m.delivery === 1).map((m) => report.messages.delivery(m).replace(/ at [0-9.]+ s|[(].*/g, ''))",
    );
    let descriptions: std::collections::BTreeSet<String> =
        descriptions.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    assert!(descriptions.contains("lost: option p_loss"), "{descriptions:?}");
    assert!(
        descriptions.iter().all(|text| text.starts_with("lost: ")
            || text.starts_with("dropped: ")
            || text.starts_with("duplicated: ")
            || text.starts_with("delayed")),
        "{descriptions:?}"
    );
}

#[test]
#[ignore = "needs Chromium"]
fn search_filters_hover_keys_and_links_work() {
    let report = SampleRun::new("lin-kv", true).write(&gallery()).join("report.html");
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    browser.open(&report);

    // Search: matches are counted, the first is selected, other messages are dimmed, and n selects the next match.
    browser.evaluate("document.querySelector('#m-search').focus()");
    browser.insert("cas_ok");
    let matches = browser.evaluate("report.messages.matches.length").as_u64().unwrap();
    assert!(matches > 1);
    assert!(text(&mut browser, "#messages .status").contains(&format!("1 of {matches} matches")));
    assert!(count(&mut browser, "#messages .m.dim") > 0);
    browser.key("Enter");
    assert!(text(&mut browser, "#messages .status").contains(&format!("2 of {matches} matches")));
    browser.evaluate("document.querySelector('[name=only]').click()");
    assert_eq!(browser.evaluate("report.messages.messages.filter((m) => m.shown).length"), matches);
    browser.evaluate("document.querySelector('[name=reset]').click()");

    // Filters by class, node, type and time.
    browser.evaluate("document.querySelector('#messages').scrollIntoView({ behavior: 'instant' })");
    browser.point("#messages [data-class=client]", true);
    assert_eq!(browser.evaluate("report.messages.messages.some((m) => m.shown && m.kind === 'client')"), false);
    browser.evaluate("document.querySelector('[name=reset]').click()");
    browser
        .evaluate("[...document.querySelectorAll('.strip-head button')].find((b) => b.textContent === 'n3').click()");
    let touches = "report.messages.messages.filter((m) => m.shown).every((m) => [m.src, m.dest].some((c) => report.messages.columns[c].name === 'n3'))";
    assert_eq!(browser.evaluate(touches), true);
    browser.evaluate("document.querySelector('[name=reset]').click()");
    browser.evaluate("{ const from = document.querySelector('#m-from'); from.value = '10'; from.dispatchEvent(new Event('input')); }");
    assert_eq!(browser.evaluate("report.messages.timeAt(0) >= 9e9 && report.messages.rows() > 0"), true);
    browser.evaluate("document.querySelector('[name=reset]').click()");

    // Hovering shows the body. Keys select the next event and the other end of a message.
    browser.evaluate("document.querySelector('#messages').scrollIntoView({ behavior: 'instant' })");
    browser.settle();
    browser.point("#messages .m text", false);
    assert!(text(&mut browser, ".tooltip").contains("msg_id"));
    browser.evaluate(
        "report.messages.deselect(), report.messages.strip.root.focus(), report.messages.strip.root.scrollTop = 0",
    );
    browser.settle();
    browser.key("ArrowDown");
    let first = text(&mut browser, "#messages .detail h3");
    browser.key("ArrowRight");
    assert_eq!(text(&mut browser, "#messages .detail h3"), first);
    assert!(text(&mut browser, "#messages .detail dl").contains("(recv)"));
    browser.key("r");
    assert_ne!(text(&mut browser, "#messages .detail h3"), first);

    // Links of the evidence lead to diagram and timeline.
    let links = "[...document.querySelectorAll('.finding a[href^=\"#messages-\"]')]";
    let wrong = browser.evaluate(&format!(
        "(async () => {{
            const wrong = [];
            for (const link of {links}) {{
                link.click();
                await new Promise((done) => setTimeout(done));
                const operation = report.timeline.byPosition.get(Number(link.hash.slice(10)));
                const {{ message }} = report.messages.selected, {{ events, columns }} = report.messages;
                const fits = events[message.sent].time === operation.start && columns[message.src].kind === 'client'
                    && columns[message.dest].name === operation.node && message.type === operation.f;
                if (!fits) wrong.push(link.hash);
            }}
            return wrong;
        }})()"
    ));
    assert_eq!(wrong.as_array().map(Vec::len), Some(0), "links to requests of other operations: {wrong}");
    assert!(browser.evaluate(&format!("{links}.length")).as_u64().unwrap() > 1);
    browser.settle();
    assert_eq!(count(&mut browser, "#messages .m.on"), 1);
    // If the request of an operation is not on the page, no other message is selected.
    browser.evaluate("report.messages.showOperation({ process: '7', node: 'n0', start: 1, ordinal: 0 })");
    browser.settle();
    assert_eq!(count(&mut browser, "#messages .m.on"), 0);
    assert!(text(&mut browser, "#messages .detail").contains("not among the events on this page"));
    browser.evaluate("document.querySelector('.finding a[href^=\"#timeline-\"]').click()");
    browser.settle();
    assert_eq!(count(&mut browser, "#timeline .b.proof.on"), 1);
    browser.point("#theme", true);
    assert_eq!(browser.evaluate("document.documentElement.dataset.theme"), "dark");
    assert_quiet(&browser, &report, "file://");
}

#[test]
#[ignore = "needs Chromium"]
fn output_of_hostile_nodes_is_escaped() {
    let noise = format!("</script><img src=x onerror=\"document.title='owned'\">\u{202e}abc{}", "x".repeat(1 << 20));
    let sample = SampleRun { noise, seconds: 4, rate: 5.0, ..SampleRun::new("g-set", true) };
    let report = sample.write(&gallery().join("hostile")).join("report.html");
    assert!(std::fs::metadata(&report).unwrap().len() < 5 << 20);
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    browser.open(&report);
    assert_quiet(&browser, &report, "file://");
    browser.evaluate("report.messages.select(report.messages.messages.find((m) => m.cut > 0))");
    browser.settle();
    assert!(text(&mut browser, "#messages .detail pre").contains("more bytes in messages.jsonl"));
    assert!(text(&mut browser, "#messages .detail pre").contains("\\u{202e}"));
    assert_eq!(count(&mut browser, "img"), 0);
    assert_ne!(browser.evaluate("document.title"), "owned");
    assert_quiet(&browser, &report, "file://");
}

/// Measures a page with ten thousand events. The goals are: less than 5 MB, painted within a second, and scrolling with 30
/// frames per second.
#[test]
#[ignore = "needs Chromium"]
fn a_page_with_ten_thousand_events_is_small() {
    let sample = SampleRun { rate: 150.0, seconds: 60, ..SampleRun::new("lin-kv", true) };
    let directory = gallery().join("large");
    std::fs::create_dir_all(&directory).unwrap();
    let report = directory.join("report.html");
    let (made, rows) = sample.view(&directory, |view| {
        assert_eq!(view.journal.len(), maelstrom::network::KEPT_EVENTS);
        let with_rows = [EventType::Send, EventType::Recv, EventType::Drop];
        let rows = view.journal.iter().filter(|event| with_rows.contains(&event.kind)).count();
        let began = std::time::Instant::now();
        maelstrom::report::write(view, &directory).unwrap();
        (began.elapsed(), rows as u64)
    });
    let size = std::fs::metadata(&report).unwrap().len();
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    browser.open(&report);
    let paint = browser.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime");
    let frames = browser.evaluate(
        "(async () => {
            const strip = report.messages.strip.root;
            strip.scrollIntoView({ behavior: 'instant' });
            const frame = () => new Promise(requestAnimationFrame);
            await frame();
            const began = performance.now();
            let worst = 0, last = began;
            for (let i = 0; i < 240; i++) {
                strip.scrollTop += 331;
                const now = await frame();
                worst = Math.max(worst, now - last);
                last = now;
            }
            return [240000 / (performance.now() - began), worst];
        })()",
    );
    let events = browser.evaluate("report.messages.rows()");
    eprintln!(
        "{events} events: all files made in {made:?}, {size} bytes, first paint {paint} ms, frames per second and worst frame (ms) {frames}"
    );
    // The page also has the events around the evidence.
    assert!(events.as_u64().unwrap() >= rows, "{events} of {rows}");
    assert!(size < 5 << 20, "{size}");
    assert_quiet(&browser, &report, "file://");
}

/// Takes pictures of every view, light and dark, on a small and on a large screen.
#[test]
#[ignore = "needs Chromium"]
fn screenshots() {
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("screenshots");
    std::fs::create_dir_all(&pictures).unwrap();
    let wrong = SampleRun::new("lin-kv", true).write(&gallery()).join("report.html");
    let valid = SampleRun::new("broadcast", false).write(&gallery()).join("report.html");
    let cycle = SampleRun::new("txn-list-append", true).write(&gallery()).join("report.html");
    let proof = |view: &str| format!("document.querySelector('.finding tr.crucial a[href^=\"#{view}-\"]').click()");
    let to = |section: &str| format!("document.querySelector('#{section}').scrollIntoView({{ behavior: 'instant' }})");
    let runs = runs::store("screenshots").join("index.html");
    let views = [
        ("runs", &runs, String::new()),
        ("cause", &wrong, String::new()),
        ("evidence", &wrong, to("evidence")),
        (
            "cycle",
            &cycle,
            "const at = document.querySelector('.edge').closest('article'); at.querySelectorAll('details').forEach((d) => { d.open = true; }); at.scrollIntoView({ behavior: 'instant' })".into(),
        ),
        ("valid", &valid, String::new()),
        ("messages", &valid, to("messages")),
        ("messages-of-the-proof", &wrong, proof("messages")),
        ("timeline", &wrong, proof("timeline")),
        ("message-selected", &valid, format!("{}; report.messages.select(report.messages.messages.find((m) => m.delivery === 1))", to("messages"))),
        ("performance", &wrong, to("performance")),
        ("statistics", &wrong, to("statistics")),
        ("logs", &wrong, to("logs")),
    ];
    let mut browser = Chromium::start();
    for (width, height) in [(1280, 800), (2560, 1440)] {
        for theme in ["light", "dark"] {
            browser.look(width, height, theme == "dark");
            for (name, report, action) in &views {
                browser.open(report);
                browser.evaluate(action);
                browser.settle();
                browser.screenshot(&pictures.join(format!("{name}-{theme}-{width}.png")));
            }
        }
    }
}
