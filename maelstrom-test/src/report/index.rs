//! The index of stored runs: `target/maelstrom/index.html`, and the front page of `maelstrom serve`.
//!
//! Every finished run appends a line to `index.jsonl`, and the page is rendered from that file. So an update reads one
//! short line per run instead of every `results.json`.
//!
//! | event | effect |
//! | --- | --- |
//! | several processes finish runs | a lock (`.index.lock`) orders their updates; the last update lists all runs |
//! | a run is repeated | its latest line counts |
//! | a run is deleted | a line without a `results.json` is ignored |
//! | most lines are outdated | the file is written anew with one line per run |
//! | the file is missing or damaged | it is rebuilt from every `results.json` |
//!
//! `maelstrom serve` reads every `results.json` for each request of the front page, so it also lists runs that were copied
//! into the store.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::json::Value;
use askama::Template;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::{Deserialize, Serialize};

use super::RunView;
use super::escape::visible;
use super::file_names;
use super::files::write_file;
use super::html::STYLE;
use super::view::{Badge, mark_of};
use crate::protocol::compare_names;

const SCRIPT: &str = concat!(
    include_str!("../../templates/js/base.js"),
    include_str!("../../templates/js/theme.js"),
    include_str!("../../templates/js/index.js"),
);

/// The file with a line for each finished run.
const INDEX: &str = "index.jsonl";
/// The file that is locked while the index is updated. Not the index itself, because that can be replaced.
const LOCK: &str = ".index.lock";
/// Outdated lines that are always kept: a small index is never worth rewriting.
const OUTDATED: usize = 256;

/// The maximum number of runs on the page. The latest are listed.
const RUNS: usize = 2_000;
/// The maximum depth below the root at which runs are searched.
const DEPTH: usize = 4;
/// The outcomes, worst first.
const OUTCOMES: [&str; 4] = ["invalid", "error", "unknown", "valid"];

/// A run in the index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct IndexedRun {
    /// The directory of the run, relative to the root.
    path: PathBuf,
    name: String,
    workload: String,
    seed: Option<u64>,
    outcome: String,
    headline: String,
    expectation: Option<IndexedExpectation>,
    /// When its `results.json` was written, in nanoseconds since the Unix epoch. Several runs can end in one second.
    written_ns: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct IndexedExpectation {
    expect: String,
    met: bool,
}

/// Adds a finished run to the index of a directory of runs and writes `index.html`. `path` is the directory of the run,
/// relative to `root`. Several processes may do so at once.
///
/// # Errors
/// Fails if the run has no `results.json`, or if a file in `root` cannot be read or written.
pub fn add(root: &Path, path: &Path, view: &RunView<'_>) -> io::Result<()> {
    let run = IndexedRun::from_view(root, path, view)?;
    let _lock = lock(root)?;
    let file = root.join(INDEX);
    let Some(mut runs) = read_index(&file) else { return write_all(root) };
    append(&file, &run)?;
    runs.push(run);
    let lines = runs.len();
    let runs = current(root, runs);
    if lines > 2 * runs.len() + OUTDATED {
        write_index(&file, &runs)?;
    }
    write_file(&root.join(file_names::INDEX), page(runs).as_bytes())
}

/// Rebuilds the index of a directory of runs from every `results.json`, and writes `index.html`. Needed only for runs that
/// were copied into the directory.
///
/// # Errors
/// Fails if `root` or a file in it cannot be read or written. Runs that cannot be read are left out.
pub fn rebuild(root: &Path) -> io::Result<()> {
    let _lock = lock(root)?;
    write_all(root)
}

fn lock(root: &Path) -> io::Result<File> {
    let lock = File::create(root.join(LOCK))?;
    lock.lock()?;
    Ok(lock)
}

fn write_all(root: &Path) -> io::Result<()> {
    let runs = scan(root)?;
    write_index(&root.join(INDEX), &runs)?;
    write_file(&root.join(file_names::INDEX), page(runs).as_bytes())
}

fn write_index(file: &Path, runs: &[IndexedRun]) -> io::Result<()> {
    write_file(file, &runs.iter().filter_map(IndexedRun::to_line).collect::<Vec<_>>().concat())
}

/// Renders the list of all runs below a directory, the latest first.
///
/// # Errors
/// Fails if the directory itself cannot be read. Runs that cannot be read are left out.
#[cfg(any(test, feature = "cli"))]
pub(super) fn render(root: &Path) -> io::Result<String> {
    Ok(page(scan(root)?))
}

