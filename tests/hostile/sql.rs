//! Databases: parameters stay parameters, statements stay the granted ones.

use serde_json::{Value, json};

use crate::fixture::{Attack, attack, says};

fn site() -> Attack {
    attack(
        "
adapter: adapters/attacker.wasm
connections:
  db:
    sqlite: erp.db
    statements:
      find: { effect: read, text: \"SELECT sku, on_hand FROM stock WHERE sku = :sku\" }
      same: { effect: read, text: \"SELECT :v AS v\" }
      add: { effect: write, text: \"INSERT INTO stock (sku, on_hand) VALUES (:sku, :n)\" }
actions:
  go: { effect: read, summary: Goes, do: {} }
",
    )
}

fn database(attack: &Attack) -> rusqlite::Connection {
    let database = rusqlite::Connection::open(attack.site.path().join("erp.db")).unwrap();
    database.execute_batch("CREATE TABLE IF NOT EXISTS stock (sku TEXT, on_hand INTEGER); DELETE FROM stock; INSERT INTO stock VALUES ('WID-1', 7);").unwrap();
    database
}

#[test]
fn case_65_a_statement_smuggled_in_a_parameter_stays_text() {
    let attack = site();
    let database = database(&attack);
    for sku in [
        "x'; DROP TABLE stock; --",
        "x' OR '1'='1",
        "WID-1'; DELETE FROM stock",
    ] {
        let run =
            attack.deed(&json!({"do": "sql", "statement": "find", "parameters": {"sku": sku}}));
        assert_eq!(run["run"]["status"], "done", "{run:#}");
        assert!(
            !run["trace"].to_string().contains("on_hand"),
            "a row came back: {run:#}"
        );
    }
    says(
        &attack.deed(&json!({"do": "sql", "statement": "find", "parameters": {"sku": "WID-1"}})),
        &["on_hand"],
    );
    let rows: i64 = database
        .query_row("SELECT count(*) FROM stock", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 1);
}

#[test]
fn case_66_a_statement_that_is_not_granted_does_not_run() {
    let attack = site();
    let database = database(&attack);
    for statement in ["delete", "FIND", "find ", "DELETE FROM stock"] {
        says(
            &attack.deed(
                &json!({"do": "sql", "statement": statement, "parameters": {"sku": "WID-1"}}),
            ),
            &["Denied"],
        );
    }
    attack.refusal_is_recorded(&["delete", "db"]);
    // Another text under a granted name: the system is held back until a reviewer has read it, the old one runs on.
    let system = std::fs::read_to_string(attack.site.path().join("systems/attacker.yaml")).unwrap();
    attack.site.write(
        "systems/attacker.yaml",
        &system.replace(
            "SELECT sku, on_hand FROM stock WHERE sku = :sku",
            "SELECT sku, on_hand FROM stock WHERE sku <> :sku",
        ),
    );
    attack.host.post("/api/reload", &json!({}));
    attack
        .host
        .wait_for("the changed system is held back", |host| {
            host.get("/api/systems")
                .to_string()
                .contains("held-back")
                .then_some(())
        });
    says(
        &attack.deed(&json!({"do": "sql", "statement": "find", "parameters": {"sku": "WID-1"}})),
        &["on_hand"],
    );
    let rows: i64 = database
        .query_row("SELECT count(*) FROM stock", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 1);
}

#[test]
fn a_number_goes_through_flow_guest_and_database_unchanged() {
    let attack = site();
    database(&attack);
    // Readers that save time are wrong in the last digit of some.
    for number in [
        31.245_270_191_439_438,
        121.487_919_511_619_45,
        0.1,
        2.638_344_616_030_823e-256,
    ] {
        let run =
            attack.deed(&json!({"do": "sql", "statement": "same", "parameters": {"v": number}}));
        let result = run["trace"]["steps"][0]["result"].as_str();
        let result: Value = serde_json::from_str(result.unwrap_or_default()).unwrap();
        let rows: Value = serde_json::from_str(result["rows"].as_str().unwrap()).unwrap();
        assert_eq!(rows, json!([{ "v": number }]), "{run:#}");
    }
}
