//! A pooled connection while a statement is on it. Only one whose transaction is over goes back; any other is closed,
//! so that nothing half done is ever met by the next statement.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Database, Error, Pool};

use super::{SqlError, words};
use crate::limits;

pub(super) struct Held<DB: Database>(Option<PoolConnection<DB>>);

impl<DB: Database> Held<DB> {
    pub(super) async fn acquire(pool: &Pool<DB>) -> Result<Self, SqlError> {
        match pool.acquire().await {
            Ok(connection) => Ok(Self(Some(connection))),
            Err(error) => Err(unreachable(&error)),
        }
    }

    /// Its transaction is over: it may be used again.
    pub(super) fn give_back(mut self) {
        self.0.take();
    }
}

impl<DB: Database> Deref for Held<DB> {
    type Target = PoolConnection<DB>;

    #[expect(
        clippy::expect_used,
        reason = "the connection is there until it is given back or dropped, which takes `self`"
    )]
    fn deref(&self) -> &Self::Target {
        self.0.as_ref().expect("a held connection")
    }
}

impl<DB: Database> DerefMut for Held<DB> {
    #[expect(
        clippy::expect_used,
        reason = "the connection is there until it is given back or dropped, which takes `self`"
    )]
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0.as_mut().expect("a held connection")
    }
}

impl<DB: Database> Drop for Held<DB> {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            // Detached and dropped: its socket closes, the server rolls back.
            drop(connection.detach());
        }
    }
}

/// Why there is no connection: in words without addresses for the guest, with them for the log.
fn unreachable(error: &Error) -> SqlError {
    tracing::warn!(%error, "a database cannot be reached");
    SqlError::Unreachable(match error {
        Error::Database(database) => {
            format!(
                "{}: the database refuses the login; the operator checks user, password and database",
                code(database.as_ref())
            )
        }
        Error::Tls(_) => {
            "TLS was refused; the operator checks the server's certificate and `sslmode`".into()
        }
        Error::PoolTimedOut => {
            format!(
                "no connection within {} s: the database does not answer, or all connections are busy",
                limits::SQL_CONNECT.as_secs()
            )
        }
        _ => "the database cannot be reached; the operator checks its address".into(),
    })
}

/// An error that is not a database's answer, in words.
pub(super) fn broken(error: &Error) -> SqlError {
    match error {
        Error::Io(_) | Error::Tls(_) | Error::PoolClosed | Error::WorkerCrashed => {
            SqlError::Unreachable("the database broke the connection off".into())
        }
        other => SqlError::Failed(words(&other.to_string())),
    }
}

pub(super) fn code(error: &dyn sqlx::error::DatabaseError) -> String {
    error
        .code()
        .map(|code| code.into_owned())
        .unwrap_or_default()
}
