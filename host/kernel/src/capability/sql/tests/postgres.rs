//! PostgreSQL, a real server.

use super::servers;
use super::*;
use crate::secret::Secret;

fn place(port: u16, password: &str) -> SqlPlace {
    let url = format!("postgres://app@127.0.0.1:{port}/postgres")
        .parse()
        .unwrap();
    SqlPlace::Postgres {
        url,
        password: Some(Secret::new(password.as_bytes().to_vec())),
    }
}

/// A server with these tables.
async fn server(sql: &'static str) -> Option<servers::Server> {
    let server = servers::postgres().await?;
    let url: url::Url = format!("postgres://app@127.0.0.1:{}/postgres", server.port)
        .parse()
        .unwrap();
    let options =
        super::super::place::postgres(&url, Some(&Secret::new(b"hush-hush".to_vec()))).unwrap();
    let pool = sqlx::postgres::PgPoolOptions::new()
        .connect_with(options)
        .await
        .unwrap();
    sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    pool.close().await;
    Some(server)
}

const TABLES: &str = "
    CREATE TYPE mood AS ENUM ('calm', 'loud');
    CREATE DOMAIN sku AS text CHECK (value <> '');
    CREATE TABLE v (yes boolean, s smallint, i integer, b bigint, n numeric(20,4), big numeric, r real, d double precision, t text, c char(5), vc varchar(9),
        u uuid, day date, at timestamp, atz timestamptz, tm time, bytes bytea, j json, jb jsonb, m mood, arr integer[], tags text[], iv interval, ip inet,
        money money, dom sku);
    CREATE TABLE stock (sku text PRIMARY KEY, on_hand integer NOT NULL CHECK (on_hand >= 0));
    INSERT INTO stock VALUES ('WID-1', 3);
    CREATE SEQUENCE seq;
    CREATE FUNCTION sneak() RETURNS integer LANGUAGE sql AS 'DELETE FROM stock RETURNING 1';
";

#[tokio::test]
async fn postgres_keeps_every_guarantee() {
    let Some(server) = server(TABLES).await else {
        return;
    };
    values_go_in_and_come_out_as_the_contract_says(&server).await;
    a_value_that_does_not_fit_its_type_is_told_and_nothing_runs(&server).await;
    a_write_is_committed_and_a_refused_one_leaves_nothing(&server).await;
    a_read_cannot_write_even_by_a_function(&server).await;
    what_explodes_ends_at_its_caps(&server).await;
    a_wrong_password_is_told_without_it(&server).await;
}

