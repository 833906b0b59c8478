//! SQL statements that the operator declares, as actions and as feeds.
//!
//! Each action runs one statement by its name; the text stands in the system file and never passes through here.
//! Rows are the host's JSON, exact to the last digit, and are handed on as the text they are.

mod feed;

use tombolo_sdk::json::Pointers;
use tombolo_sdk::settings::Offers;
use tombolo_sdk::template::{Draft, Template, Values};
use tombolo_sdk::{ActionCall, Adapter, Failure, Json, Page, Settings, sql};

use feed::Feed;

/// An action's `do` as the operator writes it.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default = "db")]
    connection: String,
    statement: String,
    parameters: Option<Draft>,
    #[serde(default)]
    result: Answer,
}

fn db() -> String {
    "db".to_owned()
}

/// What the action's result is.
#[derive(Debug, Default, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    /// An array of objects.
    #[default]
    Rows,
    /// The only row; none is `not-found`, several are `conflict`.
    One,
    /// The first row, or null.
    First,
    /// `{"affected": 3}`.
    Affected,
}

/// An action's `do`, made ready.
struct Statement {
    connection: String,
    name: String,
    /// None: the input is the parameters.
    parameters: Option<Template>,
    /// What the parameters name in the input.
    pointers: Pointers,
    answer: Answer,
    first_rows: FirstRows,
}

/// Where the first two rows are among all.
struct FirstRows {
    pointers: Pointers,
    first: usize,
    second: usize,
}

impl Statement {
    fn compile(options: Options) -> Result<Self, String> {
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
        let mut rows = Pointers::new();
        let (first, second) = (rows.add("/0")?, rows.add("/1")?);
        Ok(Self {
            connection: options.connection,
            name: options.statement,
            parameters,
            pointers,
            answer: options.result,
            first_rows: FirstRows {
                pointers: rows,
                first,
                second,
            },
        })
    }

    fn run(&self, call: &ActionCall) -> Result<Json, Failure> {
        let outcome = match &self.parameters {
            None => sql::run_json(&self.connection, &self.name, &call.input)?,
            Some(template) => {
                let found = self
                    .pointers
                    .find(&call.input)
                    .map_err(|error| Failure::invalid_input("", error.to_string()))?;
                let mut parameters = String::new();
                template.render(Values::new(&found, &call.idempotency_key), &mut parameters)?;
                sql::run_json(&self.connection, &self.name, &parameters)?
            }
        };
        match self.answer {
            Answer::Rows => Ok(outcome.rows),
            Answer::Affected => Ok(format!("{{\"affected\":{}}}", outcome.affected)),
            Answer::First => Ok(self.first(&outcome.rows)?.0.unwrap_or("null").to_owned()),
            Answer::One => match self.first(&outcome.rows)? {
                (Some(row), None) => Ok(row.to_owned()),
                (None, _) => Err(Failure::not_found(format!(
                    "the statement `{}` found no row for this input",
                    self.name
                ))),
                (Some(_), Some(_)) => Err(Failure::conflict(format!(
                    "the statement `{}` found more than one row where one was expected",
                    self.name
                ))),
            },
        }
    }

    fn first<'a>(&self, rows: &'a str) -> Result<(Option<&'a str>, Option<&'a str>), Failure> {
        let FirstRows {
            pointers,
            first,
            second,
        } = &self.first_rows;
        let found = pointers
            .find(rows)
            .map_err(|error| Failure::internal(format!("the host's rows: {error}")))?;
        Ok((found.get(*first), found.get(*second)))
    }
}

/// The statements of one system. One that cannot work leaves the others alone.
pub struct Sql {
    statements: Offers<Statement>,
    feeds: Offers<Feed>,
}

impl Adapter for Sql {
    fn start() -> Result<Self, Failure> {
        let settings = Settings::read()?;
        Ok(Self {
            statements: Offers::compile("action", &settings.actions, Statement::compile),
            feeds: Offers::compile("feed", &settings.feeds, Feed::compile),
        })
    }

    fn act(&self, call: ActionCall) -> Result<Json, Failure> {
        self.statements.get(&call.action)?.run(&call)
    }

    fn read(&self, feed: &str, cursor: Option<&str>, limit: u32) -> Result<Page, Failure> {
        self.feeds.get(feed)?.read(cursor, limit)
    }
}

tombolo_sdk::export!(Sql);

#[cfg(test)]
mod tests;
