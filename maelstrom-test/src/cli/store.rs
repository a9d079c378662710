//! Symbolic links to runs.
//!
//! | link | run |
//! | --- | --- |
//! | `store/latest` | the run that ended last |
//! | `store/<workload>/latest` | the run of a workload that ended last |
//! | `store/current` | the run that was started last |

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::scenario;

/// Returns the directory of all runs: the value of `MAELSTROM_OUTPUT`, otherwise `store`.
pub(super) fn directory() -> PathBuf {
    scenario::named_output().unwrap_or_else(|| scenario::STORE.into())
}

/// Points the links `latest` at the directory of a run, `store/<workload>/<time>`. Errors only cause a note on standard
/// error.
pub(super) fn link(run: &Path, workload: &str) {
    let (Some(name), Some(of_workload)) = (run.file_name(), run.parent()) else { return };
    let Some(store) = of_workload.parent() else { return };
    let links =
        [(of_workload.join("latest"), PathBuf::from(name)), (store.join("latest"), Path::new(workload).join(name))];
    for (link, target) in links {
        if let Err(error) = replace(&link, &target) {
            eprintln!("note: cannot link `{}` to `{}`: {error}", link.display(), target.display());
        }
    }
}

/// Points `store/current` at the directory of a run that is about to start.
pub(super) fn link_current(run: &Path, workload: &str) {
    let (Some(name), Some(store)) = (run.file_name(), run.parent().and_then(Path::parent)) else { return };
    let link = store.join("current");
    // If the directory is not writable, the run reports the error.
    let _ = fs::create_dir_all(store).and_then(|()| replace(&link, &Path::new(workload).join(name)));
}

/// Creates a link or replaces an existing one. Does not replace other files.
fn replace(link: &Path, target: &Path) -> io::Result<()> {
    match fs::symlink_metadata(link) {
        Ok(data) if data.file_type().is_symlink() => fs::remove_file(link)?,
        Ok(_) => return Err(io::Error::other("a file with this name exists and is not a link")),
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
            fs::create_dir_all(&run).expect("the directory can be created");
            link_current(&run, "echo");
            link(&run, "echo");
            for latest in [store.join("latest"), store.join("echo/latest"), store.join("current")] {
                assert_eq!(
                    fs::canonicalize(latest).expect("the link exists"),
                    fs::canonicalize(&run).expect("the directory exists")
                );
            }
        }
        fs::remove_dir_all(&store).expect("the directory can be removed");
    }
}
