//! `sql`: statements by name on databases that the operator bound.

use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};

use crate::{Failure, to_json};

pub use crate::bindings::tombolo::adapter::sql::{Error, Outcome};

/// Runs a statement; `parameters` is a struct, map or JSON object with the statement's `:names`.
///
/// # Errors
/// See [`Error`], made a failure.
pub fn run(
    connection: &str,
    statement: &str,
    parameters: &impl Serialize,
) -> Result<Outcome, Failure> {
    Ok(run_json(connection, statement, &to_json(parameters)?)?)
}

/// The rows of a statement, each as `T`.
///
/// # Errors
/// See [`Error`], made a failure; `internal` if a row is no `T`.
pub fn rows<T: DeserializeOwned>(
    connection: &str,
    statement: &str,
    parameters: &impl Serialize,
) -> Result<Vec<T>, Failure> {
    run(connection, statement, parameters)?.parse()
}

/// Runs a statement with parameters that are JSON text.
///
/// # Errors
/// See [`Error`].
pub fn run_json(connection: &str, statement: &str, parameters: &str) -> Result<Outcome, Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::tombolo::adapter::sql::run(connection, statement, parameters);
    #[cfg(not(target_family = "wasm"))]
    return crate::testing::current(|host| host.run_statement(connection, statement, parameters));
}

impl Outcome {
    /// The rows as `T`, usually a `Vec` of a struct; it may borrow.
    ///
    /// # Errors
    /// `internal` if the rows are no `T`.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        serde_json::from_str(&self.rows)
            .map_err(|error| Failure::internal(format!("the statement's rows: {error}")))
    }
}

/// Whether a constraint's code and words speak of a second row with one key: SQLSTATE 23505, MySQL's 1062 and 1586,
/// SQLite's 1555 and 2067, SQL Server's 2601 and 2627.
#[must_use]
pub fn is_duplicate(constraint: &str) -> bool {
    const CODES: [&str; 7] = ["23505", "1062", "1586", "1555", "2067", "2601", "2627"];
    let mut numbers = constraint.split(|character: char| !character.is_ascii_digit());
    // The code stands first; later numbers may be the user's data.
    let code = numbers
        .find(|number| !number.is_empty())
        .unwrap_or_default();
    // MySQL puts its SQLSTATE 23000, which says only "some constraint", before its own number.
    let code = if code == "23000" {
        numbers
            .find(|number| !number.is_empty())
            .unwrap_or_default()
    } else {
        code
    };
    CODES.contains(&code)
        || constraint.contains("UNIQUE constraint failed")
        || constraint.starts_with("Duplicate entry")
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_duplicates_are_conflicts() {
        let cases = [
            (
                "23505: duplicate key value violates unique constraint \"orders_pkey\"",
                true,
            ),
            ("1062 (23000): Duplicate entry '7' for key 'PRIMARY'", true),
            ("23000 1062: Duplicate entry", true),
            ("2067: UNIQUE constraint failed: orders.id", true),
            ("UNIQUE constraint failed: orders.id", true),
            (
                "23503: insert or update violates foreign key constraint, key 1062",
                false,
            ),
            ("787: FOREIGN KEY constraint failed", false),
            ("1048 (23000): Column 'name' cannot be null", false),
            ("", false),
        ];
        for (text, expected) in cases {
            assert_eq!(super::is_duplicate(text), expected, "{text}");
        }
    }
}
