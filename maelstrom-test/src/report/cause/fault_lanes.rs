//! Where the brackets of faults are drawn.

use super::{Cause, RowKind};

/// The brackets of faults at the left of the rows.
pub(in crate::report) struct FaultLanes {
    /// The number of brackets side by side.
    pub(in crate::report) count: usize,
    /// The lane of each fault, with the rows of its start and its end.
    pub(in crate::report) spans: Vec<(usize, usize, Option<usize>)>,
    /// The kind of each fault.
    pub(in crate::report) kinds: Vec<String>,
}

impl FaultLanes {
    pub(in crate::report) fn of(cause: &Cause) -> FaultLanes {
        let mut spans: Vec<(usize, usize, Option<usize>)> = Vec::new();
        let mut numbers: Vec<usize> = Vec::new();
        let mut kinds = Vec::new();
        for (at, row) in cause.rows.iter().enumerate() {
            match &row.kind {
                RowKind::FaultStart(fault) => {
                    let is_free = |lane: &usize| spans.iter().all(|(other, _, end)| other != lane || end.is_some());
                    let lane = (0..).find(is_free).unwrap_or_default();
                    spans.push((lane, at, None));
                    numbers.push(fault.number);
                    kinds.push(fault.kind.clone());
                }
                RowKind::FaultEnd(fault) => {
                    let open = |(number, span): &(usize, &(usize, usize, Option<usize>))| {
                        *number == fault.number && span.2.is_none()
                    };
                    let found = numbers.iter().copied().zip(&spans).position(|pair| open(&pair));
                    if let Some(found) = found {
                        spans[found].2 = Some(at);
                    }
                }
                _ => {}
            }
        }
        FaultLanes { count: spans.iter().map(|(lane, ..)| lane + 1).max().unwrap_or(0), spans, kinds }
    }

    /// Returns the characters of the brackets at a row, or below it.
    pub(in crate::report) fn brackets(&self, at: usize, is_below: bool) -> Vec<char> {
        let mut out = vec![' '; self.count];
        for (lane, start, end) in &self.spans {
            let is_after_end = end.is_some_and(|end| at > end || is_below && at == end);
            if at < *start || is_after_end {
                continue;
            }
            out[*lane] = match () {
                () if *start == at && !is_below => '┌',
                () if *end == Some(at) => '└',
                () => '│',
            };
        }
        out
    }
}
