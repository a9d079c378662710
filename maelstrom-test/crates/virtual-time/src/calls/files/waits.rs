//! Blocking until a file is ready, and what follows.

use crate::calls::answer::errno;
use crate::machine::Machine;
use crate::machine::backoff::{EVENT_LOOP_WEIGHT, FULL_WEIGHT};
use crate::machine::scheduler::{Next, Outcome};
use crate::machine::thread::{Resume, StopPoint, ThreadId, Until, Wait};
use crate::tracee::arch::{self, Call};
use crate::tracee::memory::{EFAULT, Fault, Fraction};

use super::poll_sets;

fn is_epoll(call: Option<Call>) -> bool {
    matches!(call, Some(Call::EpollWait | Call::EpollPwait | Call::EpollPwait2))
}

impl Machine {
    /// Completes a call if a file is ready now. Otherwise blocks the thread, or lets the call find nothing if it `may_wait`
    /// not.
    pub(in crate::calls) fn wait_for_files(&mut self, id: ThreadId, mut wait: Wait, may_wait: bool) -> Outcome {
        let Until::FileReady(targets) = &wait.until else { unreachable!("the wait is for files") };
        let found = self.poll_files(id, targets);
        if found.iter().any(|events| *events != 0) {
            self.polling(id).succeeded();
            return self.complete(id, wait, &found);
        }
        if !may_wait {
            let is_event_loop = is_epoll(arch::call(wait.registers.number()));
            match self.count_idle_call(id, if is_event_loop { EVENT_LOOP_WEIGHT } else { FULL_WEIGHT }) {
                None => return self.complete(id, wait, &found),
                delayed => (wait.deadline, wait.polls) = (delayed, true),
            }
        }
        self.block(id, wait);
        Ok(Next::TurnOver)
    }

    /// Completes a call with the events that were found.
    fn complete(&mut self, id: ThreadId, wait: Wait, found: &[i16]) -> Outcome {
        if let Some(written) = self.write_events(id, &wait, found) {
            return self.answer_written(id, wait.registers, written);
        }
        let is_recvmmsg = arch::call(wait.registers.number()) == Some(Call::Recvmmsg);
        if is_recvmmsg && wait.stop_point == StopPoint::CallEntry {
            self.receive_now(id, wait)
        } else {
            self.execute(id, wait)
        }
    }

    /// The deadline of a thread that waits for files has come.
    pub(in crate::calls) fn time_out_files(&mut self, id: ThreadId) {
        let Some(wait) = self.unblock(id) else { return };
        let Until::FileReady(targets) = &wait.until else { return };
        let nothing = vec![0; targets.len()];
        let mut registers = wait.registers;
        let call = arch::call(registers.number());
        let value = match self.write_events(id, &wait, &nothing) {
            Some(written) => written.unwrap_or(EFAULT),
            None if is_epoll(call) => 0,
            None if matches!(call, Some(Call::MqTimedsend | Call::MqTimedreceive)) => errno(libc::ETIMEDOUT),
            None if wait.done > 0 => self.finish_receiving(id, &wait, wait.done),
            None => match self.cancel_rest_of_write(id) {
                Some((whole, done)) => {
                    registers = whole;
                    done
                }
                None => errno(libc::EAGAIN),
            },
        };
        // On failure the thread is being killed, which its next turn finds out.
        let _ = self.skip_call(id, registers, value);
        self.make_ready(id, Resume::CONTINUE);
    }

    /// Answers `poll` and `select`: writes the events and the remaining time. `None` for other calls.
    fn write_events(&mut self, id: ThreadId, wait: &Wait, found: &[i16]) -> Option<Result<i64, Fault>> {
        let (registers, tid) = (&wait.registers, self.tid(id));
        let call = arch::call(registers.number())?;
        let limit = match call {
            Call::Poll => (0, Fraction::Nanos),
            Call::Ppoll => (registers.arg(2), Fraction::Nanos),
            Call::Select => (registers.arg(4), Fraction::Micros),
            Call::Pselect => (registers.arg(4), Fraction::Nanos),
            _ => return None,
        };
        let remaining = match (limit, wait.deadline) {
            ((0, _), _) | (_, None) => None,
            // As in the kernel, a limit of zero stays.
            _ if wait.polls => None,
            ((address, fraction), Some(deadline)) => {
                let left = deadline.saturating_sub(self.node_time(self.node_of(id)));
                Some((address, fraction.split(left)))
            }
        };
        Some(match call {
            Call::Poll | Call::Ppoll => poll_sets::write_poll(tid, registers, found, remaining),
            _ => poll_sets::write_select(tid, registers, &wait.sets, found, remaining),
        })
    }
}
