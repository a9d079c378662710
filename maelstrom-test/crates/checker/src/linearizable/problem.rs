//! The problem of linearizability for one register: values as numbers, and operations as intervals of positions.

/// The state of a register: the number of a value, or one of the two special states below.
pub(super) type State = u32;

/// The register may hold any value, because none was observed since the beginning of the history or of the current part.
pub(super) const ANYTHING: State = State::MAX;

/// The register holds a value that no later operation observes. All these values are equivalent.
pub(super) const UNOBSERVED: State = State::MAX - 1;

/// What an operation does to the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Action {
    /// Returns this value. A compare-and-set from a value to itself counts as a read.
    Read(State),
    /// Sets this value.
    Write(State),
    /// Sets the second value. Possible only if the register holds the first one.
    Cas(State, State),
}

impl Action {
    /// The value that the register must hold before it.
    pub(super) fn observes(self) -> Option<State> {
        match self {
            Action::Read(value) | Action::Cas(value, _) => Some(value),
            Action::Write(_) => None,
        }
    }

    /// The value that the register holds after it, if it changes it.
    pub(super) fn writes(self) -> Option<State> {
        match self {
            Action::Write(value) | Action::Cas(_, value) => Some(value),
            Action::Read(_) => None,
        }
    }
}

/// An operation, and the interval in which it takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) action: Action,
    /// The position of its invocation.
    pub(super) start: usize,
    /// The position of its return. `None` if it may take effect once, at any time after its invocation, or never.
    pub(super) end: Option<usize>,
    /// Its number in the list of the register. It does not change when problems are reduced.
    pub(super) id: usize,
}

impl Operation {
    /// The operation without a return. `None` for a read, which then proves nothing.
    pub(super) fn relaxed(self) -> Option<Operation> {
        self.action.writes().map(|_| Operation { end: None, ..self })
    }
}

/// The question whether a register can perform these operations in some order.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// The initial state; may be [`ANYTHING`].
    pub(super) initial: State,
    /// The number of values. States below this number are values.
    pub(super) values: usize,
    /// The operations, ordered by `start`. Positions are distinct, except that several operations may start at the first one.
    pub(super) operations: Vec<Operation>,
}

impl Problem {
    /// The same problem with other operations.
    pub(super) fn with(&self, operations: Vec<Operation>) -> Problem {
        Problem { operations, ..*self }
    }

    /// The positions of the invocations of operations that return, in order.
    pub(super) fn starts(&self) -> Vec<usize> {
        self.operations.iter().filter(|op| op.end.is_some()).map(|op| op.start).collect()
    }

    /// The problem as known at a position: operations that had not returned by then may or may not have happened.
    pub(super) fn until(&self, position: usize) -> Problem {
        let known = self.operations.iter().filter(|op| op.start <= position);
        self.with(
            known
                .filter_map(|op| if op.end.is_some_and(|end| end <= position) { Some(*op) } else { op.relaxed() })
                .collect(),
        )
    }

    /// The problem without the operations that returned before a position, and without the value of the register.
    ///
    /// An order that explains the whole problem also explains this one. So a contradiction here is a contradiction there.
    pub(super) fn since(&self, position: usize) -> Problem {
        let remaining = self.operations.iter().filter(|op| op.end.is_none_or(|end| end > position));
        let operations =
            remaining.filter_map(|op| if op.start >= position { Some(*op) } else { op.relaxed() }).collect();
        Problem { initial: ANYTHING, values: self.values, operations }
    }
}
