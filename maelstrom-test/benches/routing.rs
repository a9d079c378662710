//! Throughput and overhead of the simulated network.
//!
//! Nodes in a ring forward messages as fast as they can, with 256 messages in flight for each. Then the same nodes are driven
//! by a bare loop that only copies bytes between pipes. The ratio is the overhead of the simulation.
//!
//! ```sh
//! cargo bench -p maelstrom-test --bench routing              # everything
//! cargo bench -p maelstrom-test --bench routing -- memory    # peak memory of a run with ten million messages
//! cargo bench -p maelstrom-test --bench routing -- start     # time and memory of an empty run
//! ```

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use maelstrom::Scenario;
use maelstrom::checker::{CheckContext, Checker, Verdict};
use maelstrom::executor::{NullObserver, Observer};
use maelstrom::generator::{Generator, Invocation, Next, Worker};
use maelstrom::history::History;
use maelstrom::network::NetworkConfig;
use maelstrom::protocol::{Body, Envelope, Rpc};
use maelstrom::random::Rng;
use maelstrom::simulation::{Command as NodeCommand, Config, Effect, Simulation};
use maelstrom::workload::{Client, ClientStep, Completion, Response, Settings, Workload};
use serde_json::{Value, json};

/// The number of messages in flight for each node.
const WINDOW: usize = 256;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.first().map(String::as_str) {
        Some("node") => node(),
        Some("memory") => memory(),
        Some("core") => core(),
        Some("start") => start(),
        Some("profile") => drop(routed(args.get(1).and_then(|n| n.parse().ok()).unwrap_or(1), "5s")),
        _ => {
            core();
            real_time();
            start();
            memory();
        }
    }
}

/// Runs a node, which forwards messages to the next node of the ring, or to itself if it is the only one.
fn node() {
    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut output = Vec::with_capacity(1 << 16);
    let mut head = String::new();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        react(&line[..line.len() - 1], &mut head, &mut output);
        line.clear();
        if input.buffer().is_empty() {
            io::stdout().lock().write_all(&output).expect("standard output is open");
            output.clear();
        }
    }
}

/// Parses a message like other nodes, and forwards its body or answers it.
fn react(line: &[u8], head: &mut String, output: &mut Vec<u8>) {
    let message = Envelope::parse(line).expect("the network delivers messages");
    let body = message.body();
    if body.starts_with("{\"ring\"") {
        output.extend_from_slice(head.as_bytes());
        output.extend_from_slice(body.as_bytes());
        output.extend_from_slice(b"}\n");
    } else {
        answer(&serde_json::from_slice(line).expect("a message is JSON"), head, output);
    }
}

