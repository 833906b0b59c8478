//! Synapse. What it does with those who send more than their rate is in `matrix/messages.rs`.

use serde_json::{Value, json};

use super::midway::{Midway, Plan, Server, Takes};
use crate::servers::Process;
use crate::servers::synapse::{Person, Synapse};

/// A homeserver with a room, and who looks into it.
struct Chat {
    synapse: Synapse,
    mia: Person,
    room: String,
}

impl Server for Chat {
    fn process(&mut self) -> &mut Process {
        &mut self.synapse.process
    }

    fn input(&mut self, case: &str) -> Value {
        json!({ "room": self.room, "text": case })
    }

    fn made(&self, case: &str) -> usize {
        let events = self.synapse.events(&self.mia, &self.room, "m.room.message");
        events
            .iter()
            .filter(|event| event["content"]["body"] == case)
            .count()
    }
}

#[test]
fn a_message_is_sent_once_whatever_synapse_suffers() {
    let rate = json!({ "per_second": 1_000, "burst_count": 1_000 });
    let synapse = Synapse::start("http://127.0.0.1:9/", &rate);
    let (bot, mia) = (synapse.service(), synapse.person("mia"));
    let room = synapse.room(&mia, "plant", &[&bot]);
    synapse.join(&bot, &room);
    let token = bot.token.clone();
    let mut chat = Chat { synapse, mia, room };
    let midway = Midway::start(&Plan {
        adapter: "matrix",
        system: &format!(
            "connections:\n  homeserver: {{ http: \"{}\", network: private, credential: {{ bearer: \"file:secret\" }} }}\nkeys: {{ hs-token: \"file:secret\" }}",
            chat.synapse.url()
        ),
        secret: &token,
        first: (
            "message.send",
            json!({ "room": chat.room, "text": "begun" }),
        ),
        second: "message.send",
    });
    midway.stopped(&mut chat, &["unavailable"]);
    midway.slow(&mut chat, &["did not answer in time"]);
    midway.wrong_password(
        &mut chat,
        &token,
        Takes::Dying("unauthorized"),
        &["M_UNKNOWN_TOKEN"],
    );
    midway.full_disk(&mut chat, Takes::Waiting, &["500"]);
}
