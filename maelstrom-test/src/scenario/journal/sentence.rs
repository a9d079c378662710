//! One sentence that classifies a failure, as far as the messages show it.

use super::messages::Sent;
use super::question::Written;
use super::table::Found;
use super::words::describe_loss;
use crate::network::Reason;
use crate::protocol::{NodeKind, compare_names, shorten};
use crate::report::{counted, length, moment};

/// The maximum length of a value, in characters.
const VALUE: usize = 30;

/// Classifies a failure. `None` if the messages do not show what went wrong.
pub(super) fn sentence(found: &Found<'_>) -> Option<String> {
    let Found { index, spread, decision, .. } = found;
    let written = found.question.lacks.as_ref()?.written.first()?;
    if !found.question.is_read(found.history) {
        return None;
    }
    let (node, what) = (&*decision.node, describe_written(found, written));
    if found.question.is_double {
        return done_twice(found, &what);
    }
    let get = |id: &u64| index.get(*id);
    if let Some((informed, by)) = spread.informed.get(node).filter(|_| spread.has_reached(decision)) {
        if let Some(write) = spread.overwrites.last().and_then(get) {
            return Some(format!(
                "Overwritten: {node} received {what} at {}, and a {} from {} replaced it at {}",
                moment(*informed),
                write.kind(),
                write.src,
                moment(write.received?),
            ));
        }
        // If the node received another value later, it may have been right to forget this one.
        let is_later = |sent: &Sent| sent.received.is_some_and(|time| time > *informed && time <= decision.time);
        if index.to(node).any(|(_, sent)| is_later(sent) && written.is_replaced_in(&sent.body)) {
            return None;
        }
        let by = get(by).map(|sent| sent.kind().to_owned()).unwrap_or_default();
        return Some(format!(
            "Heard but not acted on: {node} received {what} ({by}) at {} and answered without it at {}",
            moment(*informed),
            moment(decision.time)
        ));
    }
    let how = how(found);
    let to = |sent: &Sent| if sent.dest == *node { String::new() } else { format!(" to {}", sent.dest) };
    if let Some(lost) = spread.missed.iter().filter_map(get).find(|sent| sent.received.is_none()) {
        let fate = match lost.lost {
            Some((_, reason)) => format!("was {}", reason.map_or_else(|| "lost".into(), participle)),
            None => "was still in flight".into(),
        };
        return Some(format!(
            "Never heard: {how}. {} from {} with {what}{} {fate}{}",
            sentence_case(lost.kind()),
            lost.src,
            to(lost),
            silence(found).map(|silence| format!("; {silence}")).unwrap_or_default()
        ));
    }
    let late = spread
        .missed
        .iter()
        .filter_map(get)
        .filter_map(|sent| Some((sent.received?, sent)))
        .min_by_key(|(time, _)| *time);
    if let Some((received, late)) = late {
        return Some(format!(
            "Too late: {how}. {} from {} with {what}{} arrived {} after that",
            sentence_case(late.kind()),
            late.src,
            to(late),
            length(received.saturating_sub(decision.time))
        ));
    }
    // If no message mentions it, the system may replicate it in a form that is not recognised.
    (spread.informed.len() > 1).then(|| {
        let silence = silence(found).map(|silence| format!("; {silence}")).unwrap_or_default();
        format!("Never heard: {how}. No message to it mentions {what}{silence}")
    })
}

/// Says how the deciding node answered.
fn how(found: &Found<'_>) -> String {
    let decision = &found.decision;
    let took = match decision.time.saturating_sub(decision.asked) {
        0 => "at once".to_owned(),
        took => format!("{} after the request", length(took)),
    };
    if decision.asked_nobody && NodeKind::of_name(&decision.node) == NodeKind::Server {
        format!("{} answered from its own state, asking nobody, {took}", decision.node)
    } else {
        format!("{} answered {took}", decision.node)
    }
}

/// Says since when the deciding node had heard nothing from those who knew, if that is longer than they knew it.
fn silence(found: &Found<'_>) -> Option<String> {
    let Found { index, spread, decision, .. } = found;
    let since = spread.informed.values().map(|(time, _)| *time).min()?;
    let mut names: Vec<&str> =
        spread.informed.keys().map(String::as_str).filter(|name| *name != decision.node).collect();
    names.sort_by(|one, other| compare_names(one, other));
    let received = |sent: &Sent| sent.received.filter(|time| *time <= decision.time);
    let from_them = || index.to(&decision.node).filter(|(_, sent)| names.contains(&&*sent.src));
    let last = from_them().filter_map(|(_, sent)| received(sent)).max().filter(|last| *last < since)?;
    let mut text = format!("it had heard nothing from {} since {}", names.join(", "), moment(last));
    let lost = spread.silenced.iter().filter_map(|id| index.get(*id)?.lost?.1);
    let lost: Vec<&str> =
        lost.map(|reason| if reason == Reason::Partition { "cut by the partition" } else { "lost" }).collect();
    if let [first, ..] = lost[..] {
        let count = lost.iter().filter(|reason| **reason == first).count() as u64;
        let were = if count == 1 { "was" } else { "were" };
        text += &format!(", and {} from them {were} {first}", counted(count, "message"));
    }
    Some(text)
}

fn done_twice(found: &Found<'_>, what: &str) -> Option<String> {
    let Found { index, spread, .. } = found;
    let first = index.get(*spread.doubles.first()?)?;
    let (one, other) = match spread.doubles[..] {
        [_, second, ..] => (first.received?, index.get(second)?.received?),
        _ => (first.received?, first.received_again?),
    };
    Some(format!(
        "Done twice: {} received the {} of {} with {what} at {} and again at {}",
        first.dest,
        first.kind(),
        first.src,
        moment(one.min(other)),
        moment(one.max(other))
    ))
}

fn participle(reason: Reason) -> String {
    let text = describe_loss(reason);
    if text.starts_with("cut") || text.starts_with("lost") { text } else { format!("lost ({text})") }
}

/// Describes a value: `key 3 = 2`, or `message 5` of a broadcast.
fn describe_written(found: &Found<'_>, written: &Written) -> String {
    let value = shorten(&written.value.to_string(), VALUE);
    let invocation = found.question.lacks.as_ref().and_then(|lacking| lacking.operation.invocation);
    let f = invocation.and_then(|at| found.history.ops.get(at)).map_or("", |op| &op.f);
    match &written.key {
        Some(key) => format!("key {} = {value}", shorten(&key.to_string(), VALUE)),
        None if f == "broadcast" => format!("message {value}"),
        None => format!("element {value}"),
    }
}

/// Marks the type of a message at the beginning of a sentence. Its letters are those of the program.
fn sentence_case(kind: &str) -> String {
    if kind.is_empty() { "A message".to_owned() } else { format!("The {kind}") }
}
