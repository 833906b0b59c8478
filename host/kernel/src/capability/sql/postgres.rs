//! PostgreSQL: one small pool per connection, made when first used. A statement runs in a transaction of its own with
//! a `statement_timeout`; a read's is `READ ONLY` and rolled back.
//!
//! The server says which type each parameter has. A value is checked against it here and then sent as text that the
//! statement casts (`CAST($1::text AS integer)`), so that the server's own reader makes the value of it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use parking_lot::RwLock;
use serde_json::Value as Json;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{
    AssertSqlSafe, Column as _, Either, Executor as _, Postgres as Driver, Row as _,
    SqlSafeStr as _, Statement as _, ValueRef as _,
};

use super::held::{Held, broken, code};
use super::postgres_parameters::Kind;
use super::postgres_values as values;
use super::rows::Rows;
use super::{Prepared, SqlError, SqlOutcome, words};
use crate::limits;

/// One database.
pub(super) struct Postgres {
    options: PgConnectOptions,
    pool: OnceLock<PgPool>,
    /// What the server said of each statement, by its text.
    plans: RwLock<HashMap<String, Arc<Plan>>>,
}

/// A statement as it is sent.
#[derive(Debug)]
struct Plan {
    text: Arc<str>,
    kinds: Vec<Kind>,
}

impl Postgres {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self {
            options,
            pool: OnceLock::new(),
            plans: RwLock::default(),
        }
    }

    pub(super) async fn run(
        &self,
        statement: &Prepared,
        values: &[&Json],
        left: Duration,
    ) -> Result<SqlOutcome, SqlError> {
        let known = self.plans.read().get(&statement.parsed.text).cloned();
        // Where the types are known already, a value that does not fit costs no connection.
        let ready = known
            .as_ref()
            .map(|plan| plan.texts(statement, values))
            .transpose()?;
        let mut connection = Held::acquire(self.pool()).await?;
        let (plan, texts) = match (known, ready) {
            (Some(plan), Some(texts)) => (plan, texts),
            _ => {
                let plan = self.plan(&mut connection, statement).await?;
                match plan.texts(statement, values) {
                    Ok(texts) => (plan, texts),
                    Err(error) => {
                        connection.give_back();
                        return Err(error);
                    }
                }
            }
        };
        let mode = if statement.is_read() {
            " READ ONLY"
        } else {
            ""
        };
        let begin = format!(
            "BEGIN{mode}; SET LOCAL statement_timeout = {}",
            left.as_millis().max(1)
        );
        connection
            .execute(sqlx::raw_sql(AssertSqlSafe(begin)))
            .await
            .map_err(explain)?;
        let mut outcome = execute(&mut connection, &plan.text, texts).await;
        if let (Ok(outcome), true) = (&mut outcome, statement.is_read()) {
            // The server counts the rows of a query, too.
            outcome.affected = 0;
        }
        let end = if outcome.is_ok() && !statement.is_read() {
            "COMMIT"
        } else {
            "ROLLBACK"
        };
        match &outcome {
            // What is still on its way must not be waited for.
            Err(SqlError::TooLarge(_) | SqlError::Unreachable(_)) => return outcome,
            Err(SqlError::Failed(_)) => drop(self.plans.write().remove(&statement.parsed.text)),
            _ => {}
        }
        connection
            .execute(sqlx::raw_sql(end))
            .await
            .map_err(explain)?;
        connection.give_back();
        outcome
    }

    fn pool(&self) -> &PgPool {
        self.pool.get_or_init(|| {
            PgPoolOptions::new()
                .max_connections(limits::SQL_CONNECTIONS)
                .acquire_timeout(limits::SQL_CONNECT)
                .idle_timeout(limits::SQL_IDLE)
                .connect_lazy_with(self.options.clone())
        })
    }

    async fn plan(
        &self,
        connection: &mut Held<Driver>,
        statement: &Prepared,
    ) -> Result<Arc<Plan>, SqlError> {
        let text = AssertSqlSafe(statement.parsed.text.as_str()).into_sql_str();
        let prepared = (&mut ***connection).prepare(text).await.map_err(explain)?;
        let types = match prepared.parameters() {
            Some(Either::Left(types)) => types.to_vec(),
            _ => Vec::new(),
        };
        let oids: Vec<Oid> = types
            .iter()
            .map(|kind| kind.oid().unwrap_or(Oid(25)))
            .collect();
        let named = "SELECT format_type(t, -1) FROM unnest($1::oid[]) WITH ORDINALITY AS u(t, n) ORDER BY n";
        let names: Vec<String> = if oids.is_empty() {
            Vec::new()
        } else {
            sqlx::query_scalar(named)
                .bind(oids)
                .fetch_all(&mut ***connection)
                .await
                .map_err(explain)?
        };
        let cast = |index: usize, mark: &str| match names.get(index) {
            Some(name) => format!("CAST({mark}::text AS {name})"),
            None => mark.to_owned(),
        };
        let plan = Plan {
            text: statement.parsed.rewritten(cast).into(),
            kinds: types.iter().map(Kind::of).collect(),
        };
        let plan = Arc::new(plan);
        self.plans
            .write()
            .insert(statement.parsed.text.clone(), plan.clone());
        Ok(plan)
    }
}

