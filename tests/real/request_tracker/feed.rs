//! The feed `changes`: everything once, in order, page by page.

use serde_json::{Value, json};
use tombolo_tests::host::{TestHost, wait};

use super::{BASIC, Desk, ENVIRONMENT, site};
use crate::asked::events;
use crate::servers::request_tracker::{RequestTracker, correspond, ticket};

const FEED: &str = "settings: { settle: 1 }\nfeeds: { changes: { every: 1 s, page: 3 } }\n";

/// The texts that the host was told of, in the order of the log.
fn texts(host: &TestHost) -> Vec<String> {
    events(host, "ticket.entry-added")
        .iter()
        .map(|event| event["data"]["text"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_happens_in_one_second_comes_whole_and_once() {
    let rt = RequestTracker::start(RequestTracker::port(), "");
    let tombolo = rt.user("tombolo", "tombolo-password");
    let mut expected = Vec::new();
    for number in 1..=4 {
        let text = format!("Ticket {number}: \u{fc}");
        let body = json!({ "Queue": "General", "Subject": "a", "Content": text });
        let id = ticket(&tombolo, &body);
        let reply = format!("Reply to {number}");
        correspond(&tombolo, &id, &reply);
        expected.extend([text, reply]);
    }
    let site = site(rt.port, BASIC, FEED);
    let host = TestHost::start(&site, &ENVIRONMENT);
    wait("a page", || (!texts(&host).is_empty()).then_some(()));
    host.kill();
    let host = TestHost::start(&site, &ENVIRONMENT);
    wait("all entries", || {
        (texts(&host).len() >= expected.len()).then_some(())
    });
    assert_eq!(texts(&host), expected);

    let id = ticket(
        &tombolo,
        &json!({ "Queue": "Repairs", "Subject": "b", "Content": "Late" }),
    );
    tombolo.send(
        "PUT",
        &format!("/ticket/{id}"),
        &json!({ "Status": "resolved" }),
    );
    let last = wait("the last ticket, solved", || {
        let last = events(&host, "ticket.changed").pop()?;
        (last["data"]["status"] == "solved").then_some(last)
    });
    assert_eq!(last["data"]["queue"], "Repairs");
    assert_eq!(texts(&host).last().map(String::as_str), Some("Late"));
    assert_eq!(texts(&host).len(), expected.len() + 1, "each once");
    let etag = tombolo.send("GET", &format!("/ticket/{id}"), &Value::Null);
    assert_eq!(
        last["data"]["version"],
        etag.header("etag").unwrap().trim_matches('"')
    );
}

#[test]
fn hook_and_feed_together_tell_everything_once() {
    let port = RequestTracker::port();
    let site = site(port, BASIC, FEED);
    let host = TestHost::start(&site, &ENVIRONMENT);
    let rt = RequestTracker::start(port, &format!("http://{}/hooks/desk/change", host.address));
    let tombolo = rt.user("tombolo", "tombolo-password");
    let id = ticket(
        &tombolo,
        &json!({ "Queue": "General", "Subject": "a", "Content": "One" }),
    );
    wait("the Scrip's post", || {
        (texts(&host) == ["One"]).then_some(())
    });
    // Nobody hears the Scrip now.
    host.kill();
    correspond(&tombolo, &id, "Two");
    let host = TestHost::start(&site, &ENVIRONMENT);
    wait("what the feed brings", || {
        (texts(&host).len() >= 2).then_some(())
    });
    correspond(&tombolo, &id, "Three");
    wait("the third", || (texts(&host).len() >= 3).then_some(()));
    wait("the feed's end", || {
        let newest = tombolo.send("GET", &format!("/ticket/{id}"), &Value::Null);
        let newest = newest.header("etag")?.trim_matches('"').to_owned();
        (host.get("/api/feeds")[0]["cursor"] == newest).then_some(())
    });
    assert_eq!(texts(&host), ["One", "Two", "Three"]);
}

#[test]
fn only_the_queues_that_are_named_are_told_of() {
    let rt = RequestTracker::start(RequestTracker::port(), "");
    let tombolo = rt.user("tombolo", "tombolo-password");
    for (queue, text) in [("General", "No"), ("Repairs", "Yes"), ("General", "No")] {
        ticket(
            &tombolo,
            &json!({ "Queue": queue, "Subject": "a", "Content": text }),
        );
    }
    let more = FEED.replace("settle: 1", "settle: 1, queues: [Repairs]");
    let host = Desk::start(rt.port, BASIC, &more, &ENVIRONMENT);
    wait("the entry", || (texts(&host) == ["Yes"]).then_some(()));
    ticket(
        &tombolo,
        &json!({ "Queue": "Repairs", "Subject": "a", "Content": "Again" }),
    );
    wait("the second entry", || {
        (texts(&host).len() >= 2).then_some(())
    });
    assert_eq!(texts(&host), ["Yes", "Again"]);
}
