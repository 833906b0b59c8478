//! SQLite, in files of a temporary folder.

use super::*;

struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn with(sql: &str) -> Self {
        let file = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        file.open().execute_batch(sql).unwrap();
        file
    }

    fn open(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("erp.db")).unwrap()
    }

    fn place(&self) -> SqlPlace {
        SqlPlace::Sqlite {
            path: self.folder.path().join("erp.db"),
        }
    }
}

const STOCK: &str = "CREATE TABLE stock (sku TEXT PRIMARY KEY, on_hand INTEGER CHECK (on_hand >= 0)); INSERT INTO stock VALUES ('WID-1', 3);";

#[tokio::test]
async fn values_are_spelled_as_the_contract_says() {
    let file = File::with(
        "CREATE TABLE v (small INTEGER, big INTEGER, price DECIMAL(10,2), whole NUMERIC, real REAL, text TEXT, bytes BLOB, yes BOOLEAN, no BOOLEAN,
         day DATE, at DATETIME, doc JSON, broken JSON, absent TEXT);
         INSERT INTO v VALUES (7, 9007199254740993, 12.34, 12, 0.5, 'a\"ü\n', x'00ff', 1, 0, '2026-11-22', '2026-11-22 13:05:00', '{\"a\": [1]}', 'no', NULL);",
    );
    let bound = bound(
        file.place(),
        &[(
            "all",
            Effect::Read,
            "SELECT *, -9007199254740993 AS low, 9007199254740992 AS edge FROM v",
        )],
    );
    assert_eq!(
        bound.rows("all", json!({})).await,
        json!([{
            "small": 7, "big": "9007199254740993", "price": "12.34", "whole": "12", "real": 0.5, "text": "a\"ü\n", "bytes": "AP8=", "yes": true,
            "no": false, "day": "2026-11-22", "at": "2026-11-22T13:05:00", "doc": {"a": [1]}, "broken": "no", "absent": null,
            "low": "-9007199254740993", "edge": 9_007_199_254_740_992_i64,
        }])
    );
    let order: Vec<String> = bound.rows("all", json!({})).await[0]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(&order[..3], ["small", "big", "price"]);
}

#[tokio::test]
async fn parameters_are_bound_and_never_spliced() {
    let file = File::with(STOCK);
    let bound = bound(
        file.place(),
        &[(
            "stock",
            Effect::Read,
            "SELECT :sku AS asked, on_hand FROM stock WHERE sku = :sku",
        )],
    );
    assert_eq!(
        bound.rows("stock", json!({"sku": "WID-1"})).await,
        json!([{"asked": "WID-1", "on_hand": 3}])
    );
    assert_eq!(
        bound
            .rows(
                "stock",
                json!({"sku": "x' OR '1'='1'; DROP TABLE stock; --"})
            )
            .await,
        json!([])
    );
    assert_eq!(
        file.open()
            .query_row("SELECT count(*) FROM stock", [], |row| row.get::<_, i64>(0))
            .unwrap(),
        1
    );
    for (parameters, reason) in [
        (json!({}), "`sku` is missing"),
        (json!({"sku": "a", "other": 1}), "no parameter `other`"),
        (json!(["a"]), "not a JSON object"),
    ] {
        let (result, record) = bound.outcome("stock", parameters).await;
        let Err(SqlError::Invalid(why)) = result else {
            panic!("{result:?}")
        };
        assert!(
            why.contains(reason) && record.denied && record.sent == 0,
            "{why}"
        );
    }
    let kinds = super::bound(
        file.place(),
        &[(
            "kinds",
            Effect::Read,
            "SELECT typeof(:a) a, typeof(:b) b, typeof(:c) c, typeof(:d) d, :e e, :f f, :g g",
        )],
    );
    let parameters =
        json!({"a": true, "b": 1.5, "c": null, "d": "x", "e": {"k": [1]}, "f": u64::MAX, "g": 7});
    let expected = json!([{"a": "integer", "b": "real", "c": "null", "d": "text", "e": "{\"k\":[1]}", "f": "18446744073709551615", "g": 7}]);
    assert_eq!(kinds.rows("kinds", parameters).await, expected);
}

