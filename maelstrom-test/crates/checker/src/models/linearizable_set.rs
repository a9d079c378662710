//! Sets whose reads return all elements that were added before.
//!
//! A set only grows, so its reads form a chain: of any two reads, one contains the other. The chain is the order in which the
//! reads took effect, and it shows between which reads each element was added. This order is consistent with real time if no
//! operation ended before another one began that precedes it in the chain.
//!
//! ```text
//! reads by size    [ ]    →    [1]    →    [1 2 3]
//! additions            add 1       add 2, add 3         add 4, if it was acknowledged
//! places      0     1      2    3      4        5            6
//! ```
//!
//! Two operations in the wrong order are a proof. More are never needed: a longer cycle of the real-time order and the order
//! of places contains a cycle of two operations.

use rustc_hash::FxHashMap;

use crate::describe::{brief, who};
use crate::entries::{Entries, NONE, PackedPair};
use crate::history::{History, Op, OpType, Pairing};
use crate::intern::Interner;
use crate::json::{Map, Value, json};
use crate::stream::check_streamed;
use crate::{CheckContext, Checker, Evidence, Finding, Stream, Valid, Verdict};

/// The checker of linearizability of a set that is empty at first: operations `add` with an element, and `read` that returns
/// the list of all elements, in any order. An element may be added several times.
///
/// [`SetFull`](crate::SetFull) allows an element to appear some time after its addition was acknowledged. This checker does
/// not.
///
/// Results: `attempt_count` (additions that did not fail), `read_count`, `unexpected` (elements of a read that ended before
/// an addition of them began), `duplicated` (elements that occur twice in a read). Anomalies: `nonlinearizable`, `unexpected`
/// and `duplicated`; the first one of each is explained. Unknown if there is no read, or the history has other functions.
///
/// Every distinct list that was read is kept until the history ends.
///
/// ```
/// use maelstrom_checker::{CheckContext, Checker, LinearizableSet, Valid};
/// use maelstrom_checker::history::History;
/// let history = History::read(&b"
///     {:type :invoke, :process 0, :f :add, :value 7} {:type :ok, :process 0, :f :add, :value 7}
///     {:type :invoke, :process 1, :f :read}          {:type :ok, :process 1, :f :read, :value []}"[..])?;
/// let verdict = LinearizableSet.check(&history, &CheckContext::default());
/// assert_eq!(verdict.valid, Valid::False);
/// assert_eq!(verdict.findings[0].story, "process 1 read the set without 7, which had been added before.");
/// # Ok::<(), maelstrom_checker::history::ReadError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LinearizableSet;

impl Checker for LinearizableSet {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, context: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(LinearizableSetStream {
            context,
            entries: Entries::default(),
            open: Pairing::new(),
            elements: Interner::default(),
            additions: Vec::new(),
            numbers: FxHashMap::default(),
            reads: Vec::new(),
            duplicated: Vec::new(),
            obstacle: None,
        })
    }
}

/// A pending operation: what it adds, and its position.
struct PendingOp {
    position: u32,
    adds: Option<u32>,
}

/// An addition that did not fail.
#[derive(Clone, Copy)]
struct SetAddition {
    element: u32,
    place: PackedPair,
    is_ok: bool,
}

/// A history that is checked entry by entry.
struct LinearizableSetStream<'a> {
    context: &'a CheckContext,
    entries: Entries,
    open: Pairing<PendingOp>,
    elements: Interner,
    additions: Vec<SetAddition>,
    /// The numbers of the lists that were read, in the order of their first reads. Lists are sorted, without duplicates.
    numbers: FxHashMap<Box<[u32]>, u32>,
    /// The completed reads: the number of the list, and the operation.
    reads: Vec<(u32, PackedPair)>,
    /// Elements that occurred twice in a read.
    duplicated: Vec<(u32, PackedPair)>,
    obstacle: Option<String>,
}

