//! How long the set checker takes: `cargo bench --bench set_full`.
//!
//! A broadcast of 100,000 elements with 200 reads, each of all elements so far: ten million
//! elements to look at. `append`: nodes list elements as they came; `sorted`: with others in between; `shuffled`: in
//! a new order each time, the worst case.

use std::hint::black_box;
use std::time::Instant;

use maelstrom::checker::{CheckContext, Checker, SetFull, Valid};
use maelstrom::history::{History, Op, OpType};
use maelstrom::json::{Value, json};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

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
    let mut random = ChaCha8Rng::seed_from_u64(1);
    // Elements come in an order of their own, so that a sorted list gets new ones in its middle.
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

fn push(ops: &mut Vec<Op>, process: u64, f: &str, asked: Value, told: Value) {
    let index = ops.len() as u64;
    ops.push(Op::new(index, OpType::Invoke, process, f, asked));
    ops.push(Op::new(index + 1, OpType::Ok, process, f, told));
}
