//! What the server's odd answers mean.

use serde_json::{Value, json};
use tombolo_sdk::Failure;
use tombolo_sdk::http::Error;
use tombolo_sdk::testing::{Host, Reply};

use super::{again, answer, host, list, queue, ticket};
use crate::RequestTracker;

fn refusal(status: u16, message: &str) -> Reply {
    Reply::json(status, json!({ "message": message }))
}

/// The methods and paths that were asked for.
fn asked(host: &Host) -> Vec<String> {
    host.requests()
        .iter()
        .map(|request| format!("{} {}", request.method, request.path))
        .collect()
}

#[test]
fn a_ticket_is_made_after_it_was_looked_for() {
    let host = host();
    host.reply("api", "GET", "/queue/General", queue());
    host.reply("api", "GET", "/tickets", list(json!([])));
    host.reply(
        "api",
        "POST",
        "/ticket",
        Reply::json(201, json!({ "id": "7" })),
    );
    host.reply("api", "GET", "/ticket/7", answer(7, 42, json!({})));
    let running = host.start::<RequestTracker>();
    let input = json!({ "subject": "Press 4", "text": "It stands", "priority": "urgent", "reference": "P-4", "requester": "anna@example.com" });
    let made = running.act("ticket.create", input).unwrap();
    assert_eq!(
        made,
        json!({ "id": "7", "subject": "Press 4", "status": "open", "queue": "General", "priority": "normal", "requester": "anna",
            "reference": "P-4", "version": "42", "changed": "2026-01-01T00:00:00Z", "status_name": "open" })
    );
    assert_eq!(
        asked(&host),
        [
            "GET /queue/General",
            "GET /tickets",
            "POST /ticket",
            "GET /ticket/7"
        ]
    );
    assert_eq!(
        host.requests()[2].json(),
        json!({ "Queue": "General", "Subject": "Press 4", "Content": "It stands", "ContentType": "text/plain", "Priority": 150,
            "Requestor": ["anna@example.com"], "CustomFields": { "Tombolo key": "test-key", "Tombolo reference": "P-4" } })
    );
}

#[test]
fn a_ticket_that_the_call_made_before_is_not_made_again() {
    let host = host();
    host.reply("api", "GET", "/queue/General", queue());
    // One whose key differs in case alone is another call's.
    let other = ticket(
        6,
        json!({ "CustomFields": [{ "name": "Tombolo key", "values": ["Test-Key"] }] }),
    );
    host.reply(
        "api",
        "GET",
        "/tickets",
        list(json!([other, ticket(7, json!({}))])),
    );
    host.reply("api", "GET", "/ticket/7", answer(7, 42, json!({})));
    let running = host.start::<RequestTracker>();
    let made = running.act("ticket.create", json!({ "subject": "a", "text": "b" }));
    assert_eq!(made.unwrap()["id"], "7");
    assert!(!asked(&host).contains(&"POST /ticket".to_owned()));
}

#[test]
fn nothing_is_written_where_the_key_could_not_be_kept() {
    let host = host();
    let bare = json!({ "TicketCustomFields": [{ "name": "Tombolo key" }] });
    host.reply("api", "GET", "/queue/General", Reply::json(200, bare));
    let running = host.start::<RequestTracker>();
    let failure = running
        .act("ticket.create", json!({ "subject": "a", "text": "b" }))
        .unwrap_err();
    assert_eq!(failure.kind(), "internal");
    assert!(
        failure.message().contains("`Tombolo reference`"),
        "{failure:?}"
    );
    assert_eq!(asked(&host), ["GET /queue/General"]);
}

#[test]
fn a_key_that_was_dropped_is_told_and_not_retried() {
    let host = host();
    host.reply("api", "GET", "/queue/General", queue());
    host.reply("api", "GET", "/tickets", list(json!([])));
    host.reply(
        "api",
        "POST",
        "/ticket",
        Reply::json(201, json!({ "id": "7" })),
    );
    host.reply(
        "api",
        "GET",
        "/ticket/7",
        answer(7, 42, json!({ "CustomFields": "" })),
    );
    let running = host.start::<RequestTracker>();
    let failure = running
        .act("ticket.create", json!({ "subject": "a", "text": "b" }))
        .unwrap_err();
    assert_eq!(failure.kind(), "rejected");
    assert!(failure.message().contains("ticket 7"), "{failure:?}");
}

