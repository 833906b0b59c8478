//! Synapse, the Matrix homeserver, installed from PyPI. Each test has a server of its own, with one application service whose
//! transactions go to a host's hook.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use tombolo_tests::host::{PATIENCE, wait};

use super::{Process, folder, free_port, python};

const PACKAGES: &[&str] = &["matrix-synapse==1.163.0"];
/// What the registration has, and nobody guesses.
const AS_TOKEN: &str = "as-secret-0123456789";
pub(crate) const HS_TOKEN: &str = "hs-secret-0123456789";
pub(crate) const SERVER: &str = "plant.example";

/// A running homeserver.
pub(crate) struct Synapse {
    pub(crate) process: Process,
    port: u16,
    _folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

/// A user with an access token.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) token: String,
}

impl Synapse {
    /// Starts one whose application service is at `hook`, the address of a host's hook, and where everybody may send
    /// `messages`: `{ per_second, burst_count }`.
    pub(crate) fn start(hook: &str, messages: &Value) -> Self {
        let (folder, port) = (folder(), free_port());
        let at = |name: &str| folder.path().join(name).display().to_string();
        let write = |name: &str, value: &Value| fs::write(at(name), value.to_string()).unwrap();
        let seed: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
        fs::write(
            at("signing.key"),
            format!("ed25519 a_test {}\n", STANDARD_NO_PAD.encode(seed)),
        )
        .unwrap();
        write(
            "registration.yaml",
            &json!({
                "id": "tombolo",
                "url": hook,
                "as_token": AS_TOKEN,
                "hs_token": HS_TOKEN,
                "sender_localpart": "tombolo",
                "namespaces": {
                    "users": [{ "exclusive": true, "regex": "@tombolo:plant\\.example" }],
                    "aliases": [{ "exclusive": true, "regex": "#tombolo-direct-.*" }],
                    "rooms": [],
                },
            }),
        );
        write(
            "log.yaml",
            &json!({
                "version": 1,
                "handlers": { "all": { "class": "logging.StreamHandler" } },
                "root": { "level": "WARNING", "handlers": ["all"] },
            }),
        );
        let unlimited = json!({ "per_second": 1_000, "burst_count": 1_000 });
        write(
            "homeserver.yaml",
            &json!({
                "server_name": SERVER,
                "signing_key_path": at("signing.key"),
                "log_config": at("log.yaml"),
                "media_store_path": at("media"),
                "pid_file": at("pid"),
                "database": { "name": "sqlite3", "args": { "database": at("homeserver.db") } },
                "listeners": [{ "port": port, "type": "http", "bind_addresses": ["127.0.0.1"], "resources": [{ "names": ["client"] }] }],
                "app_service_config_files": [at("registration.yaml")],
                "macaroon_secret_key": "macaroons",
                "form_secret": "forms",
                "enable_registration": true,
                "enable_registration_without_verification": true,
                "bcrypt_rounds": 4,
                "report_stats": false,
                "trusted_key_servers": [],
                "federation_domain_whitelist": [],
                "rc_message": messages,
                "rc_room_creation": unlimited,
                "rc_registration": unlimited,
                "rc_login": { "address": unlimited, "account": unlimited, "failed_attempts": unlimited },
                "rc_joins": { "local": unlimited, "remote": unlimited },
                "rc_invites": { "per_room": unlimited, "per_user": unlimited, "per_issuer": unlimited },
            }),
        );
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut command = Command::new(program("python"));
        command
            .args(["-m", "synapse.app.homeserver", "-c"])
            .arg(folder.path().join("homeserver.yaml"))
            .current_dir(folder.path());
        let process = Process::start(command, port, &folder.path().join("synapse.log"));
        let synapse = Self {
            process,
            port,
            _folder: folder,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            // A connection that is kept would be one to the server before it was killed.
            client: reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(0)
                .timeout(PATIENCE)
                .build()
                .unwrap(),
        };
        synapse.answers();
        synapse
    }

    /// What a connection is bound to.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Kills it as a power cut would, and starts it again.
    pub(crate) fn restart(&mut self) {
        self.process.stop();
        self.process.again();
        self.answers();
    }

    fn answers(&self) {
        wait("Synapse answers", || {
            let (status, _) = self.send("", "GET", "/_matrix/client/versions", &Value::Null);
            (status == 200).then_some(())
        });
    }

    /// The application service's own user, with a device: only of a device's requests are transaction ids remembered over
    /// a restart.
    pub(crate) fn service(&self) -> Person {
        let register = json!({ "type": "m.login.application_service", "username": "tombolo" });
        self.registered(AS_TOKEN, &register)
    }

