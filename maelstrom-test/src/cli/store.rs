//! Links to the latest runs: `store/latest`, `store/<workload>/latest`; and to the one that is going on: `store/current`.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::scenario;

/// The folder of all runs: what `MAELSTROM_OUTPUT` says, else `store`.
pub(super) fn folder() -> PathBuf {
    scenario::named_output().unwrap_or_else(|| scenario::STORE.into())
}

/// Points the links at a run's directory, `store/<workload>/<time>`. Says so on standard error if that is not possible;
/// the run itself does not suffer.
pub(super) fn link(run: &Path, workload: &str) {
    let (Some(name), Some(of_workload)) = (run.file_name(), run.parent()) else { return };
    let Some(store) = of_workload.parent() else { return };
    let links =
        [(of_workload.join("latest"), PathBuf::from(name)), (store.join("latest"), Path::new(workload).join(name))];
    for (link, target) in links {
        if let Err(error) = replace(&link, &target) {
            eprintln!("note: {} cannot be made a link to {}: {error}", link.display(), target.display());
        }
    }
}

/// Points `store/current` at the directory of a run that is about to begin.
pub(super) fn link_current(run: &Path, workload: &str) {
    let (Some(name), Some(store)) = (run.file_name(), run.parent().and_then(Path::parent)) else { return };
    let link = store.join("current");
    // Whoever cannot write there learns it from the run itself.
    let _ = fs::create_dir_all(store).and_then(|()| replace(&link, &Path::new(workload).join(name)));
}

/// Replaces a link, if there is one, but nothing else.
fn replace(link: &Path, target: &Path) -> io::Result<()> {
    match fs::symlink_metadata(link) {
        Ok(data) if data.file_type().is_symlink() => fs::remove_file(link)?,
        Ok(_) => return Err(io::Error::other("something else has that name")),
        Err(_) => {}
    }
    symlink(target, link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_follow_the_latest_run() {
        let store = std::env::temp_dir().join(format!("maelstrom-store-{}", std::process::id()));
        for name in ["1", "2"] {
            let run = store.join("echo").join(name);
            fs::create_dir_all(&run).expect("a directory");
            link_current(&run, "echo");
            link(&run, "echo");
            for latest in [store.join("latest"), store.join("echo/latest"), store.join("current")] {
                assert_eq!(fs::canonicalize(latest).expect("a link"), fs::canonicalize(&run).expect("a directory"));
            }
        }
        fs::remove_dir_all(&store).expect("it was made above");
    }
}
