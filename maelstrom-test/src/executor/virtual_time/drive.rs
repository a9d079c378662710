//! Drives a simulation on a machine, in lockstep.
//!
//! One event happens at a time: a message is delivered, a fault begins, or a timer expires. Then the nodes run until they
//! are at rest. Only then does the next event happen, now or later.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::Path;

use maelstrom_virtual_time::{
    self as virtual_time, Event, FLOOD_LIMIT, HANG_LIMIT_NS, Machine, MachineOptions, StartError,
};

use crate::executor::{
    LINE_LIMIT, NODE_DIRECTORY, NodeProgram, Observer, VirtualTimeStats, describe_exit, explain_start, log_tail,
};
use crate::history::Nanos;
use crate::protocol::shorten;
use crate::simulation::{Command, Effect, Exit, Failure, OUTPUT_LIMIT, Simulation};

// In virtual and in real time, the same length of a line aborts a run.
const _: () = assert!(LINE_LIMIT == virtual_time::LINE_LIMIT);

/// Runs a simulation to its end on real processes whose time is simulated. No process outlives the run, however it ends.
/// Everything that the programs do not determine comes from the seed.
///
/// After a run that was aborted, [`Simulation::failure`] returns the reason.
///
/// The calling thread becomes the tracer of the nodes. It should have no other children.
pub fn run(
    simulation: &mut Simulation,
    programs: &[NodeProgram],
    seed: u64,
    observer: &mut dyn Observer,
) -> VirtualTimeStats {
    let nodes = programs.iter().map(|program| program.name.clone()).collect();
    let machine = match Machine::new(MachineOptions { seed, nodes, preemption: true }) {
        Ok(machine) => machine,
        Err(unavailable) => {
            simulation.fail(Failure::Machine(unavailable.to_string()));
            return VirtualTimeStats::default();
        }
    };
    let logs = programs.iter().map(|_| GrowingLog::default()).collect();
    let mut driver = Driver { simulation, programs, observer, machine, events: Vec::new(), logs };
    if let Err(failure) = driver.drive() {
        driver.simulation.fail(failure);
    }
    let remarks = driver.machine.remarks().to_vec();
    let traced = VirtualTimeStats {
        nondeterminism: driver.machine.nondeterminism().to_vec(),
        wall_times: driver.machine.wall_times().to_vec(),
    };
    remarks.into_iter().for_each(|remark| driver.simulation.add_note(remark));
    traced
}

struct Driver<'a> {
    simulation: &'a mut Simulation,
    programs: &'a [NodeProgram],
    observer: &'a mut dyn Observer,
    machine: Machine,
    events: Vec<Event>,
    /// The logs of the nodes.
    logs: Vec<GrowingLog>,
}

