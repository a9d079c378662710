//! No process remains after a run, even if the run is killed, and the history of a killed run is on disk.
//!
//! The nodes and the daemons that they fork keep a fifo open. The tests wait for the end of the fifo, which a reader sees when
//! the last of these processes has exited.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use maelstrom::{RunError, Scenario};

/// An echo node with a daemon: it forks twice, and the daemon is in a separate session.
const NODE: &str = r#"
import json, os, sys
fifo = os.open(os.environ["FIFO"], os.O_WRONLY)
os.set_inheritable(fifo, True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.close(0); os.close(1)
        while True:
            os.read(os.pipe()[0], 1)
    os._exit(0)
for line in sys.stdin:
    message = json.loads(line)
    body = message["body"]
    body["type"] += "_ok"
    body["in_reply_to"] = body.pop("msg_id")
    if body["type"] == "init_ok":
        body = {"type": "init_ok", "in_reply_to": body["in_reply_to"]}
    print(json.dumps({"src": message["dest"], "dest": message["src"], "body": body}), flush=True)
"#;

/// The environment variable of the process that a test starts and then kills.
const VICTIM: &str = "MAELSTROM_TEST_VICTIM";

/// The environment variable with the clock of this process.
const CLOCK: &str = "MAELSTROM_TEST_CLOCK";

/// A directory with a fifo.
struct TestDirectory {
    directory: PathBuf,
}

impl TestDirectory {
    fn new(name: &str) -> TestDirectory {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("the directory for tests can be written");
        let made = Command::new("mkfifo").arg(directory.join("fifo")).status().expect("there is a mkfifo");
        assert!(made.success());
        TestDirectory { directory }
    }

    fn fifo(&self) -> PathBuf {
        self.directory.join("fifo")
    }

    /// Opens the fifo without waiting for a writer.
    fn reader(&self) -> File {
        use std::os::unix::fs::OpenOptionsExt;
        let reader = File::options().read(true).custom_flags(0o4000).open(self.fifo()).expect("the fifo exists");
        assert!(reader.as_raw_fd() >= 0);
        reader
    }

    fn run_directory(&self) -> PathBuf {
        self.directory.join("run")
    }
}

impl Drop for TestDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn scenario(directory: &Path, command: &[&str]) -> Scenario {
    Scenario::new("echo")
        .shrink(0)
        .command(command.iter().copied())
        .env("FIFO", directory.join("fifo"))
        .directory(directory.join("run"))
        .nodes(2u64)
        .rate(50)
        .time("real")
        .time_limit("1s")
}

/// Waits until all processes that have the fifo open for writing have exited.
fn wait_for_exits(mut reader: File) {
    // The descriptor does not block, so poll until the end of the fifo.
    let mut byte = [0];
    loop {
        match reader.read(&mut byte) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => panic!("the fifo cannot be read: {error}"),
        }
    }
}

fn python() -> bool {
    let found = Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_ok_and(|s| s.success());
    if !found {
        eprintln!("skipped: python3 is not installed");
    }
    found
}

#[test]
fn daemons_of_nodes_are_killed_at_the_end_of_a_run() {
    if !python() {
        return;
    }
    let test = TestDirectory::new("daemons");
    let reader = test.reader();
    let run = scenario(&test.directory, &["python3", "-c", NODE]).run().expect("the run ends well");
    assert!(run.is_valid(), "{}", run.headline());
    wait_for_exits(reader);
}

#[test]
fn the_fault_kill_kills_all_descendants() {
    if !python() {
        return;
    }
    let test = TestDirectory::new("kill");
    let reader = test.reader();
    let scenario = scenario(&test.directory, &["python3", "-c", NODE]).nemesis("kill").nemesis_interval("200ms");
    let run = scenario.run().expect("the run ends well");
    let killed = run.faults[0].counts["processes_killed"].as_u64().unwrap();
    assert!(killed > run.faults[0].actions, "nodes and their daemons: {killed} in {} kills", run.faults[0].actions);
    wait_for_exits(reader);
}

#[test]
fn scripts_that_start_a_node_without_exec_work() {
    if !python() {
        return;
    }
    let test = TestDirectory::new("script");
    let reader = test.reader();
    let script = test.directory.join("node.sh");
    fs::write(test.directory.join("node.py"), NODE).unwrap();
    fs::write(&script, "#!/bin/sh\ncd \"$(dirname \"$0\")\"\npython3 node.py \"$@\"\n").unwrap();
    let chmod = Command::new("chmod").arg("+x").arg(&script).status().expect("there is a chmod");
    assert!(chmod.success());
    let scenario =
        scenario(&test.directory, &[script.to_str().unwrap()]).nemesis("pause,kill").nemesis_interval("300ms");
    let run = scenario.run().expect("the run ends well");
    assert!(run.faults.iter().all(|fault| fault.had_effect), "{:?}", run.faults);
    wait_for_exits(reader);
}

