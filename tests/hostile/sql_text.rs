//! Statements that say one thing to the reviewer and another to the database: refused before anything runs. What runs
//! has a time, a number of rows and a size at which it ends.

use serde_json::json;
use tombolo_tests::site::TestSite;

use crate::fixture::{Attack, attack, says};

/// What `tombolo check` says of a site with this statement.
fn reviewed(place: &str, effect: &str, text: &str) -> (i32, String) {
    let site = TestSite::new();
    site.adapter(
        "attacker",
        &tombolo_tests::built::adapter("tests/hostile/attacker"),
    );
    let text = serde_json::to_string(text).unwrap();
    site.write(
        "systems/liar.yaml",
        &format!(
            "adapter: adapters/attacker.wasm\nconnections:\n  db:\n    {place}\n    statements:\n      go: {{ effect: {effect}, text: {text} }}\n"
        ),
    );
    let (code, out, err) = site.tombolo(&[
        "grant", "approve", "liar", "--by", "rita", "--reason", "test",
    ]);
    (code, out + &err)
}

const POSTGRES: &str = "postgres: \"postgres://u@db.example/erp\"";
const MYSQL: &str = "mysql: \"mysql://u@db.example/erp\"";
const SQLITE: &str = "sqlite: erp.db";

#[test]
fn case_67_a_read_that_writes_or_reaches_elsewhere_is_refused_at_review() {
    for (place, text) in [
        (
            POSTGRES,
            "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
        ),
        (POSTGRES, "SELECT * INTO copy FROM orders"),
        (POSTGRES, "SELECT nextval('orders_id')"),
        (POSTGRES, "SELECT pg_read_file('/etc/passwd')"),
        (POSTGRES, "SELECT U&\"pg\\005fread_file\"('/etc/passwd')"),
        (POSTGRES, "SELECT \"pg_ls_logdir\"()"),
        (POSTGRES, "SELECT lo_put(1, 0, 'x')"),
        (POSTGRES, "SELECT pg_logical_emit_message(true, 'a', 'b')"),
        (POSTGRES, "SELECT * FROM pg_shadow"),
        (
            POSTGRES,
            "SELECT * FROM ts_stat('SELECT secret FROM elsewhere')",
        ),
        (POSTGRES, "SELECT * FROM dblink_open('a', 'b')"),
        (POSTGRES, "EXPLAIN ANALYZE DELETE FROM orders"),
        (MYSQL, "SELECT 1 /*! INTO OUTFILE '/tmp/x' */"),
        (MYSQL, "SELECT load_file('/etc/passwd')"),
        (SQLITE, "INSERT INTO stock VALUES (1, 2)"),
        (SQLITE, "SELECT load_extension('x')"),
        (SQLITE, "SELECT file FROM pragma_database_list"),
    ] {
        let (code, said) = reviewed(place, "read", text);
        assert_ne!(code, 0, "it could be approved: {text}\n{said}");
        assert!(said.contains("statement `go`"), "{text}: {said}");
    }
    let (code, said) = reviewed(POSTGRES, "read", "SELECT sku FROM stock WHERE sku = :sku");
    assert_eq!(code, 0, "an honest one is refused: {said}");
}

#[test]
fn case_67_a_statement_that_breaks_its_reader_is_refused_and_the_host_lives() {
    // As long as a text may be it is still too many words for a reader that keeps its place on the stack.
    let most = tombolo_kernel::limits::SQL_TEXT - 100;
    for piece in ["+1", " UNION SELECT 1", " OR 1=1"] {
        for (length, said) in [
            (2 * most, "bytes; expected"),
            (most, "words and signs; expected"),
        ] {
            let text = format!("SELECT 1 WHERE 1=1{}", piece.repeat(length / piece.len()));
            let (code, told) = reviewed(POSTGRES, "read", &text);
            assert_eq!(code, 1, "{piece}: {told}");
            assert!(told.contains(said), "{piece}: {told}");
        }
    }
}

