//! The list of stored runs: `target/maelstrom/index.html`, and the front page of `maelstrom serve`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::json::Value;
use askama::Template;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::escape::visible;
use super::file_names;
use super::files::write_file;
use super::html::STYLE;
use super::view::{badge, mark_of};
use crate::protocol::compare_names;

const SCRIPT: &str = concat!(
    include_str!("../../templates/js/base.js"),
    include_str!("../../templates/js/theme.js"),
    include_str!("../../templates/js/index.js"),
);

/// The most runs on one page; of more, the latest are listed.
const RUNS: usize = 2_000;
/// How deep below the root runs are looked for.
const DEPTH: usize = 4;
/// The outcomes, worst first.
const OUTCOMES: [&str; 4] = ["invalid", "error", "unknown", "valid"];

#[derive(Template)]
#[template(path = "index.html")]
struct Page {
    nonce: String,
    style: &'static str,
    script: &'static str,
    runs: Vec<Listed>,
    left_out: usize,
    counts: Vec<(&'static str, &'static str, usize)>,
}

struct Listed {
    outcome: &'static str,
    /// The colour: that of `valid` for what ended as expected.
    tone: &'static str,
    badge: String,
    name: String,
    path: String,
    href: String,
    headline: String,
    workload: String,
    seed: String,
    seconds: u64,
    /// When its results were written, to the nanosecond: runs of one second have an order too.
    written: Duration,
}

/// Writes `index.html` in a directory of runs anew. Several processes may do so at once: each reads the list when it
/// is its turn, so the last one lists all.
///
/// # Errors
/// Those of reading the directory and of writing the file.
pub fn update(root: &Path) -> io::Result<()> {
    let turn = File::create(root.join(".index.lock"))?;
    turn.lock()?;
    write_file(&root.join(file_names::INDEX), render(root)?.as_bytes())
}

/// The list of all runs below a directory, the latest first.
///
/// # Errors
/// Those of reading the directory itself; runs that cannot be read are left out.
pub fn render(root: &Path) -> io::Result<String> {
    let mut runs = Vec::new();
    collect(root, root, DEPTH, &mut runs)?;
    // Where files have no finer times than seconds, names hold the time or a number that grows.
    runs.sort_by(|a, b| b.written.cmp(&a.written).then_with(|| compare_names(&b.path, &a.path)));
    let left_out = runs.len().saturating_sub(RUNS);
    runs.truncate(RUNS);
    let count = |outcome: &&'static str| {
        let count = runs.iter().filter(|run| run.outcome == *outcome).count();
        (count > 0).then(|| (*outcome, mark_of(outcome), count))
    };
    let counts = OUTCOMES.iter().filter_map(count).collect();
    let told: String = runs.iter().map(|run| format!("{} {}", run.path, run.seconds)).collect();
    let nonce = format!("{:016x}", crate::random::hash(&told));
    let page = Page { nonce, style: STYLE, script: SCRIPT, runs, left_out, counts };
    Ok(page.render().expect("writing to a string does not fail"))
}

fn collect(root: &Path, directory: &Path, depth: usize, runs: &mut Vec<Listed>) -> io::Result<()> {
    let mut inside: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // Links lead to runs that are listed anyway.
        if entry.file_type()?.is_dir() {
            inside.push(entry.path());
        }
    }
    for path in inside {
        match listed(root, &path) {
            Some(run) => runs.push(run),
            // Another process may have removed it meanwhile.
            None if depth > 1 => drop(collect(root, &path, depth - 1, runs)),
            None => {}
        }
    }
    Ok(())
}

