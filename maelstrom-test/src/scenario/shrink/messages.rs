//! The messages of a journal, which the search shares with the choice of rows without repetitions.

pub(super) use crate::scenario::journal::{Messages, Sent};
