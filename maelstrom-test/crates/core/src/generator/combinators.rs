//! Combinators: small generators that others are built from.

use std::collections::BTreeMap;

use rand::RngExt;

use super::{Generator, Invocation, Next, Worker};
use crate::history::Op;
use crate::random::Rng;

/// Calls a function for each operation. Ends only if the function returns [`Next::Done`].
pub fn from_fn(next: impl FnMut(Worker, &mut Rng) -> Next + Send + 'static) -> Box<dyn Generator> {
    Box::new(FromFn(next))
}

struct FromFn<F>(F);

impl<F: FnMut(Worker, &mut Rng) -> Next + Send> Generator for FromFn<F> {
    fn next(&mut self, worker: Worker, rng: &mut Rng) -> Next {
        (self.0)(worker, rng)
    }
}

/// One operation, performed by the first worker that requests one.
pub fn once(invocation: Invocation) -> Box<dyn Generator> {
    let mut left = Some(invocation);
    from_fn(move |_, _| left.take().map_or(Next::Done, Next::Op))
}

/// Operations of one function with the values 0, 1, 2, …
pub fn counting(f: &str) -> Box<dyn Generator> {
    let mut next = Invocation::new(f, 0.into());
    let mut count = 0_u64;
    from_fn(move |_, _| {
        next.value = count.into();
        count += 1;
        Next::Op(next.clone())
    })
}

/// Takes each operation from a random source, uniformly among the sources that are not done.
pub fn mix(sources: Vec<Box<dyn Generator>>) -> Box<dyn Generator> {
    Box::new(Mix(sources))
}

struct Mix(Vec<Box<dyn Generator>>);

impl Generator for Mix {
    fn next(&mut self, worker: Worker, rng: &mut Rng) -> Next {
        // A source may be done for one worker only. It is excluded from this draw, but not removed.
        let mut candidates: Vec<usize> = (0..self.0.len()).collect();
        while !candidates.is_empty() {
            let source = candidates.swap_remove(rng.random_range(0..candidates.len()));
            match self.0[source].next(worker, rng) {
                Next::Done => {}
                next => return next,
            }
        }
        Next::Done
    }

    fn update(&mut self, op: &Op) {
        self.0.iter_mut().for_each(|source| source.update(op));
    }
}

/// A separate source for each worker, created by `new_source` when the worker requests its first operation. A source
/// receives only the history entries of its own worker.
pub fn each_worker(new_source: impl FnMut() -> Box<dyn Generator> + Send + 'static) -> Box<dyn Generator> {
    Box::new(EachWorker { new_source, sources: BTreeMap::new() })
}

struct EachWorker<F> {
    new_source: F,
    /// By worker: its last known process number, and its source.
    sources: BTreeMap<usize, (u64, Box<dyn Generator>)>,
}

impl<F: FnMut() -> Box<dyn Generator> + Send> Generator for EachWorker<F> {
    fn next(&mut self, worker: Worker, rng: &mut Rng) -> Next {
        let (process, source) = self.sources.entry(worker.index).or_insert_with(|| (0, (self.new_source)()));
        *process = worker.process;
        source.next(worker, rng)
    }

    fn update(&mut self, op: &Op) {
        let own = self.sources.values_mut().find(|(process, _)| op.process.client() == Some(*process));
        if let Some((_, source)) = own {
            source.update(op);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::json::{Value, json};

    use super::*;
    use crate::history::OpType;
    use crate::random::stream;

    fn worker(index: usize) -> Worker {
        Worker { index, process: index as u64, now: 0 }
    }

    fn value(next: Next) -> Option<Value> {
        match next {
            Next::Op(op) => Some(op.value),
            _ => None,
        }
    }

    #[test]
    fn counting_never_ends_and_once_ends_after_one_operation() {
        let mut rng = stream(0, "test");
        let mut source = counting("add");
        let values: Vec<_> = (0..3).filter_map(|i| value(source.next(worker(i), &mut rng))).collect();
        assert_eq!(values, [0, 1, 2]);
        let mut source = once(Invocation::new("read", json!(7)));
        assert_eq!(value(source.next(worker(1), &mut rng)), Some(json!(7)));
        assert_eq!(source.next(worker(1), &mut rng), Next::Done);
    }

    #[test]
    fn mix_is_uniform_over_the_sources_that_are_not_done() {
        let mut rng = stream(0, "test");
        let constant = |i: u64| from_fn(move |_, _| Next::Op(Invocation::new("f", i.into())));
        let mut source = mix(vec![constant(0), once(Invocation::new("f", json!(9))), constant(1)]);
        let mut counts = [0; 10];
        for _ in 0..3000 {
            counts[value(source.next(worker(0), &mut rng)).and_then(|v| v.as_u64()).unwrap() as usize] += 1;
        }
        assert_eq!(counts[9], 1);
        assert!((1400..1600).contains(&counts[0]), "{counts:?}");
        assert_eq!(mix(vec![]).next(worker(0), &mut rng), Next::Done);
    }

    #[test]
    fn each_worker_has_a_source_that_receives_only_its_entries() {
        struct CountUpdates(u64);
        impl Generator for CountUpdates {
            fn next(&mut self, _: Worker, _: &mut Rng) -> Next {
                Next::Op(Invocation::new("count", self.0.into()))
            }
            fn update(&mut self, _: &Op) {
                self.0 += 1;
            }
        }
        let mut rng = stream(0, "test");
        let mut source = each_worker(|| Box::new(CountUpdates(0)));
        assert_eq!(value(source.next(worker(0), &mut rng)), Some(json!(0)));
        assert_eq!(value(source.next(worker(1), &mut rng)), Some(json!(0)));
        source.update(&Op::new(0, OpType::Info, 1, "count", json!(0)));
        // Worker 1 continues with a new process number.
        let next = Worker { index: 1, process: 3, now: 0 };
        assert_eq!(value(source.next(next, &mut rng)), Some(json!(1)));
        source.update(&Op::new(0, OpType::Info, 3, "count", json!(0)));
        assert_eq!(value(source.next(next, &mut rng)), Some(json!(2)));
        assert_eq!(value(source.next(worker(0), &mut rng)), Some(json!(0)));
    }
}