/// A directory as an entry of the list, if it is that of a run.
fn listed(root: &Path, directory: &Path) -> Option<Listed> {
    let mut file = File::open(directory.join(file_names::RESULTS)).ok()?;
    let modified = file.metadata().ok()?.modified().ok()?;
    let written = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let results = head(&mut file)?;
    let relative = directory.strip_prefix(root).ok()?;
    let text = |value: &Value| visible(value.as_str().unwrap_or_default(), 200);
    let scenario = &results["scenario"];
    let outcome = OUTCOMES.into_iter().find(|outcome| results["outcome"] == *outcome).unwrap_or("unknown");
    let expectation = &results["expectation"];
    let expectation = expectation["expect"].as_str().zip(expectation["met"].as_bool());
    let (tone, badge) = badge(outcome, expectation);
    Some(Listed {
        outcome,
        tone,
        badge: visible(&badge, 100),
        name: text(&scenario["name"]),
        path: visible(&relative.display().to_string(), 300),
        href: relative.iter().map(|part| url_segment(part.as_encoded_bytes()) + "/").collect(),
        headline: text(&results["headline"]),
        workload: text(&scenario["workload"]),
        seed: scenario["seed"].as_u64().map_or(String::new(), |seed| seed.to_string()),
        seconds: written.as_secs(),
        written,
    })
}

/// The first keys of `results.json`: what follows may be long.
fn head(file: &mut File) -> Option<Value> {
    let mut text = Vec::new();
    file.take(64 << 10).read_to_end(&mut text).ok()?;
    let end = text.windows(14).position(|window| window == b"\n  \"anomalies\"")?;
    let head = text[..end].strip_suffix(b",")?;
    crate::json::from_slice(&[head, b"}"].concat()).ok()
}

/// What stays as it is in a segment of a URL: the unreserved characters of RFC 3986.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A name as a segment of a URL.
pub(super) fn url_segment(name: &[u8]) -> String {
    percent_encode(name, UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{results, sample};

    fn store(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("maelstrom-index-{name}-{}", std::process::id()));
        for (sample, directory) in
            [(sample::stale_read(), "cluster/a b#1"), (sample::valid(), "cluster/two"), (sample::crash(), "three")]
        {
            let directory = root.join(directory);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("results.json"), results::render(&sample.view())).unwrap();
        }
        fs::create_dir_all(root.join("cluster/no run/node-logs")).unwrap();
        root
    }

    #[test]
    fn every_run_is_listed_with_its_verdict() {
        let root = store("all");
        let html = render(&root).unwrap();
        assert_eq!(html.matches("<tr data-outcome").count(), 3);
        for part in [
            "href=\"cluster/a%20b%231/report.html\"",
            "not linearizable (key 3)",
            "✗ invalid 1",
            "✓ valid 1",
            "! error 1",
            ">raft_is_linearizable</a>",
        ] {
            assert!(html.contains(part), "{part} is missing");
        }
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn processes_do_not_overwrite_one_another_with_less() {
        let root = store("races");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let root = &root;
                scope.spawn(move || {
                    let directory = root.join(format!("more/{number}"));
                    fs::create_dir_all(&directory).unwrap();
                    fs::write(directory.join("results.json"), results::render(&sample::valid().view())).unwrap();
                    update(root).unwrap();
                });
            }
        });
        let html = fs::read_to_string(root.join("index.html")).unwrap();
        assert_eq!(html.matches("<tr data-outcome").count(), 11);
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn the_newest_run_comes_first_even_within_a_second() {
        let root = store("order");
        let second = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let times = [("cluster/a b#1", 5), ("three", 20), ("cluster/two", 10)];
        for (directory, nanos) in times {
            let file = File::options().append(true).open(root.join(directory).join("results.json")).unwrap();
            file.set_modified(second + Duration::from_nanos(nanos)).unwrap();
        }
        let html = render(&root).unwrap();
        let at = |path: &str| html.find(&format!("<div class=\"quiet small\">{path}</div>")).unwrap();
        assert!(at("three") < at("cluster/two") && at("cluster/two") < at("cluster/a b#1"));
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_store_that_does_not_exist_is_an_error() {
        assert!(render(Path::new("/nowhere/at/all")).is_err());
    }
}
