//! `registries` of `tombolo.yaml`: who asks there, and what is allowed on the way.

use std::collections::BTreeMap;

use tombolo_flow::yaml::Node;
use tombolo_kernel::limits;

use super::fields::{self, Fields, Problems, quoted};
use super::settings::reference;
use crate::registry::is_host;
use crate::secrets::SecretReference;

/// One registry, or server from which adapters are fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrySettings {
    /// Who asks.
    pub user: Option<String>,
    /// Where the password is.
    pub password: Option<SecretReference>,
    /// What it redirects to may be on a private network.
    pub private_network: bool,
    /// Plain HTTP, although it is not this machine.
    pub insecure: bool,
}

/// Reads `{ registry.example: { user: robot, password: "env:NAME" } }`.
pub(crate) fn read(node: &Node, problems: &mut Problems) -> BTreeMap<String, RegistrySettings> {
    let mut all = BTreeMap::new();
    let Some(registries) = Fields::any(node, "registries", problems) else {
        return all;
    };
    for (key, node) in registries.entries() {
        if !is_host(&key.text) {
            problems.add(
                key.place,
                format!(
                    "registry {}: expected its host, with the port where it is not the usual one, such as registry.example",
                    quoted(&key.text)
                ),
            );
        }
        if all.len() == limits::REGISTRIES {
            problems.add(
                key.place,
                format!(
                    "found more than {} registries, expected at most that",
                    limits::REGISTRIES
                ),
            );
            break;
        }
        all.extend(one(node, problems).map(|one| (key.text.clone(), one)));
    }
    all
}

fn one(node: &Node, problems: &mut Problems) -> Option<RegistrySettings> {
    let known = ["user", "password", "network", "insecure"];
    let fields = Fields::known(node, "a registry", &known, problems)?;
    let mut word = |name: &str, expected: &str| {
        let Some(node) = fields.get(name) else {
            return false;
        };
        let found = fields::text(node, name, problems);
        if found.is_some_and(|found| found != expected) {
            problems.unexpected(node, name, &format!("`{expected}`, or no such key"));
        }
        found == Some(expected)
    };
    let private_network = word("network", "private");
    let insecure = word("insecure", "allow");
    let user = fields
        .get("user")
        .and_then(|node| fields::text(node, "user", problems))
        .map(str::to_owned);
    let password = fields
        .get("password")
        .and_then(|node| reference(node, "password", problems));
    if user.is_some() != fields.get("password").is_some() {
        problems.add(
            fields.at,
            "a registry: found one of `user` and `password`, expected both or none",
        );
    }
    Some(RegistrySettings {
        user,
        password,
        private_network,
        insecure,
    })
}