impl Driver<'_> {
    fn drive(&mut self) -> Result<(), Failure> {
        loop {
            while let Some(command) = self.simulation.next_command() {
                let effect = self.carry_out(command)?;
                self.simulation.on_effect(self.machine.now(), effect);
            }
            self.deliver()?;
            self.run_nodes()?;
            self.observer.observe(self.simulation)?;
            if self.simulation.is_over() {
                return Ok(());
            }
            if !self.simulation.advance_one(self.machine.now()) {
                self.move_clock()?;
            }
        }
    }

    /// Moves the clock to the next event: a timer of a node, or an event of the simulation.
    fn move_clock(&mut self) -> Result<(), Failure> {
        let next = [self.machine.next_timer(), self.simulation.next_wakeup()].into_iter().flatten().min();
        let Some(next) = next else {
            return Err(Failure::Machine("deadlock: every node is blocked and no event is scheduled".into()));
        };
        self.machine.advance_to(next);
        Ok(())
    }

    /// Delivers what the simulation sends to the nodes.
    fn deliver(&mut self) -> Result<(), Failure> {
        for (node, program) in self.programs.iter().enumerate() {
            let bytes = self.simulation.output(node);
            if bytes.is_empty() {
                continue;
            }
            let count = bytes.len();
            let accepted = self.machine.deliver(node, bytes);
            self.simulation.consume_output(node, count);
            if accepted.is_err() {
                return Err(Failure::NodeDoesNotRead { node: program.name.clone(), bytes: OUTPUT_LIMIT });
            }
        }
        Ok(())
    }

    fn run_nodes(&mut self) -> Result<(), Failure> {
        let failed = |error| Failure::Machine(format!("tracing the nodes failed: {error}"));
        while !self.machine.run_briefly(&mut self.events).map_err(failed)? {
            // A node computes for long. The observer may abort the run in the meantime.
            self.observer.observe(self.simulation)?;
        }
        self.observe_logs()?;
        if let Some(flood) = self.flood() {
            return Err(flood);
        }
        let now = self.machine.now();
        for event in self.events.drain(..) {
            match event {
                Event::Line { node, line } => self.simulation.on_line(now, node, &line),
                Event::OutputClosed { node } => self.simulation.on_output_closed(now, node),
                Event::LineTooLong { node } => {
                    return Err(Failure::LineTooLong { node: self.programs[node].name.clone(), limit: LINE_LIMIT });
                }
                Event::Flooded { .. } => unreachable!("a flood ends the run above"),
                Event::Exited { node, status } => {
                    let log = &self.programs[node].log;
                    let exit = Exit { status: describe_exit(status), stderr: log_tail(log), log: Some(log.clone()) };
                    self.simulation.on_exit(now, node, exit);
                }
                Event::Hung { node } => {
                    const SECOND: Nanos = 1_000_000_000;
                    return Err(Failure::Hung {
                        node: self.programs[node].name.clone(),
                        seconds: HANG_LIMIT_NS / SECOND,
                    });
                }
            }
        }
        Ok(())
    }

    /// Tells the observer which nodes have written to standard error. All nodes are at rest, so what they have written since
    /// they were last at rest was written now.
    fn observe_logs(&mut self) -> Result<(), Failure> {
        for (node, log) in self.logs.iter_mut().enumerate() {
            if self.machine.take_activity(node)
                && let Some(offset) = log.growth()
            {
                self.observer.on_log(self.simulation, node, offset, self.machine.now())?;
            }
        }
        Ok(())
    }

    /// The failure of a node that prints without end. None of its messages is sent; the last one is reported.
    fn flood(&self) -> Option<Failure> {
        let flooding = |event: &Event| if let Event::Flooded { node } = event { Some(*node) } else { None };
        let flooding = self.events.iter().find_map(flooding)?;
        let last = self.events.iter().rev().find_map(|event| match event {
            Event::Line { node, line } if *node == flooding => Some(shorten(&String::from_utf8_lossy(line), 200)),
            _ => None,
        });
        let node = self.programs[flooding].name.clone();
        Some(Failure::Floods { node, bytes: FLOOD_LIMIT, last: last.unwrap_or_default() })
    }

    fn carry_out(&mut self, command: Command) -> Result<Effect, Failure> {
        Ok(match command {
            Command::Start(node) => {
                self.start(node)?;
                Effect::Started(node)
            }
            Command::Kill(node) => {
                let processes = self.machine.process_count(node);
                self.machine.kill(node);
                Effect::Killed(node, processes)
            }
            Command::Pause(node) => {
                self.machine.pause(node);
                Effect::Paused(node, self.machine.process_count(node))
            }
            Command::Resume(node) => {
                self.machine.resume(node);
                Effect::Resumed(node)
            }
            Command::BumpClock(node, by) => {
                self.machine.bump_clock(node, by);
                Effect::ClockSet(node)
            }
            Command::ResetClock(node) => {
                self.machine.reset_clock(node);
                Effect::ClockSet(node)
            }
        })
    }

    fn start(&mut self, node: usize) -> Result<(), Failure> {
        let program = &self.programs[node];
        let traced = virtual_time::Program {
            path: program.program.clone(),
            args: program.args.clone(),
            env: environment(&program.env),
            dir: program.directory.clone(),
            cwd: program.cwd.clone(),
            dir_variable: NODE_DIRECTORY.to_owned(),
            stderr: program.log.clone(),
        };
        self.machine.start(node, &traced).map_err(|error| {
            let why = match &error {
                StartError::Program { path, error } => explain_start(path, error),
                other => other.to_string(),
            };
            Failure::CannotStart { node: program.name.clone(), why }
        })?;
        self.logs[node].open(&program.log);
        Ok(())
    }
}

/// The log of a node, which the node appends to.
#[derive(Default)]
struct GrowingLog {
    /// `None` if the node was not started yet, or if its log cannot be read.
    file: Option<File>,
    length: u64,
}

impl GrowingLog {
    fn open(&mut self, path: &Path) {
        // The report says what is wrong with a log that cannot be read.
        self.file = self.file.take().or_else(|| File::open(path).ok());
    }

    /// Returns the length at the last call, if the log has grown since.
    fn growth(&mut self) -> Option<u64> {
        // Takes less than half as long as reading the metadata.
        let length = self.file.as_mut()?.seek(SeekFrom::End(0)).ok()?;
        let before = std::mem::replace(&mut self.length, length);
        (length > before).then_some(before)
    }
}

/// A node's whole environment. It is small, so that it is the same everywhere.
fn environment(own: &[(OsString, OsString)]) -> Vec<(OsString, OsString)> {
    const INHERITED: [&str; 2] = ["PATH", "HOME"];
    let inherited = INHERITED.iter().filter_map(|key| Some((OsString::from(key), std::env::var_os(key)?)));
    let mut environment: Vec<(OsString, OsString)> = inherited.collect();
    environment.push(("LANG".into(), "C.UTF-8".into()));
    for (key, value) in own {
        environment.retain(|(other, _)| other != key);
        environment.push((key.clone(), value.clone()));
    }
    environment.sort_by(|(a, _), (b, _)| OsStr::cmp(a, b));
    environment
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn growth_of_a_log_is_noticed_once() {
        let path = std::env::temp_dir().join(format!("maelstrom-growth-{}", std::process::id()));
        let mut written = File::create(&path).unwrap();
        let mut log = GrowingLog::default();
        assert_eq!(log.growth(), None);
        log.open(&path);
        assert_eq!(log.growth(), None);
        written.write_all(b"one\n").unwrap();
        assert_eq!([log.growth(), log.growth()], [Some(0), None]);
        written.write_all(b"two\nthree\n").unwrap();
        log.open(&path);
        assert_eq!([log.growth(), log.growth()], [Some(4), None]);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_environment_is_small_and_can_be_extended() {
        let own = [("LANG".into(), "de_DE".into()), ("KEY".into(), "value".into())];
        let environment = environment(&own);
        let keys: Vec<&str> = environment.iter().filter_map(|(key, _)| key.to_str()).collect();
        assert!(keys.iter().all(|key| ["PATH", "HOME", "LANG", "KEY"].contains(key)), "{keys:?}");
        assert!(environment.contains(&("LANG".into(), "de_DE".into())));
        assert!(keys.is_sorted());
    }
}
