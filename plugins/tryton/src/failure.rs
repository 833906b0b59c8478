//! What an answer of Tryton means that is not the result asked for (`trytond/protocols/{rest,wrappers,jsonrpc}.py`).
//!
//! | over REST | over JSON-RPC | is |
//! |---|---|---|
//! | 400 with JSON | `UserError`, `UserWarning` | Tryton's words: a rule, a check or a right says no |
//! | 400 or 500 without | any other exception's words | it failed inside; its own log has the whole reason |
//! | 401 | 401, `LoginException` | it does not take the credential |
//! | 403 | 403 | the button or method is not open to this user, or does not exist |
//! | 404 | 404, 503 | no such record, or no such database; 503 also while it does not answer |
//! | | `ConcurrencyException` | somebody else changed the record |

use serde::Deserialize;
use serde_json::Value;
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

/// The failure that a response of REST other than 2xx means. `what` says what was asked for: `party.party 7`.
pub(crate) fn refused(response: &Response, what: &str) -> Failure {
    match (
        response.status,
        serde_json::from_slice::<Refusal>(&response.body),
    ) {
        (400, Ok(refusal)) => rejected(&refusal.message, &refusal.description.unwrap_or_default()),
        // Retried a few times: a database that is locked looks the same as a module that is missing.
        (400, Err(_)) => inside(what, ""),
        (401, _) => Failure::unauthorized(
            "Tryton does not take the key; make one for the application `rest` in the user's preferences and validate it",
        ),
        (403, _) => not_open(what),
        (404, _) => Failure::not_found(format!("Tryton has no {what}")),
        _ => response.failure("", None),
    }
}

/// The failure that a response of JSON-RPC other than 2xx means.
pub(crate) fn turned_away(response: &Response, what: &str) -> Failure {
    match response.status {
        401 => Failure::unauthorized(
            "Tryton does not take the user and the password; set them in the connection `rpc`",
        ),
        403 => not_open(what),
        404 => Failure::internal("Tryton has no such database any more"),
        // Since 8.0.12 also where it never had one.
        503 => Failure::unavailable(
            "Tryton's database does not answer (status 503); if that stays so, there is none of this name: bind the connection `rpc` to `https://SERVER/DATABASE`",
            None,
        ),
        _ => response.failure("", None),
    }
}

/// The failure that the `error` of a JSON-RPC answer means: an exception's name and a list of what it says, or words and a
/// traceback.
pub(crate) fn fault(error: &Value, what: &str) -> Failure {
    let name = error[0].as_str().unwrap_or_default();
    let said = |place: usize| error[1][place].as_str().unwrap_or_default();
    match name {
        "UserError" => rejected(said(0), said(1)),
        "UserWarning" => rejected(said(1), said(2)),
        "LoginException" => Failure::unauthorized(format!(
            "Tryton wants more of the user than a password: {}",
            said(1)
        )),
        "ConcurrencyException" => Failure::conflict(cut(error[1].as_str().unwrap_or(name))),
        words => inside(what, words),
    }
}

fn rejected(message: &str, description: &str) -> Failure {
    let words = [message.trim(), description.trim()].join(" ");
    Failure::rejected("", cut(words.trim()))
}

fn inside(what: &str, words: &str) -> Failure {
    let said = match words {
        "" => "says no more".to_owned(),
        words => format!("says {:?}", cut(words)),
    };
    Failure::internal(format!(
        "Tryton failed over {what} and {said}; its log has the reason, most often a database that is locked or whose disk is full, or a module that is not activated; mend that and have this carried out again"
    ))
}

fn not_open(what: &str) -> Failure {
    Failure::unauthorized(format!("Tryton does not let the user do this: {what}"))
}

fn cut(words: &str) -> String {
    words.chars().take(WORDS).collect()
}
