//! One feed: a statement with `:cursor` and `:limit`, whose rows become events.

use tombolo_sdk::feed::{self, EventOptions, EventTemplate};
use tombolo_sdk::json::{Pointers, elements};
use tombolo_sdk::template::{Draft, Template, Values};
use tombolo_sdk::{Failure, Page, sql};

/// A feed's `do` as the operator writes it.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedOptions {
    #[serde(default = "crate::db")]
    connection: String,
    statement: String,
    parameters: Option<Draft>,
    /// A pointer into the last row.
    cursor: String,
    event: EventOptions,
}

/// A feed's `do`, made ready.
pub(crate) struct Feed {
    connection: String,
    statement: String,
    /// None: `:cursor` and `:limit`.
    parameters: Option<Template>,
    /// What the parameters name.
    pointers: Pointers,
    /// Into a row.
    row: Pointers,
    cursor: usize,
    cursor_pointer: String,
    event: EventTemplate,
}

impl Feed {
    pub(crate) fn compile(options: FeedOptions) -> Result<Self, String> {
        let mut pointers = Pointers::new();
        let parameters = match &options.parameters {
            None => None,
            Some(draft @ Draft::Object(_)) => Some(
                Template::compile(draft, &mut pointers)
                    .map_err(|problem| format!("parameters.{problem}"))?,
            ),
            Some(_) => {
                return Err(
                    "parameters: expected a map of the statement's names to values".to_owned(),
                );
            }
        };
        let mut row = Pointers::new();
        let cursor = row
            .add(&options.cursor)
            .map_err(|problem| format!("cursor: {problem}"))?;
        Ok(Self {
            connection: options.connection,
            statement: options.statement,
            parameters,
            pointers,
            row,
            cursor,
            cursor_pointer: options.cursor,
            event: EventTemplate::compile(&options.event)?,
        })
    }

    pub(crate) fn read(&self, cursor: Option<&str>, limit: u32) -> Result<Page, Failure> {
        let input = feed::input(cursor, limit);
        let parameters = match &self.parameters {
            None => input,
            Some(template) => {
                let found = self
                    .pointers
                    .find(&input)
                    .map_err(|error| Failure::internal(error.to_string()))?;
                let mut parameters = String::new();
                template.render(Values::new(&found, ""), &mut parameters)?;
                parameters
            }
        };
        let outcome = sql::run_json(&self.connection, &self.statement, &parameters)?;
        let rows = elements(&outcome.rows)
            .ok_or_else(|| Failure::internal("the host's rows are no array"))?;
        let events = self.event.events(rows.iter().copied())?;
        let next = rows.last().map(|last| self.cursor_of(last)).transpose()?;
        Ok(Page {
            events,
            more: rows.len() >= limit as usize && next.as_deref() != cursor,
            cursor: next,
        })
    }

    fn cursor_of(&self, row: &str) -> Result<String, Failure> {
        let found = self
            .row
            .find(row)
            .map_err(|error| Failure::internal(error.to_string()))?;
        found.get(self.cursor).and_then(feed::cursor).ok_or_else(|| {
            Failure::internal(format!(
                "the last row of `{}` has no value at `{}`, where `cursor` points; the statement must bring it, and never null",
                self.statement, self.cursor_pointer
            ))
        })
    }
}