#[test]
fn a_message_is_written_once() {
    for (found, posts) in [(json!([]), 1), (json!([{ "id": 44 }]), 0)] {
        let host = host();
        host.reply("api", "GET", "/ticket/7", answer(7, 42, json!({})));
        host.reply("api", "GET", "/queue/1", queue());
        host.reply("api", "GET", "/transactions", list(found));
        let written = Reply::json(
            201,
            json!(["Correspondence added", "Custom fields updated"]),
        )
        .header("location", "/REST/2.0/transaction/44");
        host.reply("api", "POST", "/ticket/7/correspond", written);
        let running = host.start::<RequestTracker>();
        let reply = running.act("ticket.reply", json!({ "id": "7", "text": "Friday" }));
        assert_eq!(reply, Ok(json!({ "id": "44" })));
        let sent = asked(&host);
        let sent = sent.iter().filter(|line| line.starts_with("POST")).count();
        assert_eq!(sent, posts);
    }
}

#[test]
fn a_message_without_its_key_is_told() {
    let host = host();
    host.reply("api", "GET", "/ticket/7", answer(7, 42, json!({})));
    host.reply("api", "GET", "/queue/1", queue());
    host.reply("api", "GET", "/transactions", list(json!([])));
    let written =
        Reply::json(201, json!(["Comments added"])).header("location", "/REST/2.0/transaction/44");
    host.reply("api", "POST", "/ticket/7/comment", written);
    let running = host.start::<RequestTracker>();
    let failure = running
        .act("ticket.comment", json!({ "id": "7", "text": "x" }))
        .unwrap_err();
    assert_eq!(failure.kind(), "rejected");
    assert!(failure.message().contains("transaction 44"), "{failure:?}");
}

#[test]
fn every_refusal_has_its_kind_and_words() {
    let cases = [
        (refusal(401, "Unauthorized"), "unauthorized", "Unauthorized"),
        (refusal(403, "Forbidden"), "unauthorized", "Forbidden"),
        (refusal(404, "Not Found"), "not-found", "no ticket `7`"),
        (
            refusal(400, "Permission Denied"),
            "unauthorized",
            "ReplyToTicket",
        ),
        (refusal(400, "Wrong query"), "rejected", "Wrong query"),
        (
            refusal(400, "Ticket could not be created due to an internal error"),
            "internal",
            "disk is full",
        ),
        (Reply::status(500), "unavailable", "500"),
        (Reply::status(302), "rejected", "redirect"),
        (
            Reply::status(200).body("<html>"),
            "unavailable",
            "not the JSON",
        ),
        (Reply::error(Error::Timeout), "unavailable", "in time"),
        (
            Reply::error(Error::Denied("no".into())),
            "unauthorized",
            "no",
        ),
    ];
    for (reply, kind, words) in cases {
        let host = host();
        host.reply("api", "GET", "/ticket/7", reply.clone());
        let failure = host
            .start::<RequestTracker>()
            .act("ticket.get", json!({ "id": "7" }))
            .unwrap_err();
        assert_eq!(failure.kind(), kind, "{reply:?}");
        assert!(failure.message().contains(words), "{failure:?}");
    }
    let failure = host()
        .start::<RequestTracker>()
        .act("ticket.get", json!({ "id": "7/history" }))
        .unwrap_err();
    assert_eq!(failure.kind(), "not-found");
}

#[test]
fn what_was_not_taken_of_a_change_is_told_in_the_systems_words() {
    let host = host();
    for _ in 0..2 {
        host.reply(
            "api",
            "GET",
            "/ticket/7",
            answer(7, 42, json!({ "Priority": "100" })),
        );
    }
    let words = json!([
        "Ticket 7: Priority changed",
        "Ticket 7: That user does not exist"
    ]);
    host.reply("api", "PUT", "/ticket/7", Reply::json(200, words));
    let input = json!({ "id": "7", "priority": "high", "owner": "nobodyknows" });
    let failure = host
        .start::<RequestTracker>()
        .act("ticket.update", input)
        .unwrap_err();
    assert_eq!(failure.kind(), "rejected");
    assert!(
        failure.message().contains("owner: ") && failure.message().contains("does not exist"),
        "{failure:?}"
    );
    // Priority is 100 already, and nobody else's status or subject was asked for.
    assert_eq!(host.requests()[1].json(), json!({ "Owner": "nobodyknows" }));
}

