//! Accessibility of reports: keyboard, screen reader, contrast, and printing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::chromium::Chromium;
use crate::gallery::SampleRun;
use crate::{assert_quiet, count, gallery, runs, text};

/// Returns one page of each kind.
fn pages() -> Vec<PathBuf> {
    let report = |workload, wrong| SampleRun::new(workload, wrong).write(&gallery().join("access")).join("report.html");
    let wrong = report("lin-kv", true);
    let timeline = wrong.with_file_name("timeline.html");
    let runs = runs::store("access").join("index.html");
    vec![wrong, report("txn-list-append", true), report("broadcast", false), timeline, runs]
}

/// Script for a page: `look()` returns the visible controls.
const OPERABLE: &str = "
    const look = () => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')].filter((e) =>
        !e.disabled && e.tabIndex >= 0 && e.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true }));
    const name = (e) => `${e.tagName} ${e.id || e.name || e.getAttribute('href') || e.textContent.trim().slice(0, 40)}`;
";

#[test]
#[ignore = "needs Chromium"]
fn tab_reaches_every_control_with_a_visible_focus() {
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    for page in pages() {
        browser.open(&page);
        let all = browser.evaluate(&format!("(() => {{ {OPERABLE} return look().length; }})()")).as_u64().unwrap();
        let mut reached = BTreeSet::new();
        for _ in 0..all {
            browser.key("Tab");
            let here = browser.evaluate(&format!(
                "(() => {{ {OPERABLE}
                    const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
                    const inView = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
                    return {{ number: look().indexOf(e), name: name(e), inView,
                        outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 }};
                }})()"
            ));
            assert_eq!(here["outlined"], true, "{}: {here}", page.display());
            assert_eq!(here["inView"], true, "{}: {here}", page.display());
            reached.insert(here["number"].as_i64().unwrap());
        }
        assert_eq!(reached.len() as u64, all, "{}", page.display());
        // Arrow keys select the parts of a drawing, and a live region describes the selection.
        for section in ["#messages", "#timeline"] {
            if count(&mut browser, &format!("{section} .strip")) == 0 {
                continue;
            }
            browser.evaluate(&format!("document.querySelector('{section} .strip').focus()"));
            browser.key("ArrowDown");
            browser.key("ArrowDown");
            assert!(text(&mut browser, &format!("{section} .detail h3")).len() > 1);
            assert_eq!(
                browser.evaluate(&format!("document.querySelector('{section} .detail').getAttribute('aria-live')")),
                "polite"
            );
        }
    }
}

#[test]
#[ignore = "needs Chromium"]
fn buttons_and_folds_work_with_the_keyboard() {
    let report = SampleRun::new("lin-kv", true).write(&gallery().join("access")).join("report.html");
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    browser.open(&report);
    browser.evaluate("document.querySelector('#messages [data-class=client]').focus()");
    browser.key(" ");
    assert_eq!(browser.evaluate("document.activeElement.getAttribute('aria-pressed')"), "false");
    browser.evaluate("document.querySelector('#logs summary').focus()");
    let open = "document.querySelector('#logs details').open";
    let before = browser.evaluate(open);
    browser.key("Enter");
    assert_ne!(browser.evaluate(open), before);
    // A link of the evidence moves the focus to the diagram, where keys work.
    browser.evaluate("document.querySelector('.finding a[href^=\"#messages-\"]').focus()");
    browser.key("Enter");
    assert_eq!(browser.evaluate("document.activeElement === report.messages.strip.root"), true);
    let first = text(&mut browser, "#messages .detail");
    browser.key("ArrowDown");
    assert_ne!(text(&mut browser, "#messages .detail"), first);
    assert_quiet(&browser, &report, "file://");
}

#[test]
#[ignore = "needs Chromium"]
fn everything_has_a_name_and_a_role() {
    const NAMED: [&str; 13] = [
        "application",
        "button",
        "checkbox",
        "combobox",
        "columnheader",
        "heading",
        "image",
        "img",
        "link",
        "navigation",
        "searchbox",
        "spinbutton",
        "RootWebArea",
    ];
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    for page in pages() {
        browser.open(&page);
        let tree = browser.accessibility();
        let role = |node: &Value| node["role"]["value"].as_str().unwrap_or_default().to_owned();
        let name = |node: &Value| node["name"]["value"].as_str().unwrap_or_default().trim().to_owned();
        let nameless: Vec<&Value> =
            tree.iter().filter(|node| NAMED.contains(&&*role(node)) && name(node).is_empty()).collect();
        assert!(nameless.is_empty(), "{}: {nameless:#?}", page.display());
        let has = |wanted: &str| tree.iter().any(|node| role(node) == wanted);
        for wanted in ["heading", "navigation", "main", "button", "link"] {
            assert!(has(wanted), "{} has no {wanted}", page.display());
        }
        assert_eq!(browser.evaluate("document.documentElement.lang"), "en");
        // The levels of headings increase by at most one.
        let levels = browser.evaluate(
            "[...document.querySelectorAll('h1, h2, h3, h4')].filter((h) => h.checkVisibility()).map((h) => Number(h.tagName[1]))",
        );
        let levels: Vec<u64> = levels.as_array().unwrap().iter().filter_map(Value::as_u64).collect();
        assert_eq!(levels.first(), Some(&1), "{}: {levels:?}", page.display());
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{}: {levels:?}", page.display());
        assert_eq!(browser.evaluate("new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size === document.querySelectorAll('[id]').length"), true);
    }
}