#[tokio::test]
async fn a_write_is_committed_and_counted_and_a_refused_one_leaves_nothing() {
    let file = File::with(STOCK);
    let bound = bound(
        file.place(),
        &[
            (
                "put",
                Effect::Write,
                "INSERT INTO stock VALUES (:sku, :n) RETURNING sku",
            ),
            (
                "take",
                Effect::Write,
                "UPDATE stock SET on_hand = on_hand - :n",
            ),
            ("all", Effect::Read, "SELECT * FROM stock ORDER BY sku"),
        ],
    );
    assert_eq!(
        bound.run("put", json!({"sku": "A", "n": 1})).await,
        Ok((json!([{"sku": "A"}]), 1))
    );
    for parameters in [json!({"sku": "A", "n": 1}), json!({"sku": "B", "n": -1})] {
        let error = bound.run("put", parameters).await.unwrap_err();
        assert!(matches!(&error, SqlError::Constraint(_)), "{error:?}");
    }
    assert!(
        matches!(
            bound.run("take", json!({"n": 2})).await,
            Err(SqlError::Constraint(_))
        ),
        "A would fall below nothing"
    );
    assert_eq!(bound.run("take", json!({"n": 1})).await, Ok((json!([]), 2)));
    assert_eq!(
        bound.run("all", json!({})).await,
        Ok((
            json!([{"sku": "A", "on_hand": 0}, {"sku": "WID-1", "on_hand": 2}]),
            0
        ))
    );
}

#[tokio::test]
async fn a_statement_runs_only_with_exactly_the_granted_text() {
    let file = File::with(STOCK);
    let mut bound = bound(
        file.place(),
        &[("all", Effect::Read, "SELECT * FROM stock")],
    );
    bound.grant = granted(vec![Item::Sql {
        connection: "db".into(),
        place: "x".into(),
        statement: "all".into(),
        effect: Effect::Read,
        text: "SELECT 1".into(),
    }]);
    for (connection, statement) in [("db", "all"), ("db", "other"), ("elsewhere", "all")] {
        let (result, record) = bound
            .sql
            .run(&bound.grant, connection, statement, "{}", PLENTY)
            .await;
        assert!(
            matches!(result, Err(SqlError::Denied(_)))
                && record.denied
                && record.outcome.starts_with("denied: "),
            "{result:?} {record:?}"
        );
    }
}