/// Reads the lines of the index. Returns `None` if it is missing or damaged: a process that is killed while it appends
/// leaves an incomplete line.
fn read_index(file: &Path) -> Option<Vec<IndexedRun>> {
    let text = fs::read(file).ok()?;
    let lines = text.strip_suffix(b"\n")?.split(|byte| *byte == b'\n');
    lines.map(|line| serde_json::from_slice(line).ok()).collect()
}

fn append(file: &Path, run: &IndexedRun) -> io::Result<()> {
    let Some(line) = run.to_line() else { return Ok(()) };
    File::options().append(true).open(file)?.write_all(&line)
}

/// The latest line of each run that still exists.
fn current(root: &Path, lines: Vec<IndexedRun>) -> Vec<IndexedRun> {
    let latest: BTreeMap<PathBuf, IndexedRun> = lines.into_iter().map(|run| (run.path.clone(), run)).collect();
    latest.into_values().filter(|run| root.join(&run.path).join(file_names::RESULTS).exists()).collect()
}

/// Reads every run below a directory.
fn scan(root: &Path) -> io::Result<Vec<IndexedRun>> {
    let mut runs = Vec::new();
    collect(root, root, DEPTH, &mut runs)?;
    Ok(runs)
}

fn collect(root: &Path, directory: &Path, depth: usize, runs: &mut Vec<IndexedRun>) -> io::Result<()> {
    let mut directories: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // Symbolic links lead to runs that are listed anyway.
        if entry.file_type()?.is_dir() {
            directories.push(entry.path());
        }
    }
    for path in directories {
        match IndexedRun::read(root, &path) {
            Some(run) => runs.push(run),
            // Another process may have removed it in the meantime.
            None if depth > 1 => drop(collect(root, &path, depth - 1, runs)),
            None => {}
        }
    }
    Ok(())
}

fn written_ns(results: &fs::Metadata) -> io::Result<u64> {
    let since_epoch = results.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(since_epoch.as_nanos().try_into().unwrap_or(u64::MAX))
}

impl IndexedRun {
    fn from_view(root: &Path, path: &Path, view: &RunView<'_>) -> io::Result<IndexedRun> {
        Ok(IndexedRun {
            path: path.to_owned(),
            name: view.name.to_owned(),
            workload: view.workload.to_owned(),
            seed: view.seed,
            outcome: view.outcome().to_owned(),
            headline: view.headline(),
            expectation: view.expectation.map(|expected| IndexedExpectation {
                expect: expected.expect.clone(),
                met: expected.failure.is_none(),
            }),
            written_ns: written_ns(&fs::metadata(root.join(path).join(file_names::RESULTS))?)?,
        })
    }

