//! Compares the report of a run with its snapshot.

use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::body;
use super::case::Case;
use crate::report::{TimeMode, snapshot};
use crate::scenario::Run;

/// Compares the report with the snapshot of the case, with insta.
///
/// # Errors
/// Fails if they differ, or if there is no snapshot yet. The message shows the difference.
pub(super) fn compare(case: &Case, run: &Run) -> Result<(), String> {
    let text = match case.function.snapshot {
        "full" if run.time_mode == TimeMode::Virtual => snapshot::full(&run.view()),
        "full" => {
            eprintln!("{}: skipped the full snapshot, which needs virtual time", case.name);
            return Ok(());
        }
        _ => snapshot::stable(&run.view()),
    };
    let directory = directory(case);
    let name = case.snapshot_name();
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(&directory);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let assertion = || settings.bind(|| (case.function.assert_snapshot)(&name, &text));
    let compared = body::catch(|| {
        assertion();
        Ok(())
    });
    compared.map_err(|_| {
        let file = directory.join(format!("{name}.snap"));
        let stored = std::fs::read_to_string(&file).ok().map(|stored| body_of(&stored).to_owned());
        explain(&file, stored.as_deref(), &text)
    })
}

/// Returns the directory `snapshots` beside the source of the test, or `tests/snapshots` if the source is not found.
fn directory(case: &Case) -> PathBuf {
    let package = super::paths::package_directory(case.function.package_directory);
    let (source, _) = case.function.source;
    // The compiler's path of the source may be relative to the root of the workspace, so only its last components count.
    let components: Vec<_> = Path::new(source).components().collect();
    let of_package = (0..components.len())
        .map(|skip| package.join(components[skip..].iter().collect::<PathBuf>()))
        .find(|path| path.is_file());
    let folder = of_package.as_deref().and_then(Path::parent).map(Path::to_path_buf);
    folder.unwrap_or_else(|| package.join("tests")).join("snapshots")
}

/// Returns the content of a snapshot file without its header.
fn body_of(file: &str) -> &str {
    let after = file.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    after.map_or(file, |(_, body)| body)
}

/// Describes the difference. If there is no snapshot yet, shows the whole report.
fn explain(file: &Path, stored: Option<&str>, found: &str) -> String {
    let help = "help: run `cargo insta review`, or set INSTA_UPDATE=always, to accept the new report";
    let file = file.display();
    // Insta ignores line feeds at the end.
    let found = format!("{}\n", found.trim_end());
    let (headline, body) = match stored {
        None => (format!("there is no snapshot yet in {file}\n  {help}"), found),
        Some(stored) => {
            let stored = format!("{}\n", stored.trim_end());
            let diff = TextDiff::from_lines(&stored, &found);
            let unified = diff.unified_diff().context_radius(3).header("stored", "new").to_string();
            (format!("the report differs from the snapshot in {file}\n  {help}"), unified)
        }
    };
    let indented: String = body.lines().map(|line| format!("    {line}\n")).collect();
    format!("{headline}\n{indented}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_snapshot_is_removed() {
        assert_eq!(body_of("---\nsource: x\n---\na\nb\n"), "a\nb\n");
        assert_eq!(body_of("a\n"), "a\n");
    }

    #[test]
    fn differences_are_shown_as_a_unified_diff() {
        let stored = "echo: valid\n\n  scenario  3 nodes\n  faults    none\n  ops       7\n  net       1\n  end\n";
        let found = stored.replace("valid", "invalid");
        let expected = "\
the report differs from the snapshot in x.snap
  help: run `cargo insta review`, or set INSTA_UPDATE=always, to accept the new report
    --- stored
    +++ new
    @@ -1,4 +1,4 @@
    -echo: valid
    +echo: invalid
     \n       scenario  3 nodes
       faults    none
";
        assert_eq!(explain(Path::new("x.snap"), Some(stored), &found), expected);
    }

    #[test]
    fn a_report_without_snapshot_is_shown_whole() {
        let expected = "there is no snapshot yet in x.snap\n  help: run `cargo insta review`, or set \
                        INSTA_UPDATE=always, to accept the new report\n    invalid\n";
        assert_eq!(explain(Path::new("x.snap"), None, "invalid\n"), expected);
    }
}
