//! The three verbs, as calls into an instance. What comes out is checked by `system::outputs` before anybody sees it.

use std::result::Result as StdResult;

use wasmtime::{Result, Store};

use super::bindings::{Adapter, tombolo::adapter as wit};
use super::convert;
use super::state::StoreState;
use crate::failure::Failure;
use crate::system::outputs::{self, Fault};
use crate::system::{ActionCall, Answer, Inbound, MadeEvent, Page, Prepared, Reception};

/// Which part of an adapter is called, for messages: `action item.stock`.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) verb: &'static str,
    pub(crate) name: String,
}

/// One verb with its arguments.
pub(crate) trait Export: Send + 'static {
    /// What the guest answers, as the contract has it.
    type Answer: Send + 'static;
    /// The same, checked.
    type Output: Send;
    /// Whether the instance is kept for the next call.
    const KEEPS_INSTANCE: bool = true;

    /// Where it goes.
    fn place(&self) -> Place;

    /// Calls it.
    fn call(
        self,
        adapter: &Adapter,
        store: &mut Store<StoreState>,
    ) -> impl Future<Output = Result<Self::Answer>> + Send;

    /// Checks what came out.
    ///
    /// # Errors
    /// It is not in the contract, or not in the grant.
    fn check(
        system: &Prepared,
        answer: Self::Answer,
    ) -> StdResult<StdResult<Self::Output, Failure>, Fault>;
}

/// Instantiates and does nothing: whether an adapter starts at all. A thousand systems that start at once and then
/// wait should not hold a thousand instances.
pub(crate) struct Start;

impl Export for Start {
    type Answer = ();
    type Output = ();
    const KEEPS_INSTANCE: bool = false;

    fn place(&self) -> Place {
        Place {
            verb: "its",
            name: "start".to_owned(),
        }
    }

    async fn call(self, _adapter: &Adapter, _store: &mut Store<StoreState>) -> Result<()> {
        Ok(())
    }

    fn check(_system: &Prepared, (): ()) -> StdResult<StdResult<(), Failure>, Fault> {
        Ok(Ok(()))
    }
}

impl Export for ActionCall {
    type Answer = StdResult<String, wit::types::Failure>;
    type Output = String;

    fn place(&self) -> Place {
        Place {
            verb: "action",
            name: self.action.clone(),
        }
    }

    async fn call(self, adapter: &Adapter, store: &mut Store<StoreState>) -> Result<Self::Answer> {
        let left = store.data().call.left();
        adapter
            .call_act(store, &convert::action_call(self, left))
            .await
    }

    fn check(
        _system: &Prepared,
        answer: Self::Answer,
    ) -> StdResult<StdResult<String, Failure>, Fault> {
        match answer {
            Ok(output) => Ok(Ok(outputs::result(output)?)),
            Err(failure) => Ok(Err(convert::failure_out(failure))),
        }
    }
}

impl Export for Inbound {
    type Answer = StdResult<wit::exchange::Reception, wit::types::Failure>;
    type Output = Reception;

    fn place(&self) -> Place {
        Place {
            verb: "hook",
            name: self.hook.clone(),
        }
    }

    async fn call(self, adapter: &Adapter, store: &mut Store<StoreState>) -> Result<Self::Answer> {
        adapter.call_receive(store, &convert::inbound(self)).await
    }

    fn check(
        system: &Prepared,
        answer: Self::Answer,
    ) -> StdResult<StdResult<Reception, Failure>, Fault> {
        let reception = match answer {
            Ok(reception) => reception,
            Err(failure) => return Ok(Err(convert::failure_out(failure))),
        };
        let answer = reception.answer.map(|answer| {
            outputs::answer(Answer {
                status: answer.status,
                content_type: answer.content_type,
                body: answer.body,
            })
        });
        Ok(Ok(Reception {
            events: events(system, reception.events)?,
            answer: answer.transpose()?,
        }))
    }
}

/// The next page of a feed.
pub(crate) struct Read {
    pub(crate) feed: String,
    pub(crate) cursor: Option<String>,
    pub(crate) limit: u32,
}

impl Export for Read {
    type Answer = StdResult<wit::exchange::Page, wit::types::Failure>;
    type Output = Page;

    fn place(&self) -> Place {
        Place {
            verb: "feed",
            name: self.feed.clone(),
        }
    }

    async fn call(self, adapter: &Adapter, store: &mut Store<StoreState>) -> Result<Self::Answer> {
        adapter
            .call_read(store, &self.feed, self.cursor.as_deref(), self.limit)
            .await
    }

    fn check(
        system: &Prepared,
        answer: Self::Answer,
    ) -> StdResult<StdResult<Page, Failure>, Fault> {
        let page = match answer {
            Ok(page) => page,
            Err(failure) => return Ok(Err(convert::failure_out(failure))),
        };
        let cursor = page.cursor.map(outputs::cursor).transpose()?;
        Ok(Ok(Page {
            events: events(system, page.events)?,
            cursor,
            more: page.more,
        }))
    }
}

fn events(
    system: &Prepared,
    events: Vec<wit::exchange::Event>,
) -> StdResult<Vec<MadeEvent>, Fault> {
    outputs::count(events.len())?;
    let check = |event: wit::exchange::Event| {
        outputs::event(
            &system.grant,
            outputs::RawEvent {
                kind: event.type_,
                id: event.id,
                subject: event.subject,
                time: event.time,
                data: event.data,
            },
        )
    };
    events.into_iter().map(check).collect()
}
