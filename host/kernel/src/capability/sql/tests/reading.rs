//! The two readers of a statement's text: parameters, and the review.

use super::*;

fn names(text: &str, dialect: Dialect) -> Vec<String> {
    parameters::parse(text, dialect).unwrap().names
}

#[test]
fn parameters_are_found_where_they_are_and_nowhere_else() {
    use Dialect::{MySql, Postgres, Sqlite};
    for (dialect, text, rewritten, expected) in [
        (
            Postgres,
            "SELECT :a, :b, :a",
            "SELECT $1, $2, $1",
            vec!["a", "b"],
        ),
        (
            Sqlite,
            "SELECT :a, :b, :a;",
            "SELECT ?1, ?2, ?1",
            vec!["a", "b"],
        ),
        (
            MySql,
            "SELECT :a, :b, :a ; ",
            "SELECT ?, ?, ?",
            vec!["a", "b"],
        ),
        (
            Postgres,
            "SELECT ':a' || \":b\" || ''':c' , :d::text",
            "SELECT ':a' || \":b\" || ''':c' , $1::text",
            vec!["d"],
        ),
        (
            Postgres,
            "SELECT E'\\':a' , :b",
            "SELECT E'\\':a' , $1",
            vec!["b"],
        ),
        (
            Postgres,
            "SELECT 'x\\' , :b",
            "SELECT 'x\\' , $1",
            vec!["b"],
        ),
        (
            MySql,
            "SELECT 'x\\':a' , :b",
            "SELECT 'x\\':a' , ?",
            vec!["b"],
        ),
        (
            MySql,
            "SELECT `:a`, \":c\", :b # :d",
            "SELECT `:a`, \":c\", ?",
            vec!["b"],
        ),
        (MySql, "SELECT 1--:a", "SELECT 1--?", vec!["a"]),
        (
            Sqlite,
            "SELECT [:a], `:b`, :c",
            "SELECT [:a], `:b`, ?1",
            vec!["c"],
        ),
        (
            Postgres,
            "SELECT $$:a$$, $t$ $$ :b $t$, :c",
            "SELECT $$:a$$, $t$ $$ :b $t$, $1",
            vec!["c"],
        ),
        (
            Postgres,
            "SELECT 1 -- :a\n, :b /* :c /* :d */ :e */",
            "SELECT 1  \n, $1",
            vec!["b"],
        ),
        (
            Sqlite,
            "SELECT 1 /* /* :a */ , :b",
            "SELECT 1   , ?1",
            vec!["b"],
        ),
        (
            Postgres,
            "SELECT a[1:2], '13:05'::time",
            "SELECT a[1:2], '13:05'::time",
            vec![],
        ),
        (
            Postgres,
            "SELECT x ? 'k' FROM t",
            "SELECT x ? 'k' FROM t",
            vec![],
        ),
        (
            Postgres,
            "SELECT 'ß:a', :ä, :b",
            "SELECT 'ß:a', :ä, $1",
            vec!["b"],
        ),
    ] {
        let parsed = parameters::parse(text, dialect).unwrap();
        assert_eq!(
            (parsed.text.trim_end(), &parsed.names),
            (
                rewritten,
                &expected.iter().map(|name| (*name).to_owned()).collect()
            ),
            "{text}"
        );
    }
    assert_eq!(
        names("INSERT INTO t VALUES (:one_1, :TWO)", Sqlite),
        ["one_1", "TWO"]
    );
}

#[test]
fn text_that_two_readers_read_differently_is_refused() {
    use Dialect::{MySql, Postgres, Sqlite};
    for (dialect, text) in [
        (MySql, "SELECT /*! 1 */ 2"),
        (MySql, "SELECT /*M! 1 */ 2"),
        (MySql, "SELECT ?"),
        (Sqlite, "SELECT ?1"),
        (Sqlite, "SELECT @a"),
        (Sqlite, "SELECT $a"),
        (Postgres, "SELECT $1"),
        (MySql, "SELECT @a := 1"),
        (Postgres, "SELECT 'a"),
        (Postgres, "SELECT \"a"),
        (Postgres, "SELECT $$a"),
        (Postgres, "SELECT 1 /* /* */"),
        (Postgres, "SELECT U&\"pg\\005fread_file\"('/etc/passwd')"),
        (Postgres, "SELECT u&'\\0061'"),
        (MySql, "SELECT 'a\\'"),
        (Sqlite, "SELECT [a"),
    ] {
        assert!(parameters::parse(text, dialect).is_err(), "{text}");
    }
}

