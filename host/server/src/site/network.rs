//! How the host may be reached, from `tombolo.yaml`: TLS, or a proxy in front, and by which names.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use tombolo_flow::yaml::Node;

use super::fields::{self, At, Fields, Problems, START, quoted};

/// Keys of `tombolo.yaml` that are read here.
pub(crate) const KEYS: [&str; 4] = ["tls", "trusted-proxies", "insecure", "hosts"];

/// How the host may be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Its certificate; `None`: plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Whose word counts about the address of a client.
    pub trusted_proxies: Vec<IpNet>,
    /// The operator wants plain HTTP on a network, and said so.
    pub insecure: bool,
    /// Names by which clients call the host, beside that of `public-url`; lower case.
    pub hosts: Vec<String>,
}

/// A certificate and its key, both PEM, absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, then what leads to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Network {
    /// Whether passwords and events would go over a network as they are.
    #[must_use]
    pub fn is_open_at(&self, listen: SocketAddr) -> bool {
        let is_covered = self.tls.is_some() || !self.trusted_proxies.is_empty() || self.insecure;
        !listen.ip().is_loopback() && !is_covered
    }

    /// The address a request came from: the peer's, or where that is a trusted proxy, the last that no trusted proxy has.
    #[must_use]
    pub fn client(&self, peer: IpAddr, forwarded: &str) -> IpAddr {
        let peer = peer.to_canonical();
        let trusts = |address: IpAddr| {
            self.trusted_proxies
                .iter()
                .any(|net| net.contains(&address))
        };
        if !trusts(peer) {
            return peer;
        }
        let mut nearest = peer;
        for part in forwarded.rsplit(',') {
            // What cannot be read was not written by a proxy that is trusted.
            let Ok(address) = part.trim().parse::<IpAddr>() else {
                break;
            };
            nearest = address.to_canonical();
            if !trusts(nearest) {
                break;
            }
        }
        nearest
    }
}

/// Reads these keys.
pub(crate) fn read(
    fields: Option<&Fields<'_>>,
    listen: (SocketAddr, Option<&Node>),
    folder: &Path,
    problems: &mut Problems,
) -> Network {
    let get = |name: &str| fields.and_then(|fields| fields.get(name));
    let network = Network {
        tls: get("tls").and_then(|node| tls(node, folder, problems)),
        trusted_proxies: get("trusted-proxies")
            .map(|node| proxies(node, problems))
            .unwrap_or_default(),
        insecure: get("insecure").is_some_and(|node| insecure(node, problems)),
        hosts: get("hosts")
            .map(|node| hosts(node, problems))
            .unwrap_or_default(),
    };
    let (address, node) = listen;
    // A certificate that is wrongly given is told above.
    if network.is_open_at(address) && get("tls").is_none() && get("trusted-proxies").is_none() {
        let at: At = node.map_or(START, |node| node.place);
        problems.add(at, format!("listen: {}", open(address)));
    }
    network
}

/// Why a host must not listen there so.
#[must_use]
pub(crate) fn open(address: SocketAddr) -> String {
    format!(
        "{address} can be reached from other machines, and tokens would go there unencrypted; give `tls: {{ certificate: FILE, key: FILE }}`, or `trusted-proxies` if one in front does TLS, or listen on 127.0.0.1; `insecure: allow` if this network is safe"
    )
}

fn tls(node: &Node, folder: &Path, problems: &mut Problems) -> Option<TlsFiles> {
    let fields = Fields::known(node, "tls", &["certificate", "key"], problems)?;
    let mut file = |name: &str| {
        let node = fields.need(name, problems)?;
        fields::text(node, name, problems).map(|path| folder.join(path))
    };
    let (certificate, key) = (file("certificate"), file("key"));
    Some(TlsFiles {
        certificate: certificate?,
        key: key?,
    })
}

fn proxies(node: &Node, problems: &mut Problems) -> Vec<IpNet> {
    let mut nets = Vec::new();
    for (at, text) in fields::texts(node, "trusted-proxies", problems) {
        let net = text.parse::<IpNet>().ok();
        match net.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)) {
            Some(net) if net.prefix_len() > 0 => nets.push(net),
            Some(_) => problems.add(
                at,
                "trusted-proxies: found every address there is, expected those of your proxies",
            ),
            None => problems.add(
                at,
                format!(
                    "trusted-proxies: found {}, expected addresses such as 10.0.0.5 or 10.0.0.0/8",
                    quoted(text)
                ),
            ),
        }
    }
    nets
}

fn insecure(node: &Node, problems: &mut Problems) -> bool {
    let allows = fields::text(node, "insecure", problems) == Some("allow");
    if !allows {
        problems.unexpected(node, "insecure", "`allow`, or no such key");
    }
    allows
}

fn hosts(node: &Node, problems: &mut Problems) -> Vec<String> {
    let mut hosts = Vec::new();
    for (at, text) in fields::texts(node, "hosts", problems) {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if text.is_empty() || !text.bytes().all(is_plain) {
            problems.add(
                at,
                format!(
                    "hosts: found {}, expected a name such as tombolo.internal, without a port",
                    quoted(text)
                ),
            );
        }
        hosts.push(text.to_ascii_lowercase());
    }
    hosts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_a_trusted_proxys_word_counts_about_the_client() {
        let network = Network {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            ..Network::default()
        };
        let table = [
            ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.7, 203.0.113.9", "203.0.113.9"),
            (
                "10.0.0.1",
                "198.51.100.7, 203.0.113.9, 10.2.3.4",
                "203.0.113.9",
            ),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
            ("10.0.0.1", "10.0.0.7", "10.0.0.7"),
            ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("::1", "2001:db8::1", "2001:db8::1"),
        ];
        for (peer, forwarded, expected) in table {
            let found = network.client(peer.parse().unwrap(), forwarded);
            assert_eq!(found.to_string(), expected, "{peer} said {forwarded:?}");
        }
    }

    #[test]
    fn plain_http_on_a_network_must_be_asked_for() {
        let table = [
            ("127.0.0.1:1", false, false),
            ("[::1]:1", false, false),
            ("0.0.0.0:1", false, true),
            ("[::]:1", false, true),
            ("192.168.1.5:1", false, true),
            ("192.168.1.5:1", true, false),
        ];
        for (listen, insecure, open) in table {
            let network = Network {
                insecure,
                ..Network::default()
            };
            assert_eq!(
                network.is_open_at(listen.parse().unwrap()),
                open,
                "{listen}"
            );
        }
    }
}
