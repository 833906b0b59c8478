//! `tombolo task list` and `tombolo task answer`: questions to people, and their answers.

use clap::Subcommand;
use serde_json::json;
use tombolo_store::TaskRow;

use crate::client::{self, Client, HostArguments};
use crate::out::{self, Cell, Table, Tone};
use crate::{text, when};

/// Work with tasks.
#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// List questions that wait for an answer
    List(ListArguments),
    /// Answer a question
    Answer(AnswerArguments),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    host: HostArguments,
    /// Show answered and withdrawn ones too
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AnswerArguments {
    /// The task's id, from `tombolo task list`
    id: String,
    /// One of the task's options
    answer: String,
    /// Who answers
    #[arg(long, value_name = "NAME", env = "USER")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    comment: String,
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Carries out a task command.
pub(crate) async fn run(command: TaskCommand) -> anyhow::Result<()> {
    match command {
        TaskCommand::List(arguments) => list(arguments).await,
        TaskCommand::Answer(arguments) => answer(arguments).await,
    }
}

async fn list(arguments: ListArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "answer")?;
    let path = if arguments.all {
        "/api/tasks"
    } else {
        "/api/tasks?open=true"
    };
    let value = client.get(path).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let tasks: Vec<TaskRow> = client::into(value, path)?;
    if tasks.is_empty() {
        return Ok(out::line("no task waits for an answer")?);
    }
    let mut table = Table::new(&[
        "TASK", "RUN", "ROLE", "ASKED", "ANSWER", "OPTIONS", "QUESTION",
    ]);
    for task in &tasks {
        table.row(row(task));
    }
    Ok(table.print()?)
}

fn row(task: &TaskRow) -> Vec<Cell> {
    let state = match &task.closed {
        None => Cell::new("waits", Tone::Warning),
        Some(closed) if closed.answer.is_empty() => Cell::new("withdrawn", Tone::Dim),
        Some(closed) => Cell::new(format!("{} by {}", closed.answer, closed.by), Tone::Good),
    };
    vec![
        task.id.as_str().into(),
        match task.run.as_str() {
            "" => "-",
            run => run,
        }
        .into(),
        task.role.as_str().into(),
        when::moment(task.asked_ms).into(),
        state,
        task.options.join("|").into(),
        text::shortened(&task.question, 200).into(),
    ]
}

async fn answer(arguments: AnswerArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "answer")?;
    let body =
        json!({ "answer": arguments.answer, "by": arguments.by, "comment": arguments.comment });
    let path = format!("/api/tasks/{}/answer", client::encoded(&arguments.id));
    let value = client.post(&path, &body).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let task: TaskRow = client::into(value, &path)?;
    let (run, answer) = (text::harmless(&task.run), text::harmless(&arguments.answer));
    out::line(match run.as_str() {
        "" => format!("answered `{answer}`: tombolo xref history"),
        run => format!("answered `{answer}`; run {run} goes on: tombolo run show {run}"),
    })?;
    Ok(())
}