fn reviewed(dialect: Dialect, effect: Effect, text: &str) -> Result<(), String> {
    Prepared::new(&statement(effect, text), dialect).map(|_| ())
}

#[test]
fn what_a_review_can_judge_passes() {
    use Dialect::{MySql, Postgres, Sqlite};
    for (dialect, effect, text) in [
        (
            Sqlite,
            Effect::Read,
            "SELECT on_hand FROM stock WHERE sku = :sku",
        ),
        (
            Sqlite,
            Effect::Read,
            "WITH x AS (SELECT 1 AS a) SELECT a FROM x UNION ALL SELECT 2 ORDER BY 1 LIMIT :n",
        ),
        (Sqlite, Effect::Read, "VALUES (1), (2)"),
        (
            Sqlite,
            Effect::Read,
            "SELECT replace(a, 'INSERT INTO', \"update\") FROM t -- DELETE",
        ),
        (
            Sqlite,
            Effect::Write,
            "INSERT INTO t (a) VALUES (:a) ON CONFLICT (a) DO UPDATE SET a = excluded.a RETURNING a",
        ),
        (Sqlite, Effect::Write, "REPLACE INTO t (a) VALUES (:a)"),
        (Sqlite, Effect::Destructive, "DELETE FROM t WHERE a = :a"),
        (
            Postgres,
            Effect::Read,
            "SELECT a, b::text FROM s.t WHERE a = ANY(:ids) AND c @> :j::jsonb",
        ),
        (
            Postgres,
            Effect::Write,
            "WITH gone AS (DELETE FROM t RETURNING *) SELECT count(*) FROM gone",
        ),
        (
            Postgres,
            Effect::Write,
            "UPDATE t SET a = a + 1 WHERE b = :b RETURNING a",
        ),
        (Postgres, Effect::Write, "SELECT make_order(:sku)"),
        (
            Postgres,
            Effect::Write,
            "SELECT a FROM t WHERE b = :b FOR UPDATE",
        ),
        (
            MySql,
            Effect::Read,
            "SELECT `a`, CONCAT(b, 'x') FROM t WHERE c = :c",
        ),
        (
            MySql,
            Effect::Write,
            "INSERT INTO t (a) VALUES (:a) ON DUPLICATE KEY UPDATE a = VALUES(a)",
        ),
    ] {
        assert_eq!(reviewed(dialect, effect, text), Ok(()), "{text}");
    }
}

#[test]
fn what_must_not_run_is_refused_with_the_reason() {
    use Dialect::{MySql, Postgres, Sqlite};
    let all = [Postgres, MySql, Sqlite].as_slice();
    for (dialects, effect, text, reason) in [
        (all, Effect::Write, "SELECT 1; DROP TABLE t", "2 statements"),
        (all, Effect::Write, "", "empty"),
        (all, Effect::Write, "-- nothing", "empty"),
        (all, Effect::Write, "DROP TABLE t", "it is DROP"),
        (all, Effect::Write, "TRUNCATE TABLE t", "it is TRUNCATE"),
        (all, Effect::Write, "COMMIT", "it is COMMIT"),
        (all, Effect::Write, "ROLLBACK", "it is ROLLBACK"),
        (
            &[Postgres],
            Effect::Write,
            "COPY t TO PROGRAM 'sh'",
            "it is COPY",
        ),
        (
            &[Postgres],
            Effect::Read,
            "COPY t FROM '/etc/passwd'",
            "it is COPY",
        ),
        (&[Postgres], Effect::Write, "SET ROLE admin", "it is SET"),
        (&[Postgres], Effect::Write, "RESET ALL", "it"),
        (&[Postgres], Effect::Write, "DO $$ BEGIN END $$", "it"),
        (&[Postgres, MySql], Effect::Write, "CALL p()", "it is CALL"),
        (
            &[MySql],
            Effect::Write,
            "LOAD DATA INFILE 'x' INTO TABLE t",
            "it",
        ),
        (
            &[MySql],
            Effect::Write,
            "SELECT a FROM t INTO OUTFILE 'x'",
            "it",
        ),
        (
            &[Sqlite],
            Effect::Write,
            "ATTACH DATABASE 'x' AS y",
            "it is ATTACH",
        ),
        (
            &[Sqlite],
            Effect::Write,
            "PRAGMA writable_schema = 1",
            "it is PRAGMA",
        ),
        (&[Sqlite], Effect::Write, "VACUUM INTO 'x'", "it"),
        (
            &[Postgres],
            Effect::Read,
            "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
            "the word DELETE",
        ),
        (
            &[Postgres],
            Effect::Read,
            "SELECT * INTO u FROM t",
            "the word INTO",
        ),
        (
            all,
            Effect::Read,
            "SELECT * FROM t FOR UPDATE",
            "the word UPDATE",
        ),
        (
            &[Postgres],
            Effect::Read,
            "SELECT * FROM t FOR SHARE",
            "the word SHARE",
        ),
        (
            &[Postgres],
            Effect::Read,
            "SELECT nextval('s')",
            "the word NEXTVAL",
        ),
        (all, Effect::Read, "INSERT INTO t VALUES (1)", "it writes"),
        (all, Effect::Read, "UPDATE t SET a = 1", "it writes"),
        (all, Effect::Read, "DELETE FROM t", "it writes"),
        (
            &[Postgres],
            Effect::Read,
            "SELECT pg_read_file('/etc/passwd')",
            "`pg_read_file`",
        ),
        (
            &[Postgres],
            Effect::Write,
            "SELECT \"set_config\"('role', 'x', false)",
            "`set_config`",
        ),
        (
            &[Postgres],
            Effect::Read,
            "SELECT query_to_xml('DELETE FROM t', true, true, '')",
            "`query_to_xml`",
        ),
        (
            &[MySql],
            Effect::Read,
            "SELECT LOAD_FILE('/etc/passwd')",
            "`LOAD_FILE`",
        ),
        (
            &[MySql],
            Effect::Read,
            "SELECT GET_LOCK('x', 100)",
            "`GET_LOCK`",
        ),
        (
            &[Sqlite],
            Effect::Read,
            "SELECT load_extension('x')",
            "`load_extension`",
        ),
        (
            all,
            Effect::Read,
            "SELECT 1 FROM WHERE (",
            "it cannot be read",
        ),
    ] {
        for dialect in dialects {
            match reviewed(*dialect, effect, text) {
                Ok(()) => panic!("{dialect:?} lets through: {text}"),
                Err(why) => assert!(why.contains(reason), "{dialect:?}: {text}: {why}"),
            }
        }
    }
}

