//! The example sites, each run on the real servers that it names.

mod alarm;
mod conversation;
mod customers;
mod outages;
mod portable;
mod restock;
mod ship;
mod shop;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tombolo_tests::built::{adapter, root};
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::site::TestSite;

use crate::servers::synapse::{HS_TOKEN, Person, SERVER, Synapse, encoded};

/// A site of `tests/real/sites` that runs.
struct Running {
    site: TestSite,
    host: Option<TestHost>,
    environment: BTreeMap<String, String>,
}

impl Running {
    /// The site with these values in its files, its systems approved and its secrets in the environment. `adapters` are
    /// those of `plugins/`.
    fn start(
        name: &str,
        port: u16,
        adapters: &[&str],
        values: &[(&str, String)],
        environment: &[(&str, String)],
    ) -> Self {
        Self::start_with(name, port, adapters, values, environment, |_| ())
    }

    /// The same with more files.
    fn start_with(
        name: &str,
        port: u16,
        adapters: &[&str],
        values: &[(&str, String)],
        environment: &[(&str, String)],
        more: impl FnOnce(&TestSite),
    ) -> Self {
        let site = TestSite::new();
        for one in adapters {
            site.adapter(one, &adapter(&format!("plugins/{one}")));
        }
        let mut all = vec![
            ("PORT".to_owned(), port.to_string()),
            ("CHAT_NAME".to_owned(), SERVER.to_owned()),
        ];
        all.extend(
            values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        let folder = root().join("tests/real/sites").join(name);
        site.copy(&folder, &all);
        more(&site);
        for entry in std::fs::read_dir(site.path().join("systems")).unwrap() {
            let file = entry.unwrap().path();
            site.approve(file.file_stem().unwrap().to_str().unwrap());
        }
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let mut running = Self {
            site,
            host: None,
            environment,
        };
        running.up();
        running
    }

    fn up(&mut self) {
        let environment: Vec<(&str, &str)> = self
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.host = Some(TestHost::start(&self.site, &environment));
    }

    /// SIGKILL, then start again.
    fn kill(&mut self) {
        self.down();
        self.up();
    }

    /// SIGKILL.
    fn down(&mut self) {
        self.host.take().unwrap().kill();
    }

    fn host(&self) -> &TestHost {
        self.host.as_ref().unwrap()
    }

    /// Has the ERP sell so many of an item, by a flow of the test's own.
    fn sells(&self, customer: &str, reference: &str, quantity: u32) {
        let flow = "on: test.sold\nsteps:\n  - id: sale\n    call: erp.sale.create\n    with: \"${event.data}\"\n  - call: erp.sale.confirm\n    with: { id: \"${steps.sale.id}\" }\n";
        self.site.write("flows/sells.yaml", flow);
        self.host().wait_for("the site is reloaded", |host| {
            host.log().contains("reloaded").then_some(())
        });
        let lines = json!([{ "sku": "WID-1", "quantity": quantity }]);
        let sale = json!({ "customer": customer, "reference": reference, "lines": lines });
        assert_eq!(
            self.host().publish("test.sold", reference, &sale).status,
            202
        );
        self.host().wait_for_run("sells", "done");
    }

    /// How many events of a type there are.
    fn events(&self, kind: &str) -> usize {
        let events = self
            .host()
            .get(&format!("/api/events?type={kind}&limit=1000"));
        events.as_array().map_or(0, Vec::len)
    }
}

/// A homeserver with people in a room, and the adapter's user invited.
struct Chat {
    synapse: Synapse,
    bot: Person,
    mia: Person,
    otto: Person,
    room: String,
}

impl Chat {
    /// The room by which site files know it.
    const ALIAS: &str = "#plant:plant.example";

    /// Whose transactions go to a host at this port.
    fn start(port: u16) -> Self {
        // Building takes longer than a homeserver is patient.
        adapter("plugins/matrix");
        let hook = format!("http://127.0.0.1:{port}/hooks/chat/transactions");
        let synapse = Synapse::start(&hook, &json!({ "per_second": 1_000, "burst_count": 1_000 }));
        let (bot, mia, otto) = (
            synapse.service(),
            synapse.person("mia"),
            synapse.person("otto"),
        );
        Self {
            synapse,
            bot,
            mia,
            otto,
            room: String::new(),
        }
    }

    fn environment(&self) -> [(&'static str, String); 2] {
        [
            ("MATRIX_TOKEN", self.bot.token.clone()),
            ("MATRIX_HS_TOKEN", HS_TOKEN.to_owned()),
        ]
    }

    /// Makes the room, once a host is there to hear of it, and waits until the adapter is in it.
    fn open(&mut self) {
        let room = self
            .synapse
            .room(&self.mia, "plant", &[&self.bot, &self.otto]);
        self.synapse.join(&self.otto, &room);
        self.room = room;
        let path = format!(
            "/_matrix/client/v3/rooms/{}/joined_members",
            encoded(&self.room)
        );
        wait("the adapter joins the room", || {
            let members = self.synapse.ok(&self.mia.token, "GET", &path, &Value::Null);
            members["joined"].get(&self.bot.id).map(|_| ())
        });
    }

    /// The newest message of the adapter that has these words.
    fn told(&self, words: &str) -> Value {
        wait(&format!("a message that says {words}"), || {
            let events = self.synapse.events(&self.mia, &self.room, "m.room.message");
            let mut said = events.into_iter().filter(|event| {
                event["sender"] == self.bot.id && event["content"].to_string().contains(words)
            });
            said.next()
        })
    }

    /// How many messages of the adapter have these words.
    fn count(&self, words: &str) -> usize {
        let events = self.synapse.events(&self.mia, &self.room, "m.room.message");
        let said = events.iter().filter(|event| {
            event["sender"] == self.bot.id && event["content"].to_string().contains(words)
        });
        said.count()
    }

    /// Somebody answers a message in words.
    fn replies(&self, person: &Person, message: &Value, words: &str) {
        let relation = json!({ "m.in_reply_to": { "event_id": message["event_id"] } });
        self.synapse.writes(person, &self.room, words, &relation);
    }
}
