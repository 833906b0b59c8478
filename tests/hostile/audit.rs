//! Somebody with the rights of the host's user changes the audit of what an adapter did, while the host is stopped.

use rusqlite::Connection;
use serde_json::json;
use tombolo_tests::built::run;
use tombolo_tests::host::TestHost;
use tombolo_tests::site::{TOKEN, TOKEN_VARIABLE};

use crate::fixture::{Attack, ENVIRONMENT, attack};

const SYSTEM: &str = "
adapter: adapters/attacker.wasm
connections:
  api:
    http: \"http://{{server}}\"
    network: private
    credential: { bearer: env:ATTACK_TOKEN }
    allow: [\"GET /orders/*\"]
actions:
  go: { effect: read, summary: Goes, do: {} }
";

#[test]
fn case_90_a_changed_audit_record_is_named() {
    let attack = attack(SYSTEM);
    let paths = ["/orders/1", "/admin/2", "/orders/3"];
    for path in paths {
        attack.deed(&json!({"do": "http", "connection": "api", "method": "GET", "path": path}));
    }
    attack.refusal_is_recorded(&["/admin/2"]);
    let Attack { site, host, .. } = attack;
    assert_eq!(host.stop(), 0);
    let folder = site.path().to_str().unwrap();
    let file = site.path().join("data/tombolo.db");
    let whole = std::fs::read(&file).unwrap();
    let verify = |more: &[&str]| {
        let all = [&["audit", "verify", "--offline", folder], more].concat();
        let (code, out, err) = run(&all, &[]);
        (code, out + &err)
    };
    let (code, said) = verify(&[]);
    assert_eq!(code, 0, "{said}");
    let (_, anchor, _) = run(&["audit", "anchor", "--offline", folder], &[]);
    let connection = Connection::open(&file).unwrap();
    let number =
        |query: &str| -> i64 { connection.query_row(query, [], |row| row.get(0)).unwrap() };
    let denied = number("SELECT number FROM audit WHERE record LIKE '%/admin/2%'");
    let last = number("SELECT max(number) FROM audit");
    drop(connection);

    let next = denied + 1;
    let attacks = [
        (format!("UPDATE audit SET record = replace(record, '/admin/2', '/orders/2') WHERE number = {denied}"), denied),
        (format!("UPDATE audit SET record = replace(record, 'denied', 'allowed'), outcome = 0 WHERE number = {denied}"), denied),
        (format!("UPDATE audit SET outcome = 0 WHERE number = {denied}"), denied),
        (format!("DELETE FROM audit WHERE number = {denied}"), denied),
        (format!("DELETE FROM audit WHERE number = {denied}; UPDATE audit SET number = number - 1 WHERE number > {denied}"), denied),
        (format!("DELETE FROM audit WHERE number >= {denied}"), denied),
        (
            format!("UPDATE audit SET number = -1 WHERE number = {denied}; UPDATE audit SET number = {denied} WHERE number = {next};
                     UPDATE audit SET number = {next} WHERE number = -1"),
            denied,
        ),
        ("UPDATE name SET text = 'neighbour-2' WHERE text = 'neighbour'; UPDATE name SET text = 'erp' WHERE text = 'attacker'".to_owned(), 0),
        (format!("INSERT INTO audit SELECT {last} + 1, at_ms, kind, outcome, system, event, record, hash FROM audit WHERE number = {denied}"), last + 1),
    ];
    for (change, named) in attacks {
        std::fs::write(&file, &whole).unwrap();
        Connection::open(&file)
            .unwrap()
            .execute_batch(&change)
            .unwrap();
        let (code, said) = verify(&[]);
        assert_eq!(code, 1, "{change}: {said}");
        if named > 0 {
            assert!(
                said.contains(&format!("record {named}: ")),
                "{change}: {said}"
            );
        }
    }

    // Cut off, and the end moved along: what the host wrote last is elsewhere.
    std::fs::write(&file, &whole).unwrap();
    Connection::open(&file)
        .unwrap()
        .execute_batch(&format!(
            "DELETE FROM audit WHERE number >= {denied};
             UPDATE site SET value = (SELECT number || ':' || lower(hex(hash)) FROM audit ORDER BY number DESC LIMIT 1)
             WHERE key = 'audit_tip'"
        ))
        .unwrap();
    let (code, said) = verify(&["--anchor", anchor.trim()]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&format!("record {denied}: ")), "{said}");

    // A host that is started on a changed file says so, and so does every look from then on.
    std::fs::write(&file, &whole).unwrap();
    Connection::open(&file)
        .unwrap()
        .execute_batch(&format!("DELETE FROM audit WHERE number >= {denied}"))
        .unwrap();
    let host = TestHost::start(&site, ENVIRONMENT);
    assert!(
        host.log().contains("somebody changed the audit"),
        "{}",
        host.log()
    );
    let address = host.address.to_string();
    let arguments = ["audit", "verify", "--site", folder, "--address", &address];
    let (code, out, err) = run(&arguments, &[(TOKEN_VARIABLE, TOKEN)]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(
        err.contains("the host found the chain altered when it started"),
        "{err}"
    );
}
