//! The site under test: `site/` with the driver's addresses put in, and approved.

use std::net::SocketAddr;

use tombolo_tests::built::{adapter, root, scratch};
use tombolo_tests::site::TestSite;

use crate::wires::Wires;

/// The token that the hook's sender shows.
pub(crate) const HOOK_TOKEN: &str = "hook-token-0123456789";
/// The variable that holds it.
pub(crate) const HOOK_TOKEN_VARIABLE: &str = "CRASH_HOOK_TOKEN";
/// Another, with the password of RabbitMQ's guests.
pub(crate) const AMQP_PASSWORD: (&str, &str) = ("CRASH_AMQP_PASSWORD", "guest");

const ADAPTERS: [(&str, &str); 4] = [
    ("webhook", "plugins/webhook"),
    ("rest", "plugins/rest"),
    ("broker", "plugins/broker"),
    ("attacker", "tests/hostile/attacker"),
];
const SYSTEMS: [&str; 8] = [
    "source", "sink", "shaky", "brittle", "ledger", "plant", "queue", "stream",
];

/// How long the host waits for the sink's answers, milliseconds: less than the sink hangs. Where it does not hang, more
/// than a busy machine may take.
const PATIENCE: (u32, u32) = (300, 10_000);

/// Writes and approves it.
pub(crate) fn write(site: &TestSite, sink: SocketAddr, broker: u16, wires: &Wires, calm: bool) {
    for (name, folder) in ADAPTERS {
        site.adapter(name, &adapter(folder));
    }
    let patience = if calm { PATIENCE.1 } else { PATIENCE.0 };
    let values = [
        ("SINK".to_owned(), sink.to_string()),
        ("BROKER".to_owned(), broker.to_string()),
        ("AMQP".to_owned(), wires.amqp_port.to_string()),
        ("NATS".to_owned(), wires.nats_port.to_string()),
        ("NAME".to_owned(), wires.name.clone()),
        ("PATIENCE".to_owned(), patience.to_string()),
    ];
    site.copy(&root().join("tests/crash/site"), &values);
    for system in SYSTEMS {
        site.approve(system);
    }
}

/// Copies the folder to where it can be looked at.
pub(crate) fn keep(site: &TestSite, seed: u64) {
    let to = scratch().join(format!("crash-{seed}"));
    let _ = std::fs::remove_dir_all(&to);
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(site.path())
        .arg(&to)
        .status();
    if copied.is_ok_and(|status| status.success()) {
        println!("the site is kept in {}", to.display());
    }
}
