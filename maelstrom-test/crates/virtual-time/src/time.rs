//! Points in time, and where simulated clocks start.

/// A point in time or a duration, in nanoseconds.
pub type Nanos = u64;

pub(crate) const MICROSECONDS_PER_SECOND: u64 = 1_000_000;
pub(crate) const SECOND: Nanos = 1_000_000_000;

/// What one read of a clock adds to a node's clock. The machine code [`CLOCK_READER`](crate::tracee::arch::CLOCK_READER)
/// contains the same number.
pub(crate) const CLOCK_READ_COST: Nanos = 40;
/// The monotonic clock at the start of a run: the simulated computer was booted an hour ago.
pub(crate) const UPTIME_AT_START: Nanos = 3_600_000_000_000;
/// The wall clock at the start of a run: 2026-01-01 00:00:00 UTC.
pub(crate) const WALL_CLOCK_AT_START: Nanos = 1_767_225_600_000_000_000;
/// How far international atomic time is ahead of UTC.
pub(crate) const TAI_OFFSET: Nanos = 37_000_000_000;
