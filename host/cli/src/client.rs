//! Talks to a running host over its HTTP API. The only file of the commands that knows HTTP.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::text;
pub(crate) use crate::whereabouts::HostArguments;

/// Longer than the longest poll the API holds (20 s).
const PATIENCE: Duration = Duration::from_secs(40);
/// Connecting; the host is near.
const CONNECT: Duration = Duration::from_secs(3);

/// A way to a running host.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    site: PathBuf,
}

impl Client {
    /// Finds address and token; asks nothing of the host yet. `right` is what the token must allow: `operate`,
    /// `publish` or `answer`.
    ///
    /// # Errors
    /// No site, no token, or an address that is none.
    pub(crate) fn for_command(arguments: &HostArguments, right: &str) -> anyhow::Result<Self> {
        let (address, token) = arguments.resolve(right)?;
        Self::new(&address, token, &arguments.site)
    }

    /// A client for a known address and token.
    pub(crate) fn new(address: &str, token: String, site: &Path) -> anyhow::Result<Self> {
        let base = if address.contains("://") {
            address.trim_end_matches('/').to_owned()
        } else {
            format!("http://{address}")
        };
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(PATIENCE);
        if !base.starts_with("https://") {
            // Plain HTTP needs no certificate authorities, and a small container may have none to load.
            builder = builder.tls_certs_only(Vec::new());
        }
        let http = builder.build().context("cannot make an HTTP client")?;
        Ok(Self {
            http,
            base,
            token,
            site: site.to_owned(),
        })
    }

    /// `127.0.0.1:7070`, for messages.
    pub(crate) fn address(&self) -> &str {
        self.base.strip_prefix("http://").unwrap_or(&self.base)
    }

    /// `GET path`.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.answer(self.http.get(format!("{}{path}", self.base)))
            .await
    }

    /// `GET path`, or nothing where the host has no such thing.
    pub(crate) async fn find(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let (status, body) = self
            .response(self.http.get(format!("{}{path}", self.base)))
            .await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(self.json(&body)?)),
            status => bail!("{}", refusal(status.as_u16(), &body)),
        }
    }

    /// `GET path`, as it comes.
    pub(crate) async fn bytes(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let request = self.http.get(format!("{}{path}", self.base));
        let (status, body) = self.response(request).await?;
        if !status.is_success() {
            bail!("{}", refusal(status.as_u16(), &body));
        }
        Ok(body)
    }

    /// `POST path` with a JSON body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/json");
        self.answer(request.body(body.to_string())).await
    }

    /// `GET path`, read into a type.
    pub(crate) async fn read<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
    ) -> anyhow::Result<T> {
        let value = self.get(path).await?;
        into(value, path)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let (status, body) = self.response(request).await?;
        if status.is_success() {
            self.json(&body)
        } else {
            bail!("{}", refusal(status.as_u16(), &body))
        }
    }

    async fn response(
        &self,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let response = request
            .bearer_auth(&self.token)
            .send()
            .await
            .map_err(|error| self.unanswered(error))?;
        let status = response.status();
        let body = response
            .bytes()
            .await
            .with_context(|| format!("{} broke off its answer", self.address()))?;
        Ok((status, body.into()))
    }

    fn json(&self, body: &[u8]) -> anyhow::Result<Value> {
        let address = self.address();
        serde_json::from_slice(body).with_context(|| {
            format!("{address} answered with something that is not JSON; is it a Tombolo host?")
        })
    }

    fn unanswered(&self, error: reqwest::Error) -> anyhow::Error {
        let address = self.address();
        if error.is_connect() {
            anyhow::anyhow!(
                "nothing answers at {address}; start it with `tombolo serve {}`",
                self.site.display()
            )
        } else if error.is_timeout() {
            anyhow::anyhow!("{address} did not answer within {} s", PATIENCE.as_secs())
        } else {
            anyhow::Error::new(error.without_url()).context(format!("cannot ask {address}"))
        }
    }
}

/// Reads an answer of the API into a type.
pub(crate) fn into<T: serde::de::DeserializeOwned>(value: Value, path: &str) -> anyhow::Result<T> {
    let path = path.split('?').next().unwrap_or(path);
    serde_json::from_value(value)
        .with_context(|| format!("the host's answer to {path} is not what this version of tombolo reads; use the same version on both sides"))
}

/// Percent-encodes one path segment or query value.
pub(crate) fn encoded(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    safe
}

/// `?a=1&b=2` of what is given; nothing of what is not.
pub(crate) fn query(parts: &[(&str, Option<String>)]) -> String {
    let given = parts.iter().filter_map(|(name, value)| {
        value
            .as_ref()
            .map(|value| format!("{name}={}", encoded(value)))
    });
    let joined = given.collect::<Vec<_>>().join("&");
    if joined.is_empty() {
        joined
    } else {
        format!("?{joined}")
    }
}

fn refusal(status: u16, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: Reason,
    }
    #[derive(Deserialize)]
    struct Reason {
        #[serde(default)]
        message: String,
    }
    let message = serde_json::from_slice::<Refusal>(body).map_or_else(
        |_| text::shortened(&String::from_utf8_lossy(body), 300).into_owned(),
        |refusal| refusal.error.message,
    );
    let message = text::harmless(&message);
    let hint = match status {
        401 => {
            "; set TOMBOLO_TOKEN to one of the tokens of tombolo.yaml or of `tombolo token list`, or name another variable with --token-env"
        }
        403 => "; `tombolo token create` makes one that may",
        _ => "",
    };
    format!("the host says ({status}): {message}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_given_filters_are_sent_and_they_are_encoded() {
        assert_eq!(query(&[("flow", None), ("status", None)]), "");
        assert_eq!(
            query(&[("flow", Some("a b&c".into())), ("limit", Some("5".into()))]),
            "?flow=a%20b%26c&limit=5"
        );
    }

    #[test]
    fn a_refusal_shows_the_hosts_words_without_escapes() {
        let shown = refusal(
            409,
            b"{\"error\":{\"kind\":\"conflict\",\"message\":\"already \\u001b[2J approved\"}}",
        );
        assert_eq!(shown, "the host says (409): already \\u{1b}[2J approved");
        assert!(refusal(401, b"").contains("--token-env"));
    }

    #[tokio::test]
    async fn a_host_that_is_not_there_is_named_with_the_command_that_starts_it() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .map(|address| address.to_string());
        let address = free.unwrap_or_default();
        let client = Client::new(&address, "t".into(), Path::new("my-site"));
        let error = match client {
            Ok(client) => client
                .get("/api/systems")
                .await
                .err()
                .map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        assert_eq!(
            error,
            Some(format!(
                "nothing answers at {address}; start it with `tombolo serve my-site`"
            ))
        );
    }
}
