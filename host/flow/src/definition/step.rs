//! What a compiled step is.

use crate::delivery::RetryWish;
use crate::expression::{Expression, Template};
use crate::problem::Place;

/// One step of the compiled program.
#[derive(Debug)]
pub struct Step {
    /// Its name in `steps`: the `id`, else its place such as `2.then.1`.
    pub id: String,
    /// How many `if` are around it.
    pub depth: usize,
    /// The branch it is in, for people.
    pub branch: Option<&'static str>,
    /// What it does.
    pub kind: Kind,
    /// Where the program goes on after it.
    pub next: usize,
    /// Attempts and pauses of a call; what it leaves open is the system's to say.
    pub retry: RetryWish,
    /// Milliseconds for the step with all its attempts, or for the answer.
    pub timeout_ms: Option<u64>,
    /// Whether a later expression looks at its result.
    pub kept: bool,
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
    /// Makes an event.
    Emit(Emit),
    /// Keeps values under names.
    Set(Vec<(String, Template)>),
    /// Asks a person.
    Ask(Ask),
}

impl Step {
    /// Every expression of the step.
    pub(crate) fn expressions(&self) -> Vec<&Expression> {
        match &self.kind {
            Kind::Call(call) => call.with.expressions(),
            Kind::If { condition, .. } => vec![condition],
            Kind::Emit(emit) => {
                let subject = emit.subject.iter().flat_map(Template::expressions);
                subject.chain(emit.data.expressions()).collect()
            }
            Kind::Set(values) => values
                .iter()
                .flat_map(|(_, value)| value.expressions())
                .collect(),
            Kind::Ask(ask) => ask.question.expressions(),
        }
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
