//! Links: the numbers of messages, which are part of their identities, and the fates that a plan spells out.

use rustc_hash::FxHashMap;

use super::EndpointId;
use crate::history::Nanos;
use crate::plan::Fate;
use crate::random::{hash, mix};

/// The kind of choice that the fate of a message is.
const MESSAGE: u64 = hash("message");

/// The messages from one endpoint to another.
#[derive(Debug)]
struct Link {
    /// The incarnation of the sender whose messages are counted.
    incarnation: u32,
    sent: u64,
    /// The source and destination by their names, and the incarnation, mixed with the seed.
    key: u64,
    /// The position in [`Links::fates_by_link`], if a plan names messages of this link.
    fates: Option<usize>,
}

/// A message that is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// How many messages the sender had sent to the destination before, in its incarnation.
    pub(super) number: u64,
    /// Its identity and the seed, mixed: what is drawn for the message is drawn from this.
    pub(super) key: u64,
    /// Its fate, if a plan spells it out.
    pub(super) fate: Option<FateId>,
}

/// The position of a fate in the plan.
pub(super) type FateId = usize;

/// All links on which a message was sent.
#[derive(Debug, Default)]
pub(super) struct Links {
    seed: u64,
    links: FxHashMap<(EndpointId, EndpointId), Link>,
    /// The fates of the plan, each with whether its message was sent.
    fates: Vec<(Fate, bool)>,
    /// For each link that the plan names: its fates by incarnation and number.
    fates_by_link: Vec<FxHashMap<(u32, u64), FateId>>,
    /// The positions in `fates_by_link`, by the names of source and destination.
    by_names: FxHashMap<(String, String), usize>,
}

impl Links {
    /// The seed of the run.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// Creates the links of a run with this seed, in which these fates are spelled out. If two of them have the same message, the latter
    /// counts.
    pub(super) fn new(seed: u64, fates: &[Fate]) -> Links {
        let unmet = fates.iter().map(|fate| (fate.clone(), false)).collect();
        let mut links = Links { seed, fates: unmet, ..Links::default() };
        for (position, Fate { id, .. }) in fates.iter().enumerate() {
            let next = links.fates_by_link.len();
            let link = *links.by_names.entry((id.src.clone(), id.dest.clone())).or_insert(next);
            if link == next {
                links.fates_by_link.push(FxHashMap::default());
            }
            links.fates_by_link[link].insert((id.incarnation, id.number), position);
        }
        links
    }

    /// Numbers the next message on a link, which is given by sender, incarnation of the sender, and destination. The names
    /// are those of the message's identity.
    pub(super) fn next(&mut self, link: (EndpointId, u32, EndpointId), src: &str, dest: &str) -> Sent {
        let (sender, incarnation, receiver) = link;
        let key = || mix(self.seed, &[MESSAGE, hash(src), hash(dest), incarnation.into()]);
        let link = self.links.entry((sender, receiver)).or_insert_with(|| {
            let names = || (src.to_owned(), dest.to_owned());
            let fates = if self.by_names.is_empty() { None } else { self.by_names.get(&names()).copied() };
            Link { incarnation, sent: 0, key: key(), fates }
        });
        if link.incarnation != incarnation {
            (link.incarnation, link.sent, link.key) = (incarnation, 0, key());
        }
        let number = link.sent;
        link.sent += 1;
        let fate = link.fates.and_then(|link| self.fates_by_link[link].get(&(incarnation, number)).copied());
        if let Some(fate) = fate {
            self.fates[fate].1 = true;
        }
        Sent { number, key: mix(link.key, &[number]), fate }
    }

    /// The delay of each copy of a message whose fate is spelled out.
    pub(super) fn delays(&self, fate: FateId) -> &[Nanos] {
        &self.fates[fate].0.delays_ns
    }

    /// The messages that the plan names and that were never sent.
    pub(super) fn unmet(&self) -> Vec<String> {
        let unmet = self.fates.iter().filter(|(_, is_met)| !is_met);
        unmet.map(|(fate, _)| format!("{} was never sent", fate.id)).collect()
    }
}
