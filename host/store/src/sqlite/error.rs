//! What SQLite says, in the store's words: whose fault it is, and what a person can do.

use crate::StoreError;
use rusqlite::{Error, ErrorCode};
use tombolo_kernel::capability::store::KeyValueError;

/// Whether the command itself is at fault (a row that breaks a rule) and not the disk under it: then its neighbours
/// in the same commit can still succeed.
pub(crate) fn is_the_rows_fault(error: &Error) -> bool {
    match error {
        Error::SqliteFailure(failure, _) => {
            matches!(
                failure.code,
                ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch
            )
        }
        Error::ToSqlConversionFailure(_) | Error::IntegralValueOutOfRange(..) => true,
        _ => false,
    }
}

/// The command is at fault.
pub(crate) fn conflict(error: &Error) -> StoreError {
    StoreError::Conflict(format!(
        "the row does not fit what is stored already: {error}"
    ))
}

/// The disk, the file or the memory is at fault.
pub(crate) fn unavailable(error: &Error) -> StoreError {
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "free space on its disk; it goes on by itself",
        Some(ErrorCode::OperationInterrupted) => {
            "the search took too long; narrow it by type, source or flow"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the file is damaged; stop the host and restore it from a copy"
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            "check that the data folder is there and writable for the host's user"
        }
        _ => "see the machine's log for disk errors; it is tried again with the next write",
    };
    StoreError::Unavailable(format!("{error}: {advice}"))
}

/// A failed read: a value that no version of this program wrote is [`StoreError::Format`].
pub(crate) fn read(error: &Error) -> StoreError {
    match error {
        Error::FromSqlConversionFailure(..)
        | Error::InvalidColumnType(..)
        | Error::IntegralValueOutOfRange(..) => {
            StoreError::Format(format!("a stored row cannot be read: {error}"))
        }
        _ => unavailable(error),
    }
}

impl From<StoreError> for KeyValueError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// SQLite keeps 64-bit signed integers; the year 292 million is far enough.
pub(crate) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Back from [`integer`].
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