#[tokio::test]
async fn a_read_that_writes_by_a_way_round_is_stopped_by_the_database() {
    let file = File::with(&format!(
        "{STOCK} CREATE VIEW v AS SELECT 1 AS a; CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN DELETE FROM stock; END;"
    ));
    let mut bound = bound(file.place(), &[("sneak", Effect::Read, "SELECT 1")]);
    // What the review would refuse is put past it here: the transaction must hold by itself.
    let parsed = parameters::parse("INSERT INTO v VALUES (1)", Dialect::Sqlite).unwrap();
    let database = bound.sql.databases.get_mut("db").unwrap();
    database.statements.insert(
        "sneak".into(),
        Arc::new(Prepared {
            effect: Effect::Read,
            text: "SELECT 1".into(),
            parsed,
        }),
    );
    let error = bound.run("sneak", json!({})).await.unwrap_err();
    assert!(matches!(error, SqlError::Failed(_)), "{error:?}");
    assert_eq!(
        file.open()
            .query_row("SELECT count(*) FROM stock", [], |row| row.get::<_, i64>(0))
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn what_explodes_ends_at_its_time_rows_or_bytes_and_changes_nothing() {
    let file = File::with(STOCK);
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
    let bound = bound(
        file.place(),
        &[
            (
                "time",
                Effect::Read,
                &format!("{endless} SELECT count(*) AS c FROM n"),
            ),
            ("rows", Effect::Read, &format!("{endless} SELECT i FROM n")),
            (
                "bytes",
                Effect::Read,
                &format!("{endless} SELECT hex(zeroblob(100000)) AS b FROM n"),
            ),
            ("cell", Effect::Read, "SELECT zeroblob(100000000) AS b"),
            (
                "writes",
                Effect::Write,
                &format!(
                    "INSERT INTO stock {endless} SELECT 'x' || i, i FROM n LIMIT 20000 RETURNING sku"
                ),
            ),
            ("all", Effect::Read, "SELECT count(*) AS c FROM stock"),
        ],
    );
    let (result, record) = bound
        .sql
        .run(&bound.grant, "db", "time", "{}", Duration::from_millis(100))
        .await;
    assert_eq!(
        (result.unwrap_err(), record.outcome.as_str()),
        (SqlError::Timeout, "timeout")
    );
    assert_eq!(
        bound.run("rows", json!({})).await.unwrap_err(),
        SqlError::TooLarge(limits::SQL_ROWS as u64)
    );
    assert_eq!(
        bound.run("bytes", json!({})).await.unwrap_err(),
        SqlError::TooLarge(limits::SQL_BYTES as u64)
    );
    assert_eq!(
        bound.run("cell", json!({})).await.unwrap_err(),
        SqlError::TooLarge(limits::SQL_BYTES as u64)
    );
    assert_eq!(
        bound.run("writes", json!({})).await.unwrap_err(),
        SqlError::TooLarge(limits::SQL_ROWS as u64)
    );
    assert_eq!(bound.rows("all", json!({})).await, json!([{"c": 1}]));
}

#[tokio::test]
async fn a_locked_database_times_out_and_a_missing_one_is_unreachable() {
    let file = File::with(STOCK);
    let bound = bound(
        file.place(),
        &[("take", Effect::Write, "UPDATE stock SET on_hand = 0")],
    );
    let holder = file.open();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let (result, _) = bound
        .sql
        .run(&bound.grant, "db", "take", "{}", Duration::from_millis(100))
        .await;
    assert_eq!(result.unwrap_err(), SqlError::Timeout);
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(bound.run("take", json!({})).await, Ok((json!([]), 1)));
    let nowhere = super::bound(
        SqlPlace::Sqlite {
            path: "/nowhere/erp.db".into(),
        },
        &[("one", Effect::Write, "INSERT INTO t VALUES (1)")],
    );
    let error = nowhere.run("one", json!({})).await.unwrap_err();
    assert!(
        matches!(&error, SqlError::Unreachable(why) if !why.contains("nowhere")),
        "{error:?}"
    );
}

#[tokio::test]
async fn two_columns_of_one_name_are_told_instead_of_lost() {
    let file = File::with(STOCK);
    let bound = bound(
        file.place(),
        &[("twice", Effect::Read, "SELECT sku, sku FROM stock")],
    );
    let error = bound.run("twice", json!({})).await.unwrap_err();
    assert_eq!(
        error,
        SqlError::Failed("two columns are named \"sku\"; give one another name (AS)".into())
    );
}

#[tokio::test]
async fn many_at_once_take_turns_and_all_arrive() {
    let file = File::with(STOCK);
    let bound = bound(
        file.place(),
        &[
            (
                "add",
                Effect::Write,
                "UPDATE stock SET on_hand = on_hand + 1",
            ),
            ("all", Effect::Read, "SELECT on_hand FROM stock"),
        ],
    );
    let calls = (0..40).map(|_| bound.run("add", json!({})));
    for result in futures_util::future::join_all(calls).await {
        result.unwrap();
    }
    assert_eq!(bound.rows("all", json!({})).await, json!([{"on_hand": 43}]));
}

#[tokio::test]
async fn not_reached_a_statement_is_checked_and_does_not_run() {
    let file = File::with(STOCK);
    let take = ("take", Effect::Write, "UPDATE stock SET on_hand = :left");
    let bound = bound_as(file.place(), &[take], false).unwrap();
    let (result, record) = bound.outcome("take", json!({"left": 0})).await;
    assert_eq!(result, Err(SqlError::Unreachable(NOT_REACHED.into())));
    assert!(!record.denied);
    let (_, record) = bound.outcome("take", json!({"right": 0})).await;
    assert!(record.denied);
    let left = "SELECT on_hand FROM stock";
    let left: i64 = file.open().query_row(left, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 3);
}