fn answer(message: &Value, head: &mut String, output: &mut Vec<u8>) {
    let (src, own) = (&message["src"], message["dest"].as_str().expect("a name"));
    let kind = message["body"]["type"].as_str().expect("a type");
    if kind == "init" {
        let names = message["body"]["node_ids"].as_array().expect("names");
        let place = names.iter().position(|name| name == own).expect("the own name");
        let next = names[(place + 1) % names.len()].as_str().expect("a name");
        *head = format!(r#"{{"src":"{own}","dest":"{next}","body":"#);
    } else if kind != "start" {
        return; // The bare loop returns our own response.
    } else {
        (0..WINDOW).for_each(|_| output.extend_from_slice(format!("{head}{RING}}}\n").as_bytes()));
    }
    let body = json!({"type": format!("{kind}_ok"), "in_reply_to": message["body"]["msg_id"]});
    writeln!(output, "{}", json!({"src": own, "dest": src, "body": body})).expect("a Vec takes everything");
}

const RING: &str = r#"{"ring":true,"type":"forward","msg_id":12345,"key":"some key","value":[1,2,3]}"#;

/// A workload with one operation per worker, which starts the ring.
struct Ring;
struct Once(Vec<bool>);
struct Starter;
struct NoChecker;

impl Workload for Ring {
    fn name(&self) -> &str {
        "ring"
    }
    fn rpcs(&self) -> Vec<Rpc> {
        vec![Rpc { name: "start", doc: "", request: vec![], response: vec![] }]
    }
    fn generator(&self, settings: &Settings) -> Box<dyn Generator> {
        Box::new(Once(vec![false; settings.concurrency]))
    }
    fn client(&self, _: usize, _: &Settings) -> Box<dyn Client> {
        Box::new(Starter)
    }
    fn checker(&self, _: &Settings) -> Box<dyn Checker> {
        Box::new(NoChecker)
    }
}

impl Generator for Once {
    fn next(&mut self, worker: Worker, _: &mut Rng) -> Next {
        if std::mem::replace(&mut self.0[worker.index], true) {
            Next::Pending
        } else {
            Next::Op(Invocation::new("start", maelstrom::json::Value::Null))
        }
    }
}

impl Client for Starter {
    fn invoke(&mut self, _: &Invocation) -> ClientStep {
        ClientStep::Call(Body::from_iter([("type".to_string(), "start".into())]))
    }
    fn on_response(&mut self, _: &Invocation, response: Response) -> ClientStep {
        ClientStep::Done(match response {
            Response::Ok(_) => Completion::ok(maelstrom::json::Value::Null),
            other => Completion::not_ok(&other, false),
        })
    }
}

impl Checker for NoChecker {
    fn check(&self, _: &History, _: &CheckContext) -> Verdict {
        Verdict::default()
    }
}

fn scenario(nodes: u64, time_limit: &str) -> Scenario {
    let own = std::env::current_exe().expect("a program knows its path");
    Scenario::new(Arc::new(Ring) as Arc<dyn Workload>)
        .bin(own)
        .arg("node")
        .nodes(nodes)
        .rate(100_000)
        .time("real")
        .time_limit(time_limit)
        .directory(std::env::temp_dir().join(format!("maelstrom-routing-{}", std::process::id())))
}

/// Measures messages per second through the simulation.
fn routed(nodes: u64, time_limit: &str) -> f64 {
    let run = scenario(nodes, time_limit).run().expect("the run ends well");
    let began = run.history.ops.last().map_or(0, |op| op.time);
    std::fs::remove_dir_all(&run.directory).expect("the run's directory can be removed");
    run.net.counts.servers.recv_count as f64 / ((run.duration - began) as f64 / 1e9)
}

/// Measures messages per second through a loop that only copies bytes. Each node gets its own output, so the loop never waits
/// for an idle node.
fn bare(nodes: usize, time: Duration) -> f64 {
    let own = std::env::current_exe().expect("a program knows its path");
    let start = |_| {
        let mut child =
            Command::new(&own).arg("node").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a node");
        (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"), child)
    };
    let names: Vec<String> = (0..nodes).map(|i| format!("n{i}")).collect();
    let mut children: Vec<_> = (0..nodes).map(start).collect();
    for (name, (stdin, stdout, _)) in names.iter().zip(&mut children) {
        let body = json!({"type": "init", "msg_id": 1, "node_id": name, "node_ids": names});
        writeln!(stdin, "{}", json!({"src": "c0", "dest": name, "body": body})).expect("the node reads");
        let mut byte = [0];
        while byte[0] != b'\n' {
            stdout.read_exact(&mut byte).expect("the node answers");
        }
    }
    for (name, (stdin, ..)) in names.iter().zip(&mut children) {
        let message = json!({"src": "c0", "dest": name, "body": {"type": "start", "msg_id": 2}});
        writeln!(stdin, "{message}").expect("the node reads");
    }
    let (mut count, mut buffer, began) = (0, vec![0; 1 << 18], Instant::now());
    while began.elapsed() < time {
        for (stdin, stdout, _) in &mut children {
            let length = stdout.read(&mut buffer).expect("the node prints");
            count += memchr::memchr_iter(b'\n', &buffer[..length]).count();
            stdin.write_all(&buffer[..length]).expect("the node reads");
        }
    }
    for (stdin, stdout, mut child) in children {
        drop((stdin, stdout));
        child.kill().expect("it runs");
        child.wait().expect("it has ended");
    }
    count as f64 / began.elapsed().as_secs_f64()
}

fn real_time() {
    println!("real time, fast nodes in a ring");
    for nodes in [1, 5, 25] {
        let bare = bare(nodes, Duration::from_secs(2));
        let routed = routed(nodes as u64, "3s");
        let ratio = routed / bare;
        println!("  {nodes:>2} nodes: {routed:>9.0} messages/s routed, {bare:>9.0} in a bare loop, ratio {ratio:.2}");
    }
}

/// Measures the overhead of a run: an empty run compared with a start of the same node and one request.
fn start() {
    let (mut runs, mut nodes) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        let began = Instant::now();
        let run = scenario(1, "0s").run().expect("the run ends well");
        runs.push(began.elapsed());
        std::fs::remove_dir_all(&run.directory).expect("the run's directory can be removed");
        let began = Instant::now();
        bare(1, Duration::ZERO);
        nodes.push(began.elapsed());
    }
    runs.sort();
    nodes.sort();
    let (run, node) = (runs[4], nodes[4]);
    println!(
        "an empty run with one node: {run:.1?}, of which the node's own start {node:.1?}; memory {} MB",
        peak_memory()
    );
}

fn memory() {
    let before = peak_memory();
    let (mut messages, mut seconds) = (0, 0);
    while messages < 10_000_000 && seconds < 120 {
        seconds = if messages == 0 { 20 } else { seconds * 2 };
        let run = scenario(5, &format!("{seconds}s")).run().expect("the run ends well");
        messages = run.net.counts.all.recv_count;
        std::fs::remove_dir_all(&run.directory).expect("the run's directory can be removed");
    }
    println!("a run of {messages} messages: peak memory {} MB ({before} MB before)", peak_memory());
}

/// Returns the peak memory of this process in megabytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Measures the simulation core alone, with five nodes that are loops over bytes.
fn core() {
    let settings = Settings { time_limit: 1 << 60, ..Settings::default() };
    let network = NetworkConfig { base_delay: NetworkConfig::VIRTUAL_BASE_DELAY, ..NetworkConfig::default() };
    let mut simulation = Simulation::new(Config { network, rate: 1e5, ..Config::new(Arc::new(Ring), settings) });
    let mut heads = vec![String::new(); 5];
    let (mut now, mut output) = (0, Vec::new());
    let began = Instant::now();
    while simulation.network().journal().events() < 5_000_000 {
        while let Some(command) = simulation.next_command() {
            let NodeCommand::Start(node) = command else { unreachable!("there are no faults") };
            simulation.on_effect(now, Effect::Started(node));
        }
        for (number, head) in heads.iter_mut().enumerate() {
            let input = simulation.output(number).to_vec();
            simulation.consume_output(number, input.len());
            output.clear();
            let lines = input.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
            lines.for_each(|line| react(line, head, &mut output));
            output.split(|&byte| byte == b'\n').for_each(|line| simulation.on_line(now, number, line));
        }
        NullObserver.observe(&mut simulation).expect("it does not fail");
        now = simulation.next_wakeup().unwrap_or(now).max(now);
        simulation.advance(now);
    }
    let seconds = began.elapsed().as_secs_f64();
    let events = simulation.network().journal().events() as f64;
    println!("the core alone: {:.2} million events/s", events / seconds / 1e6);
}
