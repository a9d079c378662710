//! The sides of a partition.

use std::collections::BTreeMap;

use crate::history::{History, Process};
use crate::json::Value;
use crate::report::FaultSpan;

/// Returns the side of each node in a partition, by its number. Empty if the partition has no sides, as a ring of majorities.
pub(in crate::scenario) fn sides(history: &History, partition: &FaultSpan) -> BTreeMap<String, usize> {
    let groups = |value: &Value| {
        let groups = value.get(1)?.as_array()?;
        let names = |group: &Value| -> Option<Vec<String>> {
            group.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect()
        };
        groups.iter().map(names).collect::<Option<Vec<_>>>()
    };
    // The first entry of an action may not name its targets yet.
    let entries = history.ops.iter().filter(|op| {
        op.process == Process::Nemesis
            && op.f.starts_with("start-partition")
            && op.time >= partition.start
            && partition.end.is_none_or(|end| op.time <= end)
    });
    let groups = entries.filter_map(|op| groups(&op.value)).next().unwrap_or_default();
    let sides = groups.into_iter().enumerate();
    sides.flat_map(|(side, names)| names.into_iter().map(move |name| (name, side))).collect()
}
