//! The same over JSON-RPC.

use serde_json::{Value, json};
use tombolo_sdk::Failure;
use tombolo_sdk::http::Error;
use tombolo_sdk::testing::{Host, Reply};

use crate::Tryton;

/// A host of a system that speaks JSON-RPC, where `/rpc/` answers so first and then tells the user's preferences.
fn host() -> Host {
    let host =
        Host::new(include_str!("../../adapter.toml")).settings(json!({ "protocol": "json-rpc" }));
    result(
        &host,
        json!({ "company": 1, "company.rec_name": "Company", "language": "en" }),
    );
    host
}

fn result(host: &Host, result: Value) {
    answer(host, Reply::json(200, json!({ "id": 0, "result": result })));
}

fn answer(host: &Host, reply: Reply) {
    host.reply("rpc", "POST", "/rpc/", reply);
}

fn got(reply: Reply) -> Result<Value, Failure> {
    let host = host();
    answer(&host, reply);
    result(&host, json!({ "party.party": { "read": 1 } }));
    host.start::<Tryton>()
        .act("party.get", json!({ "id": "7" }))
}

#[test]
fn a_record_is_searched_by_its_id() {
    let host = host();
    let identifier = json!({ "id": 5, "code": "DE136695976" });
    let party =
        json!({ "id": 7, "name": "Nord AG", "tax_identifier": 5, "tax_identifier.": identifier });
    result(&host, json!([party]));
    let answer = host
        .start::<Tryton>()
        .act("party.get", json!({ "id": "7" }));
    let expected = json!({ "id": "7", "name": "Nord AG", "tax_id": "DE136695976" });
    assert_eq!(answer.unwrap(), expected);
    let sent = host.requests()[1].json();
    assert_eq!(sent["method"], "model.party.party.search_read");
    assert_eq!(sent["params"][0], json!([["id", "=", 7]]));
    let context = json!({ "company": 1, "language": "en", "active_test": false });
    assert_eq!(sent["params"][5], context);
}

#[test]
fn each_answer_has_its_failure() {
    let error = |error: Value| Reply::json(200, json!({ "id": 0, "error": error }));
    let cases = [
        (
            error(json!(["UserError", ["Locked.", "By Mia", null]])),
            "rejected",
            "Locked. By Mia",
        ),
        (
            error(json!(["UserWarning", ["w.1", "Twice?", ""]])),
            "rejected",
            "Twice?",
        ),
        (
            error(json!(["ConcurrencyException", "Records modified"])),
            "conflict",
            "Records modified",
        ),
        (
            error(json!(["LoginException", ["code", "Code?", "char"]])),
            "unauthorized",
            "Code?",
        ),
        (
            error(json!(["database is locked", "Traceback"])),
            "internal",
            "database is locked",
        ),
        (
            Reply::json(200, json!({ "id": 0, "result": [] })),
            "not-found",
            "party.party 7",
        ),
        (
            Reply::status(401),
            "unauthorized",
            "the user and the password",
        ),
        (
            Reply::status(403),
            "unauthorized",
            "does not let the user do this",
        ),
        (Reply::status(429), "rate-limited", "429"),
        (Reply::status(504), "unavailable", "504"),
    ];
    for (answer, kind, words) in cases {
        let failure = got(answer).unwrap_err();
        assert_eq!(failure.kind(), kind, "{failure:?}");
        assert!(failure.message().contains(words), "{failure:?}");
        assert!(!failure.message().contains("Traceback"), "{failure:?}");
    }
}

#[test]
fn an_older_server_is_found_where_it_serves() {
    for newer in [
        Reply::status(404),
        Reply::status(405),
        Reply::error(Error::Denied("not granted".to_owned())),
    ] {
        let host = Host::new(include_str!("../../adapter.toml"))
            .settings(json!({ "protocol": "json-rpc" }));
        answer(&host, newer);
        for result in [
            json!({ "company": 1 }),
            json!([{ "id": 7, "name": "Nord AG" }]),
        ] {
            host.reply(
                "rpc",
                "POST",
                "/",
                Reply::json(200, json!({ "id": 0, "result": result })),
            );
        }
        host.start::<Tryton>()
            .act("party.get", json!({ "id": "7" }))
            .unwrap();
        let paths: Vec<String> = host
            .requests()
            .iter()
            .map(|sent| sent.path.clone())
            .collect();
        assert_eq!(paths, ["/rpc/", "/", "/"], "it is looked for once");
    }
}

#[test]
fn what_was_made_and_is_not_shown_is_told_so() {
    for read in [
        json!({ "result": [] }),
        json!({ "error": ["UserError", ["No access", "", null]] }),
    ] {
        let host = host();
        result(&host, json!([]));
        result(&host, json!([{ "id": 2, "code": "DE" }]));
        result(&host, json!([12]));
        answer(&host, Reply::json(200, read));
        let address = json!({ "country": "DE" });
        let input = json!({ "name": "Nord AG", "address": address });
        let failure = host
            .start::<Tryton>()
            .act("party.create", input)
            .unwrap_err();
        assert_eq!(failure.kind(), "unauthorized", "{failure:?}");
        assert!(
            failure.message().contains("does not show it"),
            "{failure:?}"
        );
    }
}