impl Plan {
    /// The values as the server's own readers take them.
    fn texts(
        &self,
        statement: &Prepared,
        values: &[&Json],
    ) -> Result<Vec<Option<String>>, SqlError> {
        let text = |(index, value): (usize, &&Json)| {
            let kind = self.kinds.get(index).unwrap_or(&Kind::Other);
            kind.text(value).map_err(|problem| {
                SqlError::Invalid(format!(
                    "the parameter `{}` {problem}",
                    statement.parsed.names[index]
                ))
            })
        };
        values.iter().enumerate().map(text).collect()
    }
}

async fn execute(
    connection: &mut Held<Driver>,
    text: &Arc<str>,
    texts: Vec<Option<String>>,
) -> Result<SqlOutcome, SqlError> {
    let mut query = sqlx::query(AssertSqlSafe(text.clone()));
    for text in texts {
        query = query.bind(text);
    }
    let mut rows = Rows::new();
    let mut affected = 0;
    let mut stream = (&mut ***connection).fetch_many(query);
    while let Some(step) = stream.try_next().await.map_err(explain)? {
        match step {
            Either::Left(done) => affected += done.rows_affected(),
            Either::Right(row) => write_row(&mut rows, &row)?,
        }
    }
    Ok(SqlOutcome {
        rows: rows.finish(),
        affected,
    })
}

fn write_row(rows: &mut Rows, row: &PgRow) -> Result<(), SqlError> {
    if !rows.has_columns() {
        rows.name_columns(row.columns().iter().map(|column| column.name()))?;
    }
    rows.begin_row()?;
    for (index, column) in row.columns().iter().enumerate() {
        let value = row.try_get_raw(index).map_err(|error| broken(&error))?;
        let out = rows.value();
        if value.is_null() {
            out.null();
            continue;
        }
        let bytes = value.as_bytes().unwrap_or_default();
        let unwritten = |kind: String| {
            SqlError::Failed(format!(
                "the column `{}` is of type {kind}, which has no form here; cast it to text in the statement",
                column.name()
            ))
        };
        values::write(out, column.type_info(), bytes).map_err(unwritten)?;
    }
    rows.end_row()
}

fn explain(error: sqlx::Error) -> SqlError {
    let Some(database) = error.as_database_error() else {
        return broken(&error);
    };
    let code = code(database);
    let told = format!("{code}: {}", words(database.message()));
    match code.as_str() {
        // SQLSTATE, appendix A of the PostgreSQL documentation.
        "57014" => SqlError::Timeout,
        "22P02" | "22007" | "22008" => SqlError::Invalid(told),
        "25006" => SqlError::Failed(format!(
            "{told}; the statement's effect is `read`, but it writes"
        )),
        code if code.starts_with("23") => SqlError::Constraint(told),
        code if code.starts_with("08") || code.starts_with("57P") || code.starts_with("53") => {
            SqlError::Unreachable(told)
        }
        _ => SqlError::Failed(told),
    }
}
