//! Nothing outlives a run, however the run ends; and what had happened is on disk.
//!
//! The nodes open a fifo and leave it open; so do the daemons that they fork. A reader of the fifo sees its end at the
//! very moment when the last of them is gone, which is what these tests wait for.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use maelstrom::{RunError, Scenario};

/// An echo node that first forks a child into a session of its own, twice, as daemons do.
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

/// Set in the process that a test starts in order to end it in a bad way.
const VICTIM: &str = "MAELSTROM_TEST_VICTIM";

/// The clock on which that process runs its nodes.
const CLOCK: &str = "MAELSTROM_TEST_CLOCK";

struct Place {
    directory: PathBuf,
}

impl Place {
    fn new(name: &str) -> Place {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("the directory for tests can be written");
        let made = Command::new("mkfifo").arg(directory.join("fifo")).status().expect("there is a mkfifo");
        assert!(made.success());
        Place { directory }
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

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn scenario(directory: &Path, command: &[&str]) -> Scenario {
    Scenario::new("echo")
        .command(command.iter().copied())
        .env("FIFO", directory.join("fifo"))
        .directory(directory.join("run"))
        .nodes(2u64)
        .rate(50)
        .time("real")
        .time_limit("1s")
}

/// Waits until nobody has the fifo open for writing any more.
fn all_gone(mut reader: File) {
    // The descriptor does not block: poll until the end comes, which is when the last writer is gone.
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
        eprintln!("skipped: there is no python3 on this machine");
    }
    found
}

#[test]
fn a_run_leaves_no_process_behind_not_even_daemons() {
    if !python() {
        return;
    }
    let place = Place::new("daemons");
    let reader = place.reader();
    let run = scenario(&place.directory, &["python3", "-c", NODE]).run().expect("the run ends well");
    assert!(run.is_valid(), "{}", run.headline());
    all_gone(reader);
}

#[test]
fn a_kill_takes_the_whole_process_tree() {
    if !python() {
        return;
    }
    let place = Place::new("kill");
    let reader = place.reader();
    let scenario = scenario(&place.directory, &["python3", "-c", NODE]).nemesis("kill").nemesis_interval("200ms");
    let run = scenario.run().expect("the run ends well");
    let killed = run.faults[0].counts["processes_killed"].as_u64().unwrap();
    assert!(killed > run.faults[0].actions, "nodes and their daemons: {killed} in {} kills", run.faults[0].actions);
    all_gone(reader);
}

#[test]
fn a_script_that_starts_its_program_without_exec_just_works() {
    if !python() {
        return;
    }
    let place = Place::new("script");
    let reader = place.reader();
    let script = place.directory.join("node.sh");
    fs::write(place.directory.join("node.py"), NODE).unwrap();
    fs::write(&script, "#!/bin/sh\ncd \"$(dirname \"$0\")\"\npython3 node.py \"$@\"\n").unwrap();
    let chmod = Command::new("chmod").arg("+x").arg(&script).status().expect("there is a chmod");
    assert!(chmod.success());
    let scenario =
        scenario(&place.directory, &[script.to_str().unwrap()]).nemesis("pause,kill").nemesis_interval("300ms");
    let run = scenario.run().expect("the run ends well");
    assert!(run.faults.iter().all(|fault| fault.had_effect), "{:?}", run.faults);
    all_gone(reader);
}

/// A node that is a module of the package and says where it is.
#[test]
fn nodes_can_work_in_the_package() {
    if !python() {
        return;
    }
    let place = Place::new("package");
    let root = place.directory.canonicalize().expect("it exists");
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
        assert!(error.contains("`nodes.echo` is in the package, and nodes run in a directory of their own"), "{error}");
        assert!(error.contains("help: set `cwd = \"package\"`"), "{error}");
    }
}

#[test]
fn a_node_that_crashes_ends_the_run_with_its_last_words() {
    if !python() {
        return;
    }
    let place = Place::new("crash");
    let _reader = place.reader();
    let code = NODE.replace("for line in sys.stdin:", "for line in [sys.stdin.readline()]:")
        + "print('I give up', file=sys.stderr)\nsys.exit(3)\n";
    let error = scenario(&place.directory, &["python3", "-c", &code]).run().expect_err("the node ended");
    let RunError::Broke { run, .. } = &error else { panic!("{error}") };
    let breakdown = run.breakdown.as_ref().unwrap();
    assert!(breakdown.headline.contains("exit status 3"), "{breakdown:?}");
    assert!(breakdown.stderr.iter().any(|line| line == "I give up"), "{breakdown:?}");
    all_gone(place.reader());
}

#[test]
fn a_node_may_send_its_parent_every_signal_but_sigkill() {
    if !python() {
        return;
    }
    let place = Place::new("parent");
    let reader = place.reader();
    let code = NODE.replace(
        "for line in sys.stdin:",
        "import signal
for line in sys.stdin:
    for number in signal.valid_signals() - {signal.SIGKILL}: os.kill(os.getppid(), number)",
    );
    let run = scenario(&place.directory, &["python3", "-c", &code]).run().expect("the run ends well");
    assert!(run.is_valid(), "{}", run.headline());
    all_gone(reader);
}

/// Not a test: the process that the tests below start, and end in a bad way.
#[test]
fn victim() {
    let Some(directory) = std::env::var_os(VICTIM) else { return };
    let directory = PathBuf::from(directory);
    let clock = std::env::var(CLOCK).unwrap_or_else(|_| "real".into());
    // Simulated time flies: so much of it will not be over before the signal comes.
    let scenario = scenario(&directory, &["python3", "-c", NODE]).time(clock).time_limit("100000s");
    scenario.run().expect("somebody ends this");
}

/// Starts a run in another process, waits until operations happen, and sends that process a signal.
fn end_by_signal(name: &str, signal: &str, clock: &str) {
    if clock == "virtual" && maelstrom::executor::virtual_time::available().is_err() {
        eprintln!("skipped: virtual time is not possible here");
        return;
    }
    if !python() {
        return;
    }
    let place = Place::new(name);
    let reader = place.reader();
    let mut victim: Child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim"])
        .env(VICTIM, &place.directory)
        .env(CLOCK, clock)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let history = place.run_directory().join("history.jsonl");
    while fs::metadata(&history).map_or(0, |data| data.len()) < 2_000 {
        assert!(victim.try_wait().unwrap().is_none(), "the run ended before its time");
        std::thread::yield_now();
    }
    let sent = Command::new("kill").args([signal, &victim.id().to_string()]).status().unwrap();
    assert!(sent.success());
    victim.wait().unwrap();
    all_gone(reader);
    let ops = maelstrom::history::History::read(File::open(&history).map(std::io::BufReader::new).unwrap());
    assert!(ops.expect("what was recorded can be read").ops.len() > 10);
}

#[test]
fn nothing_is_left_and_nothing_lost_after_sigkill() {
    end_by_signal("sigkill", "-KILL", "real");
    end_by_signal("sigkill-virtual", "-KILL", "virtual");
}

#[test]
fn nothing_is_left_and_nothing_lost_after_ctrl_c() {
    end_by_signal("sigint", "-INT", "real");
    end_by_signal("sigint-virtual", "-INT", "virtual");
}
