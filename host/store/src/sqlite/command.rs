//! What the writer is asked to do. A command keeps its input until its reply is sent, so that a commit can be tried
//! again without it; the outcome waits beside it until the data is synced.

use super::pairs::SetPair;
use crate::{
    Advance, Advanced, Appended, Entity, LinkOrder, LinkOutcome, PageIn, StoreError, Sweep, Swept,
    TaskAnswer, TaskRow, Unlink,
};
use tokio::sync::oneshot;
use tombolo_kernel::capability::store::KeyValueError;
use tombolo_kernel::event::Event;

/// One request to the writer: what is wanted, and who waits for it.
#[derive(Debug)]
pub(crate) struct Request<I, O, E> {
    pub(crate) input: I,
    /// Set while the transaction runs, sent after it committed.
    pub(crate) outcome: Option<Result<O, E>>,
    reply: oneshot::Sender<Result<O, E>>,
}

impl<I, O, E: From<StoreError>> Request<I, O, E> {
    fn new(input: I) -> (Self, oneshot::Receiver<Result<O, E>>) {
        let (reply, receiver) = oneshot::channel();
        (
            Self {
                input,
                outcome: None,
                reply,
            },
            receiver,
        )
    }

    fn send(self) {
        let lost =
            || Err(StoreError::Unavailable("the writer passed this command over".into()).into());
        // Whoever asked may have gone; the data is stored all the same.
        let _ = self.reply.send(self.outcome.unwrap_or_else(lost));
    }
}

/// Every kind of request.
#[derive(Debug)]
pub(crate) enum Command {
    Append(Request<Vec<Event>, Vec<Appended>, StoreError>),
    /// Boxed: rare beside what has none.
    Page(Box<Request<PageIn, Vec<Appended>, StoreError>>),
    Advance(Request<Box<Advance>, Advanced, StoreError>),
    /// Type, keys, the event, the time.
    Hear(Request<Heard, usize, StoreError>),
    /// Boxed: a task is large, and rare.
    Answer(Box<Request<(String, TaskAnswer), TaskRow, StoreError>>),
    Link(Request<Vec<LinkOrder>, Vec<LinkOutcome>, StoreError>),
    /// Boxed: rare.
    Unlink(Box<Request<Unlink, Entity, StoreError>>),
    Set(Request<SetPair, (), KeyValueError>),
    Delete(Request<(String, String), (), KeyValueError>),
    Sweep(Request<Sweep, Swept, StoreError>),
    /// Replies when everything before it is on disk.
    Flush(Request<(), (), StoreError>),
}

/// An event to tell: its type, the keys of who may wait for it, its place, the time.
pub(crate) type Heard = (String, Vec<String>, i64, u64);

/// A command with its reply.
pub(crate) type Asked<O, E> = (Command, oneshot::Receiver<Result<O, E>>);

impl Command {
    pub(crate) fn append(events: Vec<Event>) -> Asked<Vec<Appended>, StoreError> {
        let (request, reply) = Request::new(events);
        (Self::Append(request), reply)
    }

    pub(crate) fn page(page: PageIn) -> Asked<Vec<Appended>, StoreError> {
        let (request, reply) = Request::new(page);
        (Self::Page(Box::new(request)), reply)
    }

    pub(crate) fn advance(advance: Advance) -> Asked<Advanced, StoreError> {
        let (request, reply) = Request::new(Box::new(advance));
        (Self::Advance(request), reply)
    }

    pub(crate) fn hear(heard: Heard) -> Asked<usize, StoreError> {
        let (request, reply) = Request::new(heard);
        (Self::Hear(request), reply)
    }

    pub(crate) fn answer(id: &str, answer: TaskAnswer) -> Asked<TaskRow, StoreError> {
        let (request, reply) = Request::new((id.to_owned(), answer));
        (Self::Answer(Box::new(request)), reply)
    }

    pub(crate) fn link(orders: Vec<LinkOrder>) -> Asked<Vec<LinkOutcome>, StoreError> {
        let (request, reply) = Request::new(orders);
        (Self::Link(request), reply)
    }

    pub(crate) fn unlink(unlink: Unlink) -> Asked<Entity, StoreError> {
        let (request, reply) = Request::new(unlink);
        (Self::Unlink(Box::new(request)), reply)
    }

    pub(crate) fn set(set: SetPair) -> Asked<(), KeyValueError> {
        let (request, reply) = Request::new(set);
        (Self::Set(request), reply)
    }

    pub(crate) fn delete(system: &str, key: &str) -> Asked<(), KeyValueError> {
        let (request, reply) = Request::new((system.to_owned(), key.to_owned()));
        (Self::Delete(request), reply)
    }

    pub(crate) fn sweep(sweep: Sweep) -> Asked<Swept, StoreError> {
        let (request, reply) = Request::new(sweep);
        (Self::Sweep(request), reply)
    }

    pub(crate) fn flush() -> Asked<(), StoreError> {
        let (request, reply) = Request::new(());
        (Self::Flush(request), reply)
    }

    /// Events that this command appends.
    pub(crate) fn events(&self) -> &[Event] {
        match self {
            Self::Append(request) => &request.input,
            Self::Page(request) => &request.input.events,
            Self::Advance(request) => &request.input.emitted,
            _ => &[],
        }
    }

    /// About how many bytes it holds and will write.
    pub(crate) fn bytes(&self) -> usize {
        let events: usize = self
            .events()
            .iter()
            .map(|event| event.data.get().len() + 256)
            .sum();
        events
            + match self {
                Self::Advance(request) => {
                    let queued = &request.input.queued;
                    let rows = std::iter::once(&request.input.run).chain(queued);
                    rows.map(|row| row.state.len() + row.trace.len() + 256)
                        .sum()
                }
                Self::Link(request) => request.input.len() * 512,
                Self::Set(request) => request.input.value.len() + 256,
                _ => 256,
            }
    }

    /// Sets the outcome of a command that the store could not or would not do.
    pub(crate) fn fail(&mut self, error: StoreError) {
        match self {
            Self::Append(request) => request.outcome = Some(Err(error)),
            Self::Page(request) => request.outcome = Some(Err(error)),
            Self::Advance(request) => request.outcome = Some(Err(error)),
            Self::Answer(request) => request.outcome = Some(Err(error)),
            Self::Hear(request) => request.outcome = Some(Err(error)),
            Self::Link(request) => request.outcome = Some(Err(error)),
            Self::Unlink(request) => request.outcome = Some(Err(error)),
            Self::Set(request) => request.outcome = Some(Err(error.into())),
            Self::Delete(request) => request.outcome = Some(Err(error.into())),
            Self::Sweep(request) => request.outcome = Some(Err(error)),
            Self::Flush(request) => request.outcome = Some(Err(error)),
        }
    }

    /// Tells whoever waits. Only after the commit, or after it failed.
    pub(crate) fn reply(self) {
        match self {
            Self::Append(request) => request.send(),
            Self::Page(request) => (*request).send(),
            Self::Advance(request) => request.send(),
            Self::Answer(request) => (*request).send(),
            Self::Hear(request) => request.send(),
            Self::Link(request) => request.send(),
            Self::Unlink(request) => (*request).send(),
            Self::Set(request) => request.send(),
            Self::Delete(request) => request.send(),
            Self::Sweep(request) => request.send(),
            Self::Flush(request) => request.send(),
        }
    }
}
