//! What an answer of Tryton means that is not the result asked for (`trytond/protocols/{rest,wrappers}.py`).
//!
//! | answer | is |
//! |---|---|
//! | 400 with JSON | Tryton's words: a rule, a check or a right says no |
//! | 400 without | it failed inside and keeps the reason in its own log |
//! | 401 | the key is unknown, or its user has not validated it |
//! | 403 | the button or method is not open to this user, or does not exist |
//! | 404 | no such record, or no such database |

use serde::Deserialize;
use tombolo_sdk::Failure;
use tombolo_sdk::http::Response;

/// Characters of Tryton's words that are kept; refusals by group list all groups of the user.
const WORDS: usize = 500;

#[derive(Deserialize)]
struct Refusal {
    message: String,
    #[serde(default)]
    description: Option<String>,
}

/// The failure that a response other than 2xx means. `what` says what was asked for: `party.party 7`.
pub(crate) fn failure(response: &Response, what: &str) -> Failure {
    match (
        response.status,
        serde_json::from_slice::<Refusal>(&response.body),
    ) {
        (400, Ok(refusal)) => {
            let description = refusal.description.unwrap_or_default();
            let words = [refusal.message.trim(), description.trim()].join(" ");
            Failure::rejected("", words.trim().chars().take(WORDS).collect::<String>())
        }
        // Retried a few times: a database that is locked looks the same as a module that is missing.
        (400, Err(_)) => Failure::internal(format!(
            "Tryton failed over {what} and says no more; its log has the reason, most often a module that is not activated"
        )),
        (401, _) => Failure::unauthorized(
            "Tryton does not take the key; make one for the application `rest` in the user's preferences and validate it",
        ),
        (403, _) => Failure::unauthorized(format!("Tryton does not let the user do this: {what}")),
        (404, _) => Failure::not_found(format!("Tryton has no {what}")),
        _ => response.failure("", None),
    }
}
