//! Where histories come from: a file or standard input, plain or compressed, with a line that shows how much was read.
//!
//! What a checker finds is looked up in the history, so that is read twice. Standard input is copied to a file without a
//! name for that purpose, which is gone when we are, however we end.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::history::{HistoryReader, Op, ReadError};
use crate::report::file_names::{HISTORY, HISTORY_EDN};

/// The line about the progress is drawn anew no more often than this, and not before as much time has passed.
const INTERVAL: Duration = Duration::from_millis(250);
/// How many entries are read between two looks at the clock.
const BLOCK: u64 = 4096;

/// A history that can be read, and read again.
pub(super) struct Source {
    /// How people are told of it.
    name: String,
    file: SourceFile,
}

enum SourceFile {
    Named(PathBuf),
    /// What comes once, until it is read, and a copy of what came, as far as there is room for it.
    Passing(RefCell<Option<Box<dyn Read>>>, Rc<RefCell<io::Result<File>>>),
}

impl Source {
    /// A file, a run's directory, or standard input (`-`). Compression is told by the content, whatever the name says.
    pub(super) fn open(file: &str) -> Source {
        match file {
            "-" => Source::passing("standard input", Box::new(io::stdin())),
            _ => {
                let path = history_in(Path::new(file)).unwrap_or_else(|| file.into());
                Source { name: path.display().to_string(), file: SourceFile::Named(path) }
            }
        }
    }

    /// Something that can be read only once.
    pub(super) fn passing(name: &str, raw: Box<dyn Read>) -> Source {
        let copy = Rc::new(RefCell::new(tempfile::tempfile()));
        Source { name: name.into(), file: SourceFile::Passing(RefCell::new(Some(raw)), copy) }
    }

