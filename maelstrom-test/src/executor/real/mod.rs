//! The executor on the wall clock.
//!
//! One task on a single-threaded tokio runtime drives the run:
//!
//! ```text
//!        lines of nodes            commands, messages
//! nodes ───────────────▶ Driver ◀────────────────────▶ Simulation
//!       ◀───────────────        now, effects
//!          messages
//! ```
//!
//! It reads and writes many lines with one system call, and takes no locks.

mod child;
mod descendants;
mod supervisor;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use super::{LINE_LIMIT, NodeProgram, Observer, explain_start, log_tail};
use crate::history::Nanos;
use crate::simulation::{Command, Effect, Exit, Failure, Simulation};
use child::{Child, ReadOutcome};

/// The maximum time that the loop sleeps. Bounds the time between two calls of the observer.
const MAX_SLEEP: Duration = Duration::from_millis(50);
/// The maximum number of bytes that are read from a node with one system call.
const READ_SIZE: usize = 256 << 10;

/// Runs a simulation with real processes. When it returns, all processes of the nodes have exited.
///
/// If the run is aborted, [`Simulation::failure`] returns the reason.
pub fn run(simulation: &mut Simulation, programs: &[NodeProgram], observer: &mut dyn Observer) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return simulation.fail(Failure::Machine(format!("cannot start the event loop: {error}"))),
    };
    runtime.block_on(async {
        let mut driver = Driver::new(simulation, programs, observer);
        if let Err(failure) = driver.drive().await {
            driver.simulation.fail(failure);
        }
        driver.stop().await;
    });
}

struct Driver<'a> {
    simulation: &'a mut Simulation,
    programs: &'a [NodeProgram],
    observer: &'a mut dyn Observer,
    children: Vec<Option<Child>>,
    began: Instant,
    buffer: Vec<u8>,
}

impl<'a> Driver<'a> {
    fn new(simulation: &'a mut Simulation, programs: &'a [NodeProgram], observer: &'a mut dyn Observer) -> Self {
        let children = programs.iter().map(|_| None).collect();
        Driver { simulation, programs, observer, children, began: Instant::now(), buffer: vec![0; READ_SIZE] }
    }

    fn now(&self) -> Nanos {
        self.began.elapsed().as_nanos() as Nanos
    }

    async fn drive(&mut self) -> Result<(), Failure> {
        loop {
            self.simulation.advance(self.now());
            while let Some(command) = self.simulation.next_command() {
                let effect = self.execute(command).await?;
                self.simulation.on_effect(self.now(), effect);
            }
            // An effect can schedule an event for the current time.
            self.simulation.advance(self.now());
            self.observer.observe(self.simulation)?;
            if self.simulation.is_over() {
                return Ok(());
            }
            let now = self.now();
            let wakeup = self.simulation.next_wakeup().unwrap_or(Nanos::MAX);
            let wait = Duration::from_nanos(wakeup.saturating_sub(now)).min(MAX_SLEEP);
            let mut sleep = std::pin::pin!(tokio::time::sleep(wait));
            poll_fn(|cx| self.poll(cx, wait, sleep.as_mut())).await?;
        }
    }

    /// Reads and writes without blocking. Ready if there was any progress, or after the sleep.
    fn poll(&mut self, cx: &mut Context<'_>, wait: Duration, sleep: Pin<&mut Sleep>) -> Poll<Result<(), Failure>> {
        let mut progress = wait.is_zero();
        for node in 0..self.children.len() {
            progress |= self.poll_write(cx, node);
            progress |= self.poll_read(cx, node)?;
            progress |= self.poll_exit(cx, node);
        }
        if progress || (!wait.is_zero() && sleep.poll(cx).is_ready()) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, node: usize) -> bool {
        let Some(child) = &mut self.children[node] else { return false };
        let written = child.write(cx, self.simulation.output(node));
        self.simulation.consume_output(node, written);
        written > 0
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, node: usize) -> Result<bool, Failure> {
        let Some(child) = &mut self.children[node] else { return Ok(false) };
        let now = self.began.elapsed().as_nanos() as Nanos;
        let simulation = &mut *self.simulation;
        match child.read(cx, &mut self.buffer, |line| simulation.on_line(now, node, line)) {
            ReadOutcome::Pending => Ok(false),
            ReadOutcome::Lines => Ok(true),
            ReadOutcome::Closed => {
                simulation.on_output_closed(now, node);
                Ok(true)
            }
            ReadOutcome::LineTooLong => {
                Err(Failure::LineTooLong { node: self.programs[node].name.clone(), limit: LINE_LIMIT })
            }
        }
    }

    fn poll_exit(&mut self, cx: &mut Context<'_>, node: usize) -> bool {
        let Some(child) = &mut self.children[node] else { return false };
        if !child.has_exited(cx) {
            return false;
        }
        let mut child = self.children[node].take().expect("the node has a child");
        let now = self.now();
        child.drain(&mut self.buffer, |line| self.simulation.on_line(now, node, line));
        let log = &self.programs[node].log;
        let exit = Exit { status: child.wait(), stderr: log_tail(log), log: Some(log.clone()) };
        self.simulation.on_exit(now, node, exit);
        true
    }

    async fn execute(&mut self, command: Command) -> Result<Effect, Failure> {
        match command {
            Command::Start(node) => {
                let program = &self.programs[node];
                let child = Child::start(program).map_err(|error| Failure::CannotStart {
                    node: program.name.clone(),
                    why: explain_start(&program.program, &error),
                })?;
                self.children[node] = Some(child);
                Ok(Effect::Started(node))
            }
            Command::Kill(node) => {
                let Some(mut child) = self.children[node].take() else { return Ok(Effect::Killed(node, 0)) };
                let processes = child.request(supervisor::KILL).await;
                let now = self.now();
                // Lines that were complete before the kill are messages. An incomplete line is not.
                child.drain(&mut self.buffer, |line| self.simulation.on_line(now, node, line));
                child.wait();
                Ok(Effect::Killed(node, processes))
            }
            Command::Pause(node) => Ok(Effect::Paused(node, self.request(node, supervisor::PAUSE).await)),
            Command::Resume(node) => {
                self.request(node, supervisor::RESUME).await;
                Ok(Effect::Resumed(node))
            }
            Command::BumpClock(..) | Command::ResetClock(_) => {
                let why = "the clock fault needs virtual time: in real time all nodes share the machine's clock";
                Err(Failure::Machine(why.into()))
            }
        }
    }

    async fn request(&mut self, node: usize, request: u8) -> u64 {
        match &mut self.children[node] {
            Some(child) => child.request(request).await,
            None => 0,
        }
    }

    /// Kills all nodes and waits until all their processes have exited.
    async fn stop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            child.disconnect();
        }
        for mut child in self.children.drain(..).flatten() {
            child.wait();
        }
    }
}
