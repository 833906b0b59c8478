//! Request Tracker.

use serde_json::{Value, json};

use super::midway::{Midway, Plan, Server, Takes};
use crate::servers::Process;
use crate::servers::request_tracker::RequestTracker;

impl Server for RequestTracker {
    fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn input(&mut self, case: &str) -> Value {
        json!({ "queue": "General", "subject": case, "text": "It hums." })
    }

    fn made(&self, case: &str) -> usize {
        let found = self.root().get(&format!("/tickets?query=Subject='{case}'"));
        found["items"].as_array().unwrap().len()
    }
}

#[test]
fn a_ticket_is_opened_once_whatever_request_tracker_suffers() {
    const PASSWORD: &str = "tombolo-password";
    let mut desk = RequestTracker::start(RequestTracker::port(), "");
    let midway = Midway::start(&Plan {
        adapter: "request-tracker",
        system: &format!(
            "connections:\n  api: {{ http: \"http://127.0.0.1:{}/REST/2.0\", network: private, credential: {{ basic: {{ user: tombolo, password: \"file:secret\" }} }} }}",
            desk.port
        ),
        secret: PASSWORD,
        first: ("ticket.search", json!({ "text": "hums" })),
        second: "ticket.create",
    });
    midway.stopped(&mut desk, &["unavailable"]);
    midway.slow(&mut desk, &["did not answer in time"]);
    midway.wrong_password(
        &mut desk,
        PASSWORD,
        Takes::Dying("unauthorized"),
        &[
            "401",
            "does not accept the credential that systems/it.yaml names",
        ],
    );
    // A bad request, it says, as of much that never passes.
    let words = ["due to an internal error", "disk is full"];
    midway.full_disk(&mut desk, Takes::Dying("internal"), &words);
}
