//! What statements may be, what they bring, and where they end. SQLite runs always; PostgreSQL and MariaDB run where
//! their programs are installed, each test file of theirs says so when they are not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod mariadb;
mod postgres;
mod reading;
mod servers;
mod sqlite;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tombolo_manifest::Effect;

use super::*;
use crate::capability::tests::granted;
use crate::grant::{ActiveGrant, Item};

/// Long enough for a server on a busy machine.
const PLENTY: Duration = Duration::from_secs(10);

/// A database with statements, all granted.
struct Bound {
    sql: Sql,
    grant: ActiveGrant,
}

fn statement(effect: Effect, text: &str) -> SqlStatement {
    SqlStatement {
        effect,
        text: text.to_owned(),
    }
}

fn bound(place: SqlPlace, statements: &[(&str, Effect, &str)]) -> Bound {
    try_bound(place, statements).unwrap()
}

fn try_bound(place: SqlPlace, statements: &[(&str, Effect, &str)]) -> Result<Bound, PrepareError> {
    bound_as(place, statements, true)
}

fn bound_as(
    place: SqlPlace,
    statements: &[(&str, Effect, &str)],
    reached: bool,
) -> Result<Bound, PrepareError> {
    let item = |(name, effect, text): &(&str, Effect, &str)| Item::Sql {
        connection: "db".into(),
        place: "somewhere".into(),
        statement: (*name).to_owned(),
        effect: *effect,
        text: (*text).to_owned(),
    };
    let grant = granted(statements.iter().map(item).collect());
    let statements = statements
        .iter()
        .map(|(name, effect, text)| ((*name).to_owned(), statement(*effect, text)))
        .collect();
    let bindings = BTreeMap::from([(
        "db".to_owned(),
        Binding::Sql(SqlBinding { place, statements }),
    )]);
    Ok(Bound {
        sql: Sql::prepare(&bindings, reached)?,
        grant,
    })
}

impl Bound {
    async fn outcome(
        &self,
        statement: &str,
        parameters: Value,
    ) -> (Result<SqlOutcome, SqlError>, Record) {
        self.sql
            .run(
                &self.grant,
                "db",
                statement,
                &parameters.to_string(),
                PLENTY,
            )
            .await
    }

    async fn run(&self, statement: &str, parameters: Value) -> Result<(Value, u64), SqlError> {
        let outcome = self.outcome(statement, parameters).await.0?;
        Ok((
            serde_json::from_str(&outcome.rows).unwrap(),
            outcome.affected,
        ))
    }

    async fn rows(&self, statement: &str, parameters: Value) -> Value {
        self.run(statement, parameters).await.unwrap().0
    }
}
