//! Reads histories from files or standard input, plain or compressed, and shows the progress on the terminal.
//!
//! A long history is read twice: once for the verdict, and once for the entries in the findings. For the second pass, standard
//! input is spooled to an unnamed temporary file. The operating system removes it when the process ends.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::history::{HistoryReader, Op, ReadError};
use crate::report::file_names::{HISTORY, HISTORY_EDN};

/// The minimum time before the progress is first shown, and between two updates.
const INTERVAL: Duration = Duration::from_millis(250);
/// The number of entries between two reads of the clock, which would slow down the reader.
const BLOCK: u64 = 4096;

/// A history that can be read twice.
pub(super) struct Source {
    /// The name in messages.
    name: String,
    file: SourceFile,
}

enum SourceFile {
    Named(PathBuf),
    /// A stream until it is read, and its copy. The copy is an error if it cannot be written.
    Stream(RefCell<Option<Box<dyn Read>>>, Rc<RefCell<io::Result<File>>>),
}

impl Source {
    /// Opens a file, the history in the directory of a run, or standard input (`-`). The compression is detected from the
    /// content, not from the name.
    pub(super) fn open(file: &str) -> Source {
        match file {
            "-" => Source::stream("standard input", Box::new(io::stdin())),
            _ => {
                let path = history_in(Path::new(file)).unwrap_or_else(|| file.into());
                Source { name: path.display().to_string(), file: SourceFile::Named(path) }
            }
        }
    }

    /// Creates a source from a stream, which can be read only once.
    pub(super) fn stream(name: &str, raw: Box<dyn Read>) -> Source {
        let copy = Rc::new(RefCell::new(tempfile::tempfile()));
        Source { name: name.into(), file: SourceFile::Stream(RefCell::new(Some(raw)), copy) }
    }

    /// Returns an error message that names the source.
    pub(super) fn error(&self, message: &str) -> String {
        format!("{}: {message}", self.name)
    }

    /// Starts the first pass.
    ///
    /// # Errors
    /// Fails if the file cannot be read. The message names it.
    pub(super) fn read(&self) -> Result<Input, String> {
        let input = match &self.file {
            SourceFile::Named(path) => self.read_file(path),
            SourceFile::Stream(raw, copy) => {
                let raw = raw.take().expect("there is only one first pass");
                Input::new(&self.name, Box::new(CopyingReader { raw, copy: Rc::clone(copy) }), 0)
            }
        };
        input.map_err(|error| format!("{}: {error}", self.name))
    }

    /// Starts the second pass. The first one must be complete.
    ///
    /// # Errors
    /// Fails if the file, or the copy of a stream, cannot be read. The message names the reason.
    pub(super) fn read_again(&self) -> Result<Input, String> {
        let input = match &self.file {
            SourceFile::Named(path) => self.read_file(path),
            SourceFile::Stream(_, copy) => copy_from_start(copy).and_then(|copy| {
                let length = copy.metadata()?.len();
                Input::new(&self.name, Box::new(copy), length)
            }),
        };
        input.map_err(|error| match self.file {
            SourceFile::Named(_) => format!("{}: {error}", self.name),
            SourceFile::Stream(..) => format!(
                "{}: cannot spool to a temporary file in {}, so the evidence has no operations: {error}\n  \
                 help: pass the history as a file, or set TMPDIR to a directory with more space",
                self.name,
                std::env::temp_dir().display()
            ),
        })
    }

    fn read_file(&self, path: &Path) -> io::Result<Input> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Input::new(&self.name, Box::new(file), length)
    }
}

/// Returns the path of the history in the directory of a run.
fn history_in(directory: &Path) -> Option<PathBuf> {
    // The names that runs use, also compressed, and those of other tools.
    let compressed = [".zst", ".gz"].map(|suffix| format!("{HISTORY}{suffix}"));
    let names = [HISTORY, &compressed[0], &compressed[1], HISTORY_EDN, "history.json"];
    names.map(|name| directory.join(name)).into_iter().find(|path| path.is_file())
}

fn copy_from_start(copy: &RefCell<io::Result<File>>) -> io::Result<File> {
    let mut copy = copy.replace(Err(io::Error::other("the copy was already read")))?;
    copy.rewind()?;
    Ok(copy)
}

/// Copies everything that is read to a file, until writing fails.
struct CopyingReader {
    raw: Box<dyn Read>,
    copy: Rc<RefCell<io::Result<File>>>,
}

impl Read for CopyingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.raw.read(buffer)?;
        let mut copy = self.copy.borrow_mut();
        if let Ok(file) = &mut *copy
            && let Err(error) = file.write_all(&buffer[..count])
        {
            *copy = Err(error);
        }
        Ok(count)
    }
}

