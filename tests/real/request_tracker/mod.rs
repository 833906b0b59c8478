//! The plugin `request-tracker` and Request Tracker 5.

mod actions;
mod feed;
mod hook;

use tombolo_tests::built::adapter;
use tombolo_tests::host::TestHost;
use tombolo_tests::site::TestSite;

use crate::asked;
use crate::servers::request_tracker::SECRET;

const ACTIONS: [&str; 6] = [
    "ticket.create",
    "ticket.get",
    "ticket.search",
    "ticket.reply",
    "ticket.comment",
    "ticket.update",
];

/// What the host is told in its environment.
const ENVIRONMENT: [(&str, &str); 2] = [("RT_PASSWORD", "tombolo-password"), ("RT_HOOK", SECRET)];

/// The credential of the adapter's user.
const BASIC: &str = "{ basic: { user: tombolo, password: \"env:RT_PASSWORD\" } }";

/// A site with the system `desk` on this port, approved, a flow for each action, and `more` in the system file.
fn site(port: u16, credential: &str, more: &str) -> TestSite {
    let site = TestSite::new();
    site.adapter("rt", &adapter("plugins/request-tracker"));
    site.write(
        "systems/desk.yaml",
        &format!(
            "adapter: adapters/rt.wasm\nconnections:\n  api: {{ http: \"http://127.0.0.1:{port}/REST/2.0\", network: private, credential: {credential} }}\nkeys: {{ hook: \"env:RT_HOOK\" }}\n{more}"
        ),
    );
    asked::flows(&site, "desk", &ACTIONS);
    site.approve("desk");
    site
}

/// A host on such a site, which lives as long as this value.
struct Desk {
    host: TestHost,
    _site: TestSite,
}

impl std::ops::Deref for Desk {
    type Target = TestHost;

    fn deref(&self) -> &TestHost {
        &self.host
    }
}

impl Desk {
    fn start(port: u16, credential: &str, more: &str, environment: &[(&str, &str)]) -> Self {
        let site = site(port, credential, more);
        Self {
            host: TestHost::start(&site, environment),
            _site: site,
        }
    }
}
