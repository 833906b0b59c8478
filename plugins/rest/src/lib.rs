//! REST and JSON by operations that the operator declares: each action is a request template, and says where in the
//! answer the result and the error text stand. Feeds are requests with a cursor, whose items become events.
//!
//! Operations are made ready once per instance. The input and the answer are never built into trees: values are
//! found by pointer and copied as the text they are, so numbers keep every digit.

mod feed;
mod operation;
mod options;
mod outcome;
mod paging;
mod request;
mod shape;
mod steps;

use tombolo_sdk::settings::Offers;
use tombolo_sdk::{ActionCall, Adapter, Failure, Json, Page, Settings};

use feed::Feed;
use operation::Operation;
use options::ActionOptions;
use steps::Steps;

/// The operations of one system. One that cannot work leaves the others alone.
pub struct Rest {
    actions: Offers<Action>,
    feeds: Offers<Feed>,
}

/// An action's `do`, made ready.
enum Action {
    One(Box<Operation>),
    Steps(Steps),
}

impl Action {
    fn compile(options: ActionOptions) -> Result<Self, String> {
        match options {
            ActionOptions::One(options) => {
                Operation::compile(*options).map(|one| Self::One(Box::new(one)))
            }
            ActionOptions::Steps(steps) => Steps::compile(steps).map(Self::Steps),
        }
    }
}

impl Adapter for Rest {
    fn start() -> Result<Self, Failure> {
        let settings = Settings::read()?;
        Ok(Self {
            actions: Offers::compile("action", &settings.actions, Action::compile),
            feeds: Offers::compile("feed", &settings.feeds, Feed::compile),
        })
    }

    fn act(&self, call: ActionCall) -> Result<Json, Failure> {
        match self.actions.get(&call.action)? {
            Action::One(operation) => operation.run(&call.input, &call.idempotency_key),
            Action::Steps(steps) => steps.run(&call),
        }
    }

    fn read(&self, feed: &str, cursor: Option<&str>, limit: u32) -> Result<Page, Failure> {
        self.feeds.get(feed)?.read(cursor, limit)
    }
}

tombolo_sdk::export!(Rest);

#[cfg(test)]
mod feed_tests;
#[cfg(test)]
mod step_tests;
#[cfg(test)]
mod tests;