/// A pass over the entries of a history.
pub(super) struct Input {
    /// The name in messages.
    name: String,
    entries: HistoryReader<Box<dyn BufRead>>,
    compression: Option<&'static str>,
    read: Rc<Cell<u64>>,
    /// The length of the file in bytes; 0 for a stream.
    length: u64,
    count: u64,
    /// The time of the last update of the progress, or of the start; `None` if no progress is shown.
    drawn: Option<Instant>,
    is_visible: bool,
}

impl Input {
    fn new(name: &str, raw: Box<dyn Read>, length: u64) -> io::Result<Input> {
        let read = Rc::new(Cell::new(0));
        let counting = CountingReader { raw, read: read.clone() };
        let (compression, text) = decompress(BufReader::with_capacity(1 << 16, counting))?;
        let drawn = io::stderr().is_terminal().then(Instant::now);
        let entries = HistoryReader::new(text)?;
        Ok(Input { name: name.into(), entries, compression, read, length, count: 0, drawn, is_visible: false })
    }

    /// Returns the next entry.
    ///
    /// # Errors
    /// Fails if the entry cannot be read or parsed. The message names the file and the position.
    pub(super) fn next(&mut self) -> Result<Option<Op>, String> {
        let entry = self.entries.next().transpose();
        self.count += 1;
        if self.count.is_multiple_of(BLOCK) || self.is_visible && !matches!(entry, Ok(Some(_))) {
            self.show_progress(matches!(entry, Ok(Some(_))));
        }
        entry.map_err(|error| match (error, self.compression) {
            (ReadError::Io(error), Some(compression)) => format!(
                "{}: cannot decompress the {compression} data after entry {}: {error}\n  help: check whether the file is \
                 complete",
                self.name,
                self.count - 1
            ),
            (error, _) => format!("{}: {error}", self.name),
        })
    }

    /// Updates the line with the progress, or erases it at the end.
    fn show_progress(&mut self, is_active: bool) {
        let Some(drawn) = self.drawn.filter(|drawn| !is_active || drawn.elapsed() >= INTERVAL) else { return };
        let line = if is_active { progress(self.count, self.read.get(), self.length) } else { String::new() };
        self.is_visible = is_active;
        self.drawn = Some(if is_active { Instant::now() } else { drawn });
        // The check does not depend on the terminal, which may have been closed.
        let _ = write!(io::stderr(), "\r\x1b[K{line}");
    }
}

/// Formats the progress: `12,345,678 events, 1.2 of 9.8 GB (12 %)`.
fn progress(entries: u64, read: u64, length: u64) -> String {
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    let entries = crate::report::counted(entries, "event");
    match read.checked_mul(100).and_then(|read| read.checked_div(length)) {
        Some(percent) => format!("{entries}, {:.1} of {:.1} GB ({percent} %)", gigabytes(read), gigabytes(length)),
        None => format!("{entries}, {:.1} GB", gigabytes(read)),
    }
}

/// Counts the bytes that are read.
struct CountingReader {
    raw: Box<dyn Read>,
    read: Rc<Cell<u64>>,
}

impl Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.raw.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

