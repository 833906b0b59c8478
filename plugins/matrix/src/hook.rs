//! The application service API: the homeserver pushes what happens in the adapter's rooms, in order, and repeats each
//! transaction until it is taken.
//!
//! <https://spec.matrix.org/v1.15/application-service-api/>. A transaction that is refused stops all behind it: nothing in one
//! event may fail the whole but what passes by itself.

use serde_json::json;
use serde_json::value::RawValue;
use tombolo_sdk::{Answer, Failure, Inbound, Reception, keys, log};

use crate::Matrix;
use crate::pushed::{Pushed, Transaction};

#[derive(serde::Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    events: Vec<&'a RawValue>,
}

pub(crate) fn receive(matrix: &Matrix, inbound: &Inbound) -> Result<Reception, Failure> {
    verify(inbound)?;
    match inbound.method.as_str() {
        "PUT" => transaction(matrix, inbound),
        // Whether a user or an alias of its namespaces is there that the homeserver does not know: none.
        "GET" => Ok(Reception::answered(Answer {
            status: 404,
            ..Answer::json(
                &json!({ "errcode": "M_NOT_FOUND", "error": "makes no users or rooms on demand" }),
            )?
        })),
        // A ping.
        _ => Ok(Reception::answered(Answer::json(&json!({}))?)),
    }
}

/// `Authorization: Bearer` with the `hs_token`.
fn verify(inbound: &Inbound) -> Result<(), Failure> {
    let header = inbound.only_header("authorization")?;
    let token = header.strip_prefix("Bearer ").unwrap_or_default();
    if keys::equal("hs-token", token.as_bytes())? {
        Ok(())
    } else {
        Err(Failure::unauthorized(
            "the token in the header `authorization` is not the `hs_token` expected",
        ))
    }
}

fn transaction(matrix: &Matrix, inbound: &Inbound) -> Result<Reception, Failure> {
    let body: Body<'_> = inbound.json()?;
    let mut transaction = Transaction::new(matrix);
    let mut events = Vec::new();
    for text in body.events {
        match serde_json::from_str::<Pushed>(text.get()) {
            Ok(pushed) => events.extend(transaction.event(&pushed).map_err(ours)?),
            // Some server of a federation may send what no client would.
            Err(error) => log::warn(&format!("an event was passed over: {error}")),
        }
    }
    Ok(Reception::of(events).with_answer(Answer::json(&json!({}))?))
}

/// The sender is verified by now: a credential that is refused is the adapter's own.
fn ours(failure: Failure) -> Failure {
    match failure {
        Failure::Unauthorized(message) => {
            Failure::internal(format!("the homeserver refuses the adapter: {message}"))
        }
        other => other,
    }
}
