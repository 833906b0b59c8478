//! What Tryton answers that is not the result asked for.

use serde_json::{Value, json};
use tombolo_sdk::Failure;
use tombolo_sdk::testing::{Host, Reply};

use super::{host, reply};
use crate::Tryton;

const PAGE: &str = "<!doctype html><title>400 Bad Request</title><p>Unable to get RPC method</p>";

fn got(answer: Reply) -> (Host, Failure) {
    let host = host();
    host.reply("api", "GET", "/rest/model/party.party/7", answer);
    reply(
        &host,
        "POST",
        "ir.model.access/get_access",
        json!({ "party.party": { "read": 1, "write": 0 } }),
    );
    let failure = host
        .start::<Tryton>()
        .act("party.get", json!({ "id": "7" }))
        .unwrap_err();
    (host, failure)
}

#[test]
fn each_answer_has_its_failure() {
    let words =
        json!({ "status": 400, "message": "The party is locked.", "description": "By Mia" });
    let html = |status| {
        Reply::status(status)
            .header("content-type", "text/html")
            .body(PAGE)
    };
    let cases = [
        (
            Reply::json(400, words),
            "rejected",
            "The party is locked. By Mia",
        ),
        (html(400), "internal", "Tryton failed over party.party 7"),
        (html(401), "unauthorized", "does not take the key"),
        (html(403), "unauthorized", "does not let the user do this"),
        (html(404), "not-found", "Tryton has no party.party 7"),
        (html(429), "rate-limited", "429"),
        (html(500), "unavailable", "500"),
        (html(200), "unavailable", "not the JSON expected"),
    ];
    for (answer, kind, words) in cases {
        let (_, failure) = got(answer);
        assert_eq!(failure.kind(), kind, "{failure:?}");
        assert!(failure.message().contains(words), "{failure:?}");
    }
}

#[test]
fn a_refusal_by_group_is_known_by_the_rights_not_by_words() {
    let host = host();
    let refusal =
        json!({ "status": 400, "message": "Kein Zugriff auf \"Partei\".", "description": "" });
    host.reply(
        "api",
        "GET",
        "/rest/model/party.party/7",
        Reply::json(400, refusal),
    );
    let access = json!({ "party.party": { "read": 0, "write": 0 } });
    reply(&host, "POST", "ir.model.access/get_access", access);
    let failure = host
        .start::<Tryton>()
        .act("party.get", json!({ "id": "7" }))
        .unwrap_err();
    assert_eq!(
        failure,
        Failure::unauthorized("Kein Zugriff auf \"Partei\".")
    );
}

#[test]
fn a_record_that_may_not_be_read_is_not_said_to_be_missing() {
    let host = host();
    host.reply(
        "api",
        "GET",
        "/rest/model/party.party/7",
        Reply::status(404),
    );
    let access = json!({ "party.party": { "read": 0 } });
    reply(&host, "POST", "ir.model.access/get_access", access);
    let failure = host
        .start::<Tryton>()
        .act("party.get", json!({ "id": "7" }))
        .unwrap_err();
    assert_eq!(failure.kind(), "unauthorized", "{failure:?}");
    assert!(failure.message().contains("party.party 7"), "{failure:?}");
}

#[test]
fn a_wrong_address_is_told_from_a_record_that_is_not_there() {
    let host = Host::new(include_str!("../../adapter.toml"));
    let nothing = Reply::status(404);
    host.reply(
        "api",
        "POST",
        "/rest/model/res.user/get_preferences",
        nothing,
    );
    let failure = host
        .start::<Tryton>()
        .act("party.get", json!({ "id": "7" }))
        .unwrap_err();
    assert_eq!(failure.kind(), "internal", "{failure:?}");
    assert!(
        failure.message().contains("https://SERVER/DATABASE"),
        "{failure:?}"
    );
}

#[test]
fn what_is_no_id_of_trytons_is_asked_of_nobody() {
    for id in ["C-7", "", "../7", "7 OR 1", "99999999999999999999"] {
        let host = host();
        let failure = host
            .start::<Tryton>()
            .act("party.get", json!({ "id": id }))
            .unwrap_err();
        assert_eq!(failure.kind(), "not-found", "{id}: {failure:?}");
        assert!(host.requests().is_empty(), "{id}");
    }
}

#[test]
fn a_code_that_is_taken_is_a_conflict() {
    let host = host();
    reply(&host, "GET", "party.party", json!([]));
    let refusal = json!({ "status": 400, "message": "Der Code ist vergeben.", "description": "" });
    host.reply(
        "api",
        "POST",
        "/rest/model/party.party",
        Reply::json(400, refusal),
    );
    let access = json!({ "party.party": { "create": 1 } });
    reply(&host, "POST", "ir.model.access/get_access", access);
    reply(
        &host,
        "GET",
        "party.party",
        json!([{ "id": 3, "code": "N-7" }]),
    );
    let input = json!({ "name": "Nord AG", "code": "N-7" });
    let failure = host
        .start::<Tryton>()
        .act("party.create", input)
        .unwrap_err();
    assert_eq!(failure, Failure::conflict("Der Code ist vergeben."));
}

#[test]
fn whose_key_it_is_goes_along_with_each_request() {
    use base64::Engine as _;
    let host = host();
    let party = json!({ "id": 7, "name": "Nord AG", "code": null, "write_date": null, "create_date": super::at(5) });
    reply(&host, "GET", "party.party/7", party);
    let answer = host
        .start::<Tryton>()
        .act("party.get", json!({ "id": "7" }))
        .unwrap();
    assert_eq!(
        answer,
        json!({ "id": "7", "name": "Nord AG", "changed": "2026-01-01T00:00:05.000000Z" })
    );
    let sent = host.requests();
    let context = sent[1].header("x-tryton-context").unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE
        .decode(context)
        .unwrap();
    let context: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        context,
        json!({ "company": 1, "employee": 2, "language": "en" })
    );
}
