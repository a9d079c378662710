//! The program `maelstrom`: command lines, exit statuses, and the files and processes that remain.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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

/// A working directory, which is removed when this value is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("program-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory for temporary files");
        Folder(path)
    }

    /// Runs a command line in the directory. `NODE` stands for the program, which also contains nodes.
    fn maelstrom(&self, line: &str) -> Printed {
        let node = program().to_string_lossy();
        let words = line.split_whitespace().map(|word| if word == "NODE" { &*node } else { word });
        run(Command::new(program()).args(words).current_dir(&self.0))
    }

    /// Returns the path of the history of a run of echo, which may not exist yet.
    fn history(&self) -> PathBuf {
        // The link `latest` does not exist before the end of the run.
        let run = fs::read_dir(self.0.join("store/echo")).ok().and_then(|mut runs| runs.next()?.ok());
        run.map_or_else(PathBuf::new, |run| run.path().join("history.jsonl"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is in the directory for temporary files, so it does not matter if it remains.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_command_of_the_tutorials_works_and_writes_its_files() {
    let folder = Folder::new("echo");
    let line = "test -w echo --bin NODE --node-count 1 --time-limit 1 --rate 20 --no-ssh --seed 7 node echo";
    let printed = folder.maelstrom(line).expect_status(0);
    assert!(printed.stdout.starts_with("echo: valid"), "{}", printed.stdout);
    assert!(printed.stdout.contains("seed 7") && printed.stdout.contains("--seed 7"), "{}", printed.stdout);
    assert!(printed.stderr.contains("--no-ssh has no effect"), "{}", printed.stderr);
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
    for named in [history, "store/latest"] {
        folder.maelstrom(&format!("check -w echo {named}")).expect_status(0);
    }
    folder.maelstrom("check store/latest").expect_status(0);
    let printed = folder.maelstrom(&format!("check --model list-append {history}")).expect_status(2);
    assert!(printed.stdout.contains("unknown"), "{}", printed.stdout);
}

#[test]
fn results_match_their_snapshots() {
    let folder = Folder::new("results");
    let line =
        "test -w g-set --bin NODE --node-count 3 --time-limit 5 --rate 20 --nemesis partition --nemesis-interval 2";
    let printed = folder.maelstrom(&format!("{line} --seed 7 node g-set")).expect_status(0);
    if !printed.stdout.contains("simulated") {
        println!("skipped: runs in real time differ from each other");
        return;
    }
    let read = |file: &str| fs::read_to_string(folder.0.join("store/latest").join(file)).expect("it is kept");
    insta::assert_snapshot!("results.json", without_fractions(&read("results.json")));
    insta::assert_snapshot!("results.edn", without_fractions(&read("results.edn")));
}

/// Removes the microseconds of latencies. They depend on the number of system calls of a node, and so on the compiler and the
/// C library.
fn without_fractions(text: &str) -> String {
    let is_fraction = |digits: &str| digits.len() > 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let shorten = |line: &str| match line.rsplit_once('.') {
        Some((number, rest)) => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (digits, rest) = rest.split_at(end);
            if is_fraction(digits) { format!("{number}.…{rest}\n") } else { format!("{line}\n") }
        }
        None => format!("{line}\n"),
    };
    text.lines().map(shorten).collect()
}

#[test]
fn the_journal_can_be_kept_for_failures_only() {
    let folder = Folder::new("journal");
    let line = "test -w unique-ids --bin NODE --node-count 3 --time-limit 1 --rate 50 --journal failures node";
    for (node, status, is_kept) in [("unique-ids", 0, false), ("unique-ids-bare-counter", 1, true)] {
        folder.maelstrom(&format!("{line} {node}")).expect_status(status);
        let run = folder.0.join("store/latest");
        assert_eq!(run.join("messages.jsonl").is_file(), is_kept, "{node}");
        assert!(run.join("history.jsonl").is_file() && run.join("results.json").is_file());
        let page = fs::read_to_string(run.join("report.html")).expect("it is kept");
        assert_eq!(page.contains("<a href=\"messages.jsonl\""), is_kept, "{node}");
        let again = folder.maelstrom("replay store/latest");
        assert!(again.stdout.contains("the outcome is the same"), "{node}: {}\n{}", again.stdout, again.stderr);
        assert_eq!(again.stdout.contains("messages of the stored run were not kept"), !is_kept, "{node}");
    }
}

#[test]
fn help_fits_a_narrow_terminal() {
    let words = ["test", "check", "serve", "demo"];
    for word in words {
        let printed = run(Command::new(program()).args([word, "--help"]).env("COLUMNS", "60")).expect_status(0);
        let longest = printed.stdout.lines().map(|line| line.chars().count()).max();
        assert!(longest.is_some_and(|longest| longest <= 60), "{word}: {}", printed.stdout);
    }
}

#[test]
fn the_exit_status_depends_on_the_verdict() {
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
    assert!(
        printed.stdout.contains("there is no node `no-such-node`"),
        "the output of the node is missing: {}",
        printed.stdout
    );
}

#[test]
fn maelstrom_output_sets_the_directory_of_runs() {
    let folder = Folder::new("output");
    let run_in = |output: &str, line: &str| {
        let mut command = Command::new(program());
        run(command.args(line.split(' ')).current_dir(&folder.0).env("MAELSTROM_OUTPUT", output))
    };
    let line = format!("test -w echo --bin {} --node-count 1 --time-limit 1 node echo", program().display());
    run_in("runs", &line).expect_status(0);
    assert!(folder.0.join("runs/latest/report.html").is_file());
    assert!(!folder.0.join("store").exists());
    let printed = run_in("/dev/null", &line).expect_status(255);
    let expected =
        ["error: cannot create the directory of the run `/dev/null/echo/", "`: ", "\n  help: set the environment"];
    assert!(expected.iter().all(|words| printed.stderr.contains(words)), "{}", printed.stderr);
}

#[test]
fn a_full_disk_is_an_error_without_a_report() {
    let folder = Folder::new("full-disk");
    // A small file system in a mount namespace, which disappears with the program.
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
    assert!(printed.stdout.contains("(os error 28)"), "{}", printed.stdout);
    assert!(printed.stdout.contains("the run's files in "), "{}", printed.stdout);
    assert!(!printed.stdout.contains("report.html"), "{}", printed.stdout);
    assert!(!printed.stderr.contains("panicked"), "{}", printed.stderr);
}

#[test]
fn wrong_arguments_are_one_message() {
    let folder = Folder::new("arguments");
    for (line, says) in [
        ("test -w echo", "--bin"),
        ("test -w ecko --bin NODE", "there is no workload `ecko`\n  help: did you mean \"echo\"?"),
        ("test -w echo --bin NODE --node-count 0", "is not a number of nodes"),
        ("test -w echo --bin NODE --node-count abc", "`abc` is not a number of nodes"),
        ("test -w echo --bin NODE --nodes c1,n2", "names beginning with `c` are reserved for clients"),
        ("test -w echo --bin NODE --nemesis partitoin", "did you mean \"partition\"?"),
        ("test -w echo --bin NODE --expect lost", "echo has no outcome `lost`"),
        ("tset", "tset"),
        ("check history.edn", "--workload NAME or --model NAME"),
        ("check -w echo no-such-file", "no-such-file"),
        ("replay no-such-run", "`no-such-run` is not the directory of a run"),
    ] {
        let printed = folder.maelstrom(line).expect_status(254);
        assert!(printed.stderr.contains(says), "{line}: {}", printed.stderr);
        assert!(!printed.stderr.contains("panicked"), "{line}: {}", printed.stderr);
    }
    assert!(!folder.0.join("store").exists(), "nothing was run");
}

#[test]
fn errors_in_histories_have_positions() {
    let folder = Folder::new("check");
    let edn = "{:type :invoke, :f :add, :process 0, :value 1}\n{:type :ok, :f :add, :process 0, :value 1}\n\
               {:type :invoke, :f :read, :process 1}\n{:type :ok, :f :read, :process 1, :value #{1}}\n";
    fs::write(folder.0.join("good.edn"), edn).expect("it can be written");
    fs::write(folder.0.join("lost.edn"), edn.replace("#{1}", "#{}")).expect("it can be written");
    fs::write(folder.0.join("broken.edn"), format!("{edn}\n{{:type :oops}}")).expect("it can be written");
    folder.maelstrom("check --model set good.edn").expect_status(0);
    fs::write(folder.0.join("empty.edn"), "").expect("it can be written");
    let printed = folder.maelstrom("check --model set empty.edn").expect_status(254);
    assert_eq!(printed.stderr, "error: empty.edn: the history has no entries\n");
    let printed = folder.maelstrom("check --model set --json lost.edn").expect_status(1);
    let results: serde_json::Value = serde_json::from_str(&printed.stdout).expect("results are JSON");
    assert_eq!(results["anomalies"][0]["anomaly"], "lost");
    let printed = folder.maelstrom("check --model set broken.edn").expect_status(254);
    assert!(printed.stderr.contains("broken.edn: line 6, column "), "{}", printed.stderr);
}

#[test]
fn doc_prints_the_reference() {
    let printed = Folder::new("doc").maelstrom("doc").expect_status(0);
    for words in ["### lin-kv", "`--node-count N`", "MAELSTROM_SEEDS"] {
        assert!(printed.stdout.contains(words), "{words}");
    }
}

#[test]
fn the_demo_runs_every_workload() {
    let printed = Folder::new("demo").maelstrom("demo --time-limit 3").expect_status(0);
    assert_eq!(printed.stdout.matches(": valid").count(), 10, "{}", printed.stdout);
    assert_eq!(printed.stdout.matches("again   maelstrom replay ").count(), 10, "{}", printed.stdout);
}

#[test]
fn closed_output_streams_do_not_change_the_exit_status() {
    let folder = Folder::new("readers");
    let line = ["test", "-w", "echo", "--time-limit", "1", "--test-count", "2", "--check-determinism", "--bin"];
    let mut program = Command::new(program())
        .args(line)
        .args([program().as_os_str(), "node".as_ref(), "echo".as_ref()])
        .current_dir(&folder.0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    drop((program.stdout.take(), program.stderr.take()));
    assert_eq!(program.wait().expect("it ends").code(), Some(0));
}

#[test]
fn runs_are_deterministic_in_virtual_time_only() {
    let folder = Folder::new("determinism");
    let line =
        "test -w lin-kv --bin NODE --nemesis partition,kill --time-limit 5 --rate 50 --seed 1 --check-determinism";
    let printed = folder.maelstrom(&format!("{line} node lin-kv-raft")).expect_status(0);
    assert!(printed.stdout.contains("deterministic: two runs with seed 1"), "{}", printed.stdout);
    let line = "test -w echo --bin NODE --node-count 1 --time-limit 1 --rate 20 --time real --check-determinism";
    let printed = folder.maelstrom(&format!("{line} node echo")).expect_status(1);
    assert!(
        printed.stdout.contains("not deterministic: ") && printed.stdout.contains("history.jsonl differs in line 1")
    );
    assert!(folder.0.join("store/latest/first-run/history.jsonl").is_file());
}

#[test]
fn check_determinism_keeps_the_exit_status() {
    let folder = Folder::new("determinism-exit");
    let line = "test --bin NODE --node-count 3 --time-limit 1 --seed 1 --check-determinism";
    for (rest, status, outcome) in [
        ("-w echo node no-such-node", 255, "error"),
        ("-w unique-ids --rate 50 node unique-ids-bare-counter", 1, "invalid"),
        ("-w echo --rate 0 node echo", 2, "unknown"),
    ] {
        let printed = folder.maelstrom(&format!("{line} {rest}")).expect_status(status);
        let last = printed.stdout.lines().last().unwrap_or_default();
        assert!(last.starts_with(&format!("outcome {outcome}, ")), "{rest}: {last}");
    }
}

/// Writes a node with a daemon in a separate session. The fifo has a writer while one of them is alive.
fn write_node_with_daemon(folder: &Path) -> PathBuf {
    let (fifo, program) = (folder.join("fifo"), program().display());
    let made = Command::new("mkfifo").arg(&fifo).status().expect("there is a mkfifo");
    assert!(made.success());
    let text =
        format!("#!/bin/sh\nexec 9>{}\nsetsid sleep 100000000 <&- >&- &\nexec {program} node echo\n", fifo.display());
    write_program(&folder.join("node.sh"), &text)
}

/// Sends the program a signal during a run, and waits until all its descendants have exited.
fn end_by(signal: &str, time: &str, is_output_read: bool) -> (Folder, Printed) {
    let folder = Folder::new(&format!("end{signal}-{time}-{is_output_read}"));
    let node = write_node_with_daemon(&folder.0);
    let fifo = Fifo::open(&folder);
    let mut running = start_endless_run(&folder, &node, time);
    while fs::read(folder.history()).map_or(0, |history| history.len()) < 2_000 {
        assert!(running.try_wait().expect("it is our child").is_none(), "the run ended before the signal");
        std::thread::yield_now();
    }
    if !is_output_read {
        drop((running.stdout.take(), running.stderr.take()));
    }
    send(signal, &running);
    let printed = running.wait_with_output().expect("it is our child").into();
    fifo.wait_for_writers_to_end();
    let history = fs::read_to_string(folder.history()).expect("it is kept");
    assert!(history.lines().count() > 10, "{history}");
    (folder, printed)
}

fn start_endless_run(folder: &Folder, node: &Path, time: &str) -> Child {
    // Virtual time is fast. This run does not end before the signal.
    let line = format!("test -w echo --node-count 2 --rate 50 --time {time} --time-limit 1000000 --bin");
    Command::new(program())
        .args(line.split(' '))
        .arg(node)
        .current_dir(&folder.0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be run")
}

fn send(signal: &str, to: &Child) {
    let sent = Command::new("kill").args([signal, &to.id().to_string()]).status().expect("there is a kill");
    assert!(sent.success());
}

/// The reading end of the fifo `fifo` in a folder.
struct Fifo(File);

impl Fifo {
    fn open(folder: &Folder) -> Fifo {
        const NONBLOCK: i32 = 0o4000;
        let fifo = File::options().read(true).custom_flags(NONBLOCK).open(folder.0.join("fifo"));
        Fifo(fifo.expect("it was just made"))
    }

    /// Waits until a byte is written.
    fn wait_for_byte(&self, running: &mut Child) {
        while !matches!((&self.0).read(&mut [0]), Ok(1)) {
            assert!(running.try_wait().expect("it is our child").is_none(), "the run ended before the signal");
            std::thread::yield_now();
        }
    }

    /// Waits until the fifo has no writers.
    fn wait_for_writers_to_end(&self) {
        loop {
            match (&self.0).read(&mut [0; 64]) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) => panic!("the fifo cannot be read: {error}"),
            }
        }
    }
}

/// Nodes that keep the processor, the kernel or the tracer busy, or do not exit by themselves.
const BUSY: &[(&str, &str)] = &[
    ("computes", "while True: pass"),
    ("calls", "while True: os.getppid()"),
    ("looks at the clock", "while True: time.time()"),
    ("polls", "while True: select.select([0], [], [], 0)"),
    ("starts processes", "while True: subprocess.run(['true'], close_fds=False)"),
    ("has two threads that compute", "threading.Thread(target=compute).start(); compute()"),
    ("ignores signals", "[signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]\nwhile True: time.sleep(0.001)"),
    ("stops itself", "os.kill(os.getpid(), signal.SIGSTOP)"),
];

#[test]
fn runs_with_busy_nodes_can_be_interrupted() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    for (number, (what, text)) in BUSY.iter().enumerate() {
        for (time, signal) in [("real", "-INT"), ("auto", ["-INT", "-TERM"][number % 2])] {
            let folder = Folder::new(&format!("busy-{number}-{time}"));
            let node = write_busy_node(&folder.0, text);
            let fifo = Fifo::open(&folder);
            let mut running = start_endless_run(&folder, &node, time);
            fifo.wait_for_byte(&mut running);
            send(signal, &running);
            let printed: Printed = running.wait_with_output().expect("it is our child").into();
            let printed = printed.expect_status(255);
            assert!(printed.stdout.contains("interrupted"), "a node that {what}, {time}: {}", printed.stdout);
            fifo.wait_for_writers_to_end();
        }
    }
}

/// Writes a node that answers `init`, writes to the fifo, and then runs `text`. The fifo has a writer while the node or one of
/// its children is alive.
fn write_busy_node(folder: &Path, text: &str) -> PathBuf {
    let fifo = folder.join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().expect("there is a mkfifo");
    assert!(made.success());
    let fifo = fifo.display();
    let text = format!(
        r#"#!/usr/bin/env python3
import json, os, select, signal, subprocess, sys, threading, time
fifo = os.open("{fifo}", os.O_WRONLY)
os.set_inheritable(fifo, True)
def compute():
    while True: pass
request = json.loads(sys.stdin.readline())
body = {{"type": "init_ok", "in_reply_to": request["body"]["msg_id"]}}
print(json.dumps({{"src": request["dest"], "dest": request["src"], "body": body}}), flush=True)
os.write(fifo, b"x")
{text}
"#
    );
    write_program(&folder.join("node.py"), &text)
}

fn write_program(file: &Path, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(file, text).expect("it can be written");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("it is ours");
    file.to_path_buf()
}

#[test]
fn an_interrupted_run_writes_its_report_and_leaves_no_process() {
    for time in ["real", "auto"] {
        for signal in ["-INT", "-TERM"] {
            let (folder, printed) = end_by(signal, time, true);
            let printed = printed.expect_status(255);
            assert!(printed.stdout.contains("interrupted"), "{}", printed.stdout);
            for file in ["report.txt", "report.html", "results.json", "history.edn", "messages.jsonl"] {
                assert!(folder.0.join("store/latest").join(file).is_file(), "{time} {signal}: {file}");
            }
            let report = fs::read_to_string(folder.0.join("store/latest/report.txt")).expect("it was written");
            assert!(report.contains("interrupted"), "{report}");
        }
    }
}

#[test]
fn runs_with_closed_output_streams_can_be_interrupted() {
    let (folder, printed) = end_by("-INT", "auto", false);
    printed.expect_status(255);
    assert!(folder.0.join("store/latest/report.txt").is_file());
}

#[test]
fn a_killed_program_leaves_its_history_and_no_process() {
    for time in ["real", "auto"] {
        let (_folder, printed) = end_by("-KILL", time, true);
        assert_eq!(printed.status, None, "{}", printed.stderr);
    }
}
