//! `sql`: statements by name on bound databases. The guarantees are in `wit/sql.wit`.
//!
//! Every text is reviewed when its system is prepared, and the grant is asked with exactly that text on every run.
//! Parameters are bound, never spliced. Nothing here may show a parameter, a row or a password.

mod calendar;
mod exact;
mod held;
mod mysql;
mod mysql_values;
mod parameters;
mod place;
mod postgres;
mod postgres_parameters;
mod postgres_values;
mod review;
mod rows;
mod sqlite;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde_json::Value as Json;
use tombolo_manifest::Effect;

use self::mysql::MySql;
use self::parameters::Parsed;
use self::postgres::Postgres;
use self::sqlite::Sqlite;
use super::{NOT_REACHED, PrepareError, Record};
use crate::grant::ActiveGrant;
use crate::limits;
use crate::system::{Binding, SqlBinding, SqlPlace, SqlStatement};

/// What a statement brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlOutcome {
    /// JSON array of objects, as `wit/sql.wit` spells the values.
    pub rows: String,
    /// Rows changed.
    pub affected: u64,
}

/// See `wit/sql.wit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlError {
    /// Not granted or unknown.
    Denied(String),
    /// Parameters.
    Invalid(String),
    /// The database's constraint.
    Constraint(String),
    /// No database.
    Unreachable(String),
    /// Too late.
    Timeout,
    /// Over this many rows or bytes.
    TooLarge(u64),
    /// Anything else.
    Failed(String),
}

/// One system's databases.
pub struct Sql {
    databases: BTreeMap<String, Database>,
}

/// A database and its reviewed statements.
struct Database {
    /// None where nothing is reached.
    driver: Option<Driver>,
    statements: BTreeMap<String, Arc<Prepared>>,
}

enum Driver {
    Postgres(Box<Postgres>),
    MySql(Box<MySql>),
    Sqlite(Sqlite),
}

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Postgres,
    MySql,
    Sqlite,
}

/// A reviewed statement.
#[derive(Debug)]
struct Prepared {
    effect: Effect,
    /// As the reviewer read it.
    text: String,
    parsed: Parsed,
}

// === impl SqlError ===

impl SqlError {
    /// As a record tells it.
    fn outcome(&self) -> String {
        match self {
            Self::Denied(why) => format!("denied: {why}"),
            Self::Invalid(why) => format!("invalid: {}", recorded(why)),
            Self::Constraint(why) => format!("constraint: {}", recorded(why)),
            Self::Unreachable(why) => format!("unreachable: {why}"),
            Self::Timeout => "timeout".into(),
            Self::TooLarge(most) => format!("too large: over {most} rows or bytes"),
            Self::Failed(why) => format!("failed: {}", recorded(why)),
        }
    }
}

// === impl Sql ===

impl Sql {
    /// Makes the SQL bindings ready without connecting; others are passed over. Not `reached`, every statement that may
    /// run ends where it would.
    ///
    /// # Errors
    /// A binding that cannot work, a statement that a parser refuses.
    pub fn prepare(
        bindings: &BTreeMap<String, Binding>,
        reached: bool,
    ) -> Result<Self, PrepareError> {
        let mut databases = BTreeMap::new();
        for (name, binding) in bindings {
            if let Binding::Sql(binding) = binding {
                let database = Database::prepare(binding, reached)
                    .map_err(|problem| PrepareError(format!("connection `{name}`: {problem}")))?;
                databases.insert(name.clone(), database);
            }
        }
        Ok(Self { databases })
    }

    /// Checks and runs one statement; ends within `left`.
    ///
    /// # Errors
    /// See [`SqlError`]; the record is there in every case.
    pub async fn run(
        &self,
        grant: &ActiveGrant,
        connection: &str,
        statement: &str,
        parameters: &str,
        left: Duration,
    ) -> (Result<SqlOutcome, SqlError>, Record) {
        let started = Instant::now();
        let mut record = Record {
            target: connection.to_owned(),
            what: statement
                .chars()
                .take(limits::EVENT_NAME)
                .filter(|c| !c.is_control())
                .collect(),
            outcome: String::new(),
            denied: true,
            micros: 0,
            sent: 0,
            received: 0,
        };
        let result = self
            .checked(
                grant,
                connection,
                statement,
                parameters,
                left.min(limits::SQL_TIME),
                &mut record,
            )
            .await;
        match &result {
            Ok(outcome) => {
                record.outcome = "ok".into();
                record.received = outcome.rows.len() as u64;
            }
            Err(error) => record.outcome = error.outcome(),
        }
        record.micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        (result, record)
    }

    async fn checked(
        &self,
        grant: &ActiveGrant,
        connection: &str,
        statement: &str,
        parameters: &str,
        left: Duration,
        record: &mut Record,
    ) -> Result<SqlOutcome, SqlError> {
        let Some(database) = self.databases.get(connection) else {
            return Err(SqlError::Denied(format!(
                "connection `{connection}` is not bound; the operator binds it under `connections` in the system file"
            )));
        };
        let Some(prepared) = database.statements.get(statement) else {
            let known: Vec<&str> = database.statements.keys().map(String::as_str).collect();
            return Err(SqlError::Denied(format!(
                "connection `{connection}` has no statement `{statement}`; there are: {}",
                known.join(", ")
            )));
        };
        grant
            .sql(connection, statement, &prepared.text)
            .map_err(|denied| SqlError::Denied(denied.0))?;
        let object: Json = serde_json::from_str(parameters)
            .map_err(|error| SqlError::Invalid(format!("the parameters are not JSON: {error}")))?;
        if exact::loses(parameters) {
            return Err(SqlError::Invalid(
                "the parameters have a number of more digits than JSON readers keep (64 bits, or a double); write it as a text"
                    .into(),
            ));
        }
        let values = prepared.values(&object)?;
        record.denied = false;
        record.sent = parameters.len() as u64;
        let driver = database.driver.as_ref();
        let driver = driver.ok_or_else(|| SqlError::Unreachable(NOT_REACHED.into()))?;
        driver.run(prepared, &values, left).await
    }
}

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.databases.keys()).finish()
    }
}

