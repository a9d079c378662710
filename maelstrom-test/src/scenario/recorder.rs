//! Writes the files of a run while it is active, so that they are complete up to the end even if the process is killed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use super::run_log::RunLog;
use super::{Config, Progress};
use crate::executor::{NodeProgram, Observer, coarse_clock};
use crate::history::{HistoryFormat, HistoryWriter, Nanos, OpType, Process};
use crate::report::file_names;
use crate::simulation::{Failure, Simulation};

/// The journal is passed to its thread when it has this number of bytes.
const CHUNK: usize = 256 << 10;
/// The maximum time until the journal is passed to its thread. Also the time between two reports of progress.
const PERIOD: Duration = Duration::from_millis(100);
/// The maximum number of chunks that wait for the disk. If there are more, the run waits.
const QUEUE: usize = 16;

/// Writes `history.jsonl`, `messages.jsonl` and the log of the run, reports progress, and checks for interrupts.
pub(super) struct Recorder<'a> {
    config: &'a Config,
    history: HistoryWriter<File>,
    /// The number of entries of the history that are written.
    written: usize,
    counts: Counts,
    journal: JournalWriter,
    log: RunLog,
    /// The times of the nodes' logs, created when a node first writes to its log.
    log_times: Vec<LogTimes>,
    /// The time when the journal was last passed to its thread, on the [coarse clock](coarse_clock).
    last: Duration,
}

#[derive(Default)]
struct Counts {
    invoked: u64,
    ok: u64,
    faults: Vec<String>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(config: &'a Config, programs: &[NodeProgram]) -> io::Result<Recorder<'a>> {
        let directory = &config.directory;
        let history = HistoryWriter::new(File::create(directory.join(file_names::HISTORY))?, HistoryFormat::JsonLines);
        let journal = JournalWriter::start(File::create(directory.join(file_names::MESSAGES))?)?;
        let log = RunLog::new(config, programs)?;
        let log_times = programs.iter().map(|program| LogTimes::new(&program.log)).collect();
        Ok(Recorder {
            config,
            history,
            written: 0,
            counts: Counts::default(),
            journal,
            log,
            log_times,
            last: coarse_clock(),
        })
    }

    fn record(&mut self, simulation: &mut Simulation) -> io::Result<()> {
        let ops = &simulation.history().ops;
        self.log.follow(simulation, &ops[self.written.min(ops.len())..])?;
        if self.written < ops.len() {
            for op in &ops[self.written..] {
                self.history.write(op)?;
                self.counts.add(op);
            }
            self.written = ops.len();
            self.history.flush()?;
        }
        let now = coarse_clock();
        let late = now >= self.last + PERIOD;
        if late || simulation.network().journal().pending_bytes() >= CHUNK {
            self.journal.write(simulation)?;
            self.log.chunk_taken();
        }
        if late {
            self.flush_logs()?;
            self.last = now;
            self.report_progress(simulation);
        }
        Ok(())
    }

    fn report_progress(&mut self, simulation: &Simulation) {
        let Some(sink) = &self.config.progress else { return };
        sink(&Progress {
            phase: simulation.phase(),
            now: simulation.now(),
            time_limit: self.config.simulation.settings.time_limit,
            ok: self.counts.ok,
            invoked: self.counts.invoked,
            faults: self.counts.faults.clone(),
            reruns: None,
        });
    }

    /// Writes the rest and waits until it is written.
    pub(super) fn finish(mut self, simulation: &mut Simulation) -> io::Result<()> {
        self.record(simulation)?;
        self.journal.write(simulation)?;
        self.flush_logs()?;
        self.journal.finish()
    }

    fn flush_logs(&mut self) -> io::Result<()> {
        self.log_times.iter_mut().try_for_each(LogTimes::flush)?;
        self.log.flush()
    }

    /// Describes an error of a file of the run.
    fn failure(&self, error: &io::Error) -> Failure {
        let directory = self.config.directory.display();
        Failure::Machine(format!("the run's files in {directory} cannot be written: {error}"))
    }
}

impl Observer for Recorder<'_> {
    fn observe(&mut self, simulation: &mut Simulation) -> Result<(), Failure> {
        if self.config.interrupt.is_raised() {
            return Err(Failure::Interrupted);
        }
        self.record(simulation).map_err(|error| self.failure(&error))
    }

    fn on_log(&mut self, simulation: &Simulation, node: usize, offset: u64, time: Nanos) -> Result<(), Failure> {
        self.log.node_wrote(time);
        let events = simulation.network().journal().events();
        self.log_times[node].add(offset, time, events).map_err(|error| self.failure(&error))
    }
}

impl Counts {
    fn add(&mut self, op: &crate::history::Op) {
        match (op.process, op.kind) {
            (Process::Client(_), OpType::Invoke) => self.invoked += 1,
            (Process::Client(_), OpType::Ok) => self.ok += 1,
            (Process::Client(_), _) => {}
            (Process::Nemesis, _) => {
                let kind = op.f.trim_start_matches("start-").trim_start_matches("stop-");
                self.faults = vec![kind.to_owned()];
            }
        }
    }
}

/// The times of the lines of a node's log: lines of the form `[offset,time_ns,events]`. The bytes of the log from an offset
/// up to the next one were written at that time, after that number of events of the journal. There is one line per time, not
/// per line of the log, so a node that writes a lot at once costs little.
struct LogTimes {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl LogTimes {
    fn new(log: &Path) -> LogTimes {
        let node = log.file_stem().unwrap_or_default().to_string_lossy();
        LogTimes { path: log.with_file_name(file_names::node_log_times(&node)), file: None }
    }

    fn add(&mut self, offset: u64, time: Nanos, events: u64) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(BufWriter::new(File::create(&self.path)?)),
        };
        writeln!(file, "[{offset},{time},{events}]")
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

/// A thread that writes the journal, so that the simulation does not wait for the disk.
struct JournalWriter {
    chunks: Option<SyncSender<Vec<u8>>>,
    /// Written buffers, which are reused.
    empties: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl JournalWriter {
    fn start(mut file: File) -> io::Result<JournalWriter> {
        let (chunks, incoming) = mpsc::sync_channel::<Vec<u8>>(QUEUE);
        let (back, empties): (Sender<Vec<u8>>, _) = mpsc::channel();
        let write = move || {
            for chunk in incoming {
                file.write_all(&chunk)?;
                // At the end of the run, nobody receives the buffers.
                let _ = back.send(chunk);
            }
            Ok(())
        };
        let thread = std::thread::Builder::new().name("maelstrom-journal".into()).spawn(write)?;
        Ok(JournalWriter { chunks: Some(chunks), empties, thread: Some(thread) })
    }

    fn write(&mut self, simulation: &mut Simulation) -> io::Result<()> {
        let journal = simulation.network_mut().journal_mut();
        if journal.pending_bytes() == 0 {
            return Ok(());
        }
        let chunk = journal.take(self.empties.try_recv().unwrap_or_default());
        match &self.chunks {
            Some(chunks) if chunks.send(chunk).is_ok() => Ok(()),
            _ => self.finish(),
        }
    }

    /// Waits until the thread ends. Before that, it ends only with an error.
    fn finish(&mut self) -> io::Result<()> {
        self.chunks = None;
        match self.thread.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(error))) => Err(error),
            Some(Err(_)) => Err(io::Error::other("the thread that writes the journal has panicked")),
        }
    }
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        // The thread must end. `write` and `finish` have reported its errors.
        let _ = self.finish();
    }
}