#[test]
fn a_stale_version_is_a_conflict_unless_the_change_was_this_calls_own() {
    let input = json!({ "id": "7", "status": "waiting", "version": "42" });
    let conflict = || refusal(412, "Precondition Failed");

    let host1 = host();
    host1.reply("api", "GET", "/ticket/7", answer(7, 43, json!({})));
    host1.reply("api", "PUT", "/ticket/7", conflict());
    let failure = host1
        .start::<RequestTracker>()
        .act("ticket.update", input.clone())
        .unwrap_err();
    assert_eq!(failure.kind(), "conflict");
    assert_eq!(host1.requests()[1].header("if-match"), Some("\"42\""));
    assert_eq!(host1.stored("update/test-key"), None);

    // The first answer was lost; what it changed is what the second attempt meets.
    for (status, expected) in [("stalled", Ok("waiting")), ("rejected", Err("conflict"))] {
        let host = host();
        host.reply("api", "GET", "/ticket/7", answer(7, 42, json!({})));
        host.reply("api", "PUT", "/ticket/7", Reply::error(Error::Timeout));
        let running = host.start::<RequestTracker>();
        let lost = running.act("ticket.update", input.clone()).unwrap_err();
        assert_eq!(lost.kind(), "unavailable");
        for _ in 0..2 {
            host.reply(
                "api",
                "GET",
                "/ticket/7",
                answer(7, 43, json!({ "Status": status })),
            );
        }
        host.reply("api", "PUT", "/ticket/7", conflict());
        let second = again(&running, "ticket.update", input.clone());
        let second = second
            .as_ref()
            .map(|ticket| ticket["status"].as_str().unwrap());
        assert_eq!(second.map_err(Failure::kind), expected);
        assert_eq!(host.stored("update/test-key"), None);
    }

    let failure = host()
        .start::<RequestTracker>()
        .act("ticket.update", json!({ "id": "7", "version": "\"x" }))
        .unwrap_err();
    assert_eq!(failure.kind(), "invalid-input");
}

#[test]
fn statuses_and_priorities_are_mapped_as_the_operator_says() {
    let cases = [
        ("new", "0", "new", "low"),
        ("open", "49", "open", "low"),
        ("stalled", "50", "waiting", "normal"),
        ("resolved", "100", "solved", "high"),
        ("rejected", "149", "rejected", "high"),
        ("deleted", "150", "rejected", "urgent"),
        ("in-progress", "-5", "open", "low"),
        ("parked", "99", "waiting", "normal"),
    ];
    for (status, priority, expected, level) in cases {
        let host = host().settings(json!({ "statuses": { "waiting": ["stalled", "Parked"] } }));
        host.reply(
            "api",
            "GET",
            "/ticket/7",
            answer(7, 1, json!({ "Status": status, "Priority": priority })),
        );
        let read = host
            .start::<RequestTracker>()
            .act("ticket.get", json!({ "id": "7" }))
            .unwrap();
        assert_eq!(
            (&read["status"], &read["priority"]),
            (&json!(expected), &json!(level)),
            "{status} {priority}"
        );
        assert_eq!(read["status_name"], status);
    }
    for wrong in [
        json!({ "priorities": { "low": 60 } }),
        json!({ "statuses": { "new": [] } }),
        json!({ "staus": {} }),
    ] {
        let failure = host()
            .settings(wrong)
            .start::<RequestTracker>()
            .act("ticket.get", json!({ "id": "7" }))
            .unwrap_err();
        assert_eq!(failure.kind(), "internal", "{failure:?}");
    }
}

#[test]
fn a_search_is_a_query_that_no_value_leaves() {
    let host = host();
    let page =
        json!({ "items": [ticket(7, json!({ "CustomFields": "" }))], "page": 1, "pages": 2.0 });
    host.reply("api", "GET", "/tickets", Reply::json(200, page));
    let running = host.start::<RequestTracker>();
    let input = json!({ "text": "it's", "status": "rejected", "queue": "General", "requester": "anna@example.com",
        "reference": "P\\4", "limit": 1 });
    let found = running.act("ticket.search", input).unwrap();
    assert_eq!(found["next"], "2/1");
    assert_eq!(found["tickets"][0].get("reference"), None);
    let sent = &host.requests()[0];
    let query = &sent
        .query
        .iter()
        .find(|(name, _)| name == "query")
        .unwrap()
        .1;
    assert_eq!(
        query,
        r"(Subject LIKE '%it\'s') AND (Status = 'rejected' OR Status = 'deleted') AND (Queue = 'General') AND (Requestor.EmailAddress = 'anna@example.com') AND ('CF.{Tombolo reference}' = 'P\\4')"
    );
    host.reply(
        "api",
        "GET",
        "/tickets",
        Reply::json(200, json!({ "items": [], "page": 2, "pages": null })),
    );
    let last: Value = running
        .act("ticket.search", json!({ "after": "2/1" }))
        .unwrap();
    assert_eq!(last, json!({ "tickets": [] }));
    for cursor in ["2", "0/1", "2/1000", "x/y", ""] {
        let failure = running
            .act("ticket.search", json!({ "after": cursor }))
            .unwrap_err();
        assert_eq!(failure.kind(), "invalid-input", "{cursor}");
    }
}