    /// Reads it for the first time.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(super) fn read(&self) -> Result<Input, String> {
        let input = match &self.file {
            SourceFile::Named(path) => self.read_file(path),
            SourceFile::Passing(raw, copy) => {
                let raw = raw.take().expect("it is read for the first time");
                Input::new(&self.name, Box::new(Copying { raw, copy: Rc::clone(copy) }), 0)
            }
        };
        input.map_err(|error| format!("{}: {error}", self.name))
    }

    /// Reads it once more, after all of it was read.
    ///
    /// # Errors
    /// A sentence that says why that cannot be.
    pub(super) fn read_again(&self) -> Result<Input, String> {
        let input = match &self.file {
            SourceFile::Named(path) => self.read_file(path),
            SourceFile::Passing(_, copy) => copy_from_start(copy).and_then(|copy| {
                let length = copy.metadata()?.len();
                Input::new(&self.name, Box::new(copy), length)
            }),
        };
        input.map_err(|error| match self.file {
            SourceFile::Named(_) => format!("{}: {error}", self.name),
            SourceFile::Passing(..) => format!(
                "{}: no copy could be kept in {} to look operations up in: {error}; give it as a file, or let TMPDIR \
                 name a folder with more room",
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

/// The history in the directory of a run.
fn history_in(directory: &Path) -> Option<PathBuf> {
    // As a run leaves it, compressed, or as other tools name it.
    let compressed = [".zst", ".gz"].map(|suffix| format!("{HISTORY}{suffix}"));
    let names = [HISTORY, &compressed[0], &compressed[1], HISTORY_EDN, "history.json"];
    names.map(|name| directory.join(name)).into_iter().find(|path| path.is_file())
}

fn copy_from_start(copy: &RefCell<io::Result<File>>) -> io::Result<File> {
    let mut copy = copy.replace(Err(io::Error::other("it was taken")))?;
    copy.rewind()?;
    Ok(copy)
}

/// Copies what is read to a file, as long as that is possible.
struct Copying {
    raw: Box<dyn Read>,
    copy: Rc<RefCell<io::Result<File>>>,
}

impl Read for Copying {
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

/// The entries of a history, one after another.
pub(super) struct Input {
    /// How people are told of it.
    name: String,
    entries: HistoryReader<Box<dyn BufRead>>,
    compression: Option<&'static str>,
    read: Rc<Cell<u64>>,
    /// Length of the file; 0 if it is none.
    length: u64,
    count: u64,
    /// When the line was drawn, or reading began; `None` where no line is wanted.
    drawn: Option<Instant>,
    is_visible: bool,
}

impl Input {
    fn new(name: &str, raw: Box<dyn Read>, length: u64) -> io::Result<Input> {
        let read = Rc::new(Cell::new(0));
        let counting = Counting { raw, read: read.clone() };
        let (compression, text) = decompress(BufReader::with_capacity(1 << 16, counting))?;
        let drawn = io::stderr().is_terminal().then(Instant::now);
        let entries = HistoryReader::new(text)?;
        Ok(Input { name: name.into(), entries, compression, read, length, count: 0, drawn, is_visible: false })
    }

    /// The next entry.
    ///
    /// # Errors
    /// A sentence that names the file and the place in it.
    pub(super) fn next(&mut self) -> Result<Option<Op>, String> {
        let entry = self.entries.next().transpose();
        self.count += 1;
        if self.count.is_multiple_of(BLOCK) || self.is_visible && !matches!(entry, Ok(Some(_))) {
            self.show_progress(matches!(entry, Ok(Some(_))));
        }
        entry.map_err(|error| match (error, self.compression) {
            (ReadError::Io(error), Some(compression)) => format!(
                "{}: the {compression} data cannot be unpacked beyond entry {}: {error}; is the file complete?",
                self.name,
                self.count - 1
            ),
            (error, _) => format!("{}: {error}", self.name),
        })
    }

    /// Draws the line about the progress, or removes it.
    fn show_progress(&mut self, goes_on: bool) {
        let Some(drawn) = self.drawn.filter(|drawn| !goes_on || drawn.elapsed() >= INTERVAL) else { return };
        let line = if goes_on { progress(self.count, self.read.get(), self.length) } else { String::new() };
        self.is_visible = goes_on;
        self.drawn = Some(if goes_on { Instant::now() } else { drawn });
        // A terminal that is gone is no reason not to judge.
        let _ = write!(io::stderr(), "\r\x1b[K{line}");
    }
}

/// `12,345,678 events, 1.2 of 9.8 GB (12 %)`
fn progress(entries: u64, read: u64, length: u64) -> String {
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    let entries = crate::report::counted(entries, "event");
    match read.checked_mul(100).and_then(|read| read.checked_div(length)) {
        Some(percent) => format!("{entries}, {:.1} of {:.1} GB ({percent} %)", gigabytes(read), gigabytes(length)),
        None => format!("{entries}, {:.1} GB", gigabytes(read)),
    }
}

/// Counts what is read.
struct Counting {
    raw: Box<dyn Read>,
    read: Rc<Cell<u64>>,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.raw.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

/// Takes compression away, and tells which it was.
fn decompress(mut reader: BufReader<Counting>) -> io::Result<(Option<&'static str>, Box<dyn BufRead>)> {
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

    /// A file with this content, for as long as the function runs.
    fn with_file<T>(name: &str, content: &[u8], act: impl FnOnce(&str) -> T) -> T {
        // Tests run at the same time, and some give the same name.
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("maelstrom-input-{}-{number}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("the folder for temporary files can be written");
        let result = act(path.to_str().expect("its name is plain"));
        std::fs::remove_file(&path).expect("it is there");
        result
    }

    /// How many entries the content has, or what is wrong with it, without the file's name.
    fn count(name: &str, content: &[u8]) -> Result<u64, String> {
        with_file(name, content, |path| {
            let tell = |error: String| error.replace(path, "FILE");
            let mut input = Source::open(path).read().map_err(tell)?;
            let mut count = 0;
            while input.next().map_err(tell)?.is_some() {
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
        gzip.write_all(text.as_bytes()).expect("it fits into memory");
        gzip.finish().expect("it fits into memory")
    }

    fn zstd(text: &str) -> Vec<u8> {
        zstd::encode_all(text.as_bytes(), 1).expect("it fits into memory")
    }

    #[test]
    fn compression_is_told_by_the_content() {
        let text = entries(10_000);
        for (name, content) in [("plain", text.clone().into_bytes()), ("gzip", gzip(&text)), ("zstd", zstd(&text))] {
            assert_eq!(count(name, &content), Ok(10_000), "{name}");
        }
        // Members of a gzip file follow one another.
        let both = [gzip(&entries(3)), gzip(&entries(4))].concat();
        assert_eq!(count("two", &both), Ok(7));
    }

    #[test]
    fn a_file_that_is_cut_off_says_after_what() {
        let text = entries(100_000);
        for (name, content) in [("gzip", gzip(&text)), ("zstd", zstd(&text))] {
            let error = count(name, &content[..content.len() / 2]).expect_err("half of it is missing");
            assert!(error.starts_with(&format!("FILE: the {name} data cannot be unpacked beyond entry ")), "{error}");
            assert!(error.ends_with("is the file complete?"), "{error}");
        }
    }

    #[test]
    fn what_is_no_history_is_told_with_its_place() {
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
        let error = count("gzip-of-junk", &gzip("{\"type\": \"ok\"}\njunk\n")).expect_err("it is junk");
        assert!(error.starts_with("FILE: line 2, column 1: "), "{error}");
    }

    #[test]
    fn what_comes_only_once_can_be_read_again() {
        for content in [entries(1000).into_bytes(), gzip(&entries(1000)), zstd(&entries(1000))] {
            let source = Source::passing("a pipe", Box::new(io::Cursor::new(content)));
            let all = |mut input: Input| {
                std::iter::from_fn(move || input.next().expect("it is a history"))
                    .map(|op| op.value)
                    .collect::<Vec<_>>()
            };
            let first = all(source.read().expect("it begins"));
            assert_eq!(first.len(), 1000);
            assert_eq!(all(source.read_again().expect("it was copied")), first);
        }
    }

    #[test]
    fn where_there_is_no_room_for_a_copy_it_is_read_once() {
        // A file that cannot be written stands for a full disk.
        let read_only = File::open("/dev/null").expect("it is there");
        let source = Source::passing("a pipe", Box::new(io::Cursor::new(entries(1000).into_bytes())));
        let SourceFile::Passing(_, copy) = &source.file else { panic!("it passes") };
        *copy.borrow_mut() = Ok(read_only);
        let mut input = source.read().expect("it begins");
        while input.next().expect("it goes on").is_some() {}
        let error = source.read_again().err().expect("there is no copy");
        assert!(error.starts_with("a pipe: no copy could be kept in "), "{error}");
    }

    #[test]
    fn progress_is_a_short_line() {
        assert_eq!(progress(12_345_678, 1_200_000_000, 9_800_000_000), "12,345,678 events, 1.2 of 9.8 GB (12 %)");
        assert_eq!(progress(4096, 500_000_000, 0), "4,096 events, 0.5 GB");
    }
}
