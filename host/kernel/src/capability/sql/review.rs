//! What a statement may be, decided by a parser before a system starts: one statement, of a kind that a review can
//! judge, and a query without any write where its effect is `read`. The transaction it runs in says the same again.
//! Pure.

use sqlparser::ast::{SetExpr, Statement};
use sqlparser::dialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer, Word};
use tombolo_manifest::Effect;

use super::Dialect;
use crate::limits;

/// Words that no `read` has, wherever they stand: each writes, locks, or puts rows elsewhere.
const NOT_IN_READS: &[&str] = &[
    "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "INTO", "LOCK", "SHARE", "COPY", "CALL",
    "DO", "ATTACH", "PRAGMA", "NEXTVAL", "SETVAL",
];

/// Functions that reach beyond the data: the server's files, sessions, settings, other servers, SQL made from text.
const NOT_IN_ANY: &[&str] = &[
    "set_config",
    "ts_stat",
    "ts_rewrite",
    "load_file",
    "load_extension",
    "sleep",
    "benchmark",
    "master_pos_wait",
    "source_pos_wait",
    "get_lock",
    "release_lock",
    "release_all_locks",
    "sys_exec",
    "sys_eval",
    "readfile",
    "writefile",
    "edit",
    "fts3_tokenizer",
];

/// Beginnings of such names. PostgreSQL keeps `pg_` for itself: its files, backends, locks, catalogs, and whatever a
/// later version adds.
const NOT_IN_ANY_BEGINNINGS: &[&str] = &[
    "pg_",
    "lo_",
    "dblink",
    "query_to_xml",
    "cursor_to_xml",
    "table_to_xml",
    "schema_to_xml",
    "database_to_xml",
    "pragma_",
];

/// What begins like that and is harmless.
const HARMLESS: &[&str] = &[
    "pg_catalog",
    "pg_typeof",
    "pg_backend_pid",
    "pg_stat_activity",
];

/// Reviews a statement whose parameters are already rewritten.
pub(super) fn review(text: &str, effect: Effect, dialect: Dialect) -> Result<(), String> {
    if text.len() > limits::SQL_TEXT {
        return Err(format!(
            "it has {} bytes; expected at most {}",
            text.len(),
            limits::SQL_TEXT
        ));
    }
    let words = words(text, dialect)?;
    let mut statements =
        Parser::parse_sql(parser_dialect(dialect).as_ref(), text).map_err(|error| {
            format!(
                "it cannot be read: {error}; a statement that the review cannot read does not run"
            )
        })?;
    let statement = match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => statement,
        (None, _) => return Err("it is empty; expected one statement".into()),
        (Some(_), false) => {
            return Err(format!(
                "it is {} statements; expected one",
                statements.len() + 1
            ));
        }
    };
    let is_query = match &statement {
        Statement::Query(query) => !matches!(
            *query.body,
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
        ),
        Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_) => false,
        _ => {
            let kind = words
                .first()
                .map(|word| word.value.to_uppercase())
                .unwrap_or_default();
            return Err(format!(
                "it is {kind}, which no adapter may run; expected SELECT, INSERT, UPDATE, DELETE or MERGE"
            ));
        }
    };
    if let Some(word) = words
        .iter()
        .find(|word| is_one_of(word, NOT_IN_ANY) || begins_badly(word))
    {
        return Err(format!(
            "it uses `{}`, which reaches beyond the database's data",
            word.value
        ));
    }
    if words.iter().any(|word| {
        word.value.eq_ignore_ascii_case("outfile") || word.value.eq_ignore_ascii_case("dumpfile")
    }) {
        return Err("it writes a file on the server; expected rows only".into());
    }
    if effect == Effect::Read {
        let problem = "its effect is `read`";
        if !is_query {
            return Err(format!(
                "{problem}, but it writes; declare `effect: write`, or write a SELECT"
            ));
        }
        if let Some(word) = words
            .iter()
            .find(|word| word.quote_style.is_none() && is_one_of(word, NOT_IN_READS))
        {
            let found = word.value.to_uppercase();
            return Err(format!(
                "{problem}, but it has the word {found}; declare `effect: write`, or quote the word if it is a name"
            ));
        }
    }
    Ok(())
}

fn is_one_of(word: &Word, list: &[&str]) -> bool {
    list.iter()
        .any(|listed| word.value.eq_ignore_ascii_case(listed))
}

fn begins_badly(word: &Word) -> bool {
    let begins = |beginning: &&str| {
        word.value
            .get(..beginning.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    };
    NOT_IN_ANY_BEGINNINGS.iter().any(begins) && !is_one_of(word, HARMLESS)
}

fn words(text: &str, dialect: Dialect) -> Result<Vec<Word>, String> {
    let dialect = parser_dialect(dialect);
    let tokens = Tokenizer::new(dialect.as_ref(), text)
        .tokenize()
        .map_err(|error| format!("it cannot be read: {error}"))?;
    let count = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .count();
    if count > limits::SQL_TOKENS {
        return Err(format!(
            "it has {count} words and signs; expected at most {}",
            limits::SQL_TOKENS
        ));
    }
    Ok(tokens
        .into_iter()
        .filter_map(|token| {
            if let Token::Word(word) = token {
                Some(word)
            } else {
                None
            }
        })
        .collect())
}

fn parser_dialect(dialect: Dialect) -> Box<dyn dialect::Dialect> {
    match dialect {
        Dialect::Postgres => Box::new(dialect::PostgreSqlDialect {}),
        Dialect::MySql => Box::new(dialect::MySqlDialect {}),
        Dialect::Sqlite => Box::new(dialect::SQLiteDialect {}),
    }
}
