//! Matrix: messages, threads and questions, by the client-server API as one user, and the application service API as hook.
//!
//! It remembers nothing. What a question needs when it is answered travels in the question's own event; a person's room is
//! found by its alias; what is sent twice under one idempotency key is one event, for the key makes the transaction id.

mod answer;
mod content;
mod direct;
mod homeserver;
mod hook;
mod markdown;
mod message;
mod options;
mod pushed;
mod question;

use tombolo_sdk::{ActionCall, Adapter, Failure, Inbound, Json, Reception, Settings};

use homeserver::Homeserver;
use options::Options;

/// One user on one homeserver.
pub struct Matrix {
    options: Options,
    homeserver: Homeserver,
}

impl Adapter for Matrix {
    fn start() -> Result<Self, Failure> {
        let options: Options = Settings::read()?.parse()?;
        options.check()?;
        Ok(Self {
            options,
            homeserver: Homeserver::default(),
        })
    }

    fn act(&self, call: ActionCall) -> Result<Json, Failure> {
        match call.action.as_str() {
            "message.send" => message::send(self, &call),
            "message.edit" => message::edit(self, &call),
            "question.ask" => question::ask(self, &call),
            "question.close" => question::close(self, &call),
            other => Err(Failure::not_offered(format!(
                "this adapter has no action `{other}`"
            ))),
        }
    }

    fn receive(&self, inbound: Inbound) -> Result<Reception, Failure> {
        hook::receive(self, &inbound)
    }
}

tombolo_sdk::export!(Matrix);

#[cfg(test)]
mod tests;
