//! Commands into rows, inside one transaction. All events go in first, then all runs, many per statement; then
//! what is rare, one by one. Commands of one commit do not depend on each other: whoever waits for a reply before
//! asking again is in a later commit.

use super::audit::chain::Chain;
use super::audit::{export, write};
use super::command::Command;
use super::error::{conflict, is_the_rows_fault};
use super::identity::Identities;
use super::names::Names;
use super::queue::Records;
use super::{cursors, events, links, listeners, pairs, runs, sweep, tasks};
use crate::{Advanced, Anchor, Appended, RunRow};
use rusqlite::Connection;
use std::sync::Arc;
use tombolo_kernel::audit::{AuditRecord, Kind, Outcome};
use tombolo_kernel::event::Event;

/// What the writer knows of the file without asking it.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) names: Names,
    /// End of the audit, records of the running transaction included.
    pub(crate) chain: Chain,
    pub(crate) identities: Identities,
    /// Place of the newest event, those of the running transaction included.
    pub(crate) last_seq: i64,
    /// False until it was read from the file once.
    pub(crate) is_loaded: bool,
}

/// Where log and audit ended at some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    last_seq: i64,
    tip: Anchor,
}

impl Known {
    /// Where log and audit end now.
    pub(crate) fn ends(&self) -> Ends {
        Ends {
            last_seq: self.last_seq,
            tip: self.chain.tip(),
        }
    }

    /// After a rollback to where these were the ends.
    pub(crate) fn roll_back(&mut self, to: Ends) {
        self.names.forget();
        self.identities.roll_back(to.last_seq);
        self.last_seq = to.last_seq;
        self.chain.roll_back(to.tip);
    }
}

/// Applies all commands; the first error ends it, and the transaction must be rolled back.
pub(crate) fn all(
    connection: &Connection,
    known: &mut Known,
    now_ms: u64,
    commands: &mut [Command],
) -> rusqlite::Result<()> {
    append(connection, known, now_ms, commands)?;
    let rows: Vec<&RunRow> = commands.iter().flat_map(runs_of).collect();
    runs::upsert(connection, &mut known.names, &rows)?;
    for command in commands {
        rest(connection, known, now_ms, command)?;
    }
    Ok(())
}

/// Applies commands apart, each in a savepoint: one that breaks a rule of the tables fails alone.
pub(crate) fn each(
    connection: &Connection,
    known: &mut Known,
    now_ms: u64,
    commands: &mut [Command],
) -> rusqlite::Result<()> {
    for command in commands {
        let before = known.ends();
        connection
            .prepare_cached("SAVEPOINT command")?
            .execute([])?;
        match all(connection, known, now_ms, std::slice::from_mut(command)) {
            Ok(()) => {}
            Err(error) if is_the_rows_fault(&error) => {
                connection
                    .prepare_cached("ROLLBACK TO command")?
                    .execute([])?;
                known.roll_back(before);
                command.fail(conflict(&error));
            }
            Err(error) => return Err(error),
        }
        connection.prepare_cached("RELEASE command")?.execute([])?;
    }
    Ok(())
}

/// Audit and the checkpoint, which only grows.
pub(crate) fn records(
    connection: &Connection,
    known: &mut Known,
    now_ms: u64,
    records: &mut Records,
) -> rusqlite::Result<()> {
    let (names, chain) = (&mut known.names, &mut known.chain);
    if records.lost > 0 {
        let lost = AuditRecord::new(Kind::Lost, now_ms)
            .about(format!("{} records", records.lost))
            .ended(Outcome::Failed, "too many waited for the disk");
        write::insert(connection, names, chain, &[Arc::new(lost)])?;
    }
    write::insert(connection, names, chain, records.audits.make_contiguous())?;
    for (collector, number) in &records.exported {
        export::set(connection, collector, *number)?;
    }
    if let Some(checkpoint) = records.checkpoint {
        connection
            .prepare_cached("UPDATE site SET value = ?1 WHERE key = 'checkpoint' AND value < ?1")?
            .execute([checkpoint])?;
    }
    Ok(())
}

fn append(
    connection: &Connection,
    known: &mut Known,
    now_ms: u64,
    commands: &mut [Command],
) -> rusqlite::Result<()> {
    let events: Vec<&Event> = commands.iter().flat_map(Command::events).collect();
    let mut appended = events::append(connection, known, now_ms, &events)?.into_iter();
    for command in commands {
        let mine = command.events().len();
        let mut next = || -> Vec<Appended> { appended.by_ref().take(mine).collect() };
        match command {
            Command::Append(request) => request.outcome = Some(Ok(next())),
            Command::Page(request) => request.outcome = Some(Ok(next())),
            Command::Advance(request) => {
                request.outcome = Some(Ok(Advanced {
                    appended: next(),
                    linked: Vec::new(),
                }));
            }
            _ => {}
        }
    }
    Ok(())
}

fn runs_of(command: &Command) -> impl Iterator<Item = &RunRow> {
    let advance = match command {
        Command::Advance(request) => Some(&request.input),
        _ => None,
    };
    advance
        .into_iter()
        .flat_map(|advance| std::iter::once(&advance.run).chain(&advance.queued))
}

fn rest(
    connection: &Connection,
    known: &mut Known,
    now_ms: u64,
    command: &mut Command,
) -> rusqlite::Result<()> {
    match command {
        Command::Append(_) => {}
        Command::Page(request) => {
            let fresh = match &request.outcome {
                Some(Ok(appended)) => appended.iter().filter(|appended| appended.fresh).count(),
                _ => 0,
            };
            cursors::set(connection, &mut known.names, &request.input.cursor, fresh)?;
        }
        Command::Advance(request) => {
            for task in &request.input.tasks {
                tasks::open(connection, task)?;
            }
            for id in &request.input.withdrawn {
                tasks::withdraw(connection, &request.input.run, id)?;
            }
            if let Some(hearing) = &request.input.hearing {
                listeners::replace(connection, &mut known.names, &request.input.run, hearing)?;
            }
            for link in &request.input.links {
                let outcome = links::make(connection, &mut known.names, link, false, now_ms)?;
                if let Some(Ok(advanced)) = &mut request.outcome {
                    advanced.linked.push(outcome);
                }
            }
        }
        Command::Hear(request) => {
            let told = listeners::tell(connection, &mut known.names, &request.input)?;
            request.outcome = Some(Ok(told));
        }
        Command::Answer(request) => {
            let (id, answer) = &request.input;
            let names = &mut known.names;
            request.outcome = Some(tasks::answer(connection, names, id, answer)?);
        }
        Command::Link(request) => {
            let mut make = |order| links::order(connection, &mut known.names, order, now_ms);
            let outcomes = request.input.iter().map(&mut make);
            request.outcome = Some(Ok(outcomes.collect::<rusqlite::Result<_>>()?));
        }
        Command::Unlink(request) => {
            let names = &mut known.names;
            request.outcome = Some(links::unlink(connection, names, &request.input, now_ms)?);
        }
        Command::Set(request) => {
            request.outcome = Some(pairs::set(connection, &mut known.names, &request.input)?)
        }
        Command::Delete(request) => {
            let (system, key) = &request.input;
            pairs::delete(connection, &mut known.names, system, key)?;
            request.outcome = Some(Ok(()));
        }
        Command::Sweep(request) => {
            request.outcome = Some(Ok(sweep::step(connection, known, now_ms, &request.input)?));
        }
        Command::Flush(request) => request.outcome = Some(Ok(())),
    }
    Ok(())
}
