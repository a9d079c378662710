//! Comparing a run's report with the one under version control.

use std::path::{Path, PathBuf};

use super::body;
use super::case::Case;
use crate::report::{TimeMode, snapshot};
use crate::scenario::Run;

/// Compares the report with the snapshot of the case's name, by insta.
///
/// # Errors
/// That they differ, or that there is no snapshot yet, and what to do.
pub(super) fn compare(case: &Case, run: &Run) -> Result<(), String> {
    let text = match case.function.snapshot {
        "full" if run.time_mode == TimeMode::Virtual => snapshot::full(&run.view()),
        "full" => {
            eprintln!("{}: the full snapshot was not compared: it needs virtual time", case.name);
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

/// `tests/snapshots`, or wherever the folder `snapshots` beside the test's source is.
fn directory(case: &Case) -> PathBuf {
    let package = super::paths::package_directory(case.function.package_directory);
    let (source, _) = case.function.source;
    // The compiler's path of the source may begin at the workspace's root: only its end counts.
    let components: Vec<_> = Path::new(source).components().collect();
    let of_package = (0..components.len())
        .map(|skip| package.join(components[skip..].iter().collect::<PathBuf>()))
        .find(|path| path.is_file());
    let folder = of_package.as_deref().and_then(Path::parent).map(Path::to_path_buf);
    folder.unwrap_or_else(|| package.join("tests")).join("snapshots")
}

/// What a snapshot file holds after its header.
fn body_of(file: &str) -> &str {
    let after = file.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    after.map_or(file, |(_, body)| body)
}

/// Both sides, and what to do.
fn explain(file: &Path, stored: Option<&str>, found: &str) -> String {
    let indented = |text: &str| text.trim_end().lines().map(|line| format!("    {line}\n")).collect::<String>();
    let review = "run `cargo insta review`, or set INSTA_UPDATE=always, to accept the new report";
    match stored {
        None => format!("there is no snapshot yet in {}; {review}:\n{}", file.display(), indented(found)),
        Some(stored) => format!(
            "the report differs from the snapshot in {}; {review}\n  stored:\n{}  now:\n{}",
            file.display(),
            indented(stored),
            indented(found)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_snapshot_is_not_its_body() {
        assert_eq!(body_of("---\nsource: x\n---\na\nb\n"), "a\nb\n");
        assert_eq!(body_of("a\n"), "a\n");
    }

    #[test]
    fn both_sides_are_shown() {
        let text = explain(Path::new("x.snap"), Some("valid"), "invalid\n");
        assert!(text.contains("    valid\n") && text.contains("    invalid\n"), "{text}");
        assert!(explain(Path::new("x.snap"), None, "invalid").contains("no snapshot yet"));
    }
}
