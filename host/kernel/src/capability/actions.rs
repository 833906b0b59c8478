//! `actions`: actions of other systems, where the grant names the system and the action.

use std::sync::Weak;

use crate::clock::{Millis, new_id};
use crate::failure::{Failure, FieldProblem};
use crate::grant::ActiveGrant;
use crate::limits;
use crate::schema::{InputSchema, whole};
use crate::system::outputs;
use crate::system::{ActionCall, ActionOffer, Actor, Outcome};

/// `erp.item.stock`: how records name it.
#[must_use]
pub fn what(system: &str, action: &str) -> String {
    format!("{system}.{action}")
}

/// Whether a call may be made by a system that is itself called `depth` deep.
///
/// # Errors
/// It is not granted, or the chain is too long.
pub fn check(grant: &ActiveGrant, system: &str, action: &str, depth: u8) -> Result<(), Failure> {
    grant
        .action(system, action)
        .map_err(|denied| Failure::Unauthorized {
            message: denied.to_string(),
        })?;
    if depth >= limits::ACTION_DEPTH {
        let message = format!(
            "the chain of calls is {depth} deep already, expected at most {}; do not let systems call each other in a circle",
            limits::ACTION_DEPTH
        );
        return Err(Failure::Unauthorized { message });
    }
    Ok(())
}

/// The key of the call number `before` that is made under `above`: the same on every attempt of a guest that does the
/// same. Calls from a hook or feed have nothing above them and get a key of their own.
#[must_use]
pub fn nested_key(above: Option<&str>, before: usize, now: Millis) -> String {
    match above {
        Some(above) => format!("{above}/{before}"),
        None => new_id(now),
    }
}

/// Makes the call: the input is checked against the action's schema as a flow's would be.
pub async fn call(actor: &Weak<dyn Actor>, system: &str, call: ActionCall) -> Outcome<String> {
    let Some(actor) = actor.upgrade() else {
        return Outcome::refused(Failure::Unavailable {
            message: "the host stops".into(),
            retry_after_ms: None,
        });
    };
    let problems = match actor.offer(system, &call.action) {
        Some(offer) => problems(&offer, &call.input),
        None => Vec::new(),
    };
    if !problems.is_empty() {
        return Outcome::refused(Failure::InvalidInput { problems });
    }
    actor.act(system, call).await
}

fn problems(offer: &ActionOffer, input: &str) -> Vec<FieldProblem> {
    if let Err(problem) = outputs::check_json(input) {
        return whole(problem.to_string());
    }
    let Some(schema) = &offer.input else {
        return Vec::new();
    };
    let (Ok(schema), Ok(input)) = (InputSchema::compile(schema), serde_json::from_str(input))
    else {
        return whole(
            "its schema cannot be read; the vendor of the called adapter must mend it".into(),
        );
    };
    schema.problems(&input, limits::FIELD_PROBLEMS)
}
