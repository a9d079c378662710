//! Drawings as SVG: plots, intervals, cycles, and the diagram of messages.
//!
//! They name colours by meaning and leave the rest to a style sheet, so that the same drawing is light or dark as its
//! reader wishes; that, and the few kinds of plot, is why they are drawn here and not by a plotting library.

mod axis;
mod cycle;
mod intervals;
mod latency;
mod messages;
mod rate;
mod svg;

pub(super) use cycle::cycle;
pub(super) use intervals::intervals;
pub(super) use latency::{quantiles, raw};
pub(super) use messages::messages;
pub(super) use rate::rate;
pub(super) use svg::Drawing;

use crate::checker::Picture;

/// The drawing of a finding.
pub(super) fn anomaly(picture: &Picture, title: &str) -> Drawing {
    match picture {
        Picture::Intervals(data) => intervals(data, title),
        Picture::Cycle(data) => cycle(data, title),
    }
}
