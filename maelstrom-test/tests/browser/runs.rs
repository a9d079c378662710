//! The list of runs: `target/maelstrom/index.html`, and `maelstrom serve`.

use std::path::{Path, PathBuf};

use maelstrom::report::index;
use serde_json::Value;

use crate::chromium::Chromium;
use crate::gallery::SampleRun;
use crate::{assert_quiet, count, text};

/// Directory names with characters that pages must escape.
const ODD: [&str; 5] =
    ["a b", "100% sure?#1", "<b>&\"quoted'", "\u{e9}t\u{e9}/\u{6f22}\u{5b57}", "lin-kv/2026-01-01T00:00:00"];

/// Creates a store with valid and invalid runs in directories with these names.
pub(crate) fn store(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runs").join(name);
    let _ = std::fs::remove_dir_all(&root);
    let workloads = ["broadcast", "lin-kv", "g-counter", "kafka", "echo"];
    for (number, (directory, workload)) in ODD.into_iter().zip(workloads).enumerate() {
        let sample = SampleRun { seconds: 3, rate: 10.0, ..SampleRun::new(workload, number % 2 == 1) };
        sample.write_to(&root.join(directory));
    }
    index::rebuild(&root).unwrap();
    root
}

/// Returns the addresses of all links that match a selector.
fn links(browser: &mut Chromium, selector: &str) -> Vec<String> {
    let all = browser.evaluate(&format!("[...document.querySelectorAll({selector:?})].map((link) => link.href)"));
    all.as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Checks verdicts, filters and search, and that the report of every run opens.
fn check_list(browser: &mut Chromium, address: &str, own: &str) {
    browser.open_url(address);
    assert_quiet(browser, Path::new(address), own);
    let runs = ODD.len() as u64;
    assert_eq!(count(browser, "#list tbody tr"), runs);
    assert_eq!(count(browser, "#list .badge.valid") + count(browser, "#list .badge.invalid"), runs);
    assert_eq!(count(browser, "#list b"), 0, "names are text");

    browser.point("[data-outcome=valid][aria-pressed]", true);
    assert_eq!(count(browser, "#list tr[data-outcome=valid]:not([hidden])"), 0);
    assert!(count(browser, "#list tr[data-outcome=invalid]:not([hidden])") > 0);
    assert!(text(browser, "#runs .status").ends_with(&format!("of {runs} runs")));
    browser.point("[data-outcome=valid][aria-pressed]", true);
    browser.evaluate("document.querySelector('#r-search').focus()");
    browser.insert("KAFKA");
    assert_eq!(count(browser, "#list tbody tr:not([hidden])"), 1);

    let reports = links(browser, "#list td:nth-child(2) a");
    assert_eq!(reports.len() as u64, runs);
    for report in reports {
        browser.open_url(&report);
        assert_eq!(count(browser, "header.verdict h1"), 1, "{report}");
        assert_quiet(browser, Path::new(&report), own);
    }
}

#[test]
#[ignore = "needs Chromium"]
fn the_list_of_runs_opens_from_disk() {
    let root = store("index");
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    check_list(&mut browser, &format!("file://{}", root.join("index.html").display()), "file://");
}

#[cfg(feature = "cli")]
#[test]
#[ignore = "needs Chromium"]
fn the_list_of_runs_is_served_with_all_files() {
    let root = store("serve");
    std::fs::write(root.join("a b/node-logs <&> 1%.log"), "<script>alert(1)</script>").unwrap();
    let server = maelstrom::report::StoreServer::bind(&root, 0).unwrap();
    let address = format!("http://{}/", server.address().unwrap());
    // The thread ends with this process.
    std::thread::spawn(move || server.run());
    let mut browser = Chromium::start();
    browser.look(1280, 800, false);
    check_list(&mut browser, &address, &address);

    browser.open_url(&address);
    let directories = links(&mut browser, "#list td.links a");
    assert_eq!(directories.len(), ODD.len());
    let mut seen = 0;
    for directory in directories {
        browser.open_url(&directory);
        assert_quiet(&browser, Path::new(&directory), &address);
        for file in links(&mut browser, "td a") {
            browser.open_url(&file);
            assert_quiet(&browser, Path::new(&file), &address);
            assert!(!browser.evaluate("document.body?.textContent ?? ''").as_str().unwrap().contains("no such file"));
            seen += 1;
        }
    }
    assert!(seen > ODD.len() * 10, "only {seen} files");
}

/// Takes pictures of the list of files of a run.
#[cfg(feature = "cli")]
#[test]
#[ignore = "needs Chromium"]
fn screenshots_of_files() {
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("screenshots");
    std::fs::create_dir_all(&pictures).unwrap();
    let server = maelstrom::report::StoreServer::bind(&store("files"), 0).unwrap();
    let address = format!("http://{}/lin-kv/2026-01-01T00:00:00/", server.address().unwrap());
    // The thread ends with this process.
    std::thread::spawn(move || server.run());
    let mut browser = Chromium::start();
    for (width, height) in [(1280, 800), (2560, 1440)] {
        for theme in ["light", "dark"] {
            browser.look(width, height, theme == "dark");
            browser.open_url(&address);
            browser.screenshot(&pictures.join(format!("files-{theme}-{width}.png")));
        }
    }
}
