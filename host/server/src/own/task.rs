//! `task.answer`: an answer that came through a system, such as a chat. It counts where the run's own event is of that
//! very system, the site knows the person behind the id, and that person has the task's role. An answer that does not
//! count is no failure: its result says why, for whoever gave it.

use serde::Deserialize;
use serde_json::json;
use tombolo_kernel::audit::{AuditRecord, Kind, Outcome};
use tombolo_kernel::failure::Failure;
use tombolo_store::{StoreError, TaskAnswer, TaskRow};

use super::refused;
use crate::core::Core;
use crate::ingress::made;

#[derive(Deserialize)]
pub(super) struct Answered {
    task: String,
    answer: String,
    by: By,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize)]
struct By {
    system: String,
    id: String,
}

/// `{ accepted, says, by, answer }`.
pub(super) async fn answer(core: &Core, said: &Answered, cause: &str) -> Result<String, Failure> {
    vouched(core, &said.by.system, cause).await?;
    let task = core.store.task(&said.task).await.map_err(unavailable)?;
    let judged = judge(core, said, task);
    let mut record = AuditRecord::new(Kind::Answer, core.clock.now_ms())
        .through(&said.by.system)
        .about(format!("task {}: {}", said.task, said.answer))
        .because(&said.comment)
        .caused_by(cause.to_owned());
    let (person, name) = match judged {
        Judged::May { person, name } => (person, name),
        Judged::Did { person, name } => return Ok(accepted(said, &person, &name)),
        Judged::MayNot(why) => {
            record = record.by(&said.by.id).ended(Outcome::Denied, &why);
            core.note(record);
            return Ok(
                json!({ "accepted": false, "says": why, "by": "", "answer": "" }).to_string(),
            );
        }
    };
    let answer = TaskAnswer {
        answer: said.answer.clone(),
        by: person.clone(),
        comment: said.comment.clone(),
        at_ms: core.clock.now_ms(),
    };
    match core.engine.answer(&said.task, answer).await {
        Ok(_) => {
            core.note(record.by(&person));
            Ok(accepted(said, &person, &name))
        }
        // Somebody was faster, or the question was given up.
        Err(StoreError::Conflict(why) | StoreError::NotFound(why)) => {
            core.note(record.by(&person).ended(Outcome::Failed, &why));
            Ok(json!({ "accepted": false, "says": why, "by": "", "answer": "" }).to_string())
        }
        Err(error) => Err(unavailable(error)),
    }
}

/// No system speaks for the people of another: what the run reacts to must come from the system that it names.
async fn vouched(core: &Core, system: &str, cause: &str) -> Result<(), Failure> {
    let seq = cause.split('.').next().and_then(|seq| seq.parse().ok());
    let event = match seq {
        Some(seq) => core.store.event(seq).await.map_err(unavailable)?,
        None => None,
    };
    let found = event.map(|stored| stored.event.source).unwrap_or_default();
    if found == made::source(system) {
        return Ok(());
    }
    Err(refused(
        "/by/system",
        format!(
            "found {system:?}, but the event of this run is from {found:?}; expected a run that an event of the same system began"
        ),
    ))
}

enum Judged {
    May {
        person: String,
        name: String,
    },
    /// The same, said before.
    Did {
        person: String,
        name: String,
    },
    MayNot(String),
}

fn judge(core: &Core, said: &Answered, task: Option<TaskRow>) -> Judged {
    let named = core.named.load();
    let Some((person, known)) = named.people().who(&said.by.system, &said.by.id) else {
        return Judged::MayNot(format!(
            "nobody of this site is known as {} in {}; people.yaml tells who is",
            said.by.id, said.by.system
        ));
    };
    let (person, name) = (person.to_owned(), known.name.clone());
    // Whether there is such a task is nobody's business who could not answer it.
    let Some(task) = task.filter(|task| known.roles.contains(&task.role)) else {
        return Judged::MayNot(format!(
            "{name} may not answer this: it is for somebody with another role"
        ));
    };
    match &task.closed {
        Some(closed) if closed.answer == said.answer && closed.by == person => {
            Judged::Did { person, name }
        }
        Some(closed) if closed.by.is_empty() => {
            Judged::MayNot("this question was given up; the answer came too late".to_owned())
        }
        Some(closed) => Judged::MayNot(format!(
            "{} has answered this already: {}",
            closed.by, closed.answer
        )),
        None if !task.options.contains(&said.answer) => Judged::MayNot(format!(
            "found {:?}, expected one of {}",
            said.answer,
            task.options.join(", ")
        )),
        None => Judged::May { person, name },
    }
}

fn accepted(said: &Answered, person: &str, name: &str) -> String {
    let says = format!("{name}: {}", said.answer);
    json!({ "accepted": true, "says": says, "by": person, "answer": said.answer }).to_string()
}

fn unavailable(error: StoreError) -> Failure {
    Failure::Unavailable {
        message: format!("the host's log: {error}"),
        retry_after_ms: None,
    }
}
