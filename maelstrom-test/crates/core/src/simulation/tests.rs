//! Tests of the core on nodes in memory, with a workload of their own that is as simple as can be. The real workloads
//! are tested beside their own code.

use std::sync::Arc;

use crate::json::{Value, json};

use super::in_memory::{self, MemoryNode, Sender};
use super::*;
use crate::checker::{CheckContext, Checker, Verdict};
use crate::generator::{Invocation, Next, Worker as Asking};
use crate::network::NetworkConfig;
use crate::protocol::{Body, Malformed, Rpc, Type};
use crate::random::Rng;
use crate::workload::{Client, ClientStep, Completion, Response, Settings, Workload};

/// Clients send `ping {n}` and get `ping_ok {n}`; `idle_final` adds a final phase of one ping each.
struct Ping {
    final_phase: bool,
    setup: bool,
}

struct Pings {
    next: u64,
    finally: Option<Vec<bool>>,
}

struct Pinger;
struct AlwaysValid;

impl Generator for Pings {
    fn next(&mut self, worker: Asking, _: &mut Rng) -> Next {
        if let Some(done) = &mut self.finally
            && std::mem::replace(&mut done[worker.index], true)
        {
            return Next::Done;
        }
        self.next += 1;
        let invocation = Invocation::new("ping", json!(self.next));
        Next::Op(if self.finally.is_some() { invocation.in_final_phase() } else { invocation })
    }
}

impl Client for Pinger {
    fn invoke(&mut self, op: &Invocation) -> ClientStep {
        ClientStep::Call(object(json!({"type": "ping", "n": op.value})))
    }

    fn on_response(&mut self, op: &Invocation, response: Response) -> ClientStep {
        match response {
            Response::Ok(body) if body["n"] == op.value => ClientStep::Done(Completion::ok(body["n"].clone())),
            Response::Ok(_) => ClientStep::Malformed("another number than was sent".into()),
            other => ClientStep::Done(Completion::not_ok(&other, false)),
        }
    }
}

impl Checker for AlwaysValid {
    fn check(&self, _: &History, _: &CheckContext) -> Verdict {
        Verdict::default()
    }
}

impl Workload for Ping {
    fn name(&self) -> &str {
        "ping"
    }
    fn rpcs(&self) -> Vec<Rpc> {
        let n = || vec![("n", Type::Int)];
        let ping = Rpc { name: "ping", doc: "", request: n(), response: n() };
        vec![ping, Rpc { name: "prepare", doc: "", request: vec![], response: vec![] }]
    }
    fn setup(&self, _: usize, _: &Settings) -> Vec<Body> {
        if self.setup { vec![object(json!({"type": "prepare"}))] } else { vec![] }
    }
    fn generator(&self, _: &Settings) -> Box<dyn Generator> {
        Box::new(Pings { next: 0, finally: None })
    }
    fn final_generator(&self, settings: &Settings) -> Option<Box<dyn Generator>> {
        let finally = Some(vec![false; settings.concurrency]);
        self.final_phase.then(|| Box::new(Pings { next: 1_000_000, finally }) as Box<dyn Generator>)
    }
    fn client(&self, _: usize, _: &Settings) -> Box<dyn Client> {
        Box::new(Pinger)
    }
    fn checker(&self, _: &Settings) -> Box<dyn Checker> {
        Box::new(AlwaysValid)
    }
}

fn object(value: Value) -> Body {
    value.as_object().cloned().expect("an object")
}

fn config(workload: Ping) -> Config {
    let settings = Settings { time_limit: 60_000_000_000, ..Settings::default() };
    let base_delay = NetworkConfig::VIRTUAL_BASE_DELAY;
    let network = NetworkConfig { base_delay, ..NetworkConfig::default() };
    Config { network, ..Config::new(Arc::new(workload), settings) }
}

fn plain() -> Config {
    config(Ping { final_phase: false, setup: false })
}

fn answer(message: &Value, out: &mut Sender) {
    if !out.acknowledge(message, &["prepare"]) {
        out.reply(message, json!({"type": "ping_ok", "n": message["body"]["n"]}));
    }
}

fn kinds(simulation: &Simulation) -> [usize; 4] {
    [OpType::Invoke, OpType::Ok, OpType::Fail, OpType::Info].map(|kind| {
        simulation.history().ops.iter().filter(|op| op.process.client().is_some() && op.kind == kind).count()
    })
}

