//! The journal of a run: its messages, and what they show of a failure.
//!
//! A run in real time cannot be repeated with something left out. But its messages show much of how a wrong answer came about.
//! The rows of the table are chosen from them in two directions:
//!
//! ```text
//! what the answer lacks ──► who received it, by which messages        (forwards)
//!                                        │
//!                                        ▼  which message was lost, late, or never sent?
//! the wrong answer ──────► the node or service that decided on it     (backwards)
//! ```
//!
//! Nothing of this is a proof. So the table says that its rows were chosen.
//!
//! | file | content |
//! | --- | --- |
//! | `messages`, `index` | the messages of a journal, and the ways to find them |
//! | `question` | the wrong answer, and the operation that it lacks |
//! | `decision` | backwards: the deciding node |
//! | `spread`, `mention` | forwards: who received what the answer lacks |
//! | `table`, `sides`, `words` | columns and rows |
//! | `sentence` | a sentence that classifies the failure |

mod decision;
mod index;
mod mention;
mod messages;
mod question;
mod sentence;
mod sides;
mod spread;
mod table;
#[cfg(test)]
mod tests;
mod words;

use std::path::PathBuf;

use self::decision::decision;
use self::index::Index;
use self::mention::Mentions;
use self::question::Question;
use self::spread::Spread;
use self::table::{Found, Table};
use super::Run;
use crate::checker::CheckContext;
use crate::history::{History, Nanos};
use crate::json::Value;
use crate::network::JournalEvent;
use crate::report::cause::{Cause, Reduction};
use crate::report::{file_names, journal_between};

pub(in crate::scenario) use messages::{Messages, Sent};
pub(in crate::scenario) use sides::sides;
pub(in crate::scenario) use words::{describe, describe_body, describe_loss};

/// The maximum number of events that are read of a journal.
const EVENTS: usize = 300_000;
/// How long before and after the operations events are read: before them for the last contact of a node, after them for
/// messages that came too late.
const BEFORE: Nanos = 10_000_000_000;
const AFTER: Nanos = 2_000_000_000;

/// Chooses the table of a failure from the messages of the run. `None` if no wrong answer is known, or if its messages are not.
pub(super) fn choose(run: &Run) -> Option<Cause> {
    let finding = *run.view().violations().first()?;
    let part = run.verdict.parts().iter().find(|part| part.verdict.findings.contains(finding))?.name;
    let question = Question::of(finding, &run.history, &run.context)?;
    let (from, to) = table::interval(&question, &run.history);
    let path = run.file(file_names::MESSAGES);
    let until = to.saturating_add(AFTER);
    let read = |from| journal_between(&run.journal, run.journal_events, &path, (from, until), EVENTS);
    // If there are too many, those before the operations are not read.
    let events = read(from.saturating_sub(BEFORE)).or_else(|| read(from))?;
    let Chosen { table, sentence } = choose_events(&question, &events, &run.history, &run.context)?;
    let kept = |kept: u64, total: u64| Reduction { kept, total };
    Some(Cause {
        is_chosen: true,
        anomaly: finding.anomaly.clone(),
        checker: part.to_owned(),
        headline: run.headline(),
        sentence,
        operations: kept(table.operations, run.ops().invoked),
        faults: kept(table.faults, run.faults.iter().map(|fault| fault.actions).sum()),
        messages: Some(kept(table.messages, run.net.servers.send_count)),
        columns: table.columns,
        rows: table.rows,
        remarks: table.remarks,
        // The events are those of this run.
        directory: Some(PathBuf::new()),
        ..Cause::default()
    })
}

/// What was chosen.
#[derive(Debug)]
struct Chosen {
    table: Table,
    sentence: Option<String>,
}

/// Chooses columns and rows. `None` if the request with the wrong answer is not in the journal.
fn choose_events(
    question: &Question,
    events: &[JournalEvent],
    history: &History,
    context: &CheckContext,
) -> Option<Chosen> {
    let index = Index::new(Messages::new(events));
    let answer = index.call(question.answer, history, context);
    let decision = decision(&index, answer)?;
    let lacks = question.lacks.as_ref();
    let lacked = lacks.map(|lacking| index.call(lacking.operation, history, context)).unwrap_or_default();
    let spread = match lacks.zip(lacked.request) {
        Some((lacking, request)) => {
            let body = index.get(request).map_or(&Value::Null, |sent| &sent.body);
            let mentions = Mentions::new(body, &lacking.written);
            Spread::of(&index, events, request, &mentions, &decision, question.is_double)
        }
        None => Spread::default(),
    };
    let found = Found { history, context, question, index: &index, answer, lacked, decision, spread };
    let table = Table::of(&found);
    let sentence = sentence::sentence(&found).map(|text| text + ".");
    // Otherwise, the table would only repeat the evidence.
    let is_more_than_evidence = table.messages > 0 || sentence.is_some();
    is_more_than_evidence.then_some(Chosen { table, sentence })
}
