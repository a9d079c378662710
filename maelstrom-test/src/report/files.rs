//! The files that are written when a run is finished.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;

use super::diagram::Diagram;
use super::{Latencies, RunView, fault_spans, file_names, html, journal, node_log, picture, results, text};
use crate::history::HistoryFormat;

/// The maximum number of pictures of anomalies that are written as separate files.
const PICTURES: usize = 8;

/// Writes `report.txt`, `report.html`, `timeline.html`, `results.json`, `results.edn`, the history in three formats, and
/// every picture.
///
/// Each file is written under a temporary name and then renamed, so it is never incomplete. Network events that prove an
/// anomaly but are not in memory are read from `messages.jsonl` in the same directory.
///
/// # Errors
/// Fails if a file cannot be written. The error names the file.
pub fn write(view: &RunView<'_>, directory: &Path) -> io::Result<()> {
    let journal = journal::with_proof(view, &directory.join(file_names::MESSAGES));
    let lines = node_log::placed(view.logs, &journal::shown(view));
    let view = &RunView { journal: &journal, ..view.clone() };
    let put = |name: &str, content: String| write_file(&directory.join(name), content.as_bytes());
    put(file_names::REPORT_TEXT, text::render(view, text::Style::PLAIN))?;
    put(file_names::RESULTS, results::render(view))?;
    put(file_names::RESULTS_EDN, results::render_edn(view))?;
    put(file_names::REPORT, html::report(view, &lines))?;
    put(file_names::TIMELINE, html::timeline(view, &lines))?;
    pictures(view, put)?;
    for (name, format) in [
        (file_names::HISTORY, HistoryFormat::JsonLines),
        (file_names::HISTORY_EDN, HistoryFormat::Edn),
        (file_names::HISTORY_TEXT, HistoryFormat::Text),
    ] {
        write_with(&directory.join(name), |to| view.history.write(to, format))?;
    }
    Ok(())
}

fn pictures(view: &RunView<'_>, put: impl Fn(&str, String) -> io::Result<()>) -> io::Result<()> {
    let faults = fault_spans(view.history);
    let latencies = Latencies::of(view.history);
    put(file_names::LATENCY_RAW, picture::raw(&latencies, view.duration, &faults).file())?;
    put(file_names::LATENCY_QUANTILES, picture::quantiles(&latencies, view.duration, &faults).file())?;
    put(file_names::RATE, picture::rate(&latencies, view.duration, &faults).file())?;
    put(
        file_names::MESSAGES_DIAGRAM,
        picture::messages(&Diagram::of(view), &format!("Messages of {}", view.name)).file(),
    )?;
    let found = view.violations();
    let drawn = found.iter().filter_map(|finding| Some((finding, finding.picture.as_ref()?)));
    for (number, (finding, data)) in drawn.take(PICTURES).enumerate() {
        // A user's workload can give an anomaly any name.
        let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        let name: String = finding.anomaly.chars().take(40).map(safe).collect();
        put(&format!("anomaly-{}-{name}.svg", number + 1), picture::anomaly(data, &finding.headline).file())?;
    }
    Ok(())
}

/// Writes a file atomically: other processes see the old content or the new content.
pub(super) fn write_file(path: &Path, content: &[u8]) -> io::Result<()> {
    write_with(path, |file| io::Write::write_all(file, content))
}

fn write_with(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Several processes may write the same file at once.
    let temporary = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let result = File::create(&temporary).and_then(|file| {
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&temporary, path)
    });
    result.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        named(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::{Cycle, Picture};
    use crate::report::sample;

    fn directory(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("maelstrom-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn exactly_the_documented_files_are_written() {
        let mut sample = sample::stale_read();
        let finding = &mut sample.parts[2].verdict.findings[0];
        finding.picture = Some(Picture::Cycle(Cycle::default()));
        finding.anomaly = "../G0".into();
        let directory = directory("files");
        write(&sample.view(), &directory).unwrap();
        let mut names: Vec<String> =
            fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "anomaly-1-___G0.svg",
                "history.edn",
                "history.jsonl",
                "history.txt",
                "latency-quantiles.svg",
                "latency-raw.svg",
                "messages.svg",
                "rate.svg",
                "report.html",
                "report.txt",
                "results.edn",
                "results.json",
                "timeline.html"
            ]
        );
        let history = fs::read(directory.join("history.jsonl")).unwrap();
        assert_eq!(crate::history::History::read(&history[..]).unwrap(), sample.history);
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn errors_name_the_file() {
        let error = write(&sample::valid().view(), Path::new("/nowhere/at/all")).unwrap_err();
        assert!(error.to_string().starts_with("cannot write /nowhere/at/all/report.txt: "), "{error}");
    }
}