async fn values_go_in_and_come_out_as_the_contract_says(server: &servers::Server) {
    let names = [
        "yes", "s", "i", "b", "n", "big", "r", "d", "t", "c", "vc", "u", "day", "at", "atz", "tm",
        "bytes", "j", "jb", "m", "arr", "tags", "iv", "ip", "money", "dom",
    ];
    let marks: Vec<String> = names.iter().map(|name| format!(":{name}")).collect();
    let insert = format!(
        "INSERT INTO v ({}) VALUES ({}) RETURNING *",
        names.join(", "),
        marks.join(", ")
    );
    let nulls: Value = names
        .iter()
        .map(|name| ((*name).to_owned(), Value::Null))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let bound = bound(
        place(server.port, "hush-hush"),
        &[
            ("insert", Effect::Write, &insert),
            ("odd", Effect::Read, "SELECT 'infinity'::timestamp a, 'NaN'::numeric b, '-0.00001'::numeric c, 100000000::numeric d, 'NaN'::float8 e, ARRAY[[1,2],[3,4]] f,
                '{}'::int[] g, '13:05:00.25+02'::timetz h, interval '-90 minutes' i, '10.0.0.0/8'::cidr j, 0::numeric k, 1e20::numeric l, '1999-12-31T23:59:59.5'::timestamp m"),
        ],
    );
    let values = json!({
        "yes": true, "s": -7, "i": 42, "b": "9007199254740993", "n": "-1234567890123456.7800", "big": 0.5, "r": 1.5, "d": 0.1, "t": "a'\"ü", "c": "ab", "vc": "x",
        "u": "6f1c1a52-0000-4000-8000-00000000abcd", "day": "2026-11-22", "at": "2026-11-22T13:05:00.25", "atz": "2026-11-22T13:05:00+02:00", "tm": "13:05:00",
        "bytes": "AP8=", "j": {"a": [1.50]}, "jb": [null], "m": "calm", "arr": [1, null, -3], "tags": ["a,b", "\"q\\", "NULL"], "iv": "1 year 2 days 90 minutes",
        "ip": "10.0.0.1", "money": "12.34", "dom": "WID-1",
    });
    let mut expected = values.clone();
    expected["atz"] = json!("2026-11-22T11:05:00Z");
    expected["big"] = json!("0.5");
    expected["c"] = json!("ab   ");
    expected["iv"] = json!("P1Y2DT1H30M");
    assert_eq!(
        bound.run("insert", values).await,
        Ok((json!([expected]), 1))
    );
    assert_eq!(
        bound.run("insert", nulls.clone()).await,
        Ok((json!([nulls]), 1))
    );
    assert_eq!(
        bound.rows("odd", json!({})).await,
        json!([{
            "a": "infinity", "b": "NaN", "c": "-0.00001", "d": "100000000", "e": "NaN", "f": [[1, 2], [3, 4]], "g": [], "h": "13:05:00.25+02:00",
            "i": "PT-1H-30M", "j": "10.0.0.0/8", "k": "0", "l": "100000000000000000000", "m": "1999-12-31T23:59:59.5",
        }])
    );
}

async fn a_value_that_does_not_fit_its_type_is_told_and_nothing_runs(server: &servers::Server) {
    let bound = bound(
        place(server.port, "hush-hush"),
        &[(
            "one",
            Effect::Write,
            "INSERT INTO v (yes, s, n, t, u, day, at, atz, arr, m) VALUES (:yes, :s, :n, :t, :u, :day, :at, :atz, :arr, :m)",
        )],
    );
    let good = json!({"yes": null, "s": null, "n": null, "t": null, "u": null, "day": null, "at": null, "atz": null, "arr": null, "m": null});
    for (name, value, reason) in [
        (
            "yes",
            json!("true"),
            "`yes` is a text; expected true or false",
        ),
        (
            "s",
            json!(40_000),
            "`s` is a number; expected a whole number from -32768 to 32767",
        ),
        ("s", json!(1.5), "`s` is a number with a fraction"),
        ("n", json!("12,3"), "`n` is a text; expected a number"),
        ("t", json!(1), "`t` is a number; expected a text"),
        ("u", json!("nope"), "`u` is a text; expected a UUID"),
        ("day", json!("22.11.2026"), "expected a date"),
        ("at", json!("2026-11-22T13:05:00Z"), "without a zone"),
        ("atz", json!("2026-11-22T13:05:00"), "with its zone"),
        ("arr", json!([1, "x"]), "`arr` at 1 is a text"),
        ("m", json!("angry"), "22P02"),
    ] {
        let mut parameters = good.clone();
        parameters[name] = value;
        let (result, record) = bound.outcome("one", parameters).await;
        let error = result.unwrap_err();
        assert!(!record.outcome.contains("angry"), "{record:?}");
        assert!(
            matches!(&error, SqlError::Invalid(why) if why.contains(reason)),
            "{error:?}"
        );
    }
    assert_eq!(bound.run("one", good).await, Ok((json!([]), 1)));
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
                "SELECT * FROM stock WHERE sku = ANY(:skus) ORDER BY sku LIMIT :most",
            ),
        ],
    );
    assert_eq!(
        bound.run("put", json!({"sku": "A", "n": 1})).await,
        Ok((json!([]), 1))
    );
    for (parameters, code) in [
        (json!({"sku": "A", "n": 1}), "23505: "),
        (json!({"sku": "B", "n": -1}), "23514: "),
        (json!({"sku": "B", "n": null}), "23502: "),
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
    let sneaky = json!({"skus": ["A", "x'); DROP TABLE stock; --"], "most": 5});
    assert_eq!(
        bound.run("all", sneaky).await,
        Ok((json!([{"sku": "A", "on_hand": 1}]), 0))
    );
    let calls = (0..20).map(|_| bound.run("take", json!({"n": 0})));
    for result in futures_util::future::join_all(calls).await {
        assert_eq!(result.unwrap().1, 2);
    }
}

async fn a_read_cannot_write_even_by_a_function(server: &servers::Server) {
    let bound = bound(
        place(server.port, "hush-hush"),
        &[
            ("sneak", Effect::Read, "SELECT sneak()"),
            ("count", Effect::Read, "SELECT count(*) AS c FROM stock"),
        ],
    );
    let error = bound.run("sneak", json!({})).await.unwrap_err();
    assert!(
        matches!(&error, SqlError::Failed(why) if why.starts_with("25006: ") && why.contains("`read`")),
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
                "SELECT count(*) FROM generate_series(1, 1000000000) a, generate_series(1, 1000000000) b",
            ),
            (
                "rows",
                Effect::Read,
                "SELECT g FROM generate_series(1, 100000) g",
            ),
            (
                "bytes",
                Effect::Read,
                "SELECT repeat('x', 100000) AS x FROM generate_series(1, 1000)",
            ),
            (
                "writes",
                Effect::Write,
                "INSERT INTO stock SELECT 'x' || g, g FROM generate_series(1, 20000) g RETURNING sku",
            ),
            ("count", Effect::Read, "SELECT count(*) AS c FROM stock"),
            (
                "busy",
                Effect::Read,
                "SELECT count(*) AS c FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series(1, 1000000000)%' AND pid <> pg_backend_pid()",
            ),
        ],
    );
    let (result, _) = bound
        .sql
        .run(&bound.grant, "db", "time", "{}", Duration::from_millis(300))
        .await;
    assert_eq!(result.unwrap_err(), SqlError::Timeout);
    assert_eq!(
        bound.run("rows", json!({})).await.unwrap_err(),
        SqlError::TooLarge(limits::SQL_ROWS as u64)
    );
    assert_eq!(
        bound.run("bytes", json!({})).await.unwrap_err(),
        SqlError::TooLarge(limits::SQL_BYTES as u64)
    );
    assert_eq!(
        bound.run("writes", json!({})).await.unwrap_err(),
        SqlError::TooLarge(limits::SQL_ROWS as u64)
    );
    assert_eq!(bound.rows("count", json!({})).await, json!([{"c": 2}]));
    until_nothing_runs(&bound).await;
}

/// The server itself ended the statement whose caller is gone.
async fn until_nothing_runs(bound: &Bound) {
    for _ in 0..200 {
        if bound.rows("busy", json!({})).await == json!([{"c": 0}]) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await; // reason: the server ends it in its own time
    }
    panic!("the statement still runs on the server");
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
