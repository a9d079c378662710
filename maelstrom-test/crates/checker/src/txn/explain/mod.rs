//! Transactions, anomalies and proofs in words.
//!
//! A finding names the transactions of its proof T1, T2, … and gives one line of evidence for each:
//!
//! ```text
//!   not serializable: read skew (G-single-item)                                             headline
//!
//!   T1: r y 1, r x []      T1 < T2, because T2 appended 1 after T1 had read key x           cycles
//!                          without it, as []
//!   T2: append x 1, …      T2 < T1, because …: a contradiction
//!   └── transactions ─┘
//! ```
//!
//! | file | content |
//! | --- | --- |
//! | `values` | values as text: `[1 2 3]` |
//! | `transactions` | transactions as text and as JSON: `r x [1 2], append y 3` |
//! | `cycles` | why each transaction of a cycle precedes the next |
//! | `headline` | the first line of a report |
//! | `minimize` | leaves out transactions that a proof does not need |

mod cycles;
mod headline;
mod minimize;
mod transactions;
mod values;

pub(in crate::txn) use cycles::explain_cycle;
pub(crate) use cycles::{rotated, shape};
pub(in crate::txn) use headline::headline;
pub(in crate::txn) use minimize::minimize;
pub(in crate::txn) use values::{list_text, value_text};