    /// A user like any other.
    pub(crate) fn person(&self, name: &str) -> Person {
        let register = json!({ "username": name, "password": format!("{name}-0123456789"), "auth": { "type": "m.login.dummy" } });
        self.registered("", &register)
    }

    fn registered(&self, token: &str, register: &Value) -> Person {
        let answer = self.ok(token, "POST", "/_matrix/client/v3/register", register);
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Person {
            id: text("user_id"),
            token: text("access_token"),
        }
    }

    // === what people do ===

    /// A room `#ALIAS:plant.example` to which these people are invited.
    pub(crate) fn room(&self, owner: &Person, alias: &str, others: &[&Person]) -> String {
        let invited: Vec<&str> = others.iter().map(|person| person.id.as_str()).collect();
        let room = json!({ "preset": "private_chat", "room_alias_name": alias, "invite": invited });
        let made = self.ok(&owner.token, "POST", "/_matrix/client/v3/createRoom", &room);
        made["room_id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn join(&self, person: &Person, room: &str) {
        let path = format!("/_matrix/client/v3/rooms/{}/join", encoded(room));
        self.ok(&person.token, "POST", &path, &json!({}));
    }

    pub(crate) fn kick(&self, by: &Person, whom: &Person, room: &str) {
        let path = format!("/_matrix/client/v3/rooms/{}/kick", encoded(room));
        self.ok(&by.token, "POST", &path, &json!({ "user_id": whom.id }));
    }

    /// Sends an event and gives its id.
    pub(crate) fn says(&self, person: &Person, room: &str, kind: &str, content: &Value) -> String {
        let path = format!(
            "/_matrix/client/v3/rooms/{}/send/{kind}/{}",
            encoded(room),
            fastrand::u64(..)
        );
        let sent = self.ok(&person.token, "PUT", &path, content);
        sent["event_id"].as_str().unwrap().to_owned()
    }

    /// The same with a text.
    pub(crate) fn writes(
        &self,
        person: &Person,
        room: &str,
        text: &str,
        relation: &Value,
    ) -> String {
        let mut content = json!({ "msgtype": "m.text", "body": text });
        if !relation.is_null() {
            content["m.relates_to"] = relation.clone();
        }
        self.says(person, room, "m.room.message", &content)
    }

    /// Sets a reaction.
    pub(crate) fn reacts(&self, person: &Person, room: &str, event: &str, key: &str) -> String {
        let relation = json!({ "rel_type": "m.annotation", "event_id": event, "key": key });
        self.says(
            person,
            room,
            "m.reaction",
            &json!({ "m.relates_to": relation }),
        )
    }

    // === what is there ===

    /// The events of a room with this type, the newest first, as this person sees them.
    pub(crate) fn events(&self, person: &Person, room: &str, kind: &str) -> Vec<Value> {
        let path = format!(
            "/_matrix/client/v3/rooms/{}/messages?dir=b&limit=100",
            encoded(room)
        );
        let page = self.ok(&person.token, "GET", &path, &Value::Null);
        let events = page["chunk"].as_array().unwrap().iter();
        events
            .filter(|event| event["type"] == kind)
            .cloned()
            .collect()
    }

    /// One event of a room.
    pub(crate) fn event(&self, person: &Person, room: &str, id: &str) -> Value {
        let (room, id) = (encoded(room), encoded(id));
        let path = format!("/_matrix/client/v3/rooms/{room}/event/{id}");
        self.ok(&person.token, "GET", &path, &Value::Null)
    }

    /// Sends a request that goes well.
    #[track_caller]
    pub(crate) fn ok(&self, token: &str, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.send(token, method, path, body);
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// Sends a request; without a token it is nobody's.
    pub(crate) fn send(&self, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.url());
        let mut request = self.client.request(method.parse().unwrap(), url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        self.runtime.block_on(async {
            match request.send().await {
                Ok(response) => {
                    let status = response.status().as_u16();
                    let text = response.text().await.unwrap_or_default();
                    (status, serde_json::from_str(&text).unwrap_or_default())
                }
                Err(error) => (0, error.to_string().into()),
            }
        })
    }
}

fn program(name: &str) -> PathBuf {
    python("synapse", PACKAGES).join("bin").join(name)
}

/// An id as a part of a path.
pub(crate) fn encoded(id: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    id.bytes()
        .map(|byte| match plain(&byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}
