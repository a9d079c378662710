//! Virtual time (page under construction).

mod affinity;
mod arch;
mod calls;
mod clock;
mod files;
mod filter;
mod futex;
mod machine;
mod memory;
mod schedule;
mod signal;
mod spawn;
mod stdio;
mod sys;
mod table;
mod timer;
mod watchdog;
mod world;

#[cfg(test)]
mod tests;

pub use machine::{Event, InputFull, Machine, MachineOptions, Unavailable};
pub use spawn::{NodeProgram, StartError};

fn check_available() -> Result<(), Unavailable> {
    Ok(())
}
