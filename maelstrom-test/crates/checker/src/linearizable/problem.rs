//! The question as the algorithms see it: numbered values, and operations as intervals on one line of positions.

/// The number of a value of the register, or one of the two special states below.
pub(super) type State = u32;

/// The register may hold anything: nobody has looked since the history (or the part under study) began.
pub(super) const ANYTHING: State = State::MAX;

/// A value at which no later operation will look; all of those are alike.
pub(super) const UNOBSERVED: State = State::MAX - 1;

/// What an operation does to the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Action {
    /// It returned this value. A compare-and-set from a value to itself is one, too.
    Read(State),
    /// It sets this value.
    Write(State),
    /// It sets the second value, and is possible only where the register holds the first.
    Cas(State, State),
}

impl Action {
    /// The value that the register must hold for it.
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

/// An operation as an interval in which it takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) action: Action,
    /// Position of its invocation.
    pub(super) start: usize,
    /// Position of its return. `None`: it may take effect once, at any time after its invocation, or never.
    pub(super) end: Option<usize>,
    /// The operation's number in the register's list, which stays the same while problems are cut and reduced.
    pub(super) id: usize,
}

impl Operation {
    /// The operation, allowed to happen at any time after its invocation or never. A read then says nothing.
    pub(super) fn relaxed(self) -> Option<Operation> {
        self.action.writes().map(|_| Operation { end: None, ..self })
    }
}

/// Is there an order of these operations that a register could have gone through?
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// What the register holds at the beginning; may be [`ANYTHING`].
    pub(super) initial: State,
    /// States below this number are values.
    pub(super) values: usize,
    /// Ordered by `start`. Positions differ, except that several operations may start at the first.
    pub(super) operations: Vec<Operation>,
}

impl Problem {
    /// The same question with other operations.
    pub(super) fn with(&self, operations: Vec<Operation>) -> Problem {
        Problem { operations, ..*self }
    }

    /// Where the operations that return were invoked, in order.
    pub(super) fn starts(&self) -> Vec<usize> {
        self.operations.iter().filter(|op| op.end.is_some()).map(|op| op.start).collect()
    }

    /// What was known at a position: operations that had not returned by then are only possible ones.
    pub(super) fn until(&self, position: usize) -> Problem {
        let known = self.operations.iter().filter(|op| op.start <= position);
        self.with(
            known
                .filter_map(|op| if op.end.is_some_and(|end| end <= position) { Some(*op) } else { op.relaxed() })
                .collect(),
        )
    }

    /// What remains if everything that was over before a position is forgotten, the register's value included.
    ///
    /// Whoever can explain the whole can explain this, so a contradiction in it is a contradiction in the whole.
    pub(super) fn since(&self, position: usize) -> Problem {
        let remaining = self.operations.iter().filter(|op| op.end.is_none_or(|end| end > position));
        let operations =
            remaining.filter_map(|op| if op.start >= position { Some(*op) } else { op.relaxed() }).collect();
        Problem { initial: ANYTHING, values: self.values, operations }
    }
}
