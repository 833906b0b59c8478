//! MariaDB, a real server.

use super::servers;
use super::*;
use crate::secret::Secret;

fn place(port: u16, password: &str) -> SqlPlace {
    let url = format!("mysql://app@127.0.0.1:{port}/erp").parse().unwrap();
    SqlPlace::MySql {
        url,
        password: Some(Secret::new(password.as_bytes().to_vec())),
    }
}

const TABLES: &str = "
    CREATE TABLE v (yes BOOLEAN, t TINYINT, s SMALLINT UNSIGNED, i INT, b BIGINT, bu BIGINT UNSIGNED, n DECIMAL(20,4), f FLOAT, d DOUBLE, c CHAR(5), txt TEXT,
        bin VARCHAR(20) COLLATE utf8mb4_bin, bytes VARBINARY(9), blb BLOB, day DATE, at DATETIME(6), ts TIMESTAMP NULL, tm TIME(3), y YEAR, e ENUM('calm','loud'),
        st SET('a','b'), bits BIT(12), j JSON);
    CREATE TABLE stock (sku VARCHAR(20) PRIMARY KEY, on_hand INT NOT NULL CHECK (on_hand >= 0));
    INSERT INTO stock VALUES ('WID-1', 3);
    CREATE FUNCTION sneak() RETURNS INT BEGIN DELETE FROM stock; RETURN 1; END
";

#[tokio::test]
async fn mariadb_keeps_every_guarantee() {
    let Some(server) = servers::mariadb().await else {
        return;
    };
    let url: url::Url = format!("mysql://app@127.0.0.1:{}/erp", server.port)
        .parse()
        .unwrap();
    let options =
        super::super::place::mysql(&url, Some(&Secret::new(b"hush-hush".to_vec()))).unwrap();
    let pool = sqlx::mysql::MySqlPoolOptions::new()
        .connect_with(options)
        .await
        .unwrap();
    sqlx::raw_sql(TABLES).execute(&pool).await.unwrap();
    pool.close().await;
    values_go_in_and_come_out_as_the_contract_says(&server).await;
    a_write_is_committed_and_a_refused_one_leaves_nothing(&server).await;
    a_read_cannot_write_even_by_a_function(&server).await;
    what_explodes_ends_at_its_caps(&server).await;
    a_wrong_password_is_told_without_it(&server).await;
}

async fn values_go_in_and_come_out_as_the_contract_says(server: &servers::Server) {
    let names = [
        "yes", "t", "s", "i", "b", "bu", "n", "f", "d", "c", "txt", "bin", "day", "at", "ts", "tm",
        "y", "e", "st", "bits", "j",
    ];
    let marks: Vec<String> = names.iter().map(|name| format!(":{name}")).collect();
    let insert = format!(
        "INSERT INTO v ({}, bytes, blb) VALUES ({}, x'00ff', x'00ff')",
        names.join(", "),
        marks.join(", ")
    );
    let bound = bound(
        place(server.port, "hush-hush"),
        &[
            ("insert", Effect::Write, &insert),
            ("all", Effect::Read, "SELECT * FROM v"),
            ("twice", Effect::Read, "SELECT :a AS a, :b AS b, :a AS c"),
            (
                "odd",
                Effect::Read,
                "SELECT TIME('-100:00:01.5') AS a, CAST('0.10' AS DECIMAL(5,2)) AS b, NULL AS c, MAKEDATE(2026, 1) AS d, 2 AS e, TRUE AS f",
            ),
        ],
    );
    let values = json!({
        "yes": true, "t": -7, "s": 40_000, "i": 42, "b": -9_007_199_254_740_993_i64, "bu": u64::MAX, "n": "1234567890123456.7800", "f": 1.5, "d": 0.1, "c": "ab",
        "txt": "a'\"ü😀", "bin": "Bin", "day": "2026-11-22", "at": "2026-11-22T13:05:00.25", "ts": "2026-11-22 11:05:00", "tm": "13:05:00.5", "y": 2026, "e": "calm",
        "st": "a,b", "bits": 5, "j": {"a": [1]},
    });
    assert_eq!(
        bound.run("insert", values.clone()).await,
        Ok((json!([]), 1))
    );
    let mut expected = values;
    for (name, value) in [
        ("b", json!("-9007199254740993")),
        ("bu", json!("18446744073709551615")),
        ("ts", json!("2026-11-22T11:05:00Z")),
        ("bytes", json!("AP8=")),
        ("blb", json!("AP8=")),
        // MariaDB's JSON is a text to its clients.
        ("j", json!("{\"a\":[1]}")),
    ] {
        expected[name] = value;
    }
    assert_eq!(
        bound.run("all", json!({})).await,
        Ok((json!([expected]), 0))
    );
    assert_eq!(
        bound.rows("twice", json!({"a": 1, "b": "x"})).await,
        json!([{"a": 1, "b": "x", "c": 1}])
    );
    assert_eq!(
        bound.rows("odd", json!({})).await,
        json!([{"a": "-100:00:01.5", "b": "0.10", "c": null, "d": "2026-01-01", "e": 2, "f": 1}])
            .clone()
    );
    let mut parameters = json!({});
    for name in names {
        parameters[name] = Value::Null;
    }
    parameters["day"] = json!("22.11.2026");
    let error = bound.run("insert", parameters).await.unwrap_err();
    assert!(
        matches!(&error, SqlError::Invalid(why) if why.contains("1292: ")),
        "{error:?}"
    );
}

