//! Small programs in many languages on the machine: the time that they see, to the nanosecond.
//!
//! A test whose language is not installed is skipped with a notice.

mod children;
mod clocks;
mod interruptions;
mod languages;
mod limits;
mod parents;
mod polling;
mod processes;
mod timed_calls;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Event, Machine, MachineOptions, Program};
use crate::Nanos;

const MILLISECOND: Nanos = 1_000_000;
const SECOND: Nanos = 1_000_000_000;

/// Finds a program in `PATH`.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// A temporary directory. The length of its name is always the same.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("maelstrom-{:010}-{number:06}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Directory(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.join(name);
        std::fs::write(&file, text).expect("there is room");
        file
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Compiles a program in C, if there is a compiler.
fn compile_c(directory: &Directory, name: &str, text: &str) -> Option<PathBuf> {
    let source = directory.file(&format!("{name}.c"), text);
    let program = directory.0.join(name);
    run(&find("cc")?, &["-O1", "-pthread", "-o", path(&program), path(&source)]);
    Some(program)
}

fn path(file: &Path) -> &str {
    file.to_str().expect("a plain name")
}

/// Runs a tool outside the simulation.
fn run(tool: &Path, args: &[&str]) {
    let done = std::process::Command::new(tool).args(args).output().expect("the tool runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Nodes that all run the same program, and their output.
struct TestCluster {
    machine: Machine,
    program: Program,
    printed: Vec<(Nanos, String)>,
    _directory: Directory,
}

impl TestCluster {
    /// Starts `nodes` nodes, and runs them until they are at rest.
    fn new(seed: u64, nodes: usize, program: &Path, args: &[&str]) -> Self {
        TestCluster::with(seed, nodes, program, args, false, |_| {})
    }

    /// The same with or without preemption, and with a change of the machine before anything runs.
    fn with(
        seed: u64,
        nodes: usize,
        program: &Path,
        args: &[&str],
        preemption: bool,
        change: impl FnOnce(&mut Machine),
    ) -> Self {
        let directory = Directory::new();
        let names = (0..nodes).map(|node| format!("n{node}")).collect();
        let variable = |key: &str| (key.into(), std::env::var_os(key).unwrap_or_default());
        let program = Program {
            path: program.into(),
            args: args.iter().map(Into::into).collect(),
            env: vec![variable("HOME"), variable("PATH"), ("LANG".into(), "C.UTF-8".into())],
            dir: directory.0.clone(),
            cwd: None,
            dir_variable: "MAELSTROM_NODE_DIR".into(),
            stderr: directory.0.join("log"),
        };
        let mut machine =
            Machine::new(MachineOptions { seed, nodes: names, preemption }).expect("virtual time is possible here");
        change(&mut machine);
        let mut cluster = TestCluster { machine, program, printed: Vec::new(), _directory: directory };
        for node in 0..nodes {
            cluster.start(node);
        }
        cluster
    }

    /// Starts one node that runs a script.
    fn script(language: &str, option: &str, text: &str) -> Option<Self> {
        Some(TestCluster::new(1, 1, &find(language)?, &[option, text]))
    }

    fn start(&mut self, node: usize) {
        self.machine.start(node, &self.program).expect("the program runs");
        self.settle();
    }

    fn settle(&mut self) {
        let mut events = Vec::new();
        self.machine.run_until_quiescent(&mut events).expect("tracing works");
        let now = self.machine.now();
        // Every program closes its output when it exits.
        let events = events.into_iter().filter(|event| !matches!(event, Event::OutputClosed { .. }));
        self.printed.extend(events.map(|event| {
            let text = match event {
                Event::Line { node, line } => format!("n{node} {}", String::from_utf8_lossy(&line)),
                Event::Exited { node, status } => format!("n{node} ended: {status}"),
                other => format!("{other:?}"),
            };
            (now, text)
        }));
    }

    /// Advances the time, from timer to timer.
    fn run_until(&mut self, end: Nanos) {
        while let Some(next) = self.machine.next_timer().filter(|next| *next <= end) {
            self.machine.advance_to(next);
            self.settle();
        }
        self.machine.advance_to(end);
        self.settle();
    }

    fn send(&mut self, node: usize, line: &str) {
        self.machine.deliver(node, format!("{line}\n").as_bytes()).expect("there is room");
        self.settle();
    }

    /// The output so far: time in nanoseconds, node and line.
    fn output_in_ns(&mut self) -> Vec<(Nanos, String)> {
        let log = std::fs::read_to_string(&self.program.stderr).unwrap_or_default();
        assert_eq!(log, "", "nothing goes to standard error");
        std::mem::take(&mut self.printed)
    }

    /// The same with times in milliseconds: programs read clocks when they start, which takes a few nanoseconds each time.
    fn output(&mut self) -> Vec<String> {
        self.output_in_ns().into_iter().map(|(time, text)| format!("{} {text}", time / MILLISECOND)).collect()
    }
}
