//! SVG pictures: plots, intervals, cycles, and the diagram of messages.
//!
//! The drawings name colours by meaning, and a style sheet defines them, so the same drawing can be light or dark. This is
//! why they are drawn here and not by a plotting library, which writes fixed colours. There are only a few kinds of plot.

mod axis;
mod cause;
mod cycle;
mod intervals;
mod latency;
mod messages;
mod rate;
mod svg;

pub(super) use cause::CausePieces;
pub(super) use cycle::cycle;
pub(super) use intervals::intervals;
pub(super) use latency::{quantiles, raw};
pub(super) use messages::messages;
pub(super) use rate::rate;
pub(super) use svg::Drawing;

use crate::checker::Picture;

/// Draws the picture of a finding.
pub(super) fn anomaly(picture: &Picture, title: &str) -> Drawing {
    match picture {
        Picture::Intervals(data) => intervals(data, title),
        Picture::Cycle(data) => cycle(data, title),
    }
}
