//! SQLite: a file, opened when first used and never made. Statements run on a blocking thread, reads on connections
//! that were opened read-only; a progress handler ends what takes too long or whose caller is gone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde_json::Value as Json;
use tokio::sync::Semaphore;

use super::rows::{Rows, ValueWriter};
use super::{Prepared, SqlError, SqlOutcome, words};
use crate::limits;

/// Virtual machine instructions between two looks at the clock: about 20 µs.
const INSTRUCTIONS_PER_LOOK: i32 = 1_000;

/// One database file.
pub(super) struct Sqlite {
    file: Arc<File>,
    reading: Arc<Semaphore>,
    /// One: writers of a file wait for each other anyway, and here they do it in order and without polling.
    writing: Arc<Semaphore>,
}

struct File {
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    writers: Mutex<Vec<Connection>>,
}

impl Sqlite {
    pub(super) fn new(path: &Path) -> Self {
        let file = File {
            path: path.to_owned(),
            readers: Mutex::default(),
            writers: Mutex::default(),
        };
        Self {
            file: Arc::new(file),
            reading: Arc::new(Semaphore::new(limits::SQL_CONNECTIONS as usize)),
            writing: Arc::new(Semaphore::new(1)),
        }
    }

    pub(super) async fn run(
        &self,
        statement: &Arc<Prepared>,
        values: &[&Json],
        left: Duration,
    ) -> Result<SqlOutcome, SqlError> {
        let until = Instant::now() + left;
        let values: Vec<Value> = values.iter().map(|value| bound(value)).collect();
        let permits = if statement.is_read() {
            &self.reading
        } else {
            &self.writing
        };
        let permit = tokio::time::timeout(left, permits.clone().acquire_owned()).await;
        let permit = permit
            .map_err(|_| SqlError::Timeout)?
            .map_err(|_| SqlError::Unreachable("the database is closed".into()))?;
        let gone = Gone(Arc::new(AtomicBool::new(false)));
        let (file, statement, is_gone) = (self.file.clone(), statement.clone(), gone.0.clone());
        let work = tokio::task::spawn_blocking(move || {
            let outcome = file.run(&statement, values, until, is_gone);
            drop(permit);
            outcome
        });
        work.await.unwrap_or_else(|_| {
            Err(SqlError::Failed(
                "the statement broke the database driver".into(),
            ))
        })
    }
}

/// Tells the blocking thread that nobody waits any more.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl File {
    fn run(
        &self,
        statement: &Prepared,
        values: Vec<Value>,
        until: Instant,
        gone: Arc<AtomicBool>,
    ) -> Result<SqlOutcome, SqlError> {
        let kept = if statement.is_read() {
            &self.readers
        } else {
            &self.writers
        };
        let taken = kept.lock().pop();
        let mut connection = taken.map_or_else(|| self.open(statement.is_read()), Ok)?;
        let left = until.saturating_duration_since(Instant::now());
        connection.busy_timeout(left).map_err(explain)?;
        let over = move || gone.load(Ordering::Relaxed) || Instant::now() >= until;
        connection
            .progress_handler(INSTRUCTIONS_PER_LOOK, Some(over))
            .map_err(explain)?;
        let outcome = transact(&connection, statement, values);
        connection
            .progress_handler(0, None::<fn() -> bool>)
            .map_err(explain)?;
        // A connection is kept only if its transaction is over.
        if connection.is_autocommit() {
            kept.lock().push(connection);
        }
        outcome
    }

    fn open(&self, read: bool) -> Result<Connection, SqlError> {
        let mode = if read {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        };
        let connection =
            Connection::open_with_flags(&self.path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)
                .map_err(explain)?;
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)
            .map_err(explain)?;
        connection
            .set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)
            .map_err(explain)?;
        connection
            .set_limit(
                Limit::SQLITE_LIMIT_LENGTH,
                i32::try_from(limits::SQL_BYTES).unwrap_or(i32::MAX),
            )
            .map_err(explain)?;
        if read {
            connection
                .pragma_update(None, "query_only", true)
                .map_err(explain)?;
        }
        Ok(connection)
    }
}

fn transact(
    connection: &Connection,
    statement: &Prepared,
    values: Vec<Value>,
) -> Result<SqlOutcome, SqlError> {
    connection
        .execute_batch(if statement.is_read() {
            "BEGIN"
        } else {
            "BEGIN IMMEDIATE"
        })
        .map_err(explain)?;
    let outcome = execute(connection, statement, values);
    if outcome.is_ok() && !statement.is_read() {
        match connection.execute_batch("COMMIT") {
            Ok(()) => return outcome,
            Err(error) => {
                let _ = connection.execute_batch("ROLLBACK");
                return Err(explain(error));
            }
        }
    }
    // After some errors SQLite has rolled back itself.
    let _ = if connection.is_autocommit() {
        Ok(())
    } else {
        connection.execute_batch("ROLLBACK")
    };
    outcome
}