impl Stream for LinearizableSetStream<'_> {
    fn push(&mut self, op: &Op) {
        let position = self.entries.push(op);
        let Some(process) = op.process.client() else { return };
        if op.kind == OpType::Invoke {
            let adds = (&*op.f == "add").then(|| self.elements.id(&op.value));
            if let Some(open) = self.open.begin(process, op, PendingOp { position, adds }) {
                self.record_unfinished(&open);
            }
            return;
        }
        let (open, op) = self.open.end(process, op);
        let place = PackedPair { invocation: open.as_ref().map_or(NONE, |open| open.position), completion: position };
        let is_ok = op.kind == OpType::Ok;
        match (&*op.f, op.kind) {
            ("add" | "read", OpType::Fail) => {}
            ("add", _) => {
                let element = open.and_then(|open| open.adds).unwrap_or_else(|| self.elements.id(&op.value));
                self.additions.push(SetAddition { element, place, is_ok });
            }
            ("read", OpType::Ok) => match &op.value {
                Value::Array(list) => self.read(list, place),
                // Some languages write an empty list as null.
                Value::Null => self.read(&[], place),
                _ => self.object(&op, "a read must return a list"),
            },
            ("read", _) => {}
            _ => self.object(&op, "a set has only the functions add and read"),
        }
    }

    fn finish(mut self: Box<Self>) -> Verdict {
        for open in self.open.take_unfinished().collect::<Vec<_>>() {
            self.record_unfinished(&open);
        }
        let chain = Chain::new(&self);
        let first = self.first_additions();
        let unexpected = self.unexpected(&first);
        let mut findings: Vec<Finding> = Vec::new();
        findings.extend(unexpected.first().map(|(element, place)| self.surprise(*element, *place, &first)));
        findings.extend(self.duplicated.first().map(|(element, place)| self.duplicate(*element, *place)));
        if unexpected.is_empty() {
            findings.extend(match chain.fork {
                Some((one, other)) => Some(self.fork(&chain, one, other)),
                None => self.disorder(&chain, &first),
            });
        }
        let (valid, reason) = match (&self.obstacle, findings.is_empty()) {
            (_, false) => (Valid::False, None),
            (Some(obstacle), true) => (Valid::Unknown, Some(obstacle.clone())),
            (None, true) if self.reads.is_empty() => {
                (Valid::Unknown, Some("no read returned, so nothing was tested".into()))
            }
            (None, true) => (Valid::True, None),
        };
        let mut verdict = Verdict { valid, reason, findings, details: self.details(&unexpected) };
        verdict.add_mismatch(self.open.mismatch());
        verdict
    }
}

impl LinearizableSetStream<'_> {
    /// Records an operation that was never completed.
    fn record_unfinished(&mut self, open: &PendingOp) {
        let place = PackedPair { invocation: open.position, completion: NONE };
        self.additions.extend(open.adds.map(|element| SetAddition { element, place, is_ok: false }));
    }

    fn read(&mut self, list: &[Value], place: PackedPair) {
        let mut ids: Vec<u32> = list.iter().map(|element| self.elements.id(element)).collect();
        ids.sort_unstable();
        self.duplicated.extend(ids.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| (pair[0], place)));
        ids.dedup();
        let next = self.numbers.len() as u32;
        let number = *self.numbers.entry(ids.into()).or_insert(next);
        self.reads.push((number, place));
    }

    fn object(&mut self, op: &Op, why: &str) {
        let Op { index, process, kind, f, .. } = op;
        self.obstacle.get_or_insert_with(|| {
            format!("entry {index} of the history (process {process}, {} {f}): {why}", kind.as_str())
        });
    }

    /// By element, the addition that began first. It is the best explanation of a read of the element.
    fn first_additions(&self) -> Vec<Option<usize>> {
        let mut first: Vec<Option<usize>> = vec![None; self.elements.len()];
        for (at, addition) in self.additions.iter().enumerate() {
            let slot = &mut first[addition.element as usize];
            if slot.is_none_or(|other| addition.place.start() < self.additions[other].place.start()) {
                *slot = Some(at);
            }
        }
        first
    }

    /// The elements of reads that ended before an addition of them began, each with the first of these reads.
    fn unexpected(&self, first: &[Option<usize>]) -> Vec<(u32, PackedPair)> {
        let start = |element: u32| first[element as usize].map(|at| self.additions[at].place.start());
        let mut first_reads = vec![None; self.numbers.len()];
        for (number, place) in self.reads.iter().rev() {
            first_reads[*number as usize] = Some(*place);
        }
        let mut found: FxHashMap<u32, PackedPair> = FxHashMap::default();
        for (list, number) in &self.numbers {
            let Some(place) = first_reads[*number as usize] else { continue };
            for element in list.iter().filter(|element| start(**element).is_none_or(|start| start > place.end())) {
                let first = found.entry(*element).or_insert(place);
                if place.completion < first.completion {
                    *first = place;
                }
            }
        }
        let mut found: Vec<(u32, PackedPair)> = found.into_iter().collect();
        found.sort_unstable_by_key(|(element, place)| (place.completion, *element));
        found
    }
}

/// The lists that were read, from the shortest to the longest.
struct Chain<'a> {
    lists: Vec<&'a [u32]>,
    /// By number of a list, its place in the chain.
    ranks: Vec<usize>,
    /// The ranks of two lists, neither of which contains the other.
    fork: Option<(usize, usize)>,
}

