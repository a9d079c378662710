//! Checks a history entry by entry.
//!
//! Keys are independent, so their entries are stored separately, in compressed form. Only the entries of one key at a time
//! are converted back to a history. The compressed form is about a quarter of the size of the text.

use rustc_hash::FxHashMap;

use super::Linearizable;
use super::register::{collect, key_of};
use super::verdict::Summary;
use crate::history::{History, Op, OpType, Pair, Pairing, Process};
use crate::json::{Parser, Value};
use crate::{CheckContext, Finding, Stream, Verdict};

/// A history of registers by key that is checked entry by entry.
pub(super) struct RegisterStream<'a> {
    checker: &'a Linearizable,
    context: &'a CheckContext,
    /// The number of entries.
    position: usize,
    keys: Vec<Packed>,
    numbers: FxHashMap<Value, usize>,
    /// The operations whose key cannot be determined.
    keyless: Packed,
    /// The pending operation of each process.
    open: Pairing<PendingRegisterOp>,
    /// The number of operations.
    operations: u64,
}

/// A pending operation, with its number.
enum PendingRegisterOp {
    /// The key is known.
    Of(usize, u64),
    /// The completion may have the key.
    Unknown(usize, u64, Box<Op>),
}

impl<'a> RegisterStream<'a> {
    pub(super) fn new(checker: &'a Linearizable, context: &'a CheckContext) -> RegisterStream<'a> {
        RegisterStream {
            checker,
            context,
            position: 0,
            keys: Vec::new(),
            numbers: FxHashMap::default(),
            keyless: Packed::default(),
            open: Pairing::new(),
            operations: 0,
        }
    }

    /// The number of the key of an entry.
    fn number(&mut self, op: &Op) -> Option<usize> {
        let key = key_of(op)?;
        if let Some(number) = self.numbers.get(key) {
            return Some(*number);
        }
        let number = self.keys.len();
        self.keys.push(Packed::default());
        self.numbers.insert(key.clone(), number);
        Some(number)
    }

    fn entries(&mut self, number: Option<usize>) -> &mut Packed {
        match number {
            Some(number) => &mut self.keys[number],
            None => &mut self.keyless,
        }
    }

    fn begin(&mut self, process: u64, position: usize, op: &Op) {
        let operation = self.next_operation();
        let open = match self.number(op) {
            Some(number) => {
                self.keys[number].push(position, operation, op);
                PendingRegisterOp::Of(number, operation)
            }
            None => PendingRegisterOp::Unknown(position, operation, Box::new(op.clone())),
        };
        if let Some(PendingRegisterOp::Unknown(position, operation, op)) = self.open.begin(process, op, open) {
            self.keyless.push(position, operation, &op);
        }
    }

    fn next_operation(&mut self) -> u64 {
        self.operations += 1;
        self.operations
    }

    fn end(&mut self, process: u64, position: usize, op: &Op) {
        let own = self.number(op);
        match self.open.end(process, op).0 {
            Some(PendingRegisterOp::Of(number, operation)) => self.keys[number].push(position, operation, op),
            Some(PendingRegisterOp::Unknown(begun, operation, invocation)) => {
                let entries = self.entries(own);
                entries.push(begun, operation, &invocation);
                entries.push(position, operation, op);
            }
            None => {
                let operation = self.next_operation();
                self.entries(own).push(position, operation, op);
            }
        }
    }
}

impl Stream for RegisterStream<'_> {
    fn push(&mut self, op: &Op) {
        let position = self.position;
        self.position += 1;
        let Some(process) = op.process.client() else { return };
        if op.kind == OpType::Invoke {
            self.begin(process, position, op);
        } else {
            self.end(process, position, op);
        }
    }

    fn finish(mut self: Box<Self>) -> Verdict {
        for open in self.open.take_unfinished() {
            if let PendingRegisterOp::Unknown(position, operation, op) = open {
                self.keyless.push(position, operation, &op);
            }
        }
        let Unpacked { history, pairs, .. } = self.keyless.unpack();
        let (_, obstacle) = collect(&history, &pairs, self.checker);
        let mut summary = Summary::new(self.checker, self.context, obstacle, self.keys.len());
        // In the order of their first entries.
        self.keys.sort_by_key(|packed| packed.first);
        for packed in std::mem::take(&mut self.keys) {
            let Unpacked { history, pairs, positions } = packed.unpack();
            let known = summary.verdict.findings.len();
            for register in &collect(&history, &pairs, self.checker).0 {
                summary.judge(register, &history);
            }
            summary.verdict.findings[known..].iter_mut().for_each(|finding| relocate(finding, &positions));
        }
        summary.finish()
    }
}