/// Script for a page: returns the texts with a contrast below WCAG 2, level AA (4.5, for large text 3).
const FAINT: &str = "(() => {
    const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (color) => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = color; pen.fillRect(0, 0, 1, 1); return [...pen.getImageData(0, 0, 1, 1).data]; };
    const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a / 255 + under[i] * (1 - a / 255));
    const behind = (e) => {
        const layers = [];
        for (; e; e = e.parentElement) {
            const color = rgba(getComputedStyle(e).backgroundColor);
            if (color[3] > 0) layers.push(color);
            if (color[3] === 255) break;
        }
        return layers.reverse().reduce((under, color) => over(color, under), [255, 255, 255]);
    };
    const light = (rgb) => rgb.map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const faint = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const e = walker.currentNode.parentElement, words = walker.currentNode.textContent.trim();
        if (words === '' || e.closest('script, style, .hidden, .tooltip, .dim, :disabled, option') || !e.checkVisibility()) continue;
        const style = getComputedStyle(e), ground = behind(e);
        const ink = over(rgba(e.closest('svg') ? style.fill : style.color), ground);
        const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
        const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.6 && style.fontWeight >= 700);
        if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${e.tagName}.${e.getAttribute('class')}: ${words.slice(0, 40)}`);
    }
    return [...new Set(faint)];
})()";

#[test]
#[ignore = "needs Chromium"]
fn texts_have_sufficient_contrast_in_light_and_dark() {
    let mut browser = Chromium::start();
    for dark in [false, true] {
        browser.look(1280, 4000, dark);
        for page in pages() {
            browser.open(&page);
            browser.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })");
            browser.settle();
            assert_eq!(
                browser.evaluate("getComputedStyle(document.documentElement).colorScheme"),
                if dark { "dark" } else { "light" }
            );
            let faint = browser.evaluate(FAINT);
            assert_eq!(faint.as_array().map(Vec::len), Some(0), "{}, dark: {dark}: {faint:#}", page.display());
        }
    }
}

#[test]
#[ignore = "needs Chromium"]
fn printed_pages_are_complete_and_readable() {
    let mut browser = Chromium::start();
    for page in pages() {
        // A4 at 96 dots per inch. The system prefers dark colours, which must not be used for printing.
        browser.look(794, 1123, true);
        browser.open(&page);
        browser.print_preview(true);
        let shown = |browser: &mut Chromium| {
            browser.evaluate(
                "({
                    closed: [...document.querySelectorAll('details:not([open])')].length,
                    cut: [...document.querySelectorAll('main *, header *')].filter((e) => e.checkVisibility() && !e.closest('svg, .hidden')
                        && ['auto', 'scroll', 'hidden', 'clip'].some((o) => getComputedStyle(e).overflow.includes(o))
                        && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)).map((e) => e.outerHTML.slice(0, 120)),
                    wide: [...document.querySelectorAll('main *, header *')].filter((e) => e.checkVisibility() && !e.closest('svg, .hidden')
                        && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 120)),
                })",
            )
        };
        let here = shown(&mut browser);
        assert_eq!(here, serde_json::json!({"closed": 0, "cut": [], "wide": []}), "{}: {here:#}", page.display());
        assert_eq!(browser.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)");
        let faint = browser.evaluate(FAINT);
        assert_eq!(faint.as_array().map(Vec::len), Some(0), "{}: {faint:#}", page.display());
        let paper = browser.call("Page.printToPDF", serde_json::json!({"paperWidth": 8.27, "paperHeight": 11.69}));
        assert!(paper["data"].as_str().is_some_and(|data| data.len() > 10_000));
        browser.print_preview(false);
        assert_quiet(&browser, &page, "file://");
    }
}

#[test]
#[ignore = "needs Chromium"]
fn printing_does_not_change_the_page() {
    let report: &Path = &SampleRun::new("lin-kv", true).write(&gallery().join("access")).join("report.html");
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    browser.open(report);
    let open = "[...document.querySelectorAll('details')].map((d) => d.open)";
    let before = browser.evaluate(open);
    browser.print_preview(true);
    browser.print_preview(false);
    assert_eq!(browser.evaluate(open), before);
}
