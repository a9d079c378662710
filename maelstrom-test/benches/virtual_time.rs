//! Cost of virtual time: the cluster seconds that one processor second simulates, with nodes in six languages.
//!
//! ```text
//! cargo build --release -p maelstrom-fixtures
//! cargo build --release -p maelstrom-test --features cli
//! cargo bench -p maelstrom-test --bench virtual_time -- --before OLD --repeat 5 gossip raft
//! ```
//!
//! The processor time is that of a whole run of the program `maelstrom`: of its threads, and of all nodes. It depends
//! little on what else the machine does. With `--before`, each run of the present program follows one of an older one, so
//! their ratio depends still less on it; the histories and the journals of both are compared. `--counts` prints the tracer's
//! system calls instead, stops among them, as `strace` counts them. Languages that are not installed are skipped with a
//! notice.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// The name of the thread that traces.
const TRACER: &str = "maelstrom-run";

/// A program under a load.
struct Case {
    name: &'static str,
    /// The file or directory in `fixtures`; for Rust, the node's name.
    file: &'static str,
    workload: &'static str,
    nodes: u32,
    rate: f64,
    seconds: u32,
    /// Options of both kinds of runs: names as on the command line.
    options: &'static [(&'static str, &'static str)],
}

const PARTITION: &[(&str, &str)] = &[("nemesis", "partition")];
const FAULTS: &[(&str, &str)] = &[("nemesis", "partition,kill,pause,packet,clock"), ("nemesis-interval", "3")];
const LATENCY: &[(&str, &str)] = &[("latency", "100")];

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("echo Rust", "echo", "echo", 5, 2000.0, 10, &[]),
    case("gossip Rust 25", "broadcast", "broadcast", 25, 100.0, 20, LATENCY),
    case("gossip Rust 25 rate 1000", "broadcast", "broadcast", 25, 1000.0, 10, LATENCY),
    case("gossip Go 25", "go/broadcast", "broadcast", 25, 100.0, 20, LATENCY),
    case("gossip Go 25 rate 1000", "go/broadcast", "broadcast", 25, 1000.0, 5, LATENCY),
    case("gossip Python 5", "python/broadcast.py", "broadcast", 5, 100.0, 20, &[]),
    case("gossip Node.js 5", "javascript/broadcast.js", "broadcast", 5, 100.0, 20, &[]),
    case("gossip Ruby 5", "ruby/broadcast.rb", "broadcast", 5, 100.0, 20, &[]),
    case("gossip Java 3", "java/Broadcast.java", "broadcast", 3, 20.0, 20, PARTITION),
    case("raft Rust", "lin-kv-raft", "lin-kv", 5, 100.0, 20, FAULTS),
    case("raft Python", "python/raft.py", "lin-kv", 5, 5.0, 60, PARTITION),
    case("raft Python faults", "python/raft.py", "lin-kv", 5, 20.0, 20, FAULTS),
    case("raft Go", "go/raft", "lin-kv", 5, 100.0, 20, PARTITION),
    case("raft Go faults", "go/raft", "lin-kv", 5, 20.0, 20, FAULTS),
    case("kafka Python", "python/kafka_lin_kv.py", "kafka", 2, 300.0, 10, &[]),
    case("echo Python", "python/echo.py", "echo", 3, 100.0, 20, &[]),
    case("echo Go", "go/echo", "echo", 3, 100.0, 20, &[]),
    case("echo Node.js", "javascript/echo.js", "echo", 3, 100.0, 20, &[]),
    case("proxy Node.js faults", "javascript/lin_kv_proxy.js", "lin-kv", 3, 20.0, 20, FAULTS),
    case("proxy Ruby faults", "ruby/lin_kv_proxy.rb", "lin-kv", 3, 20.0, 20, FAULTS),
    case("proxy Go faults", "go/lin-kv-proxy", "lin-kv", 3, 20.0, 20, FAULTS),
    case("poll and sleep 1 ms", "programs/poller.py", "unique-ids", 3, 5.0, 20, &[]),
    case("busy loop", "programs/busy_loop.py", "unique-ids", 3, 5.0, 20, &[]),
    case("1,000 idle nodes", "echo", "echo", 1000, 10.0, 10, &[]),
];

const fn case(
    name: &'static str,
    file: &'static str,
    workload: &'static str,
    nodes: u32,
    rate: f64,
    seconds: u32,
    options: &'static [(&'static str, &'static str)],
) -> Case {
    Case { name, file, workload, nodes, rate, seconds, options }
}

struct Arguments {
    before: Option<PathBuf>,
    repeat: usize,
    /// The cluster time of each run, instead of that of the case.
    seconds: Option<u32>,
    counts: bool,
    /// Only cases whose names contain one of these.
    names: Vec<String>,
}

