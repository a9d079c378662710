//! The cause of a failure: its list, its links, and the filters of the diagram.

use serde_json::Value;

use crate::chromium::Chromium;
use crate::gallery::{CAUSE_MESSAGES, SampleRun};
use crate::{assert_quiet, count, gallery, text};

#[test]
#[ignore = "needs Chromium"]
fn rows_open_with_the_keyboard_and_link_to_the_diagram() {
    let report = SampleRun::new("lin-kv", true).write(&gallery()).join("report.html");
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    browser.open(&report);
    assert_eq!(count(&mut browser, "ol.cause summary"), CAUSE_MESSAGES as u64);

    // Arrow keys move between rows, Enter shows the body.
    browser.evaluate("document.querySelector('ol.cause summary').focus()");
    browser.key("ArrowDown");
    browser.key("Enter");
    let open = "[...document.querySelectorAll('ol.cause details')].map((row) => row.open).indexOf(true)";
    assert_eq!(browser.evaluate(open), 1);

    // Each link selects the message in the diagram.
    for number in 0..CAUSE_MESSAGES {
        let link = format!("document.querySelectorAll('ol.cause a.place')[{number}]");
        browser.evaluate(&format!("{link}.click()"));
        browser.settle();
        let id = browser.evaluate(&format!("Number({link}.hash.slice('#message-'.length))"));
        assert_eq!(browser.evaluate("report.messages.selected.message.id"), id);
    }
    assert_quiet(&browser, &report, "file://");
}

#[test]
#[ignore = "needs Chromium"]
fn the_diagram_can_show_what_matters_and_the_past_of_an_event() {
    let report = SampleRun::new("lin-kv", true).write(&gallery()).join("report.html");
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    browser.open(&report);
    let shown = "report.messages.messages.filter((message) => message.shown).length";
    browser.evaluate("document.querySelector('#messages').scrollIntoView({ behavior: 'instant' })");
    browser.point("#messages [name=matters]", true);
    assert_eq!(browser.evaluate(shown), CAUSE_MESSAGES);
    browser.point("#messages [name=matters]", true);

    // The past of the last event: every event is before it, and is at its node or reaches it through messages.
    let all = browser.evaluate(shown).as_u64().unwrap();
    browser.evaluate(
        "report.messages.select(report.messages.messages.findLast((message) => message.received.length > 0))",
    );
    browser.settle();
    browser.evaluate(
        "[...document.querySelectorAll('#messages .detail button')].find((b) => b.textContent.includes('caused')).click()",
    );
    let past = browser.evaluate(shown).as_u64().unwrap();
    assert!(1 < past && past < all, "{past} of {all}");
    let is_past = "(() => {
        const { messages, events, selected } = report.messages, shown = messages.filter((message) => message.shown);
        // Each message was received before something that its receiver did in the past of the event.
        const reaches = new Set([selected.message]);
        for (const message of [...shown].reverse().sort((a, b) => b.sent - a.sent)) {
            const at = message.received[0] ?? Infinity;
            if ([...reaches].some((other) => other.src === message.dest && other.sent > at)) reaches.add(message);
        }
        return shown.every((message) => reaches.has(message));
    })()";
    assert_eq!(browser.evaluate(is_past), true);
    assert!(text(&mut browser, "#messages .status").contains(&format!("{past} of ")));
    browser.point("#messages [name=past]", true);
    assert_eq!(browser.evaluate(shown), all);
    assert_quiet(&browser, &report, "file://");
}

#[test]
#[ignore = "needs Chromium"]
fn pages_do_not_overflow_on_a_telephone() {
    let report = SampleRun::new("lin-kv", true).write(&gallery()).join("report.html");
    let mut browser = Chromium::start();
    browser.look(400, 800, false);
    browser.open(&report);
    browser.settle();
    let wide = "[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1
        && !e.closest('.scroll-x, .strip, nav, svg')).map((e) => `${e.tagName} ${e.className}`)";
    assert_eq!(browser.evaluate(wide), Value::Array(vec![]));
    assert_eq!(browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
}

#[test]
#[ignore = "needs Chromium"]
fn crosses_of_lost_messages_are_drawn_last() {
    let report = SampleRun::new("broadcast", false).write(&gallery()).join("report.html");
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    browser.open(&report);
    browser.evaluate("report.messages.select(report.messages.messages.find((message) => message.dropped.length > 0), undefined, { centre: true })");
    browser.settle();
    let order =
        "[...document.querySelectorAll('#messages .strip svg > g > g.m')].map((m) => m.classList.contains('lost'))";
    assert_eq!(browser.evaluate(&format!("{order}.includes(true)")), true);
    assert_eq!(browser.evaluate(&format!("{order}.lastIndexOf(false) < {order}.indexOf(true)")), true);
    let last = "[...document.querySelectorAll('#messages .m.lost')].every((m) => m.lastElementChild.classList.contains('cross'))";
    assert_eq!(browser.evaluate(last), true);
}