/// Reviews the statements of a binding without preparing anything, for whoever is to approve them.
///
/// # Errors
/// Which statement is refused and why, each.
pub fn review(binding: &SqlBinding) -> Result<(), Vec<String>> {
    let dialect = dialect(&binding.place);
    let refused = |(name, statement): (&String, &SqlStatement)| {
        Prepared::new(statement, dialect)
            .err()
            .map(|problem| format!("statement `{name}`: {problem}"))
    };
    let refused: Vec<String> = binding.statements.iter().filter_map(refused).collect();
    if refused.is_empty() {
        Ok(())
    } else {
        Err(refused)
    }
}

fn dialect(place: &SqlPlace) -> Dialect {
    match place {
        SqlPlace::Sqlite { .. } => Dialect::Sqlite,
        SqlPlace::Postgres { .. } => Dialect::Postgres,
        SqlPlace::MySql { .. } => Dialect::MySql,
    }
}

// === impl Database ===

impl Database {
    fn prepare(binding: &SqlBinding, reached: bool) -> Result<Self, String> {
        let driver = match &binding.place {
            SqlPlace::Sqlite { path } => Driver::Sqlite(Sqlite::new(path)),
            SqlPlace::Postgres { url, password } => Driver::Postgres(Box::new(Postgres::new(
                place::postgres(url, password.as_ref())?,
            ))),
            SqlPlace::MySql { url, password } => {
                Driver::MySql(Box::new(MySql::new(place::mysql(url, password.as_ref())?)))
            }
        };
        let dialect = dialect(&binding.place);
        let prepare = |(name, statement): (&String, &SqlStatement)| {
            let prepared = Prepared::new(statement, dialect)
                .map_err(|problem| format!("statement `{name}`: {problem}"))?;
            Ok((name.clone(), Arc::new(prepared)))
        };
        Ok(Self {
            driver: reached.then_some(driver),
            statements: binding
                .statements
                .iter()
                .map(prepare)
                .collect::<Result<_, String>>()?,
        })
    }
}

impl Driver {
    async fn run(
        &self,
        statement: &Arc<Prepared>,
        values: &[&Json],
        left: Duration,
    ) -> Result<SqlOutcome, SqlError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.run(statement, values, left).await,
            Self::Postgres(postgres) => {
                within(left, Box::pin(postgres.run(statement, values, left))).await
            }
            Self::MySql(mysql) => within(left, Box::pin(mysql.run(statement, values, left))).await,
        }
    }
}

/// What is dropped here closes its connection, and the server rolls back. On the heap, because the future is large and
/// most calls are to other capabilities.
async fn within(
    left: Duration,
    run: BoxFuture<'_, Result<SqlOutcome, SqlError>>,
) -> Result<SqlOutcome, SqlError> {
    tokio::time::timeout(left, run)
        .await
        .unwrap_or(Err(SqlError::Timeout))
}

// === impl Prepared ===

impl Prepared {
    fn new(statement: &SqlStatement, dialect: Dialect) -> Result<Self, String> {
        let parsed = parameters::parse(&statement.text, dialect)?;
        review::review(&parsed.text, statement.effect, dialect)?;
        Ok(Self {
            effect: statement.effect,
            text: statement.text.clone(),
            parsed,
        })
    }

    fn is_read(&self) -> bool {
        self.effect == Effect::Read
    }

    /// The values in the order the database takes them.
    fn values<'a>(&self, object: &'a Json) -> Result<Vec<&'a Json>, SqlError> {
        let Json::Object(object) = object else {
            return Err(SqlError::Invalid(
                "the parameters are not a JSON object; expected the statement's names and values"
                    .into(),
            ));
        };
        if let Some(unknown) = object.keys().find(|key| !self.parsed.names.contains(key)) {
            return Err(SqlError::Invalid(format!(
                "the statement has no parameter `{}`; it has: {}",
                unknown.escape_default(),
                self.parsed.names.join(", ")
            )));
        }
        let value = |index: &usize| {
            let name = &self.parsed.names[*index];
            object.get(name).ok_or_else(|| {
                SqlError::Invalid(format!(
                    "the parameter `{name}` is missing; `null` stands for no value"
                ))
            })
        };
        self.parsed.order.iter().map(value).collect()
    }
}

/// A database puts values into its words, so a record keeps the code before them.
fn recorded(why: &str) -> &str {
    match why.split_once(": ") {
        Some((code, _))
            if code.len() <= 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            code
        }
        _ => why,
    }
}

/// A database's own words, on one line and not endless.
fn words(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(DATABASE_WORDS)
        .collect()
}

/// Characters of a database's message that are told.
const DATABASE_WORDS: usize = 500;
