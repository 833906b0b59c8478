//! What a guest puts into a database, a real SQLite, comes back as the same value or is refused in words; never as another
//! value. What others put there reaches the guest as it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use tombolo_kernel::failure::Failure;
use tombolo_kernel::system::{Binding, SqlBinding, SqlPlace, SqlStatement};
use tombolo_manifest::Effect;

use super::fixture::Fixture;
use super::guest::{Guest, IS_ONE};
use super::reached::{FUNCTIONS, or_fails, roomy};
use super::values::{each, finite, nested, text};

/// Puts its input into the database, unless that begins with `1`, and answers with all rows.
fn stores_rows() -> Guest {
    let run = |statement: u32, parameters: &str| {
        format!(
            "(call $run (i32.const 2053) (i32.const 2) (i32.const {statement}) (i32.const 3) {parameters} (i32.const 8192)) {}",
            or_fails(0b100_1111)
        )
    };
    Guest {
        imports: r#"(import "tombolo:adapter/sql@0.1.0" "run" (func $run (param i32 i32 i32 i32 i32 i32 i32)))"#.into(),
        fields: FUNCTIONS.into(),
        act: format!(
            "(if (i32.eqz {IS_ONE}) (then {})) {} (call $ok (i32.load (i32.const 8200)) (i32.load (i32.const 8204)))",
            run(2055, "(local.get 2) (local.get 3)"),
            run(2058, "(i32.const 1024) (i32.const 2)"),
        ),
        manifest: format!(
            "[connections.db]\nkind = \"sql\"\nreason = \"It keeps rows\"\n\
             [connections.db.statements.put]\neffect = \"write\"\ntext = \"{PUT}\"\n\
             [connections.db.statements.all]\neffect = \"read\"\ntext = \"{ALL}\"\n"
        ),
        ..Guest::default()
    }
}

const TABLE: &str = "CREATE TABLE kept (id INTEGER PRIMARY KEY, whole INTEGER, text TEXT, real REAL, doc JSON, yes BOOLEAN,
    price DECIMAL(12,2), plain, bytes BLOB)";
const PUT: &str = "INSERT OR REPLACE INTO kept (id, whole, text, real, doc, yes, price, plain) \
    VALUES (1, :whole, :text, :real, :doc, :yes, :price, :plain)";
const ALL: &str = "SELECT whole, text, real, doc, yes, price, plain, bytes FROM kept";

async fn with_database() -> Fixture {
    let fixture = Fixture::new();
    let path = fixture.folder.path().join("erp.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch(TABLE).unwrap();
    let statement = |effect, text: &str| SqlStatement {
        effect,
        text: text.into(),
    };
    let mut spec = roomy(&stores_rows());
    let statements = [
        ("put".into(), statement(Effect::Write, PUT)),
        ("all".into(), statement(Effect::Read, ALL)),
    ];
    let binding = SqlBinding {
        place: SqlPlace::Sqlite { path },
        statements: statements.into(),
    };
    spec.connections.insert("db".into(), Binding::Sql(binding));
    fixture.connect_with(spec).await.unwrap();
    fixture
}

/// The row that is in the database after the guest put this, as the guest got it.
async fn kept(fixture: &Fixture, input: &str) -> Result<Value, String> {
    match fixture.act(input).await.result {
        Ok(rows) => Ok(serde_json::from_str::<Value>(&rows).unwrap()[0].take()),
        Err(Failure::Conflict { message }) => Err(message),
        Err(other) => panic!("the guest did not see its error: {other:?}"),
    }
}

/// As `wit/sql.wit` spells whole numbers.
fn spelled(whole: i64) -> Value {
    if whole.unsigned_abs() > 1 << 53 {
        json!(whole.to_string())
    } else {
        json!(whole)
    }
}

/// What goes in, and what is to come back.
fn plain() -> impl Strategy<Value = (Value, Value)> {
    let same = |value: Value| (value.clone(), value);
    prop_oneof![
        Just(same(Value::Null)),
        any::<bool>().prop_map(|yes| (json!(yes), json!(i64::from(yes)))),
        any::<i64>().prop_map(|whole| (json!(whole), spelled(whole))),
        (1_u64 << 63..).prop_map(|whole| (json!(whole), json!(whole.to_string()))),
        finite().prop_map(move |real| same(json!(real))),
        text().prop_map(move |text| same(json!(text))),
    ]
}

#[test]
fn what_a_guest_puts_into_a_database_comes_back_the_same() {
    let row = (
        any::<i64>(),
        text(),
        finite(),
        nested(),
        any::<bool>(),
        (0..10_000_000_000_u64, 0..100_u8),
        plain(),
    );
    each(
        with_database(),
        row,
        async |fixture, (whole, text, real, doc, yes, (units, cents), (plain, comes_back))| {
            let price = format!("{units}.{cents:02}");
            let put = json!({"whole": whole, "text": text, "real": real, "doc": doc, "yes": yes, "price": price, "plain": plain});
            let row = kept(fixture, &put.to_string()).await;
            let row = row.map_err(TestCaseError::fail)?;
            prop_assert_eq!(&row["whole"], &spelled(whole));
            prop_assert_eq!(&row["text"], &json!(text));
            prop_assert_eq!(&row["real"], &json!(real));
            prop_assert_eq!(&row["doc"], &doc);
            prop_assert_eq!(&row["yes"], &json!(yes));
            let came = row["price"].as_str().and_then(|price| price.parse().ok());
            prop_assert_eq!(came, Some(price.parse::<f64>().unwrap()), "{}", row);
            prop_assert_eq!(&row["plain"], &comes_back);
            Ok(())
        },
    );
}

#[test]
fn a_number_that_no_reader_keeps_is_refused_and_any_other_arrives() {
    let number = "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?";
    each(with_database(), number, async |fixture, number| {
        let rest =
            r#""whole": null, "text": null, "real": null, "doc": null, "yes": null, "price": null"#;
        let put = format!("{{{rest}, \"plain\": {number}}}");
        match kept(fixture, &put).await {
            Ok(row) => {
                let came = row["plain"]
                    .as_str()
                    .map_or(row["plain"].to_string(), str::to_owned);
                let plain = |text: &str| {
                    let number: bigdecimal::BigDecimal = text.parse().unwrap();
                    number.normalized().into_bigint_and_exponent()
                };
                let double: f64 = came.parse().unwrap();
                let same = plain(&came) == plain(&number)
                    || plain(&format!("{double:.16e}")) == plain(&number);
                prop_assert!(same, "{} came back as {}", number, came);
            }
            Err(words) => prop_assert!(
                words.contains("write it as a text") || words.contains("not JSON"),
                "{}",
                words
            ),
        }
        Ok(())
    });
}

#[test]
fn bytes_and_texts_of_a_database_reach_the_guest_as_they_are() {
    let row = (prop::collection::vec(any::<u8>(), 0..300), text());
    each(with_database(), row, async |fixture, (bytes, text)| {
        let database = rusqlite::Connection::open(fixture.folder.path().join("erp.db")).unwrap();
        let put = "INSERT OR REPLACE INTO kept (id, text, bytes) VALUES (1, ?1, ?2)";
        database.execute(put, (&text, &bytes)).unwrap();
        let row = kept(fixture, "1").await.map_err(TestCaseError::fail)?;
        let spelled = STANDARD.encode(&bytes);
        prop_assert_eq!(&row["bytes"], &json!(spelled));
        prop_assert_eq!(&row["text"], &json!(text));
        Ok(())
    });
}