#[test]
fn a_statement_too_long_to_read_safely_is_refused_before_it_is_read() {
    // On a stack as small as that of the threads which read statements.
    let small_stack = std::thread::Builder::new().stack_size(2 << 20);
    let checked = small_stack.spawn(|| {
        for (piece, refused) in [("+1", "words and signs"), (" UNION SELECT 1", "at most")] {
            let long = format!("SELECT 1{}", piece.repeat(100_000));
            let why = reviewed(Dialect::Postgres, Effect::Read, &long).unwrap_err();
            assert!(why.contains("at most"), "{why}");
            let many = format!(
                "SELECT 1{}",
                piece.repeat((limits::SQL_TEXT - 8) / piece.len())
            );
            let why = reviewed(Dialect::Postgres, Effect::Read, &many).unwrap_err();
            assert!(why.contains(refused), "{why}");
            let most = format!("SELECT 1{}", piece.repeat((limits::SQL_TOKENS - 2) / 3));
            let _ = reviewed(Dialect::Postgres, Effect::Read, &most);
        }
        let most = format!("SELECT 1{}", "+1".repeat((limits::SQL_TOKENS - 2) / 2));
        reviewed(Dialect::Postgres, Effect::Read, &most)
    });
    assert_eq!(checked.unwrap().join().unwrap(), Ok(()));
}

#[test]
fn a_binding_that_cannot_work_says_which_and_why() {
    let place = |url: &str| SqlPlace::Postgres {
        url: url.parse().unwrap(),
        password: None,
    };
    for (place, reason) in [
        (place("postgres://u:hush@h/d"), "holds a password"),
        (place("postgres://h/d"), "not complete"),
        (place("postgres://u@h"), "not complete"),
        (
            place("postgres://u@h/d?sslmode=maybe"),
            "sslmode `maybe` is unknown",
        ),
        (place("postgres://u@h/d?options=-c"), "has `options`"),
        (
            SqlPlace::MySql {
                url: "mysql://u@h/d?ssl-mode=maybe".parse().unwrap(),
                password: None,
            },
            "sslmode `maybe` is unknown",
        ),
    ] {
        let error = try_bound(place, &[]).err().unwrap().0;
        assert!(
            error.starts_with("connection `db`: ")
                && error.contains(reason)
                && !error.contains("hush"),
            "{error}"
        );
    }
    let error = try_bound(
        SqlPlace::Sqlite {
            path: "/nowhere".into(),
        },
        &[("wipe", Effect::Write, "DROP TABLE t")],
    )
    .err()
    .unwrap()
    .0;
    assert!(
        error.starts_with("connection `db`: statement `wipe`: it is DROP"),
        "{error}"
    );
}