/// A node that is a module of the package and prints its working directory.
#[test]
fn nodes_can_work_in_the_package() {
    if !python() {
        return;
    }
    let test = TestDirectory::new("package");
    let root = test.directory.canonicalize().expect("it exists");
    let (_, echo) = NODE.split_once("os._exit(0)\n").expect("what follows the daemon");
    let node = "import json, os, sys\nprint(os.getcwd(), os.environ.get('MAELSTROM_NODE_DIR'), file=sys.stderr)\n";
    let node = format!("{node}{echo}");
    fs::create_dir(root.join("nodes")).unwrap();
    fs::write(root.join("nodes/echo.py"), node).unwrap();
    for time in ["real", "virtual"] {
        if time == "virtual" && maelstrom::executor::virtual_time::available().is_err() {
            continue;
        }
        let scenario = |module: &str| scenario(&root, &["python3", "-m", module]).time(time).base_directory(&root);
        let run = scenario("nodes.echo").cwd("package").run().expect("the run ends well");
        assert!(run.is_valid(), "{}", run.headline());
        for node in ["n0", "n1"] {
            let log = fs::read_to_string(run.directory.join(format!("node-logs/{node}.log"))).unwrap();
            let (cwd, own) = log.trim_end().split_once(' ').expect("two directories");
            assert_eq!(Path::new(cwd), root, "{time}");
            assert!(own == "/tmp/maelstrom-node" || Path::new(own) == run.directory.join("nodes").join(node), "{own}");
        }
        let error =
            scenario("nodes.echo").run().expect_err("there is no such module in a node's directory").to_string();
        assert!(error.contains("`nodes.echo` is in the package, but each node runs in its own directory"), "{error}");
        assert!(error.contains("help: set `cwd = \"package\"`"), "{error}");
    }
}

#[test]
fn a_crash_of_a_node_aborts_the_run_with_its_standard_error() {
    if !python() {
        return;
    }
    let test = TestDirectory::new("crash");
    let _reader = test.reader();
    let code = NODE.replace("for line in sys.stdin:", "for line in [sys.stdin.readline()]:")
        + "print('I give up', file=sys.stderr)\nsys.exit(3)\n";
    let error = scenario(&test.directory, &["python3", "-c", &code]).run().expect_err("the node ended");
    let RunError::Broke { run, .. } = &error else { panic!("{error}") };
    let breakdown = run.breakdown.as_ref().unwrap();
    assert!(breakdown.headline.contains("exit status 3"), "{breakdown:?}");
    assert!(breakdown.stderr.iter().any(|line| line == "I give up"), "{breakdown:?}");
    wait_for_exits(test.reader());
}

#[test]
fn nodes_can_send_signals_to_their_parent() {
    if !python() {
        return;
    }
    let test = TestDirectory::new("parent");
    let reader = test.reader();
    let code = NODE.replace(
        "for line in sys.stdin:",
        "import signal
for line in sys.stdin:
    for number in signal.valid_signals() - {signal.SIGKILL}: os.kill(os.getppid(), number)",
    );
    let run = scenario(&test.directory, &["python3", "-c", &code]).run().expect("the run ends well");
    assert!(run.is_valid(), "{}", run.headline());
    wait_for_exits(reader);
}

/// Not a test: the process that the tests below start and kill.
#[test]
fn victim() {
    let Some(directory) = std::env::var_os(VICTIM) else { return };
    let directory = PathBuf::from(directory);
    let clock = std::env::var(CLOCK).unwrap_or_else(|_| "real".into());
    // Virtual time is fast. This run does not end before the signal.
    let scenario = scenario(&directory, &["python3", "-c", NODE]).time(clock).time_limit("100000s");
    scenario.run().expect("the process is killed");
}

/// Starts a run in another process, waits for operations, and sends a signal to the process.
fn end_by_signal(name: &str, signal: &str, clock: &str) {
    if clock == "virtual" && maelstrom::executor::virtual_time::available().is_err() {
        eprintln!("skipped: virtual time is not available");
        return;
    }
    if !python() {
        return;
    }
    let test = TestDirectory::new(name);
    let reader = test.reader();
    let this = std::env::current_exe().unwrap();
    // The tests may run with signals ignored, as below `nohup`. The victim would inherit that, and never end.
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new("env");
        command.arg("--default-signal").arg(this);
        command
    } else {
        Command::new(this)
    };
    let mut victim: Child = command
        .args(["--exact", "victim"])
        .env(VICTIM, &test.directory)
        .env(CLOCK, clock)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let history = test.run_directory().join("history.jsonl");
    while fs::metadata(&history).map_or(0, |data| data.len()) < 2_000 {
        assert!(victim.try_wait().unwrap().is_none(), "the run ended before the signal");
        std::thread::yield_now();
    }
    let sent = Command::new("kill").args([signal, &victim.id().to_string()]).status().unwrap();
    assert!(sent.success());
    victim.wait().unwrap();
    wait_for_exits(reader);
    let ops = maelstrom::history::History::read(File::open(&history).map(std::io::BufReader::new).unwrap());
    assert!(ops.expect("what was recorded can be read").ops.len() > 10);
}

#[test]
fn sigkill_leaves_the_history_and_no_process() {
    end_by_signal("sigkill", "-KILL", "real");
    end_by_signal("sigkill-virtual", "-KILL", "virtual");
}

#[test]
fn sigint_leaves_the_history_and_no_process() {
    end_by_signal("sigint", "-INT", "real");
    end_by_signal("sigint-virtual", "-INT", "virtual");
}