#[test]
fn a_malformed_answer_to_init_is_explained_with_its_place() {
    let shown =
        |malformed: Malformed, line: &str| MalformedLine { malformed, line: line.into(), line_number: 3 }.to_string();
    let malformed = Malformed::at_key("in_reply_to", "in_reply_to should be an integer");
    assert_eq!(
        shown(malformed, r#"{"type": "init_ok", "in_reply_to": "1"}"#),
        "line 3 is malformed: in_reply_to should be an integer\n    {\"type\": \"init_ok\", \"in_reply_to\": \"1\"}\n                        ^"
    );
    let long = format!("{}]", "x".repeat(100));
    let shown = shown(Malformed::at_byte(100, "not JSON: trailing characters at line 1 column 101"), &long);
    assert!(shown.ends_with(&format!("\n    …{}]\n    {}^", "x".repeat(40), " ".repeat(41))), "{shown}");
}

#[test]
fn a_run_goes_through_its_phases() {
    let run = in_memory::run(config(Ping { final_phase: true, setup: true }), |_| answer);
    assert_eq!((run.phase(), run.failure()), (Phase::Over, None));
    let [invoked, ok, fail, info] = kinds(&run);
    assert_eq!((ok, fail, info), (invoked, 0, 0));
    assert!((200..400).contains(&invoked), "60 s at 5 Hz: {invoked}");
    let finals: Vec<&Op> = run.history().ops.iter().filter(|op| op.is_final && op.kind == OpType::Invoke).collect();
    assert_eq!(finals.len(), 5);
    let began = run.final_phase_began().unwrap();
    assert!(finals.iter().all(|op| op.time >= began));
    assert_eq!(began, run.main_began() + 70_000_000_000);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let journal = |seed| {
        let mut run = in_memory::run(Config { seed, ..plain() }, |_| answer);
        (run.take_history(), run.network_mut().journal_mut().take(Vec::new()))
    };
    assert_eq!(journal(1), journal(1));
    assert_ne!(journal(1).0, journal(2).0);
}

#[test]
fn silence_ends_in_a_timeout_and_a_new_process() {
    let run = in_memory::run(plain(), |_| |message: &Value, out: &mut Sender| _ = out.acknowledge(message, &[]));
    let [invoked, ok, fail, info] = kinds(&run);
    assert_eq!((ok, fail, info), (0, 0, invoked));
    let completion = run.history().ops.iter().find(|op| op.kind == OpType::Info).unwrap();
    assert_eq!(completion.error, Some(json!("net-timeout")));
    let processes: Vec<u64> = run.history().ops.iter().filter_map(|op| op.process.client()).collect();
    assert!(processes.iter().any(|&process| process >= 5), "{processes:?}");
}

#[test]
fn errors_are_definite_or_not() {
    for (code, kind) in [(11, OpType::Fail), (13, OpType::Info), (4711, OpType::Info)] {
        let run = in_memory::run(plain(), |_| {
            move |message: &Value, out: &mut Sender| {
                if !out.acknowledge(message, &[]) {
                    out.reply(message, json!({"type": "error", "code": code, "text": "no", "leader": "n2"}));
                }
            }
        });
        let completion = run.history().ops.iter().find(|op| op.kind != OpType::Invoke).unwrap();
        assert_eq!(completion.kind, kind, "{code}");
        assert!(completion.error.as_ref().unwrap().to_string().contains("n2"), "further keys are kept");
        assert_eq!(run.exceptions().count(), 0);
    }
}

/// What a node that answers pings with `body` is told.
fn complaint(answer_body: impl Fn(&Value) -> Value + Copy + 'static) -> String {
    let run = in_memory::run(plain(), |_| {
        move |message: &Value, out: &mut Sender| {
            if !out.acknowledge(message, &[]) {
                let dest = message["src"].as_str().unwrap().to_owned();
                out.send(&dest, answer_body(message));
            }
        }
    });
    assert_eq!(run.phase(), Phase::Over);
    let verdict = run.exceptions().verdict(false);
    assert_eq!(verdict.valid, crate::checker::Valid::False);
    verdict.details["exceptions"][0]["cause"].as_str().unwrap().to_owned()
}

#[test]
fn malformed_answers_are_reported() {
    assert!(complaint(|_| json!({"type": "ping_ok", "n": 1})).contains("in_reply_to is missing"));
    assert!(complaint(|_| json!({"type": "ping_ok", "n": 1, "in_reply_to": "1"})).contains("should be the integer"));
    assert!(complaint(|_| json!({"type": "ping_ok", "n": 1, "in_reply_to": 999_999})).contains("never used"));
    let to = |message: &Value| message["body"]["msg_id"].clone();
    assert!(complaint(move |m| json!({"type": "ping_ok", "in_reply_to": to(m)})).contains("n is missing"));
    assert!(complaint(move |m| json!({"type": "pong", "n": 1, "in_reply_to": to(m)})).contains("type should be"));
    assert!(complaint(move |m| json!({"type": "ping_ok", "n": -1, "in_reply_to": to(m)})).contains("another number"));
    assert!(complaint(move |m| json!({"type": "error", "in_reply_to": to(m)})).contains("code is missing"));
}

#[test]
fn nonsense_on_standard_output_is_reported_and_the_run_goes_on() {
    for (line, cause) in [
        ("hello", "standard error"),
        (r#"{"src":"n9","dest":"n1","body":{}}"#, "src should be the node's own name, n0, but is n9, and nobody"),
        (r#"{"src":"n0","dest":"nobody","body":{}}"#, "nobody has that name"),
    ] {
        let run = in_memory::run(plain(), |node| {
            move |message: &Value, out: &mut Sender| {
                if node == 0 {
                    out.print("");
                    out.print(line);
                }
                answer(message, out);
            }
        });
        let details = run.exceptions().verdict(false).details;
        assert!(details["exceptions"][0]["cause"].as_str().unwrap().contains(cause), "{details:?}");
        assert_eq!(details["exceptions"][0]["line_number"], 2);
        let [invoked, ok, ..] = kinds(&run);
        assert_eq!(invoked, ok);
    }
}

#[test]
fn a_node_may_forward_requests_in_the_names_of_clients() {
    let run = in_memory::run(plain(), |node| {
        move |message: &Value, out: &mut Sender| {
            if node == 0 || message["body"]["type"] == "init" {
                answer(message, out);
            } else {
                let mut forwarded = message.clone();
                forwarded["dest"] = json!("n0");
                out.print(forwarded.to_string());
            }
        }
    });
    assert_eq!((run.phase(), run.failure(), run.exceptions().count()), (Phase::Over, None, 0));
    let [invoked, ok, ..] = kinds(&run);
    assert_eq!(invoked, ok);
    let said = |node: &str| {
        run.notes()
            .iter()
            .filter(|note| note.starts_with(&format!("{node} sends messages in the name of others")))
            .count()
    };
    assert_eq!(["n0", "n1", "n2", "n3", "n4"].map(said), [0, 1, 1, 1, 1]);
}

#[test]
fn answers_to_clients_that_gave_up_are_ignored() {
    // Answers each ping only when the next one comes, which is after the client gave up.
    let run = in_memory::run(Config { timeout: Some(1_000_000), rate: 1.0, ..plain() }, |_| {
        let mut last: Option<Value> = None;
        move |message: &Value, out: &mut Sender| {
            if !out.acknowledge(message, &[])
                && let Some(earlier) = last.replace(message.clone())
            {
                answer(&earlier, out);
            }
        }
    });
    assert_eq!(run.exceptions().count(), 0);
    assert_eq!(kinds(&run)[1], 0);
}

#[test]
fn a_node_that_does_not_start_well_ends_the_run() {
    let silent = in_memory::run(plain(), |_| |_: &Value, out: &mut Sender| out.print("booting"));
    let message = silent.failure().unwrap().to_string();
    assert!(message.contains("init_ok") && message.contains("booting") && message.contains("n0"), "{message}");
    let wrong = in_memory::run(plain(), |_| |m: &Value, out: &mut Sender| out.reply(m, json!({"type": "ok"})));
    assert!(wrong.failure().unwrap().to_string().contains("the type is wrong"));
    let refusing = |m: &Value, out: &mut Sender| out.reply(m, json!({"type": "error", "code": 10}));
    let refused = in_memory::run(plain(), |_| refusing);
    assert!(refused.failure().unwrap().to_string().contains("an error where none is possible"));
}

/// Answers pings, and gossips with the next node so that partitions have something to cut.
struct Gossip {
    name: String,
    nodes: Vec<String>,
    period: Nanos,
    due: Nanos,
}

impl Gossip {
    fn every(period: Nanos) -> Gossip {
        Gossip { name: String::new(), nodes: vec![], period, due: 0 }
    }
}

impl MemoryNode for Gossip {
    fn on_message(&mut self, now: Nanos, message: &Value, out: &mut Sender) {
        if self.nodes.is_empty() && message["body"]["type"] != "init" {
            out.print("too early");
        }
        if message["body"]["type"] == "init" {
            self.name = message["body"]["node_id"].as_str().unwrap().to_owned();
            let names = message["body"]["node_ids"].as_array().unwrap();
            self.nodes = names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
            self.due = now;
        }
        if message["body"]["type"] != "hi" {
            answer(message, out);
        }
    }
    fn timer(&self) -> Option<Nanos> {
        (!self.nodes.is_empty()).then_some(self.due)
    }
    fn on_timer(&mut self, now: Nanos, out: &mut Sender) {
        self.due = now + self.period;
        self.nodes.iter().filter(|node| **node != self.name).for_each(|node| out.send(node, json!({"type": "hi"})));
    }
}

#[test]
fn every_fault_has_an_effect_and_is_healed() {
    use FaultKind::*;
    for kind in [Partition, Kill, Pause, Packet, Clock] {
        let config = Config { faults: vec![kind], seed: 1, ..config(Ping { final_phase: true, setup: true }) };
        let run = in_memory::run(config, |_| Gossip::every(100_000_000));
        assert_eq!((run.phase(), run.failure()), (Phase::Over, None), "{kind}");
        let counts = &run.fault_report()[&kind];
        assert!(counts.had_effect() && counts.actions > 2, "{kind}: {counts:?}");
        // An action has two entries: begun and done. Its end is not another fault.
        let begun = run.history().ops.iter().filter(|op| &*op.f == kind.functions().0).count() as u64;
        assert_eq!(2 * counts.actions, begun, "{kind}");
        assert!(run.nodes_down().is_empty());
        let finals = run.history().ops.iter().filter(|op| op.is_final && op.kind == OpType::Ok).count();
        assert_eq!(finals, 5, "{kind}: everyone answers at the end");
    }
}

#[test]
fn a_node_hears_nothing_before_init_however_often_it_is_killed() {
    let mut config = Config { faults: vec![FaultKind::Kill], ..plain() };
    config.nemesis_interval = 10_000_000;
    config.settings.time_limit = 300_000_000;
    let run = in_memory::run(config, |_| Gossip::every(100_000));
    assert_eq!((run.phase(), run.failure(), run.exceptions().count()), (Phase::Over, None, 0));
    assert!(run.fault_report()[&FaultKind::Kill].actions > 6);
}

#[test]
fn what_was_asked_for_and_never_happened_is_reported() {
    use FaultKind::*;
    let silent = || |m: &Value, out: &mut Sender| answer(m, out);
    let effects = |config: Config, kind| {
        let run = in_memory::run(config, |_| silent());
        assert_eq!((run.phase(), run.failure()), (Phase::Over, None), "{kind}");
        (run.fault_report()[&kind].had_effect(), run.notes().len())
    };
    let asked = |kind| Config { faults: vec![kind], ..plain() };
    // Nodes that do not talk have nothing to lose.
    assert_eq!((effects(asked(Partition), Partition), effects(asked(Packet), Packet)), ((false, 0), (false, 0)));
    let mut alone = asked(Partition);
    alone.settings.nodes.truncate(1);
    assert_eq!(effects(alone, Partition), (false, 1), "one node cannot be parted, and a note says so");
    let mut too_short = asked(Kill);
    too_short.settings.time_limit = 0;
    assert_eq!(effects(too_short, Kill), (false, 0));
}

#[test]
fn a_node_that_ends_by_itself_ends_the_run() {
    let mut simulation = Simulation::new(plain());
    assert_eq!(simulation.next_command(), Some(Command::Start(0)));
    simulation.on_effect(0, Effect::Started(0));
    simulation.on_line(1, 0, b"panic!");
    let exit = Exit { status: "exit status 3".into(), stderr: vec!["ouch".into()], log: None };
    simulation.on_exit(2, 0, exit);
    assert!(simulation.is_over());
    let message = simulation.failure().unwrap().to_string();
    for part in ["n0", "exit status 3", "ouch", "panic!"] {
        assert!(message.contains(part), "{message}");
    }
}

/// Lines that look like messages, but for one thing or another, and lines that do not.
fn lines() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let name =
        prop_oneof![Just("n0".to_string()), Just("n1".into()), Just("c0".into()), Just("lin-kv".into()), ".{0,4}"];
    let number = prop_oneof![
        Just("1".to_string()),
        Just("1e999".into()),
        Just("-0.5".into()),
        Just("99999999999999999999".into())
    ];
    let value =
        prop_oneof![number, Just("null".into()), Just("[[[{}]]]".to_string()), Just("\"\\ud800\"".into()), "\\PC{0,6}"];
    let body = (prop_oneof![Just("init_ok"), Just("ping_ok"), Just("error"), Just("read")], value.clone(), value)
        .prop_map(|(kind, id, value)| {
            format!(r#"{{"type":"{kind}","in_reply_to":{id},"n":{value},"code":{value},"msg_id":{id}}}"#)
        });
    let message = (name.clone(), name, body)
        .prop_map(|(src, dest, body)| format!(r#"{{"src":"{src}","dest":"{dest}","body":{body}}}"#).into_bytes());
    let nested = (0usize..100_000).prop_map(|depth| {
        format!(r#"{{"src":"n0","dest":"c0","body":{{"x":{}{}}}}}"#, "[".repeat(depth), "]".repeat(depth)).into_bytes()
    });
    prop_oneof![6 => message, 3 => any::<Vec<u8>>(), 1 => nested]
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_that_a_node_prints_can_hurt(lines in proptest::collection::vec(lines(), 0..40)) {
        let mut simulation = Simulation::new(plain());
        while let Some(command) = simulation.next_command() {
            let Command::Start(node) = command else { unreachable!("nothing else is due") };
            simulation.on_effect(0, Effect::Started(node));
        }
        for (time, line) in (1_000_000..).step_by(1_000_000).zip(&lines) {
            simulation.on_line(time, 0, line);
            simulation.advance(time);
        }
        // Whatever was not a message is in the exceptions, once per cause, and the journal is still lines of JSON.
        let details = simulation.exceptions().verdict(false).details;
        proptest::prop_assert!(details["exceptions"].as_array().unwrap().len() <= lines.len());
        let journal = simulation.network_mut().journal_mut().take(Vec::new());
        let mut events = journal.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        proptest::prop_assert!(events.all(|event| serde_json::from_slice::<&serde_json::value::RawValue>(event).is_ok()));
    }
}

#[test]
fn a_node_that_lives_on_without_its_output_is_reported() {
    let mut simulation = Simulation::new(plain());
    (0..3).for_each(|node| simulation.on_effect(0, Effect::Started(node)));
    simulation.on_output_closed(1_000_000, 0);
    simulation.on_output_closed(1_000_000, 1);
    simulation.on_output_closed(2_000_000, 2);
    // One that is killed or started again meanwhile has closed nothing.
    simulation.on_effect(3_000_000, Effect::Killed(1, 1));
    simulation.on_effect(3_000_000, Effect::Started(2));
    simulation.advance(200_000_000);
    let details = simulation.exceptions().verdict(false).details;
    assert_eq!(details["count"], 1);
    let exception = &details["exceptions"][0];
    assert_eq!([&exception["type"], &exception["node"]], ["closed-stdout", "n0"]);
    assert_eq!(exception["time"], 1_000_000);
}

#[test]
fn messages_that_multiply_end_the_run_with_the_busiest_links() {
    let mut config = plain();
    config.max_messages = 300;
    let mut simulation = Simulation::new(config);
    simulation.on_effect(0, Effect::Started(0));
    for time in 0..400 {
        let dest = if time % 3 == 0 { "lin-kv" } else { "n1" };
        simulation.on_line(time, 0, format!(r#"{{"src":"n0","dest":"{dest}","body":{{"x":{time}}}}}"#).as_bytes());
    }
    let failure = simulation.failure().expect("too many").to_string();
    let start = "the nodes sent more than 300 messages in this run, which is the limit (option `max_messages`); \
                 the busiest links are n0 → n1: 200, n0 → lin-kv: 101\n  the last lines of n0:\n    {";
    assert!(failure.starts_with(start), "{failure}");
    assert_eq!(failure.lines().count(), 5);
    // Within one instant the limit is another one, whatever the run's.
    let mut simulation = Simulation::new(plain());
    simulation.on_effect(0, Effect::Started(0));
    let line = br#"{"src":"n0","dest":"n1","body":{}}"#;
    let sent = (0..).take_while(|_| {
        simulation.on_line(7, 0, line);
        !simulation.is_over()
    });
    assert_eq!(sent.count(), 200_000);
    assert!(simulation.failure().expect("too many").to_string().contains("at one instant"));
}

#[test]
fn what_waits_for_a_node_that_does_not_read_is_bounded() {
    let mut simulation = Simulation::new(plain());
    simulation.on_effect(0, Effect::Started(1));
    // Before that it would get nothing.
    simulation.on_line(0, 1, br#"{"src":"n1","dest":"c1","body":{"type":"init_ok","in_reply_to":1}}"#);
    simulation.advance(1);
    let long = format!(r#"{{"src":"n0","dest":"n1","body":{{"x":"{}"}}}}"#, "x".repeat(32 << 20));
    for time in 2.. {
        simulation.on_line(time, 0, long.as_bytes());
        simulation.advance(1_000_000_000 + time);
        if simulation.is_over() {
            break;
        }
    }
    assert!(simulation.failure().unwrap().to_string().contains("n1 does not read"));
}