fn execute(
    connection: &Connection,
    statement: &Prepared,
    values: Vec<Value>,
) -> Result<SqlOutcome, SqlError> {
    let mut prepared = connection
        .prepare_cached(&statement.parsed.text)
        .map_err(explain)?;
    if statement.is_read() && !prepared.readonly() {
        return Err(SqlError::Failed(
            "the statement writes, but its effect is `read`".into(),
        ));
    }
    for (index, value) in values.into_iter().enumerate() {
        prepared
            .raw_bind_parameter(index + 1, value)
            .map_err(explain)?;
    }
    let mut rows = Rows::new();
    rows.name_columns(prepared.column_names())?;
    let kinds: Vec<Declared> = prepared
        .columns()
        .map(|column| Declared::from_type(column.decl_type()))
        .collect();
    let before = connection.total_changes();
    let mut found = prepared.raw_query();
    while let Some(row) = found.next().map_err(explain)? {
        rows.begin_row()?;
        for (index, kind) in kinds.iter().enumerate() {
            write(rows.value(), row.get_ref(index).map_err(explain)?, *kind);
        }
        rows.end_row()?;
    }
    drop(found);
    let affected = if statement.is_read() || connection.total_changes() == before {
        0
    } else {
        connection.changes()
    };
    Ok(SqlOutcome {
        rows: rows.finish(),
        affected,
    })
}

/// JSON to SQLite's own kinds; what has no kind of its own goes as JSON text.
fn bound(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Integer(i64::from(*value)),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Integer(whole),
            (None, Some(real)) if !number.is_u64() => Value::Real(real),
            _ => Value::Text(number.to_string()),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(_) | Json::Object(_) => Value::Text(value.to_string()),
    }
}

/// What a column was declared as, where it tells more than the value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Declared {
    Plain,
    Boolean,
    Decimal,
    Timestamp,
    Json,
}

impl Declared {
    fn from_type(declared: Option<&str>) -> Self {
        let declared = declared.unwrap_or_default().to_ascii_uppercase();
        let is = |names: &[&str]| names.iter().any(|name| declared.starts_with(name));
        if is(&["BOOL"]) {
            Self::Boolean
        } else if is(&["DECIMAL", "NUMERIC", "MONEY"]) {
            Self::Decimal
        } else if is(&["DATETIME", "TIMESTAMP"]) {
            Self::Timestamp
        } else if is(&["JSON"]) {
            Self::Json
        } else {
            Self::Plain
        }
    }
}

fn write(out: ValueWriter<'_>, value: ValueRef<'_>, declared: Declared) {
    match (value, declared) {
        (ValueRef::Null, _) => out.null(),
        (ValueRef::Integer(value @ (0 | 1)), Declared::Boolean) => out.boolean(value == 1),
        (ValueRef::Integer(value), Declared::Decimal) => out.text(&value.to_string()),
        (ValueRef::Integer(value), _) => out.integer(value),
        (ValueRef::Real(value), Declared::Decimal) => out.text(&value.to_string()),
        (ValueRef::Real(value), _) => out.double(value),
        (ValueRef::Text(text), Declared::Json) => out.json(&String::from_utf8_lossy(text)),
        (ValueRef::Text(text), Declared::Timestamp) => {
            out.text(&with_t(&String::from_utf8_lossy(text)))
        }
        (ValueRef::Text(text), _) => out.text(&String::from_utf8_lossy(text)),
        (ValueRef::Blob(bytes), _) => out.bytes(bytes),
    }
}

/// `2026-11-22 13:05:00`, as SQLite's own functions write it, with the `T` of RFC 3339.
fn with_t(text: &str) -> String {
    let is_stamp = text.len() >= 16
        && text.as_bytes()[10] == b' '
        && text[..10]
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_stamp {
        text.replacen(' ', "T", 1)
    } else {
        text.to_owned()
    }
}

fn explain(error: rusqlite::Error) -> SqlError {
    let failure = match &error {
        rusqlite::Error::SqliteFailure(failure, _) => failure,
        // Its own text repeats the statement.
        rusqlite::Error::SqlInputError { error, msg, .. } => {
            return SqlError::Failed(format!("{}: {}", error.extended_code, words(msg)));
        }
        other => return SqlError::Failed(words(&other.to_string())),
    };
    let code = failure.extended_code;
    match failure.code {
        ErrorCode::ConstraintViolation => {
            SqlError::Constraint(format!("{code}: {}", words(&error.to_string())))
        }
        ErrorCode::OperationInterrupted | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            SqlError::Timeout
        }
        ErrorCode::TooBig => SqlError::TooLarge(limits::SQL_BYTES as u64),
        ErrorCode::CannotOpen
        | ErrorCode::NotADatabase
        | ErrorCode::DatabaseCorrupt
        | ErrorCode::SystemIoFailure
        | ErrorCode::PermissionDenied => {
            // The path is the operator's affair.
            tracing::warn!(%error, "a SQLite database cannot be used");
            SqlError::Unreachable(format!(
                "{code}: the database file is missing or cannot be read; the operator checks its path"
            ))
        }
        _ => SqlError::Failed(format!("{code}: {}", words(&error.to_string()))),
    }
}