impl Arguments {
    fn parse() -> Option<Arguments> {
        let mut parsed = Arguments { before: None, repeat: 3, seconds: None, counts: false, names: Vec::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--before" => parsed.before = Some(std::fs::canonicalize(arguments.next()?).ok()?),
                "--repeat" => parsed.repeat = arguments.next()?.parse().ok()?,
                "--seconds" => parsed.seconds = Some(arguments.next()?.parse().ok()?),
                "--counts" => parsed.counts = true,
                // Cargo adds it.
                "--bench" => {}
                flag if flag.starts_with("--") => return None,
                name => parsed.names.push(name.to_owned()),
            }
        }
        Some(parsed)
    }

    fn select(&self, case: &Case) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| case.name.contains(name.as_str()))
    }
}

fn main() -> ExitCode {
    let Some(arguments) = Arguments::parse() else {
        eprintln!("usage: virtual_time [--before PROGRAM] [--repeat N] [--seconds N] [--counts] [NAME…]");
        return ExitCode::from(2);
    };
    let programs = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.parent()?.to_owned()));
    let programs = programs.filter(|path| path.join("fixture").is_file() && path.join("maelstrom").is_file());
    let Some(programs) = programs else {
        eprintln!("skipped: build maelstrom-fixtures, and maelstrom-test with the feature cli, with --release first");
        return ExitCode::SUCCESS;
    };
    let directory = std::env::temp_dir().join(format!("maelstrom-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("the temporary directory can be written");
    for case in CASES.iter().filter(|case| arguments.select(case)) {
        let case = &Case { seconds: arguments.seconds.unwrap_or(case.seconds), ..*case };
        match case.command(&programs, &directory) {
            None => println!("{:26} skipped, its language is not installed", case.name),
            Some(command) if arguments.counts => count(case, &command, &programs, &directory),
            Some(command) => measure(case, &command, &programs, &directory, &arguments),
        }
    }
    let _ = std::fs::remove_dir_all(&directory);
    ExitCode::SUCCESS
}

impl Case {
    /// The node's command. Go programs are built. `None` if the language is not installed.
    fn command(&self, programs: &Path, directory: &Path) -> Option<Vec<PathBuf>> {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
        let fixtures = std::fs::canonicalize(fixtures).ok()?;
        let path = fixtures.join(self.file);
        let (language, name) = self.file.split_once('/').unwrap_or(("rust", self.file));
        let interpreted = |interpreter: &str, arguments: &[&str]| {
            let found = Command::new(interpreter).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            found.is_ok_and(|status| status.success()).then(|| {
                let words = std::iter::once(interpreter).chain(arguments.iter().copied());
                words.map(PathBuf::from).chain([path.clone()]).collect()
            })
        };
        match language {
            "rust" => Some(vec![programs.join("fixture"), name.into()]),
            "go" => {
                let program = directory.join(format!("go-{name}"));
                let mut build = Command::new("go");
                build.current_dir(fixtures.join("go")).env("GOFLAGS", "-mod=mod").args(["build", "-o"]);
                let built = build.arg(&program).arg(format!("./{name}")).status();
                built.is_ok_and(|status| status.success()).then(|| vec![program])
            }
            "javascript" => interpreted("node", &[]),
            "ruby" => interpreted("ruby", &[]),
            "java" => interpreted("java", &["-XX:TieredStopAtLevel=1"]),
            _ => interpreted("python3", &[]),
        }
    }
}

/// A run of the program.
struct Sample {
    /// Of the tracer, its threads and the nodes.
    cpu_seconds: f64,
    history: Vec<u8>,
    messages: Vec<u8>,
}

impl Sample {
    fn read(cpu_seconds: f64, place: &Path) -> Sample {
        let read = |name| find(place, name).and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        Sample { cpu_seconds, history: read("history.jsonl"), messages: read("messages.jsonl") }
    }

    fn lines(&self) -> usize {
        self.messages.iter().filter(|byte| **byte == b'\n').count()
    }
}

/// Prepares a run of the program.
fn prepare(program: &Path, case: &Case, command: &[PathBuf], place: &Path) -> Command {
    let _ = std::fs::remove_dir_all(place);
    std::fs::create_dir_all(place).expect("the temporary directory can be written");
    let mut test = Command::new(program);
    test.current_dir(place).args([
        "test",
        "-w",
        case.workload,
        "--time",
        "virtual",
        "--seed",
        "1",
        "--journal",
        "always",
    ]);
    test.args(["--node-count", &case.nodes.to_string(), "--rate", &case.rate.to_string()]);
    test.args(["--time-limit", &case.seconds.to_string()]);
    for (name, value) in case.options {
        test.args([format!("--{name}"), (*value).to_owned()]);
    }
    test.arg("--bin").arg(&command[0]);
    if command.len() > 1 {
        test.arg("--").args(&command[1..]);
    }
    test.stdout(Stdio::null()).stderr(Stdio::null());
    test
}

fn run(program: &Path, case: &Case, command: &[PathBuf], directory: &Path) -> Sample {
    let place = directory.join("run");
    let mut test = prepare(program, case, command, &place);
    let before = children_cpu_seconds();
    let status = test.status();
    let cpu_seconds = children_cpu_seconds() - before;
    assert!(status.is_ok(), "{} cannot be run", program.display());
    Sample::read(cpu_seconds, &place)
}

/// Processor time of all processes that have ended and been waited for, and of their descendants.
fn children_cpu_seconds() -> f64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` outlives the call, and all zeros is a valid value.
    #[allow(unsafe_code)]
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// Finds a file of a run.
fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(directory).ok()?.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    entries.iter().find_map(|entry| {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_directory { find(&entry.path(), name) } else { Some(entry.path()).filter(|path| path.ends_with(name)) }
    })
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn measure(case: &Case, command: &[PathBuf], programs: &Path, directory: &Path, arguments: &Arguments) {
    let now = programs.join("maelstrom");
    let (mut costs, mut costs_before, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut messages, mut same) = (0, true);
    for _ in 0..arguments.repeat {
        let before = arguments.before.as_ref().map(|program| run(program, case, command, directory));
        let after = run(&now, case, command, directory);
        messages = after.lines();
        if let Some(before) = before {
            same &=
                !after.history.is_empty() && (&before.history, &before.messages) == (&after.history, &after.messages);
            ratios.push(before.cpu_seconds / after.cpu_seconds);
            costs_before.push(before.cpu_seconds);
        }
        costs.push(after.cpu_seconds);
    }
    let seconds = f64::from(case.seconds);
    let cost = median(costs);
    print!("{:26} {:7.2} cluster s per processor s", case.name, seconds / cost);
    print!(", {:6.1} µs per journal line", cost * 1e6 / messages.max(1) as f64);
    if !ratios.is_empty() {
        let journals = if same { "same journal" } else { "DIFFERENT JOURNAL" };
        print!(", before {:7.2}, ratio {:.2}, {journals}", seconds / median(costs_before), median(ratios));
    }
    println!();
}

/// The thread of a program that traces its nodes.
fn tracer(program: u32) -> Option<String> {
    let threads = std::fs::read_dir(format!("/proc/{program}/task")).ok()?;
    let is_tracer = |path: &Path| std::fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == TRACER);
    let tracer = threads.flatten().map(|thread| thread.path()).find(|path| is_tracer(path))?;
    Some(tracer.file_name()?.to_str()?.to_owned())
}

/// Prints the tracer's system calls per line of the journal. `strace` begins shortly after the run.
fn count(case: &Case, command: &[PathBuf], programs: &Path, directory: &Path) {
    let (place, trace) = (directory.join("run"), directory.join("trace"));
    let Ok(mut test) = prepare(&programs.join("maelstrom"), case, command, &place).spawn() else { return };
    let tracer = loop {
        if let Some(tracer) = tracer(test.id()) {
            break tracer;
        }
        if !matches!(test.try_wait(), Ok(None)) {
            return println!("{}: the run ended early", case.name);
        }
        std::thread::yield_now();
    };
    let strace = Command::new("strace").args(["-p", &tracer, "-o"]).arg(&trace).stderr(Stdio::null()).status();
    let _ = test.wait();
    let (Ok(_), Ok(file)) = (strace, std::fs::File::open(&trace)) else {
        return println!("{:26} skipped, strace is not installed", case.name);
    };
    let messages = Sample::read(0.0, &place).lines();
    let mut counts = BTreeMap::<String, usize>::new();
    for line in BufReader::new(file).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        let Some((name, arguments)) = line.split_once('(') else { continue };
        let request = arguments.split([',', ')']).next().unwrap_or_default();
        let name = if name == "ptrace" { request } else { name };
        *counts.entry(name.to_owned()).or_default() += 1;
        // The system call at which a thread stopped.
        if let Some((_, number)) = line.split_once("nr=__NR_") {
            let number = number.split([',', ' ', '}']).next().unwrap_or_default();
            *counts.entry(format!("  stop at {number}")).or_default() += 1;
        }
    }
    let _ = std::fs::remove_file(&trace);
    println!("{}: {messages} lines of the journal; per line", case.name);
    let mut counts: Vec<_> =
        counts.into_iter().map(|(name, count)| (count as f64 / messages.max(1) as f64, name)).collect();
    counts.sort_by(|a, b| b.0.total_cmp(&a.0));
    counts.iter().filter(|(count, _)| *count >= 0.05).for_each(|(count, name)| println!("  {count:6.2} {name}"));
}