    /// Reads the `results.json` of a directory. Returns `None` if the directory is not that of a finished run.
    fn read(root: &Path, directory: &Path) -> Option<IndexedRun> {
        let mut file = File::open(directory.join(file_names::RESULTS)).ok()?;
        let written_ns = written_ns(&file.metadata().ok()?).ok()?;
        let results = head(&mut file)?;
        let (scenario, expectation) = (&results["scenario"], &results["expectation"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let expectation = expectation["expect"].as_str().zip(expectation["met"].as_bool());
        Some(IndexedRun {
            path: directory.strip_prefix(root).ok()?.to_owned(),
            name: text(&scenario["name"]),
            workload: text(&scenario["workload"]),
            seed: scenario["seed"].as_u64(),
            outcome: text(&results["outcome"]),
            headline: text(&results["headline"]),
            expectation: expectation.map(|(expect, met)| IndexedExpectation { expect: expect.to_owned(), met }),
            written_ns,
        })
    }

    /// The run as a line of the index. Returns `None` if its path is not UTF-8, which JSON cannot represent.
    fn to_line(&self) -> Option<Vec<u8>> {
        let mut line = serde_json::to_vec(self).ok()?;
        line.push(b'\n');
        Some(line)
    }
}

#[derive(Template)]
#[template(path = "index.html")]
struct Page {
    nonce: String,
    style: &'static str,
    script: &'static str,
    rows: Vec<Row>,
    left_out: usize,
    counts: Vec<(&'static str, &'static str, usize)>,
}

/// A run as the page shows it.
struct Row {
    outcome: &'static str,
    /// The CSS class for the colour: `valid` if the run ended as expected.
    tone: &'static str,
    badge: String,
    name: String,
    path: String,
    href: String,
    headline: String,
    workload: String,
    seed: String,
    seconds: u64,
}

impl Row {
    fn new(run: &IndexedRun) -> Row {
        let outcome = OUTCOMES.into_iter().find(|outcome| run.outcome == *outcome).unwrap_or("unknown");
        let expectation = run.expectation.as_ref().map(|expected| (&*expected.expect, expected.met));
        let badge = Badge::new(outcome, expectation);
        Row {
            outcome,
            tone: badge.tone,
            badge: visible(&badge.to_string(), 100),
            name: visible(&run.name, 200),
            path: visible(&run.path.display().to_string(), 300),
            href: run.path.iter().map(|part| url_segment(part.as_encoded_bytes()) + "/").collect(),
            headline: visible(&run.headline, 200),
            workload: visible(&run.workload, 200),
            seed: run.seed.map_or(String::new(), |seed| seed.to_string()),
            seconds: run.written_ns / 1_000_000_000,
        }
    }
}

fn page(mut runs: Vec<IndexedRun>) -> String {
    // On file systems that store whole seconds, the names decide: they contain the time or an increasing number.
    runs.sort_by(|a, b| {
        let names = || compare_names(&b.path.to_string_lossy(), &a.path.to_string_lossy());
        b.written_ns.cmp(&a.written_ns).then_with(names)
    });
    let left_out = runs.len().saturating_sub(RUNS);
    let rows: Vec<Row> = runs.iter().take(RUNS).map(Row::new).collect();
    let count = |outcome: &&'static str| {
        let count = rows.iter().filter(|row| row.outcome == *outcome).count();
        (count > 0).then(|| (*outcome, mark_of(outcome), count))
    };
    let counts = OUTCOMES.iter().filter_map(count).collect();
    let listed: String = rows.iter().map(|row| format!("{} {}", row.path, row.seconds)).collect();
    let nonce = format!("{:016x}", crate::random::hash(&listed));
    let page = Page { nonce, style: STYLE, script: SCRIPT, rows, left_out, counts };
    page.render().expect("writing to a string does not fail")
}

/// Reads the first keys of `results.json`. The rest of the file may be long.
fn head(file: &mut File) -> Option<Value> {
    let mut text = Vec::new();
    file.take(64 << 10).read_to_end(&mut text).ok()?;
    let end = text.windows(14).position(|window| window == b"\n  \"anomalies\"")?;
    let head = text[..end].strip_suffix(b",")?;
    crate::json::from_slice(&[head, b"}"].concat()).ok()
}

/// The characters that a URL segment contains unescaped: the unreserved characters of RFC 3986.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Escapes a name as a segment of a URL.
pub(super) fn url_segment(name: &[u8]) -> String {
    percent_encode(name, UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::{results, sample};

    /// A directory that is removed at the end of a test.
    struct Store(PathBuf);

    impl Drop for Store {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    impl Store {
        fn new(name: &str) -> Store {
            let root = std::env::temp_dir().join(format!("maelstrom-index-{name}-{}", std::process::id()));
            fs::create_dir_all(root.join("cluster/no run/node-logs")).unwrap();
            let store = Store(root);
            store.write("cluster/a b#1", &sample::stale_read(), 10);
            store.write("cluster/two", &sample::valid(), 20);
            store.write("three", &sample::crash(), 30);
            store
        }

        /// Writes the results of a run with a time of modification in nanoseconds.
        fn write(&self, path: &str, sample: &sample::Sample, nanos: u64) {
            let directory = self.0.join(path);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join(file_names::RESULTS), results::render(&sample.view())).unwrap();
            let file = File::options().append(true).open(directory.join(file_names::RESULTS)).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::new(1_700_000_000, nanos as u32)).unwrap();
        }

        fn add(&self, path: &str, sample: &sample::Sample, nanos: u64) {
            self.write(path, sample, nanos);
            add(&self.0, Path::new(path), &sample.view()).unwrap();
        }

        /// The paths that `index.html` lists, in order.
        fn listed(&self) -> Vec<String> {
            let html = fs::read_to_string(self.0.join(file_names::INDEX)).unwrap();
            html.split("<div class=\"quiet small\">")
                .skip(1)
                .map(|rest| rest[..rest.find('<').unwrap()].to_owned())
                .collect()
        }

        fn lines(&self) -> usize {
            fs::read_to_string(self.0.join(INDEX)).unwrap().lines().count()
        }
    }

    #[test]
    fn every_run_is_listed_the_latest_first() {
        let store = Store::new("all");
        let rows = scan(&store.0).unwrap();
        let html = page(rows.clone());
        assert_eq!(html, render(&store.0).unwrap());
        let mut rows: Vec<&IndexedRun> = rows.iter().collect();
        rows.sort_by_key(|run| std::cmp::Reverse(run.written_ns));
        let text = |row: Row| {
            let Row { tone, badge, name, path, href, headline, workload, seed, .. } = row;
            format!("{badge} ({tone}) | {name} | {path} | {href} | {headline} | {workload} | {seed}")
        };
        let rows: Vec<String> = rows.into_iter().map(|run| text(Row::new(run))).collect();
        insta::assert_snapshot!(rows.join("\n"), @r"
        ! error (error) | echo_works | three | three/ | n1 crashed | echo | 7
        ✓ valid (valid) | echo_works | cluster/two | cluster/two/ | valid | echo | 7
        ✗ invalid (invalid) | raft_is_linearizable | cluster/a b#1 | cluster/a%20b%231/ | not linearizable (key 3) | lin-kv | 7
        ");
        for part in ["✗ invalid 1", "✓ valid 1", "! error 1", "href=\"cluster/a%20b%231/report.html\""] {
            assert!(html.contains(part), "{part} is missing");
        }
    }

    #[test]
    fn an_update_appends_a_line_and_reads_no_other_run() {
        let store = Store::new("append");
        store.add("cluster/two", &sample::valid(), 20);
        assert_eq!(store.listed(), ["three", "cluster/two", "cluster/a b#1"]);
        // The other runs are listed from their lines, even if their results cannot be read.
        fs::write(store.0.join("three").join(file_names::RESULTS), "unreadable").unwrap();
        store.add("four", &sample::valid(), 40);
        assert_eq!(store.listed(), ["four", "three", "cluster/two", "cluster/a b#1"]);
        assert_eq!(store.lines(), 4);
    }

    #[test]
    fn repeated_and_deleted_runs_leave_no_outdated_rows() {
        let store = Store::new("outdated");
        store.add("three", &sample::crash(), 30);
        store.add("cluster/two", &sample::valid(), 40);
        fs::remove_dir_all(store.0.join("three")).unwrap();
        store.add("cluster/two", &sample::valid(), 50);
        assert_eq!(store.listed(), ["cluster/two", "cluster/a b#1"]);
        assert_eq!(store.lines(), 5);
        for nanos in 0..OUTDATED as u64 {
            store.add("cluster/two", &sample::valid(), nanos);
        }
        assert!(store.lines() < OUTDATED, "the index grew to {} lines", store.lines());
        assert_eq!(store.listed().len(), 2);
    }

    #[test]
    fn a_damaged_index_is_rebuilt() {
        let store = Store::new("damaged");
        store.add("cluster/two", &sample::valid(), 20);
        let whole = fs::read(store.0.join(INDEX)).unwrap();
        for damaged in [&whole[..whole.len() - 9], b"", b"{}\n"] {
            fs::write(store.0.join(INDEX), damaged).unwrap();
            store.add("four", &sample::valid(), 40);
            assert_eq!(store.listed(), ["four", "three", "cluster/two", "cluster/a b#1"]);
            assert_eq!(store.lines(), 4);
        }
    }

    #[test]
    fn concurrent_updates_lose_no_run() {
        let store = Store::new("races");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let store = &store;
                scope.spawn(move || store.add(&format!("more/{number}"), &sample::valid(), 100 + number));
            }
        });
        assert_eq!(store.listed().len(), 11);
        // The first update reads all results, also those whose own update comes later and adds a second line.
        let lines = read_index(&store.0.join(INDEX)).expect("no line is damaged");
        assert_eq!(current(&store.0, lines).len(), 11);
    }

    #[test]
    fn a_missing_store_is_an_error() {
        assert!(render(Path::new("/nowhere/at/all")).is_err());
        assert!(add(Path::new("/nowhere/at/all"), Path::new("run"), &sample::valid().view()).is_err());
    }
}
