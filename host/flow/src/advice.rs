//! What to look at before something that failed for good is done again: one sentence for every kind of failure, told
//! wherever a dead run is shown. It speaks of the site's files and commands, of which the kernel's failures know nothing.

use tombolo_kernel::failure::Failure;

use crate::trace::{self, RunTrace};

/// For the step that a dead run failed at.
#[must_use]
pub fn advice(run: &RunTrace) -> String {
    let step = trace::failed(&run.steps);
    match step.and_then(|step| Some((step.failure()?, step.system()?))) {
        Some((failure, system)) => of_call(failure, system),
        None => "no system refused anything, the flow itself could not go on: mend its file and move the run to it with \
                 `tombolo run move`, or give the step another input or a result with `tombolo run mend`"
            .to_owned(),
    }
}

/// For a call of this system's that failed so.
fn of_call(failure: &Failure, system: &str) -> String {
    let file = format!("systems/{system}.yaml");
    match failure {
        Failure::InvalidInput { .. } => format!(
            "{system} takes no such input: mend the flow's `with`, the value that came, or this input with `tombolo dead edit`"
        ),
        Failure::NotFound { .. } => format!(
            "{system} does not have what the input names: make it there, or name another with `tombolo dead edit`"
        ),
        Failure::Conflict { .. } => format!(
            "somebody else changed it in {system} meanwhile: look at it there before it is tried again"
        ),
        Failure::Unauthorized { .. } => format!(
            "{system} does not accept the credential that {file} names, or its user may not do this: mend the secret or the \
             user's rights first"
        ),
        Failure::Rejected { .. } => format!(
            "{system} refused by its own rules: settle that there, or change the input with `tombolo dead edit`"
        ),
        Failure::RateLimited { .. } | Failure::Unavailable { .. } => format!(
            "{system} was not there for as long as it was tried: see whether it is back; `delivery` in {file} says how long \
             that is"
        ),
        Failure::NotOffered { .. } => format!(
            "{system} has no such action: compare the flow with {file} and its adapter's manifest"
        ),
        Failure::Internal { .. } => format!(
            "{system} or its adapter broke: its last attempt says how; where it is the adapter, its vendor must mend it"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{AttemptTrace, StepStatus, StepTrace};

    /// A run whose call failed so.
    fn dead(what: &str, failure: Option<Failure>) -> RunTrace {
        let attempt = AttemptTrace {
            at_ms: 1,
            took_ms: 1,
            failure,
            crashed: false,
            next_ms: None,
        };
        RunTrace {
            steps: vec![StepTrace {
                kind: "call".to_owned(),
                what: what.to_owned(),
                status: StepStatus::Failed,
                attempts: vec![attempt],
                ..StepTrace::default()
            }],
            ..RunTrace::default()
        }
    }

    #[test]
    fn every_kind_of_failure_says_what_to_do() {
        let (message, retry_after_ms) = (String::new(), None);
        let all = [
            (
                Failure::InvalidInput {
                    problems: Vec::new(),
                },
                "mend the flow's `with`",
            ),
            (
                Failure::NotFound {
                    message: message.clone(),
                },
                "make it there",
            ),
            (
                Failure::Conflict {
                    message: message.clone(),
                },
                "look at it there",
            ),
            (
                Failure::Unauthorized {
                    message: message.clone(),
                },
                "systems/erp.yaml",
            ),
            (
                Failure::RateLimited {
                    message: message.clone(),
                    retry_after_ms,
                },
                "see whether it is back",
            ),
            (
                Failure::Unavailable {
                    message: message.clone(),
                    retry_after_ms,
                },
                "`delivery` in systems/erp.yaml",
            ),
            (
                Failure::Rejected {
                    code: String::new(),
                    message: message.clone(),
                },
                "settle that there",
            ),
            (
                Failure::NotOffered {
                    message: message.clone(),
                },
                "compare the flow with systems/erp.yaml",
            ),
            (Failure::Internal { message }, "its vendor must mend it"),
        ];
        for (failure, words) in all {
            let kind = failure.kind();
            let told = advice(&dead("erp.sale.create", Some(failure)));
            assert!(
                told.contains(words) && told.contains("erp"),
                "{kind}: {told}"
            );
        }
        for run in [RunTrace::default(), dead("erp.sale.create", None)] {
            let told = advice(&run);
            assert!(
                told.contains("the flow itself") && told.contains("`tombolo run move`"),
                "{told}"
            );
        }
    }
}
