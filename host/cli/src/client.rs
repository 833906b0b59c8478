//! Talks to a running host over its HTTP API. The only file of the commands that knows HTTP.

use std::net::IpAddr;
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

/// Longest rest that the host asks for and a command takes; a person would rather know of more.
const REST_MOST: Duration = Duration::from_secs(5);
/// How often a command asks again after such a rest.
const COMES_AGAIN: u32 = 10;

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
        Self::new(&address, token, &arguments.site, arguments.ca.as_deref())
    }

    /// A client for a known address and token, which trusts the certificates of `ca` instead of the machine's.
    pub(crate) fn new(
        address: &str,
        token: String,
        site: &Path,
        ca: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let base = base(address);
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            // The host never sends anybody elsewhere: who does is none.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(PATIENCE);
        if let Some(ca) = ca {
            builder = builder.tls_certs_only(certificates(ca)?);
        } else if !base.starts_with("https://") {
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
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> anyhow::Result<Value> {
        let body = serde_json::to_string(body)?;
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/json");
        self.answer(request.body(body)).await
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
        let response = self.patiently(request.bearer_auth(&self.token)).await?;
        let status = response.status();
        let body = response
            .bytes()
            .await
            .with_context(|| format!("{} broke off its answer", self.address()))?;
        Ok((status, body.into()))
    }

    /// Sends a request; one that comes too often waits as the host says, where that is not long.
    async fn patiently(
        &self,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<reqwest::Response> {
        let mut again = request.try_clone();
        let mut response = request.send().await;
        for _ in 0..COMES_AGAIN {
            let rest = response.as_ref().ok().and_then(rest);
            let (Some(rest), Some(request)) = (rest, again) else {
                break;
            };
            tokio::time::sleep(rest).await;
            again = request.try_clone();
            response = request.send().await;
        }
        response.map_err(|error| self.unanswered(error))
    }

    fn json(&self, body: &[u8]) -> anyhow::Result<Value> {
        let address = self.address();
        serde_json::from_slice(body).with_context(|| {
            format!("{address} answered with something that is not JSON; is it a Tombolo host?")
        })
    }

    fn unanswered(&self, error: reqwest::Error) -> anyhow::Error {
        let address = self.address();
        if let Some(tls) = tls_error(&error) {
            return match tls {
                rustls::Error::InvalidCertificate(why) => anyhow::anyhow!(
                    "the certificate of {address} is not trusted: {}; nothing was sent there, not even the token. Name the certificate of who made it with --ca FILE, and the host by a name that its certificate has",
                    text::harmless(&why.to_string())
                ),
                other => anyhow::anyhow!(
                    "{address} does not speak TLS as a host does: {}; nothing was sent there. Is it http://?",
                    text::harmless(&other.to_string())
                ),
            };
        }
        if error.is_connect() {
            anyhow::anyhow!(
                "nothing answers at {address}; start it with `tombolo serve {}`",
                self.site.display()
            )
        } else if error.is_timeout() {
            anyhow::anyhow!("{address} did not answer within {} s", PATIENCE.as_secs())
        } else {
            let hint = if self.base.starts_with("http://") {
                "; if it serves TLS, name it by https://"
            } else {
                ""
            };
            anyhow::Error::new(error.without_url()).context(format!("cannot ask {address}{hint}"))
        }
    }
}

/// Tokens go unencrypted to this machine, and elsewhere only where somebody wrote `http://`.
fn base(address: &str) -> String {
    if address.contains("://") {
        return address.trim_end_matches('/').to_owned();
    }
    let name = address.rsplit_once(':').map_or(address, |(name, _)| name);
    let number = name.trim_start_matches('[').trim_end_matches(']');
    let is_here = name.eq_ignore_ascii_case("localhost")
        || number.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let scheme = if is_here { "http" } else { "https" };
    format!("{scheme}://{address}")
}

fn certificates(file: &Path) -> anyhow::Result<Vec<reqwest::Certificate>> {
    let shown = file.display();
    let pem = std::fs::read(file).with_context(|| format!("--ca: cannot read {shown}"))?;
    let all = reqwest::Certificate::from_pem_bundle(&pem)
        .with_context(|| format!("--ca: {shown} cannot be read, expected certificates in PEM"))?;
    if all.is_empty() {
        bail!("--ca: found no certificate in {shown}, expected at least one in PEM");
    }
    Ok(all)
}

/// How long the host says to wait, where that is worth it.
fn rest(response: &reqwest::Response) -> Option<Duration> {
    let told = response.headers().get(reqwest::header::RETRY_AFTER)?;
    let rest = Duration::from_secs(told.to_str().ok()?.parse().ok()?);
    (response.status() == StatusCode::TOO_MANY_REQUESTS && rest <= REST_MOST).then_some(rest)
}

/// What went wrong in TLS, if it was that.
fn tls_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        // An I/O error shows what it wraps in no other way.
        let wrapped = error.downcast_ref().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
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
    #![allow(clippy::unwrap_used, reason = "tests")]
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
    fn a_token_goes_unencrypted_to_this_machine_only_unless_somebody_says_so() {
        let table = [
            ("127.0.0.1:7070", "http://127.0.0.1:7070"),
            ("[::1]:7070", "http://[::1]:7070"),
            ("localhost:7070", "http://localhost:7070"),
            ("192.168.1.5:7070", "https://192.168.1.5:7070"),
            ("[fe80::1]:7070", "https://[fe80::1]:7070"),
            ("host.example", "https://host.example"),
            (
                "127.0.0.1.host.example:80",
                "https://127.0.0.1.host.example:80",
            ),
            ("http://host.example/", "http://host.example"),
            ("https://127.0.0.1:1", "https://127.0.0.1:1"),
        ];
        for (address, expected) in table {
            assert_eq!(base(address), expected);
        }
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
        let client = Client::new(&address, "t".into(), Path::new("my-site"), None);
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

    #[tokio::test]
    async fn a_command_that_comes_too_often_comes_again_when_the_host_says_and_not_for_ever() {
        const SOON: &str = "429 Too Many Requests\r\nretry-after: 0";
        const LATER: &str = "429 Too Many Requests\r\nretry-after: 60";
        let most = COMES_AGAIN as usize + 1;
        let table: [(&[&str], bool, usize); 4] = [
            (&[SOON, SOON, "200 OK"], true, 3),
            (&[SOON], false, most),
            (&[LATER], false, 1),
            (&["503 Service Unavailable\r\nretry-after: 0"], false, 1),
        ];
        for (answers, is_served, times) in table {
            let (found, asked) = answered(answers).await;
            assert_eq!((found.is_ok(), asked), (is_served, times), "{answers:?}");
        }
    }

    /// What a command gets from a host that answers so, the last answer again and again; and how often it asked.
    async fn answered(answers: &[&str]) -> (anyhow::Result<Value>, usize) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let client = Client::new(&address, "t".into(), Path::new("s"), None).unwrap();
        let mut asked = 0;
        let host = async {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let answer = answers.get(asked).or(answers.last()).unwrap();
                asked += 1;
                let _ = stream.read(&mut [0; 4096]).await;
                let end = "connection: close\r\ncontent-length: 2\r\n\r\n[]";
                let answer = format!("HTTP/1.1 {answer}\r\n{end}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        };
        let found = tokio::select! {
            () = host => unreachable!("it answers for ever"),
            found = client.post("/api/reload", &Value::Null) => found,
        };
        (found, asked)
    }
}
