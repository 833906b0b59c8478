//! Which host a command talks to, and with whose rights: from the command line, the environment, or the site's own
//! `tombolo.yaml`. Reads of that file only what it needs, so a mistake elsewhere in the site hinders no command.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use tombolo_server::access::Role;
use tombolo_server::secrets::{AgeFile, SecretReference, SecretSource};

use crate::text;

/// Variable that carries the API token where nothing else is said.
const TOKEN_VARIABLE: &str = "TOMBOLO_TOKEN";

/// Which host, and with whose rights.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct HostArguments {
    /// Folder of the site that the host serves
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) site: PathBuf,
    /// Address of the host instead of the site's `listen`: host:port (TLS unless it is this machine), or
    /// http(s)://host:port
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<String>,
    /// Environment variable with the API token [default: TOMBOLO_TOKEN, else the reference in tombolo.yaml]
    #[arg(long, value_name = "NAME")]
    pub(crate) token_env: Option<String>,
    /// Certificates in PEM to trust instead of this machine's: the host's own, or its authority's
    #[arg(long, value_name = "FILE", env = "TOMBOLO_CA")]
    pub(crate) ca: Option<PathBuf>,
}

/// What the commands need of `tombolo.yaml`; everything else there is the server's affair.
#[derive(Debug, Default, Deserialize)]
struct SiteHead {
    listen: Option<String>,
    #[serde(rename = "public-url")]
    public_url: Option<String>,
    tls: Option<serde_json::Value>,
    data: Option<PathBuf>,
    #[serde(default)]
    tokens: Vec<TokenHead>,
    secrets: Option<SecretsHead>,
}

#[derive(Debug, Deserialize)]
struct SecretsHead {
    age: PathBuf,
    identity: String,
}

/// A token of `tombolo.yaml`.
#[derive(Debug, Deserialize)]
pub(crate) struct TokenHead {
    /// Its name.
    pub(crate) name: String,
    token: String,
    #[serde(default)]
    may: Vec<String>,
    role: Option<Role>,
}

impl TokenHead {
    /// What its bearer is.
    pub(crate) fn roles(&self) -> Vec<Role> {
        let may = self.may.iter().filter_map(|may| Role::that_may(may));
        self.role.into_iter().chain(may).collect()
    }

    /// Whether it allows `operate`, `publish` or `answer`.
    fn may(&self, right: &str) -> bool {
        let role = Role::that_may(right);
        (self.role.is_some() && self.role == role) || self.may.iter().any(|may| may == right)
    }
}

impl HostArguments {
    /// Address and token. `right` is what the token must allow: `operate`, `publish` or `answer`.
    ///
    /// # Errors
    /// No site, or no token.
    pub(crate) fn resolve(&self, right: &str) -> anyhow::Result<(String, String)> {
        let head = site_head(self)?;
        let address = match (&self.address, &head.listen) {
            (Some(address), _) => address.clone(),
            // The certificate has the public name, not an address.
            (None, _) if head.tls.is_some() && head.public_url.is_some() => {
                head.public_url.clone().unwrap_or_default()
            }
            (None, Some(listen)) if head.tls.is_some() => format!("https://{}", reachable(listen)),
            // It listens there unencrypted because its site says so.
            (None, Some(listen)) => format!("http://{}", reachable(listen)),
            (None, None) => "127.0.0.1:7070".to_owned(),
        };
        Ok((address, token(self, &head, right)?))
    }
}

/// The file of a site's log.
///
/// # Errors
/// No site there.
pub(crate) fn store(site: &Path) -> anyhow::Result<PathBuf> {
    Ok(data(site)?.join(tombolo_server::host::STORE_FILE))
}

/// The data folder of a site.
///
/// # Errors
/// No site there.
pub(crate) fn data(site: &Path) -> anyhow::Result<PathBuf> {
    let data = head_of(site)?.data.unwrap_or_else(|| PathBuf::from("data"));
    Ok(site.join(data))
}

/// The tokens in a site's `tombolo.yaml`.
///
/// # Errors
/// No site there.
pub(crate) fn tokens(site: &Path) -> anyhow::Result<Vec<TokenHead>> {
    Ok(head_of(site)?.tokens)
}

fn head_of(site: &Path) -> anyhow::Result<SiteHead> {
    site_head(&HostArguments {
        site: site.to_owned(),
        address: None,
        token_env: None,
        ca: None,
    })
}

fn site_head(arguments: &HostArguments) -> anyhow::Result<SiteHead> {
    let file = arguments.site.join("tombolo.yaml");
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound && arguments.address.is_some() =>
        {
            return Ok(SiteHead::default());
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!(
                "no {} here; name the site's folder with --site DIR, or the host with --address",
                file.display()
            )
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    serde_saphyr::from_str(&text).with_context(|| {
        format!(
            "{} cannot be read; `tombolo check` tells more",
            file.display()
        )
    })
}

/// Where to connect for what a host listens on: any address means this machine.
fn reachable(listen: &str) -> String {
    match listen.parse::<std::net::SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() && address.is_ipv4() => {
            format!("127.0.0.1:{}", address.port())
        }
        Ok(address) if address.ip().is_unspecified() => format!("[::1]:{}", address.port()),
        _ => listen.to_owned(),
    }
}

fn token(arguments: &HostArguments, head: &SiteHead, right: &str) -> anyhow::Result<String> {
    if let Some(name) = &arguments.token_env {
        return std::env::var(name)
            .with_context(|| format!("--token-env {name}: cannot use that variable"));
    }
    if let Ok(token) = std::env::var(TOKEN_VARIABLE) {
        return Ok(token);
    }
    let Some(chosen) = head.tokens.iter().find(|token| token.may(right)) else {
        bail!(
            "no API token: set {TOKEN_VARIABLE}, name a variable with --token-env, give tombolo.yaml a token that may `{right}`, or make one with `tombolo token create`"
        );
    };
    resolve(&chosen.token, head, &arguments.site).with_context(|| {
        format!("cannot use the token `{}` of tombolo.yaml; set {TOKEN_VARIABLE} or name a variable with --token-env", text::harmless(&chosen.name))
    })
}

fn resolve(reference: &str, head: &SiteHead, site: &Path) -> anyhow::Result<String> {
    let age = match &head.secrets {
        None => None,
        Some(secrets) => Some(AgeFile {
            file: std::path::absolute(site.join(&secrets.age))?,
            identity: SecretReference::parse(&secrets.identity)?,
        }),
    };
    let secret = SecretSource::new(site, age).resolve(&SecretReference::parse(reference)?)?;
    let text = secret.expose_text().context("it is not UTF-8")?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_listens_on_becomes_where_to_reach_it() {
        let table = [
            ("127.0.0.1:7070", "127.0.0.1:7070"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:7070", "[::1]:7070"),
            ("192.168.1.5:7070", "192.168.1.5:7070"),
        ];
        for (listen, reach) in table {
            assert_eq!(reachable(listen), reach);
        }
    }
}
