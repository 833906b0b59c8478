//! `plugins/matrix` against Synapse, through the real host: what it writes, how people answer, and that nothing is lost or
//! doubled whoever stops in between.

mod messages;
mod questions;
mod redelivered;

use std::cell::Cell;
use std::fs;

use serde_json::{Value, json};
use tombolo_tests::built::{adapter, root};
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::site::TestSite;

use crate::servers::free_port;
use crate::servers::synapse::{HS_TOKEN, Person, Synapse, encoded};

/// A homeserver with a room of Mia, Otto and the adapter, and a host.
struct Chat {
    synapse: Synapse,
    site: TestSite,
    host: Option<TestHost>,
    /// The adapter's user.
    bot: Person,
    mia: Person,
    otto: Person,
    room: String,
    published: Cell<u32>,
}

impl Chat {
    fn start() -> Self {
        Self::start_with(&json!({ "per_second": 1_000, "burst_count": 1_000 }))
    }

    /// Where people and the adapter may send messages at this rate.
    fn start_with(messages: &Value) -> Self {
        // Before anything is sent that a host should hear: building takes longer than a homeserver is patient.
        let adapter = adapter("plugins/matrix");
        let port = free_port();
        let hook = format!("http://127.0.0.1:{port}/hooks/chat/transactions");
        let synapse = Synapse::start(&hook, messages);
        let (bot, mia, otto) = (
            synapse.service(),
            synapse.person("mia"),
            synapse.person("otto"),
        );
        let site = TestSite::new();
        let config = fs::read_to_string(site.path().join("tombolo.yaml")).unwrap();
        site.write(
            "tombolo.yaml",
            &config.replace("127.0.0.1:0", &format!("127.0.0.1:{port}")),
        );
        site.adapter("matrix", &adapter);
        let values = [("homeserver".to_owned(), synapse.url())];
        site.copy(&root().join("tests/real/matrix/site"), &values);
        site.approve("chat");
        let mut chat = Self {
            synapse,
            site,
            host: None,
            bot,
            mia,
            otto,
            room: String::new(),
            published: Cell::new(0),
        };
        chat.up();
        let others = [&chat.bot, &chat.otto];
        chat.room = chat.synapse.room(&chat.mia, "plant", &others);
        chat.synapse.join(&chat.otto, &chat.room);
        chat.joined(&chat.room);
        chat
    }

    fn up(&mut self) {
        let environment = self.environment();
        let environment = environment
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        self.host = Some(TestHost::start(&self.site, &environment));
    }

    /// Waits until the adapter is in a room that it was invited to.
    fn joined(&self, room: &str) {
        let path = format!("/_matrix/client/v3/rooms/{}/joined_members", encoded(room));
        wait("the adapter joins the room", || {
            let members = self.synapse.ok(&self.mia.token, "GET", &path, &Value::Null);
            members["joined"].get(&self.bot.id).map(|_| ())
        });
    }

    fn environment(&self) -> [(&'static str, String); 2] {
        [
            ("MATRIX_TOKEN", self.bot.token.clone()),
            ("MATRIX_HS_TOKEN", HS_TOKEN.to_owned()),
        ]
    }

    fn host(&self) -> &TestHost {
        self.host.as_ref().unwrap()
    }

    /// Begins a run of the flow with this name, and gives its event's id and the run's.
    fn begin(&self, flow: &str, data: &Value) -> (String, String) {
        self.published.set(self.published.get() + 1);
        let event = format!("e-{}", self.published.get());
        let answer = self.host().publish(flow, &event, data);
        assert_eq!(answer.status, 202, "{}", answer.body);
        let seq = answer.json()["events"][0]["seq"].clone();
        (event, format!("{seq}.{flow}"))
    }

    /// What its one call answered.
    fn output(&self, event: &str) -> Value {
        wait("the call's output", || {
            let events = self.events("did");
            let mut of_it = events.iter().filter(|did| did["subject"] == event);
            of_it.next().map(|did| did["data"]["output"].clone())
        })
    }

    /// Runs a flow to its end: what its one call answered.
    fn does(&self, flow: &str, data: &Value) -> Value {
        self.output(&self.begin(flow, data).0)
    }

    /// Runs a flow that fails: the whole dead letter as text.
    fn fails(&self, flow: &str, data: &Value) -> String {
        let (_, run) = self.begin(flow, data);
        self.run(&run, "dead").to_string()
    }

    /// A run, once it has this status. One that never waited is not in the store before it ends.
    fn run(&self, id: &str, status: &str) -> Value {
        wait(&format!("the run {id} is {status}"), || {
            let runs = self
                .host()
                .get(&format!("/api/runs?status={status}&limit=1000"));
            runs.as_array()?
                .iter()
                .find(|run| run["id"] == id)
                .map(|_| ())
        });
        self.host().get(&format!("/api/runs/{id}"))
    }

    /// The events of a type in the host's log, the newest first.
    fn events(&self, kind: &str) -> Vec<Value> {
        let events = self
            .host()
            .get(&format!("/api/events?type={kind}&limit=1000"));
        events.as_array().cloned().unwrap_or_default()
    }

    /// The event that a Matrix event became.
    fn received(&self, kind: &str, id: &str) -> Value {
        wait(&format!("{id} as {kind}"), || {
            let events = self.events(kind);
            events.into_iter().find(|event| event["id"] == id)
        })
    }

    /// The texts of the adapter's messages in the room, the newest first.
    fn said(&self) -> Vec<Value> {
        let events = self.synapse.events(&self.mia, &self.room, "m.room.message");
        events
            .into_iter()
            .filter(|event| event["sender"] == self.bot.id)
            .map(|event| event["content"]["body"].clone())
            .collect()
    }

    fn say(&self, text: &str) -> Value {
        self.does("say", &json!({ "room": self.room, "text": text }))
    }
}
