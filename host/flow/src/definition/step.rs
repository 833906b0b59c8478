//! What a compiled step is.

use super::Link;
use crate::delivery::RetryWish;
use crate::expression::{Equal, Expression, Template};
use crate::problem::Place;

/// One step of the compiled program.
#[derive(Debug)]
pub struct Step {
    /// Its name in `steps`: the `id`, else its place such as `2.then.1`. Inside an `each` places begin anew.
    pub id: String,
    /// How many branches are around it, since the flow or the `each` around it began.
    pub depth: usize,
    /// How many steps are around it in all.
    pub level: usize,
    /// The branch it is in, for people.
    pub branch: Option<String>,
    /// What it does.
    pub kind: Kind,
    /// Where the program goes on after it.
    pub next: usize,
    /// Attempts and pauses of a call; what it leaves open is the system's to say.
    pub retry: RetryWish,
    /// Milliseconds for the step with all its attempts, or for what it waits for.
    pub timeout_ms: Option<u64>,
    /// Whether a later expression looks at its result.
    pub kept: bool,
    /// Where the steps begin that run when it failed for good.
    pub on_failure: Option<usize>,
    /// What takes back what it did.
    pub undo: Option<Undo>,
    /// What must hold when it has ended, or else it failed for good.
    pub demands: Vec<Demand>,
    /// It as written, as JSON, without the steps in its branches: two versions of a flow are compared by it.
    pub written: String,
}

/// What a step does.
#[derive(Debug)]
pub enum Kind {
    /// Asks a system for an action.
    Call(Call),
    /// Takes one of two branches.
    If {
        /// Which.
        condition: Expression,
        /// Where `then` begins.
        then_at: usize,
        /// Where `else` begins.
        else_at: usize,
    },
    /// Takes the first branch that holds.
    Choose {
        /// In their order.
        cases: Vec<Case>,
        /// Where it goes on when none holds.
        otherwise_at: usize,
    },
    /// Makes an event.
    Emit(Emit),
    /// Keeps values under names.
    Set(Vec<(String, Template)>),
    /// Asks a person.
    Ask(Ask),
    /// Says that ids are of one entity.
    Link(Link),
    /// Runs its steps, which follow it in the program, for every item of a list.
    Each(Each),
    /// Waits for an event.
    Wait(Wait),
    /// Runs another flow as part of this run.
    Flow(SubFlow),
    /// Ends the flow, or the item of the `each` around it, with a result.
    Return(Template),
    /// Fails for good, with these words.
    Fail(Template),
    /// Does nothing but look whether what is demanded holds.
    Check,
}

impl Kind {
    /// Its key in the file, and what it is about: the action, the condition, the type, the role.
    #[must_use]
    pub fn words(&self) -> (&'static str, String) {
        match self {
            Self::Call(call) => ("call", format!("{}.{}", call.system, call.action)),
            Self::If { condition, .. } => ("if", condition.source().to_owned()),
            Self::Choose { .. } => ("choose", String::new()),
            Self::Emit(emit) => ("emit", emit.kind.clone()),
            Self::Set(_) => ("set", String::new()),
            Self::Ask(ask) => ("ask", ask.role.clone()),
            Self::Link(link) => ("link", link.kind.clone()),
            Self::Each(each) => ("each", each.over.source().to_owned()),
            Self::Wait(wait) => ("wait", wait.on.join(", ")),
            Self::Flow(flow) => ("call", format!("flow.{}", flow.name)),
            Self::Return(_) => ("return", String::new()),
            Self::Fail(_) => ("fail", String::new()),
            Self::Check => ("check", String::new()),
        }
    }
}

/// A branch of `choose`.
#[derive(Debug)]
pub struct Case {
    /// Whether it is taken.
    pub when: Expression,
    /// Where it begins.
    pub at: usize,
}

/// Steps for every item of a list.
#[derive(Debug)]
pub struct Each {
    /// The list.
    pub over: Expression,
    /// How many items at a time.
    pub at_most: usize,
    /// Whether the others go on when an item failed.
    pub keep_going: bool,
    /// Where its steps end.
    pub end: usize,
}

/// What must hold of the data before the flow goes on.
#[derive(Debug)]
pub struct Demand {
    /// The condition.
    pub that: Expression,
    /// The field that is wrong where it does not hold, a JSON pointer; empty: the data as a whole.
    pub field: String,
    /// What a person reads then.
    pub says: Template,
}

/// An event that is waited for.
#[derive(Debug)]
pub struct Wait {
    /// Its types.
    pub on: Vec<String>,
    /// Whether an event is meant; sees it as `event`, and what the run knows.
    pub when: Option<Expression>,
    /// What in `when` compares a field of the event with what the run knows: such events are found by it.
    pub equal: Option<Equal>,
}

/// A call that takes back what a step did.
#[derive(Debug)]
pub struct Undo {
    /// The call.
    pub call: Call,
    /// Its attempts; what it leaves open is the system's to say.
    pub retry: RetryWish,
}

/// Another flow.
#[derive(Debug)]
pub struct SubFlow {
    /// Its name.
    pub name: String,
    /// What it sees as `event.data`.
    pub with: Template,
    /// Where the call stands, for checks.
    pub place: Place,
}

impl Step {
    /// Every expression of the step.
    pub(crate) fn expressions(&self) -> Vec<&Expression> {
        let mut all = match &self.kind {
            Kind::Call(call) => call.with.expressions(),
            Kind::If { condition, .. } => vec![condition],
            Kind::Choose { cases, .. } => cases.iter().map(|case| &case.when).collect(),
            Kind::Emit(emit) => {
                let subject = emit.subject.iter().flat_map(Template::expressions);
                subject.chain(emit.data.expressions()).collect()
            }
            Kind::Set(values) => values
                .iter()
                .flat_map(|(_, value)| value.expressions())
                .collect(),
            Kind::Ask(ask) => ask.question.expressions(),
            Kind::Link(link) => {
                let ids = link.ids.iter().map(|(_, id, _)| id);
                ids.flat_map(Template::expressions).collect()
            }
            Kind::Each(each) => vec![&each.over],
            Kind::Wait(wait) => wait.when.iter().collect(),
            Kind::Flow(flow) => flow.with.expressions(),
            Kind::Return(value) | Kind::Fail(value) => value.expressions(),
            Kind::Check => Vec::new(),
        };
        for demand in &self.demands {
            all.push(&demand.that);
            all.extend(demand.says.expressions());
        }
        all.extend(
            self.undo
                .iter()
                .flat_map(|undo| undo.call.with.expressions()),
        );
        all
    }
}

/// An action of a system.
#[derive(Debug)]
pub struct Call {
    /// The system.
    pub system: String,
    /// The action.
    pub action: String,
    /// Its input.
    pub with: Template,
    /// Where the call stands, for checks.
    pub place: Place,
}

/// An event to make.
#[derive(Debug)]
pub struct Emit {
    /// Its type.
    pub kind: String,
    /// What it is about.
    pub subject: Option<Template>,
    /// Its data.
    pub data: Template,
}

/// A question to a person.
#[derive(Debug)]
pub struct Ask {
    /// Who may answer.
    pub role: String,
    /// Where the role stands, for checks.
    pub place: Place,
    /// The question.
    pub question: Template,
    /// What can be answered.
    pub options: Vec<String>,
}
