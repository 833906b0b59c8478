//! Names that change their mind. The whole test, the real host included, runs in a network of its own that has a server
//! at a public address and one at each that a name must not lead to, and a name server that says what the test wants.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tombolo_tests::built::{adapter, scratch, tombolo};
use tombolo_tests::server::{RecordingServer, Reply};
use tombolo_tests::site::TestSite;

use crate::fixture::{Attack, attack_at, says};

/// A public address, which only the test's own network has.
const PUBLIC: Ipv4Addr = Ipv4Addr::new(93, 184, 216, 34);
/// Where clouds keep what a machine may do.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
const PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 3);
const PORT: u16 = 8080;
/// Set in the inner network: where the attacker's adapter is, which cannot be built there.
const ADAPTER: &str = "TOMBOLO_TEST_REBINDING_ADAPTER";
const NAME: &str = "rebinding::case_56_a_name_that_changes_its_mind_is_looked_up_once_and_checked";

/// Makes the network, names and addresses of it, and runs the rest of its arguments there. `/etc` changes for it alone.
const INSIDE: &str = r#"
ip link set lo up
for address in $1; do ip address add "$address/32" dev lo; done
mount --bind "$2/resolv.conf" /etc/resolv.conf
mount --bind "$2/nsswitch.conf" /etc/nsswitch.conf
shift 2
exec "$@"
"#;

#[test]
fn case_56_a_name_that_changes_its_mind_is_looked_up_once_and_checked() {
    if let Ok(adapter) = std::env::var(ADAPTER) {
        return inside(&adapter);
    }
    tombolo();
    let names = tempfile::tempdir_in(scratch()).unwrap();
    for (file, text) in [
        ("resolv.conf", "nameserver 127.0.0.1\n"),
        ("nsswitch.conf", "hosts: files dns\n"),
    ] {
        std::fs::write(names.path().join(file), text).unwrap();
    }
    let output = Command::new("unshare")
        .args([
            "--map-root-user",
            "--mount",
            "--net",
            "sh",
            "-ec",
            INSIDE,
            "sh",
        ])
        .arg(format!("{PUBLIC} {METADATA} {PRIVATE}"))
        .arg(names.path())
        .arg(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env(ADAPTER, adapter("tests/hostile/attacker"))
        .output()
        .expect("this test needs `unshare` (util-linux) and `ip` (iproute2)");
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}\nThis test makes a network of its own. Where the machine keeps that from users (\"Operation not permitted\"), \
         run it as root, or allow user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0, \
         docker run --security-opt seccomp=unconfined --cap-add SYS_ADMIN"
    );
}

/// In the network that [`INSIDE`] made.
fn inside(adapter: &str) {
    let server = |address: Ipv4Addr| {
        let server = RecordingServer::start_at(SocketAddr::from((address, PORT)));
        // A connection that is kept would spare the host the second look at the name.
        server.always(Some(Reply::json(200, "{}").with("connection", "close")));
        server
    };
    let [public, metadata, private, loopback] =
        [PUBLIC, METADATA, PRIVATE, Ipv4Addr::LOCALHOST].map(server);
    let names = NameServer::start();
    let site = TestSite::new();
    site.adapter("attacker", adapter.as_ref());
    let system = format!(
        "
adapter: adapters/attacker.wasm
connections:
  api: {{ http: \"http://public.test:{PORT}\", allow: [\"GET /orders/*\"] }}
  other: {{ http: \"http://private.test:{PORT}\", network: private, allow: [\"GET /orders/*\"] }}
actions:
  go: {{ effect: read, summary: Goes, do: {{}} }}
"
    );
    let attack = attack_at(site, &system);

    // It says one thing to whoever checks, and another to whoever then connects.
    names.says([vec![PUBLIC], vec![Ipv4Addr::LOCALHOST]]);
    says(&get(&attack, "api"), &["\\\"status\\\":200"]);
    assert_eq!(public.received().len(), 1);
    says(&get(&attack, "api"), &["a loopback address"]);
    for (answer, why) in [
        (vec![PUBLIC, Ipv4Addr::LOCALHOST], "a loopback address"),
        (vec![Ipv4Addr::LOCALHOST, PUBLIC], "a loopback address"),
        (vec![PRIVATE], "a private address"),
        (vec![METADATA], "a link-local address"),
    ] {
        names.says([answer]);
        says(&get(&attack, "api"), &[why]);
    }
    attack.refusal_is_recorded(&["GET /orders/7", "api", "a private address"]);

    // What the operator calls private may be this machine, and still not everything.
    names.says([vec![Ipv4Addr::LOCALHOST], vec![METADATA]]);
    says(&get(&attack, "other"), &["\\\"status\\\":200"]);
    assert_eq!(loopback.received().len(), 1);
    says(&get(&attack, "other"), &["a link-local address"]);
    attack.refusal_is_recorded(&["GET /orders/7", "other", "a link-local address"]);

    assert_eq!(public.received().len(), 1);
    assert_eq!(loopback.received().len(), 1);
    for server in [metadata, private] {
        assert!(server.received().is_empty(), "{:#?}", server.received());
    }
    attack.neighbour_works();
}

fn get(attack: &Attack, connection: &str) -> serde_json::Value {
    attack.deed(
        &json!({"do": "http", "connection": connection, "method": "GET", "path": "/orders/7"}),
    )
}

/// Answers every question for an address in turn, the last answer again and again; other questions have no answer
/// (RFC 1035, section 4).
struct NameServer(Arc<Mutex<VecDeque<Vec<Ipv4Addr>>>>);

impl NameServer {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let shared = Arc::clone(&answers);
        std::thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                let answer = answer(&query[..length], &mut shared.lock().unwrap());
                let _ = socket.send_to(&answer, from);
            }
        });
        Self(answers)
    }

    fn says<const N: usize>(&self, answers: [Vec<Ipv4Addr>; N]) {
        *self.0.lock().unwrap() = answers.into();
    }
}

fn answer(query: &[u8], answers: &mut VecDeque<Vec<Ipv4Addr>>) -> Vec<u8> {
    const HEADER: usize = 12;
    // One question: the name's labels up to the empty one, type and class, two bytes each.
    let labels = query[HEADER..].iter().position(|byte| *byte == 0).unwrap();
    let question = &query[HEADER..HEADER + labels + 5];
    let asks_for_address = question[labels + 1..labels + 3] == [0, 1];
    let addresses = match answers.len() {
        _ if !asks_for_address => Vec::new(),
        0 | 1 => answers.front().cloned().unwrap_or_default(),
        _ => answers.pop_front().unwrap_or_default(),
    };
    // The query's id; an answer, recursion desired and available, no error; one question, so many answers.
    let mut out = query[..2].to_vec();
    out.extend([
        0x81,
        0x80,
        0,
        1,
        0,
        u8::try_from(addresses.len()).unwrap(),
        0,
        0,
        0,
        0,
    ]);
    out.extend(question);
    for address in addresses {
        // The name of the question, an address of the Internet, good for no time, four bytes.
        out.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        out.extend(address.octets());
    }
    out
}