async fn a_write_is_committed_and_a_refused_one_leaves_nothing(server: &servers::Server) {
    let bound = bound(
        place(server.port, "hush-hush"),
        &[
            ("put", Effect::Write, "INSERT INTO stock VALUES (:sku, :n)"),
            (
                "take",
                Effect::Write,
                "UPDATE stock SET on_hand = on_hand - :n",
            ),
            (
                "all",
                Effect::Read,
                "SELECT * FROM stock WHERE sku <> :sku ORDER BY sku LIMIT :most",
            ),
        ],
    );
    assert_eq!(
        bound.run("put", json!({"sku": "A", "n": 1})).await,
        Ok((json!([]), 1))
    );
    for (parameters, code) in [
        (json!({"sku": "A", "n": 1}), "1062: "),
        (json!({"sku": "B", "n": -1}), "4025: "),
        (json!({"sku": "B", "n": null}), "1048: "),
    ] {
        let error = bound.run("put", parameters).await.unwrap_err();
        assert!(
            matches!(&error, SqlError::Constraint(why) if why.starts_with(code)),
            "{error:?}"
        );
    }
    assert!(matches!(
        bound.run("take", json!({"n": 2})).await,
        Err(SqlError::Constraint(_))
    ));
    let sneaky = json!({"sku": "x'; DROP TABLE stock; --", "most": 5});
    assert_eq!(
        bound.rows("all", sneaky).await,
        json!([{"sku": "A", "on_hand": 1}, {"sku": "WID-1", "on_hand": 3}])
    );
}

async fn a_read_cannot_write_even_by_a_function(server: &servers::Server) {
    let bound = bound(
        place(server.port, "hush-hush"),
        &[
            ("sneak", Effect::Read, "SELECT sneak() AS s"),
            ("count", Effect::Read, "SELECT count(*) AS c FROM stock"),
        ],
    );
    let error = bound.run("sneak", json!({})).await.unwrap_err();
    assert!(
        matches!(&error, SqlError::Failed(why) if why.starts_with("1792: ") && why.contains("`read`")),
        "{error:?}"
    );
    assert_eq!(bound.rows("count", json!({})).await, json!([{"c": 2}]));
}

async fn what_explodes_ends_at_its_caps(server: &servers::Server) {
    let bound = bound(
        place(server.port, "hush-hush"),
        &[
            (
                "time",
                Effect::Read,
                "SELECT count(*) AS c FROM seq_1_to_1000000000 a, seq_1_to_1000000000 b",
            ),
            (
                "slow",
                Effect::Write,
                "UPDATE stock SET on_hand = on_hand + (SELECT COUNT(*) FROM seq_1_to_100000 a, seq_1_to_100000 b)",
            ),
            ("rows", Effect::Read, "SELECT seq FROM seq_1_to_100000"),
            (
                "bytes",
                Effect::Read,
                "SELECT REPEAT('x', 100000) AS x FROM seq_1_to_1000",
            ),
            (
                "count",
                Effect::Read,
                "SELECT count(*) AS c, sum(on_hand) AS s FROM stock",
            ),
            (
                "busy",
                Effect::Read,
                "SELECT count(*) AS c FROM information_schema.processlist WHERE info LIKE '%SLEEP(30)%' AND id <> CONNECTION_ID()",
            ),
        ],
    );
    for name in ["time", "slow"] {
        let (result, _) = bound
            .sql
            .run(&bound.grant, "db", name, "{}", Duration::from_millis(300))
            .await;
        assert_eq!(result.unwrap_err(), SqlError::Timeout, "{name}");
    }
    assert_eq!(
        bound.run("rows", json!({})).await.unwrap_err(),
        SqlError::TooLarge(limits::SQL_ROWS as u64)
    );
    assert_eq!(
        bound.run("bytes", json!({})).await.unwrap_err(),
        SqlError::TooLarge(limits::SQL_BYTES as u64)
    );
    assert_eq!(
        bound.rows("count", json!({})).await,
        json!([{"c": 2, "s": "4"}])
    );
    for turn in 0..200 {
        if bound.rows("busy", json!({})).await == json!([{"c": 0}]) {
            break;
        }
        assert!(turn < 199, "the statement still runs on the server");
        tokio::time::sleep(Duration::from_millis(50)).await; // reason: the server ends it in its own time
    }
}

async fn a_wrong_password_is_told_without_it(server: &servers::Server) {
    let bound = bound(
        place(server.port, "wrong-hush"),
        &[("one", Effect::Read, "SELECT 1 AS one")],
    );
    let (result, record) = bound.outcome("one", json!({})).await;
    let Err(SqlError::Unreachable(why)) = result else {
        panic!("{result:?}")
    };
    assert!(
        why.contains("refuses the login")
            && !why.contains("hush")
            && !format!("{record:?} {:?}", bound.sql).contains("hush"),
        "{why}"
    );
}
