//! The program `maelstrom` as people call it: command lines, exit statuses, what is left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use maelstrom_e2e::{Printed, repository, run, target_directory};

/// The program, built once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let words = ["build", "--offline", "-p", "maelstrom-test", "--features", "cli", "--bin", "maelstrom"];
        let target = target_directory();
        run(Command::new("cargo").args(words).current_dir(repository()).env("CARGO_TARGET_DIR", &target))
            .expect_status(0);
        target.join("debug/maelstrom")
    })
}

/// A directory to work in, removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("program-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory for temporary files");
        Folder(path)
    }

    /// Runs a command line, blank-separated, in the folder. `NODE` stands for the program itself, which is also a node.
    fn maelstrom(&self, line: &str) -> Printed {
        let node = program().to_string_lossy();
        let words = line.split_whitespace().map(|word| if word == "NODE" { &*node } else { word });
        run(Command::new(program()).args(words).current_dir(&self.0))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is among temporary files: what cannot be removed now goes some other time.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_line_of_a_tutorial_works_and_leaves_its_files() {
    let folder = Folder::new("echo");
    let line = "test -w echo --bin NODE --node-count 1 --time-limit 1 --rate 20 --no-ssh --seed 7 node echo";
    let printed = folder.maelstrom(line).expect_status(0);
    assert!(printed.stdout.starts_with("echo: valid"), "{}", printed.stdout);
    assert!(printed.stdout.contains("seed 7") && printed.stdout.contains("--seed 7"), "{}", printed.stdout);
    assert!(printed.stderr.contains("--no-ssh means nothing here"), "{}", printed.stderr);
    for latest in ["store/latest", "store/echo/latest"] {
        for file in ["history.jsonl", "messages.jsonl", "scenario.json", "node-logs/n0.log"] {
            assert!(folder.0.join(latest).join(file).is_file(), "{latest}/{file}");
        }
    }
    if printed.stdout.contains("simulated") {
        let printed = folder.maelstrom("replay store/latest").expect_status(0);
        assert!(printed.stdout.ends_with("the outcome is the same\n"), "{}", printed.stdout);
    }
    let history = "store/latest/history.jsonl";
    folder.maelstrom(&format!("check -w echo {history}")).expect_status(0);
    let printed = folder.maelstrom(&format!("check --model list-append {history}")).expect_status(2);
    assert!(printed.stdout.contains("unknown"), "{}", printed.stdout);
}

#[test]
fn the_exit_status_tells_the_verdict() {
    let folder = Folder::new("status");
    let bad = "test -w unique-ids --bin NODE --node-count 3 --time-limit 1 --rate 50";
    let printed = folder.maelstrom(&format!("{bad} --topology line node unique-ids-bare-counter")).expect_status(1);
    assert!(
        printed.stdout.contains("the workload unique-ids does not use the option `topology`"),
        "{}",
        printed.stdout
    );
    folder.maelstrom(&format!("{bad} --expect duplicated node unique-ids-bare-counter")).expect_status(0);
    folder.maelstrom(&format!("{bad} --expect duplicated node unique-ids")).expect_status(1);
    folder.maelstrom("test -w echo --bin NODE --node-count 1 --time-limit 1 --rate 0 node echo").expect_status(2);
    let printed = folder.maelstrom("test -w echo --bin NODE --node-count 1 --time-limit 1 node no-such-node");
    let printed = printed.expect_status(255);
    assert!(printed.stdout.contains("there is no node `no-such-node`"), "its last words: {}", printed.stdout);
}

#[test]
fn a_full_disk_is_named_and_no_report_is_promised() {
    let folder = Folder::new("full-disk");
    // A file system of its own, as small as can be, that nobody else sees and that goes with the program.
    let inside = |then: &str| {
        let mount = format!("mount -t tmpfs -o size=128k tmpfs . && cd \"$PWD\" && {then}");
        run(Command::new("unshare").args(["-Urm", "sh", "-c", &mount]).arg(program()).current_dir(&folder.0))
    };
    if inside("true").status != Some(0) {
        eprintln!("skipped: file systems cannot be mounted here");
        return;
    }
    let printed = inside("\"$0\" test -w echo --bin \"$0\" --time-limit 60 --rate 100 node echo");
    let printed = printed.expect_status(255);
    assert!(printed.stdout.contains("No space left on device"), "{}", printed.stdout);
    assert!(printed.stdout.contains("the run's files in "), "{}", printed.stdout);
    assert!(!printed.stdout.contains("report.html"), "{}", printed.stdout);
    assert!(!printed.stderr.contains("panicked"), "{}", printed.stderr);
}

#[test]
fn bad_arguments_are_one_clear_message() {
    let folder = Folder::new("arguments");
    for (line, says) in [
        ("test -w echo", "--bin"),
        ("test -w ecko --bin NODE", "(did you mean \"echo\"?)"),
        ("test -w echo --bin NODE --node-count 0", "is not a number of nodes"),
        ("test -w echo --bin NODE --nodes c1,n2", "names that begin with `c` are clients'"),
        ("test -w echo --bin NODE --nemesis partitoin", "did you mean \"partition\"?"),
        ("test -w echo --bin NODE --expect lost", "is not something to expect of echo"),
        ("tset", "tset"),
        ("check history.edn", "--workload NAME or --model NAME"),
        ("check -w echo no-such-file", "no-such-file"),
        ("replay no-such-run", "does not hold a run"),
    ] {
        let printed = folder.maelstrom(line).expect_status(254);
        assert!(printed.stderr.contains(says), "{line}: {}", printed.stderr);
        assert!(!printed.stderr.contains("panicked"), "{line}: {}", printed.stderr);
    }
    assert!(!folder.0.join("store").exists(), "nothing was run");
}

#[test]
fn histories_are_read_in_both_notations_and_errors_have_places() {
    let folder = Folder::new("check");
    let edn = "{:type :invoke, :f :add, :process 0, :value 1}\n{:type :ok, :f :add, :process 0, :value 1}\n\
               {:type :invoke, :f :read, :process 1}\n{:type :ok, :f :read, :process 1, :value #{1}}\n";
    fs::write(folder.0.join("good.edn"), edn).expect("it can be written");
    fs::write(folder.0.join("lost.edn"), edn.replace("#{1}", "#{}")).expect("it can be written");
    fs::write(folder.0.join("broken.edn"), format!("{edn}\n{{:type :oops}}")).expect("it can be written");
    folder.maelstrom("check --model set good.edn").expect_status(0);
    let printed = folder.maelstrom("check --model set --json lost.edn").expect_status(1);
    let results: serde_json::Value = serde_json::from_str(&printed.stdout).expect("results are JSON");
    assert_eq!(results["anomalies"][0]["anomaly"], "lost");
    let printed = folder.maelstrom("check --model set broken.edn").expect_status(254);
    assert!(printed.stderr.contains("broken.edn: line 6, column "), "{}", printed.stderr);
}

#[test]
fn the_reference_is_generated() {
    let printed = Folder::new("doc").maelstrom("doc").expect_status(0);
    for words in ["### lin-kv", "`--node-count N`", "MAELSTROM_SEEDS"] {
        assert!(printed.stdout.contains(words), "{words}");
    }
}

#[test]
fn the_demo_runs_every_workload() {
    let printed = Folder::new("demo").maelstrom("demo --time-limit 3").expect_status(0);
    assert_eq!(printed.stdout.matches(": valid").count(), 10, "{}", printed.stdout);
}

#[test]
fn a_run_in_virtual_time_is_repeated_exactly_and_one_in_real_time_is_not() {
    let folder = Folder::new("determinism");
    let line =
        "test -w lin-kv --bin NODE --nemesis partition,kill --time-limit 5 --rate 50 --seed 3 --check-determinism";
    let printed = folder.maelstrom(&format!("{line} node lin-kv-raft")).expect_status(0);
    assert!(printed.stdout.contains("deterministic: two runs with seed 3"), "{}", printed.stdout);
    let line = "test -w echo --bin NODE --node-count 1 --time-limit 1 --rate 20 --time real --check-determinism";
    let printed = folder.maelstrom(&format!("{line} node echo")).expect_status(1);
    assert!(
        printed.stdout.contains("not deterministic: ") && printed.stdout.contains("history.jsonl differs in line 1")
    );
    assert!(folder.0.join("store/latest/first-run/history.jsonl").is_file());
}