/// Returns the compression, detected from the first bytes, and the decompressed content.
fn decompress(mut reader: BufReader<CountingReader>) -> io::Result<(Option<&'static str>, Box<dyn BufRead>)> {
    let beginning = reader.fill_buf()?;
    Ok(match beginning {
        [0x1f, 0x8b, ..] => (Some("gzip"), Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(reader)))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => (Some("zstd"), Box::new(BufReader::new(zstd::Decoder::with_buffer(reader)?))),
        _ => (None, Box::new(reader)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls a function with a temporary file that has this content.
    fn with_file<T>(name: &str, content: &[u8], act: impl FnOnce(&str) -> T) -> T {
        // Tests run concurrently, and some use the same name.
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("maelstrom-input-{}-{number}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("the directory for temporary files is writable");
        let result = act(path.to_str().expect("the path is valid UTF-8"));
        std::fs::remove_file(&path).expect("the file exists");
        result
    }

    /// Returns the number of entries of a file with this content, or the error, in which `FILE` replaces the path.
    fn count(name: &str, content: &[u8]) -> Result<u64, String> {
        with_file(name, content, |path| {
            let without_path = |error: String| error.replace(path, "FILE");
            let mut input = Source::open(path).read().map_err(without_path)?;
            let mut count = 0;
            while input.next().map_err(without_path)?.is_some() {
                count += 1;
            }
            Ok(count)
        })
    }

    fn entries(count: usize) -> String {
        (0..count).map(|i| format!("{{\"type\": \"ok\", \"process\": {}, \"value\": {i}}}\n", i % 7)).collect()
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).expect("writing to memory does not fail");
        gzip.finish().expect("writing to memory does not fail")
    }

    fn zstd(text: &str) -> Vec<u8> {
        zstd::encode_all(text.as_bytes(), 1).expect("writing to memory does not fail")
    }

    #[test]
    fn the_compression_is_detected_from_the_content() {
        let text = entries(10_000);
        for (name, content) in [("plain", text.clone().into_bytes()), ("gzip", gzip(&text)), ("zstd", zstd(&text))] {
            assert_eq!(count(name, &content), Ok(10_000), "{name}");
        }
        // A gzip file may consist of several members.
        let both = [gzip(&entries(3)), gzip(&entries(4))].concat();
        assert_eq!(count("two", &both), Ok(7));
    }

    #[test]
    fn errors_of_truncated_files_have_the_last_entry() {
        let text = entries(100_000);
        for (name, content) in [("gzip", gzip(&text)), ("zstd", zstd(&text))] {
            let error = count(name, &content[..content.len() / 2]).expect_err("half of it is missing");
            assert!(error.starts_with(&format!("FILE: cannot decompress the {name} data after entry ")), "{error}");
            assert!(error.ends_with("help: check whether the file is complete"), "{error}");
        }
    }

    #[test]
    fn errors_of_malformed_histories_have_a_position() {
        for (name, content, expected) in [
            ("binary", &b"\x7fELF\x02\x01\x01\0\0\0"[..], "FILE: line 1, column 1: "),
            ("nul", &b"{\"type\": \"ok\"}\n\0\0\0\n"[..], "FILE: line 2, column 1: "),
            ("utf8", &b"{\"type\": \"ok\", \"value\": \"\xff\xfe\"}\n"[..], "FILE: line 1, column "),
            ("text", &b"{\"type\": \"ok\"}\nhello\n"[..], "FILE: line 2, column 1: "),
            ("cut", &b"{\"type\": \"ok\"}\n{\"type\": \"o"[..], "FILE: line 2, column 11: "),
            ("edn-in-json", &b"{\"type\": \"ok\"}\n{:type :ok}\n"[..], "FILE: line 2, column 2: "),
            ("json-in-edn", &b"{:type :ok}\n{\"type\": \"ok\"}\n"[..], "FILE: line 2, column "),
            ("edn-cut", &b"[{:type :ok}\n {:type :ok"[..], "FILE: line 2, column "),
            ("no-type", &b"{\"type\": \"ok\"}\n{\"f\": \"read\"}\n"[..], "FILE: line 2, column "),
        ] {
            let error = count(name, content).expect_err(name);
            assert!(error.starts_with(expected), "{name}: {error}");
        }
        let error = count("gzip-of-junk", &gzip("{\"type\": \"ok\"}\njunk\n")).expect_err("the content is malformed");
        assert!(error.starts_with("FILE: line 2, column 1: "), "{error}");
    }

    #[test]
    fn a_stream_can_be_read_twice() {
        for content in [entries(1000).into_bytes(), gzip(&entries(1000)), zstd(&entries(1000))] {
            let source = Source::stream("a pipe", Box::new(io::Cursor::new(content)));
            let all = |mut input: Input| {
                std::iter::from_fn(move || input.next().expect("the history is well-formed"))
                    .map(|op| op.value)
                    .collect::<Vec<_>>()
            };
            let first = all(source.read().expect("the stream is readable"));
            assert_eq!(first.len(), 1000);
            assert_eq!(all(source.read_again().expect("the stream was copied")), first);
        }
    }

    #[test]
    fn a_stream_is_read_once_if_it_cannot_be_copied() {
        // A read-only file has the effect of a full disk.
        let read_only = File::open("/dev/null").expect("the file exists");
        let source = Source::stream("a pipe", Box::new(io::Cursor::new(entries(1000).into_bytes())));
        let SourceFile::Stream(_, copy) = &source.file else { panic!("the source is a stream") };
        *copy.borrow_mut() = Ok(read_only);
        let mut input = source.read().expect("the stream is readable");
        while input.next().expect("the stream is readable").is_some() {}
        let error = source.read_again().err().expect("there is no copy");
        assert!(error.starts_with("a pipe: cannot spool to a temporary file in "), "{error}");
    }

    #[test]
    fn progress_is_a_short_line() {
        assert_eq!(progress(12_345_678, 1_200_000_000, 9_800_000_000), "12,345,678 events, 1.2 of 9.8 GB (12 %)");
        assert_eq!(progress(4096, 500_000_000, 0), "4,096 events, 0.5 GB");
    }
}
