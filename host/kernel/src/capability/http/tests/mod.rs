//! What `http` sends, refuses, and takes out of answers: against a real server on a loopback port.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod addresses;
mod cookies;
mod credentials;
mod requests;
mod responses;
mod server;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::capability::tests::granted;
use crate::grant::Item;
use crate::secret::Secret;
use crate::system::Credential;

/// Long enough for a loopback server on a busy machine.
const PLENTY: Duration = Duration::from_secs(20);

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn binding(base: &str, credential: Credential, private_network: bool) -> HttpBinding {
    HttpBinding {
        base: base.parse().unwrap(),
        allow: vec![],
        credential,
        private_network,
        keeps_cookies: false,
    }
}

fn prepared(base: &str, credential: Credential) -> Http {
    let bindings = BTreeMap::from([(
        "api".to_owned(),
        Binding::Http(binding(base, credential, true)),
    )]);
    Http::prepare(Some(&HttpClients::new().unwrap()), &bindings).unwrap()
}

fn grant(allow: &[&str]) -> ActiveGrant {
    let item = |allow: &&str| Item::Http {
        connection: "api".into(),
        place: "http://127.0.0.1".into(),
        allow: (*allow).to_owned(),
        credential: "none".into(),
        private_network: true,
    };
    granted(allow.iter().map(item).collect())
}

fn get(path: &str) -> HttpRequest {
    HttpRequest {
        method: "GET",
        path: path.to_owned(),
        query: vec![],
        headers: vec![],
        body: None,
        timeout: None,
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
