//! Time of the set checker: `cargo bench --bench set_full`.
//!
//! The history is a broadcast of 100,000 elements with 200 reads of all previous elements, so the checker processes ten
//! million elements.
//!
//! | order | elements in a read |
//! | --- | --- |
//! | `append` | in the order of their addition |
//! | `sorted` | sorted, so that new elements are between others |
//! | `shuffled` | in a different order in every read, the worst case |

use std::hint::black_box;
use std::time::Instant;

use maelstrom::checker::{CheckContext, Checker, SetFull, Valid};
use maelstrom::history::{History, Op, OpType};
use maelstrom::json::{Value, json};
use maelstrom::random::Rng;
use rand::SeedableRng;
use rand::seq::SliceRandom;

const ELEMENTS: u64 = 100_000;
const READS: u64 = 200;
const NODES: u64 = 5;

fn main() {
    for order in ["append", "sorted", "shuffled"] {
        let history = history(order);
        let begin = Instant::now();
        let verdict = black_box(SetFull::default().check(&history, &CheckContext::default()));
        let took = begin.elapsed();
        assert_eq!(verdict.valid, Valid::True);
        println!("set-full, {ELEMENTS} elements, {READS} reads, {order}: {:.0} ms", took.as_secs_f64() * 1e3);
    }
}

fn history(order: &str) -> History {
    let mut random = Rng::seed_from_u64(1);
    // Elements are added in random order, so that a sorted list gets new elements in its middle.
    let mut elements: Vec<u64> = (0..ELEMENTS).collect();
    elements.shuffle(&mut random);
    let mut ops = Vec::new();
    let mut present: Vec<u64> = Vec::new();
    for (count, element) in elements.into_iter().enumerate() {
        let process = count as u64 % NODES;
        push(&mut ops, process, "broadcast", json!(element), json!(element));
        present.push(element);
        if (count as u64 + 1).is_multiple_of(ELEMENTS / READS) {
            match order {
                "sorted" => present.sort_unstable(),
                "shuffled" => present.shuffle(&mut random),
                _ => {}
            }
            push(&mut ops, process, "read", Value::Null, json!(present));
        }
    }
    History { ops }
}

fn push(ops: &mut Vec<Op>, process: u64, f: &str, argument: Value, result: Value) {
    let index = ops.len() as u64;
    ops.push(Op::new(index, OpType::Invoke, process, f, argument));
    ops.push(Op::new(index + 1, OpType::Ok, process, f, result));
}
