//! Rw-register: every write replaces a value, every read shows one.
//!
//! A read of a register does not show the values before it, so the version order must be inferred. What is known of it
//! comes from several *sources* ([`Options`] enables them). Each source is an assumption about the system, or about how
//! it is used:
//!
//! | source | v1 comes before v2, because |
//! | --- | --- |
//! | `initial-state` | v1 is null, the value before all writes |
//! | `wfr-keys` | a transaction read v1 and then wrote v2 |
//! | `sequential-keys` | a process saw or wrote v1 and then v2 |
//! | `linearizable-keys` | a transaction that saw or wrote v1 was complete before one that saw or wrote v2 began |
//! | `transaction-order` | the history states the order of the writing transactions |
//!
//! A source that contradicts the sources before it on a key is reported (`cyclic-versions`), and ignored for that key.
//!
//! ```text
//!   T1: w x 1      T2: r x 1, w x 2      T3: r x 1
//!
//!   version order of x:  1  ──wfr-keys──►  2
//!
//!   T1 ─wr─► T2, T3      T2 and T3 read what T1 wrote
//!   T1 ─ww─► T2          T2 overwrote what T1 wrote
//!   T3 ─rw─► T2          T2 overwrote what T3 read
//! ```
//!
//! # Files
//! Each file uses only files above it in this list.
//!
//! | file | content |
//! | --- | --- |
//! | `accesses` | the external read and write of each key in each transaction |
//! | `version_order` | the inferred order of the versions of each key |
//! | `analysis` | who installed and who read each version |
//! | `anomalies` | anomalies that are not cycles |
//! | `dependencies` | the edges through a key, and their reasons in words |

mod accesses;
mod analysis;
mod anomalies;
mod dependencies;
mod version_order;

pub(super) use self::accesses::Registers;
pub(super) use self::analysis::RegisterAnalysis;
use super::explain::minimize;
use super::options::Options;
use super::store::StoreBuilder;
use super::verdict::judge;
use crate::history::{History, Op, OpType};
use crate::json::Value;
use crate::stream::{check_streamed, stream_whole};
use crate::{CheckContext, Checker, Stream, Verdict};

/// Checks transactions of `["w", key, value]` and `["r", key, value]`.
#[derive(Clone, Debug, Default)]
pub struct RwRegister {
    options: Options,
}

impl RwRegister {
    /// A checker with these options.
    pub fn new(options: Options) -> RwRegister {
        RwRegister { options }
    }
}

/// An rw-register history that is checked entry by entry.
struct RwRegisterStream {
    options: Options,
    builder: StoreBuilder<Registers>,
}

impl Stream for RwRegisterStream {
    fn push(&mut self, op: &Op) {
        let place = self.options.order_key.as_deref().and_then(|key| op.extra(key)).and_then(Value::as_number);
        if let Some(place) = place.filter(|_| op.kind == OpType::Ok) {
            self.options.transaction_order.get_or_insert_default().insert(op.index, place.clone());
        }
        self.builder.push(op);
    }

    fn finish(self: Box<Self>) -> Verdict {
        let store = self.builder.finish();
        judge(&RegisterAnalysis::new(&store, &self.options), &self.options.promise)
    }
}

impl Checker for RwRegister {
    fn check(&self, history: &History, context: &CheckContext) -> Verdict {
        check_streamed(self, history, context)
    }

    fn stream<'a>(&'a self, _: &'a CheckContext) -> Box<dyn Stream + 'a> {
        Box::new(RwRegisterStream { options: self.options.clone(), builder: StoreBuilder::default() })
    }

    fn refine(&self, verdict: &mut Verdict, history: &History) {
        minimize(verdict, history, |part| stream_whole(self, part, &CheckContext::default()));
    }
}