#[test]
fn case_68_what_changes_the_session_or_starts_programs_is_refused() {
    for text in [
        "COPY orders TO PROGRAM 'id'",
        "COPY orders FROM '/etc/passwd'",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "RESET ALL",
        "COMMIT",
        "BEGIN",
        "DELETE FROM orders; COMMIT",
        "DO $$ BEGIN END $$",
        "LOCK TABLE orders",
        "PREPARE p AS SELECT 1",
        "LISTEN x",
        "SELECT set_config('role', 'postgres', false)",
        "INSERT INTO orders SELECT pg_read_file('x')",
    ] {
        let (code, said) = reviewed(POSTGRES, "write", text);
        assert_ne!(code, 0, "it could be approved: {text}\n{said}");
    }
    for (place, text) in [
        (SQLITE, "ATTACH 'other.db' AS other"),
        (SQLITE, "VACUUM INTO 'copy.db'"),
        (SQLITE, "PRAGMA writable_schema = 1"),
        (MYSQL, "LOAD DATA INFILE 'x' INTO TABLE orders"),
        (MYSQL, "HANDLER orders OPEN"),
        (MYSQL, "SELECT @a := 1"),
    ] {
        let (code, said) = reviewed(place, "write", text);
        assert_ne!(code, 0, "it could be approved: {text}\n{said}");
    }
}

fn site(statement: &str) -> Attack {
    let attack = attack(&format!(
        "
adapter: adapters/attacker.wasm
connections:
  db:
    sqlite: erp.db
    statements:
      go: {{ effect: read, text: \"{statement}\" }}
actions:
  go: {{ effect: read, summary: Goes, do: {{}} }}
limits: {{ deadline: 2 s }}
"
    ));
    let database = rusqlite::Connection::open(attack.site.path().join("erp.db")).unwrap();
    database
        .execute_batch(
            "CREATE TABLE stock (sku TEXT, n INTEGER); INSERT INTO stock VALUES ('WID-1', 7);",
        )
        .unwrap();
    attack
}

const COUNTING: &str =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :most) SELECT";

#[test]
fn case_69_a_join_that_explodes_ends_at_time_rows_and_bytes() {
    for (columns, most, said) in [
        (
            "count(*) AS n FROM c",
            1_000_000_000_000_i64,
            "deadline|Timeout",
        ),
        ("n FROM c", 10_001, "TooLarge"),
        ("hex(zeroblob(100000)) AS n FROM c", 100, "TooLarge"),
        ("zeroblob(2000000000) AS n FROM c", 1, "TooLarge"),
    ] {
        let attack = site(&format!("{COUNTING} {columns}"));
        // As often as there are connections: one that were still at work would be missed by whoever comes next.
        for _ in 0..tombolo_kernel::limits::SQL_CONNECTIONS {
            let run = attack
                .deed(&json!({"do": "sql", "statement": "go", "parameters": {"most": most}}))
                .to_string();
            assert!(
                said.split('|').any(|word| run.contains(word)),
                "{columns}: {run}"
            );
        }
        // Whoever comes next finds a free connection.
        says(
            &attack.deed(&json!({"do": "sql", "statement": "go", "parameters": {"most": 1}})),
            &[if columns.contains("2000000000") {
                "TooLarge"
            } else {
                "rows"
            }],
        );
        attack.neighbour_works();
    }
}

#[test]
fn case_70_wrong_parameters_are_told_and_nothing_is_sent() {
    let attack = site("SELECT n FROM stock WHERE sku = :sku");
    for (parameters, said) in [
        (json!({}), "parameter `sku` is missing"),
        (json!({"sku": "a", "more": 1}), "no parameter `more`"),
        (json!({"SKU": "a"}), "no parameter `SKU`"),
        (json!(["WID-1"]), "not a JSON object"),
        (json!("WID-1"), "not a JSON object"),
        (json!(null), "not a JSON object"),
    ] {
        let run = attack.deed(&json!({"do": "sql", "statement": "go", "parameters": parameters}));
        says(&run, &["Invalid", said]);
        assert!(!run.to_string().contains("affected"), "{run:#}");
    }
    attack
        .host
        .wait_for("each refusal is recorded as one", |host| {
            let records = host.get("/api/audit?outcome=denied&limit=1000").to_string();
            (records.matches("invalid: ").count() == 6).then_some(())
        });
    // What has another type is a value like any other: compared, never run.
    for sku in [
        json!(7),
        json!(true),
        json!(null),
        json!({"a": [1]}),
        json!(1.5),
    ] {
        let run = attack.deed(&json!({"do": "sql", "statement": "go", "parameters": {"sku": sku}}));
        assert_eq!(run["run"]["status"], "done", "{run:#}");
    }
    attack.neighbour_works();
}
