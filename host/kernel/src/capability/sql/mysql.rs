//! MySQL and MariaDB: one small pool per connection, made when first used. A statement runs in a transaction of its
//! own; a read's is `READ ONLY` and rolled back. The server's own time limit is set for each; where it has none for
//! the kind of statement, or the caller is gone, the statement is killed over another connection.

use std::sync::OnceLock;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use serde_json::Value as Json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions, MySqlRow};
use sqlx::{AssertSqlSafe, Column as _, Either, Executor as _, MySql as Driver, Row as _};
use tokio::sync::OnceCell;

use super::held::{Held, broken, code};
use super::mysql_values as values;
use super::rows::Rows;
use super::{Prepared, SqlError, SqlOutcome, words};
use crate::limits;

/// One database.
pub(super) struct MySql {
    options: MySqlConnectOptions,
    pool: OnceLock<MySqlPool>,
    /// MariaDB limits every statement in seconds, MySQL only queries in milliseconds.
    is_mariadb: OnceCell<bool>,
}

impl MySql {
    pub(super) fn new(options: MySqlConnectOptions) -> Self {
        Self {
            options,
            pool: OnceLock::new(),
            is_mariadb: OnceCell::new(),
        }
    }

    pub(super) async fn run(
        &self,
        statement: &Prepared,
        values: &[&Json],
        left: Duration,
    ) -> Result<SqlOutcome, SqlError> {
        let pool = self.pool();
        let mut connection = Held::acquire(pool).await?;
        let is_mariadb = *self
            .is_mariadb
            .get_or_try_init(|| is_mariadb(&mut connection))
            .await?;
        let limit = if is_mariadb {
            format!(
                "SET SESSION max_statement_time = {:.3}",
                left.as_secs_f64().max(0.001)
            )
        } else {
            format!(
                "SET SESSION max_execution_time = {}",
                left.as_millis().max(1)
            )
        };
        let mode = if statement.is_read() {
            " READ ONLY"
        } else {
            ""
        };
        let begin = format!("{limit}; START TRANSACTION{mode}; SELECT CONNECTION_ID()");
        let opened = (&mut **connection)
            .fetch_all(sqlx::raw_sql(AssertSqlSafe(begin)))
            .await
            .map_err(explain)?;
        let id: u64 = opened
            .first()
            .and_then(|row| row.try_get_unchecked(0).ok())
            .unwrap_or(0);
        let killer = Killer {
            pool: Some(pool.clone()),
            id,
        };
        let outcome = execute(&mut connection, statement, values).await;
        if matches!(
            outcome,
            Err(SqlError::TooLarge(_) | SqlError::Unreachable(_))
        ) {
            return outcome;
        }
        let end = if outcome.is_ok() && !statement.is_read() {
            "COMMIT"
        } else {
            "ROLLBACK"
        };
        (&mut **connection)
            .execute(sqlx::raw_sql(end))
            .await
            .map_err(explain)?;
        killer.stand_down();
        connection.give_back();
        outcome
    }

    fn pool(&self) -> &MySqlPool {
        self.pool.get_or_init(|| {
            MySqlPoolOptions::new()
                .max_connections(limits::SQL_CONNECTIONS)
                .acquire_timeout(limits::SQL_CONNECT)
                .idle_timeout(limits::SQL_IDLE)
                .connect_lazy_with(self.options.clone())
        })
    }
}

async fn is_mariadb(connection: &mut Held<Driver>) -> Result<bool, SqlError> {
    let version: String = sqlx::query_scalar("SELECT VERSION()")
        .fetch_one(&mut ***connection)
        .await
        .map_err(explain)?;
    Ok(version.to_ascii_lowercase().contains("mariadb"))
}

/// Ends a statement on the server when whoever asked for it stopped waiting.
struct Killer {
    pool: Option<MySqlPool>,
    id: u64,
}

impl Killer {
    fn stand_down(mut self) {
        self.pool = None;
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        let (Some(pool), Ok(runtime)) = (self.pool.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let kill = format!("KILL {}", self.id);
        runtime.spawn(async move {
            // It may have ended by itself meanwhile.
            let _ = pool.execute(sqlx::raw_sql(AssertSqlSafe(kill))).await;
        });
    }
}

async fn execute(
    connection: &mut Held<Driver>,
    statement: &Prepared,
    values: &[&Json],
) -> Result<SqlOutcome, SqlError> {
    let mut query = sqlx::query(AssertSqlSafe(statement.parsed.text.as_str()));
    for value in values {
        query = match value {
            Json::Null => query.bind(None::<String>),
            Json::Bool(value) => query.bind(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(whole), ..) => query.bind(whole),
                (_, Some(whole), _) => query.bind(whole),
                (.., double) => query.bind(double),
            },
            Json::String(text) => query.bind(text.as_str()),
            nested => query.bind(nested.to_string()),
        };
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
        affected: if statement.is_read() { 0 } else { affected },
    })
}

fn write_row(rows: &mut Rows, row: &MySqlRow) -> Result<(), SqlError> {
    if !rows.has_columns() {
        rows.name_columns(row.columns().iter().map(|column| column.name()))?;
    }
    rows.begin_row()?;
    for (index, column) in row.columns().iter().enumerate() {
        let value = row.try_get_raw(index).map_err(|error| broken(&error))?;
        values::write(rows.value(), column.type_info(), value).ok_or_else(|| {
            SqlError::Failed(format!(
                "the column `{}` has no form here; cast it to CHAR in the statement",
                column.name()
            ))
        })?;
    }
    rows.end_row()
}

fn explain(error: sqlx::Error) -> SqlError {
    let Some(database) = error.as_database_error() else {
        return broken(&error);
    };
    let number = database
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .map_or(0, |error| error.number());
    let told = format!("{number}: {}", words(database.message()));
    match number {
        // Over a time limit, a lock's time limit, killed.
        1969 | 3024 | 1205 | 1317 => SqlError::Timeout,
        1792 => SqlError::Failed(format!(
            "{told}; the statement's effect is `read`, but it writes"
        )),
        1292 | 1366 | 1264 | 1406 | 3140 => SqlError::Invalid(told),
        1040 | 1053 | 1129 | 1130 | 1203 => SqlError::Unreachable(told),
        _ if code(database).starts_with("23")
            || database.kind() != sqlx::error::ErrorKind::Other =>
        {
            SqlError::Constraint(told)
        }
        _ => SqlError::Failed(told),
    }
}