impl<'a> Chain<'a> {
    fn new(set: &'a LinearizableSetStream<'_>) -> Chain<'a> {
        let mut rows: Vec<(&[u32], u32)> = set.numbers.iter().map(|(list, number)| (&**list, *number)).collect();
        rows.sort_unstable_by_key(|(list, number)| (list.len(), *number));
        let mut ranks = vec![0; rows.len()];
        rows.iter().enumerate().for_each(|(rank, (_, number))| ranks[*number as usize] = rank);
        let lists: Vec<&[u32]> = rows.into_iter().map(|(list, _)| list).collect();
        let fork = (1..lists.len()).find(|rank| missing(lists[rank - 1], lists[*rank]).is_some());
        Chain { lists, ranks, fork: fork.map(|rank| (rank - 1, rank)) }
    }
}

/// The first element of a sorted list that another one lacks.
fn missing(of: &[u32], from: &[u32]) -> Option<u32> {
    of.iter().copied().find(|element| from.binary_search(element).is_err())
}

/// An operation, and the places that it may have in the order of all operations.
#[derive(Clone, Copy)]
struct PlacedOperation {
    place: PackedPair,
    /// The first place that it may have.
    lowest: usize,
    /// The last place that it may have.
    highest: usize,
    /// The element that it adds; `None` for reads.
    adds: Option<u32>,
    is_ok: bool,
}