/// Converts positions in the history of a key to positions in the whole history.
fn relocate(finding: &mut Finding, positions: &[usize]) {
    for line in &mut finding.evidence {
        for position in [&mut line.invocation, &mut line.completion] {
            *position = position.map(|at| positions[at]);
        }
    }
}

/// Entries in compressed form: JSON, in which numbers are differences from the entry before.
#[derive(Default)]
struct Packed {
    text: Vec<u8>,
    /// The lowest position.
    first: Option<usize>,
    /// The position, operation and time of the last entry.
    position: usize,
    operation: u64,
    time: u64,
}

/// The differences of position, operation and time; index minus position; type, process, function, value, error.
type PackedEntry<'a> = (i64, i64, i64, i64, u8, u64, &'a str, &'a Value, &'a Option<Value>);

/// Entries converted back to a history.
struct Unpacked {
    history: History,
    /// The operations, as matched in the whole history.
    pairs: Vec<Pair>,
    /// By entry, its position in the whole history.
    positions: Vec<usize>,
}

const KINDS: [OpType; 4] = [OpType::Invoke, OpType::Ok, OpType::Fail, OpType::Info];

impl Packed {
    fn push(&mut self, position: usize, operation: u64, op: &Op) {
        let kind = KINDS.iter().position(|kind| *kind == op.kind).unwrap_or_default() as u8;
        let row: PackedEntry<'_> = (
            position.wrapping_sub(self.position) as i64,
            operation.wrapping_sub(self.operation) as i64,
            op.time.wrapping_sub(self.time) as i64,
            op.index.wrapping_sub(position as u64) as i64,
            kind,
            op.process.client().unwrap_or_default(),
            &op.f,
            &op.value,
            &op.error,
        );
        (self.position, self.operation, self.time) = (position, operation, op.time);
        self.first = Some(self.first.map_or(position, |first| first.min(position)));
        serde_json::to_writer(&mut self.text, &row).expect("JSON values always serialize, and a Vec takes them");
    }

    fn unpack(&self) -> Unpacked {
        let mut entries: Vec<(usize, u64, Op)> = Vec::new();
        let (mut position, mut operation, mut time) = (0_usize, 0_u64, 0_u64);
        let mut names: FxHashMap<String, std::sync::Arc<str>> = FxHashMap::default();
        let text = std::str::from_utf8(&self.text).expect("JSON is UTF-8");
        // The values were in memory already, so their depth is not limited here.
        let mut parser = Parser::new(text, usize::MAX);
        while parser.position() < text.len() {
            let Some(Value::Array(row)) = parser.value() else { unreachable!("it was written here") };
            let row: [Value; 9] = row.try_into().expect("it was written here");
            let [distance, more, later, index, kind, process, f, value, error] = row;
            let signed = |number: &Value| number.as_i64().expect("it was written here");
            let unsigned = |number: &Value| number.as_u64().expect("it was written here");
            position = position.wrapping_add(signed(&distance) as usize);
            operation = operation.wrapping_add(signed(&more) as u64);
            time = time.wrapping_add(signed(&later) as u64);
            let Value::String(f) = f else { unreachable!("it was written here") };
            let name = names.entry(f).or_insert_with_key(|f| f.as_str().into()).clone();
            let op = Op {
                index: (position as u64).wrapping_add(signed(&index) as u64),
                time,
                kind: KINDS[unsigned(&kind) as usize],
                process: Process::Client(unsigned(&process)),
                f: name,
                value,
                error: Some(error).filter(|error| !error.is_null()),
                is_final: false,
                extra: None,
            };
            entries.push((position, operation, op));
        }
        // An invocation without a key was added together with its completion.
        entries.sort_by_key(|(position, ..)| *position);
        let mut pairs: Vec<Pair> = Vec::with_capacity(entries.len() / 2 + 1);
        let mut pair_of: FxHashMap<u64, usize> = FxHashMap::default();
        for (at, (_, operation, op)) in entries.iter().enumerate() {
            let pair = *pair_of.entry(*operation).or_insert(pairs.len());
            if pair == pairs.len() {
                pairs.push(Pair { invocation: None, completion: None });
            }
            let end = if op.kind == OpType::Invoke { &mut pairs[pair].invocation } else { &mut pairs[pair].completion };
            *end = Some(at);
        }
        let (positions, ops) = entries.into_iter().map(|(position, _, op)| (position, op)).unzip();
        Unpacked { history: History { ops }, pairs, positions }
    }
}