impl LinearizableSetStream<'_> {
    /// All operations that must have taken effect.
    fn steps(&self, chain: &Chain<'_>, first: &[Option<usize>]) -> Vec<PlacedOperation> {
        let mut levels = vec![chain.lists.len(); self.elements.len()];
        for (rank, list) in chain.lists.iter().enumerate().rev() {
            list.iter().for_each(|element| levels[*element as usize] = rank);
        }
        let mut steps: Vec<PlacedOperation> = Vec::with_capacity(self.reads.len() + self.additions.len());
        for (number, place) in &self.reads {
            let at = 2 * chain.ranks[*number as usize] + 1;
            steps.push(PlacedOperation { place: *place, lowest: at, highest: at, adds: None, is_ok: true });
        }
        for (at, SetAddition { element, place, is_ok }) in self.additions.iter().enumerate() {
            let level = levels[*element as usize];
            let is_first = level < chain.lists.len() && first[*element as usize] == Some(at);
            if is_first || *is_ok {
                let highest = if is_first { 2 * level } else { usize::MAX };
                let (place, is_ok) = (*place, *is_ok);
                steps.push(PlacedOperation { place, lowest: 2 * level, highest, adds: Some(*element), is_ok });
            }
        }
        steps
    }

    /// The finding of two operations in the wrong order.
    fn disorder(&self, chain: &Chain<'_>, first: &[Option<usize>]) -> Option<Finding> {
        let mut by_start = self.steps(chain, first);
        by_start.sort_by_key(|step| (step.place.start(), step.place.completion));
        let mut by_end: Vec<PlacedOperation> = by_start.iter().copied().filter(|step| step.is_ok).collect();
        by_end.sort_by_key(|step| step.place.end());
        let mut ended = by_end.into_iter().peekable();
        let mut highest: Option<PlacedOperation> = None;
        for later in by_start {
            while let Some(step) = ended.next_if(|step| step.place.end() < later.place.start()) {
                if highest.is_none_or(|other| step.lowest > other.lowest) {
                    highest = Some(step);
                }
            }
            if let Some(earlier) = highest.filter(|earlier| earlier.lowest > later.highest) {
                return Some(self.explain(chain, earlier, later));
            }
        }
        None
    }

    fn explain(&self, chain: &Chain<'_>, earlier: PlacedOperation, later: PlacedOperation) -> Finding {
        let list = |step: PlacedOperation| chain.lists[step.lowest / 2];
        let name = |element: u32| brief(&self.elements.value(element));
        match (earlier.adds, later.adds) {
            (Some(element), None) => {
                let added = self.addition(earlier.place, element, "acknowledged");
                let read =
                    self.shown(list(later), later.place, format!("began later and does not show {}", name(element)));
                let story = format!(
                    "{} read the set without {}, which had been added before.",
                    self.who(later.place),
                    name(element)
                );
                nonlinearizable(
                    story,
                    "a read lacks an element that had been added before it",
                    vec![added, read.culprit()],
                )
            }
            (None, None) => {
                let element = missing(list(earlier), list(later)).expect("the later list is smaller");
                let first = self.shown(list(earlier), earlier.place, format!("shows {}", name(element)));
                let second =
                    self.shown(list(later), later.place, format!("began later and does not show {}", name(element)));
                let story = format!(
                    "{} read the set without {}, which a read before it shows.",
                    self.who(later.place),
                    name(element)
                );
                nonlinearizable(
                    story,
                    "a read lacks an element that a read before it shows",
                    vec![first, second.culprit()],
                )
            }
            (None, Some(_)) => unreachable!("what was read before it was added is unexpected"),
            (Some(element), Some(other)) => {
                let rank = later.highest / 2;
                let place = self.read_of(chain, rank);
                let added = self.addition(earlier.place, element, "acknowledged");
                let next = self.addition(later.place, other, "the first addition of it began later");
                let note = format!("shows {}, but not {}", name(other), name(element));
                let read = self.shown(chain.lists[rank], place, note);
                let story = format!(
                    "{} read the set with {}, but without {}, which had been added before.",
                    self.who(place),
                    name(other),
                    name(element)
                );
                nonlinearizable(
                    story,
                    "a read shows an element, but not one that had been added before it",
                    vec![added, next, read.culprit()],
                )
            }
        }
    }

    fn fork(&self, chain: &Chain<'_>, one: usize, other: usize) -> Finding {
        let line = |rank: usize, against: usize| {
            let element = missing(chain.lists[rank], chain.lists[against]).expect("neither contains the other");
            let note = format!("only this one shows {}", brief(&self.elements.value(element)));
            self.shown(chain.lists[rank], self.read_of(chain, rank), note)
        };
        let mut lines = vec![line(one, other), line(other, one)];
        lines.sort_by_key(|line| line.completion);
        nonlinearizable(
            "Each of two reads shows an element that the other lacks.".into(),
            "each of two reads shows an element that the other lacks",
            lines,
        )
    }

    /// The first read that returned the list of this rank.
    fn read_of(&self, chain: &Chain<'_>, rank: usize) -> PackedPair {
        let read = self.reads.iter().find(|(number, _)| chain.ranks[*number as usize] == rank);
        read.expect("every list was read").1
    }

    fn surprise(&self, element: u32, place: PackedPair, first: &[Option<usize>]) -> Finding {
        let (who, name) = (self.who(place), brief(&self.elements.value(element)));
        let read = Evidence::new(place.pair(), format!("read → … {name} …"), "").culprit();
        let (story, evidence) = match first[element as usize] {
            None => (format!("{who} read {name}, which nobody had added."), vec![read]),
            Some(at) => {
                let later = self.addition(self.additions[at].place, element, "the first addition of it began later");
                (format!("{who} read {name}, which was added only later."), vec![read, later])
            }
        };
        Finding {
            anomaly: "unexpected".into(),
            proscribed: true,
            headline: format!("unexpected (element {name})"),
            story,
            shape: "a read shows an element that nobody had added".into(),
            evidence,
            picture: None,
        }
    }

    fn duplicate(&self, element: u32, place: PackedPair) -> Finding {
        let (who, name) = (self.who(place), brief(&self.elements.value(element)));
        Finding {
            anomaly: "duplicated".into(),
            proscribed: true,
            headline: format!("duplicated (element {name})"),
            story: format!("{who} read a list with {name} in it twice."),
            shape: "an element stands twice in a read".into(),
            evidence: vec![Evidence::new(place.pair(), format!("read → … {name} … {name} …"), "").culprit()],
            picture: None,
        }
    }

    fn who(&self, place: PackedPair) -> String {
        who(self.entries.stamp(place.completion).process, self.context)
    }

    fn addition(&self, place: PackedPair, element: u32, note: &str) -> Evidence {
        Evidence::new(place.pair(), format!("add {}", brief(&self.elements.value(element))), note)
    }

    fn shown(&self, list: &[u32], place: PackedPair, note: String) -> Evidence {
        let list: Value = list.iter().map(|element| self.elements.value(*element)).collect();
        Evidence::new(place.pair(), format!("read → {}", brief(&list)), note)
    }

    fn details(&self, unexpected: &[(u32, PackedPair)]) -> Map<String, Value> {
        let list = |rows: &[(u32, PackedPair)]| -> Value {
            let mut ids: Vec<u32> = Vec::new();
            for (element, _) in rows {
                if !ids.contains(element) {
                    ids.push(*element);
                }
            }
            ids.into_iter().map(|element| self.elements.value(element)).collect()
        };
        let rows = [
            ("attempt_count", json!(self.additions.len())),
            ("read_count", json!(self.reads.len())),
            ("unexpected", list(unexpected)),
            ("duplicated", list(&self.duplicated)),
        ];
        rows.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    }
}

fn nonlinearizable(story: String, shape: &str, evidence: Vec<Evidence>) -> Finding {
    Finding {
        anomaly: "nonlinearizable".into(),
        proscribed: true,
        headline: "not linearizable".into(),
        story,
        shape: shape.into(),
        evidence,
        picture: None,
    }
}
