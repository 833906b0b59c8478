//! OAuth 2.0 client credentials (RFC 6749, section 4.4): the host fetches the token, keeps it, fetches another before
//! it ends and once after a 401. One fetch at a time; whoever comes meanwhile waits for it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Uri};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use zeroize::Zeroizing;

use super::aside::{Aside, Tell};
use super::body::Body;
use super::client::Client;
use super::credential::{Worn, basic, bearer, sensitive, text};
use super::exchange::{Trouble, exchange};
use super::redact::Redactor;
use super::{HttpError, address, headers, target};
use crate::limits;
use crate::system::Credential;

/// The token of one connection.
pub(super) struct Tokens {
    token_url: Url,
    /// The same, as it is sent.
    uri: Uri,
    private_network: bool,
    /// The client's id and secret as Basic, unless they go into the form.
    authorization: Option<HeaderValue>,
    form: Zeroizing<String>,
    client_secret: Zeroizing<Vec<u8>>,
    /// Read without waiting on every request.
    current: ArcSwapOption<Token>,
    /// Held while a token is fetched; remembers a failure, so that those who waited do not all try again.
    fetching: Mutex<Option<(Instant, Trouble)>>,
}

/// A token that is good until `until`.
pub(super) struct Token {
    pub(super) worn: Arc<Worn>,
    until: Instant,
}

/// RFC 6749, sections 5.1 and 5.2, what is needed of it.
#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    expires_in: Option<serde_json::Value>,
    token_type: Option<String>,
    error: Option<String>,
}

impl Tokens {
    pub(super) fn prepare(credential: &Credential, private_network: bool) -> Result<Self, String> {
        let Credential::OAuth2ClientCredentials {
            token_url,
            client_id,
            client_secret,
            scope,
            audience,
            in_body,
        } = credential
        else {
            return Err("not an OAuth 2.0 credential".into());
        };
        let base = target::Base::new(&without_query(token_url))
            .map_err(|problem| format!("`token-url`: {problem}"))?;
        address::check_literal(base.url(), private_network)
            .map_err(|refused| format!("`token-url`: {refused}"))?;
        let secret = text(client_secret, "the client secret")?;
        let mut form = Zeroizing::new("grant_type=client_credentials".to_owned());
        let mut field = |name: &str, value: &str| {
            form.push('&');
            form.push_str(name);
            form.push('=');
            target::encode(value, &mut form);
        };
        if !scope.is_empty() {
            field("scope", scope);
        }
        if let Some(audience) = audience {
            field("audience", audience);
        }
        if *in_body {
            field("client_id", client_id);
            field("client_secret", secret);
        }
        let authorization = if *in_body {
            None
        } else {
            // RFC 6749, section 2.3.1: both are form-encoded before they become Basic.
            let (mut user, mut password) = (String::new(), Zeroizing::new(String::new()));
            target::encode(client_id, &mut user);
            target::encode(secret, &mut password);
            Some(sensitive(&basic(&user, password.as_bytes()).0)?)
        };
        Ok(Self {
            token_url: token_url.clone(),
            uri: (token_url.as_str().parse())
                .map_err(|_| "`token-url` is no address that HTTP can carry".to_owned())?,
            private_network,
            authorization,
            form,
            client_secret: Zeroizing::new(client_secret.expose().to_vec()),
            current: ArcSwapOption::empty(),
            fetching: Mutex::new(None),
        })
    }

    /// A token to send: the kept one, or a new one where that is absent, ending, or the one that was `refused`.
    pub(super) async fn get(
        &self,
        client: &Client,
        connection: &str,
        refused: Option<&Arc<Token>>,
        tell: Tell<'_>,
    ) -> Result<Arc<Token>, Trouble> {
        if let Some(token) = self.good(refused) {
            return Ok(token);
        }
        let mut failure = self.fetching.lock().await;
        if let Some(token) = self.good(refused) {
            return Ok(token);
        }
        if let Some((at, error)) = failure.as_ref()
            && at.elapsed() < limits::HTTP_TOKEN_REST
        {
            return Err(error.clone());
        }
        match self.fetch(client, connection, tell).await {
            Ok(token) => {
                let token = Arc::new(token);
                self.current.store(Some(token.clone()));
                *failure = None;
                Ok(token)
            }
            Err(error) => {
                *failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn good(&self, refused: Option<&Arc<Token>>) -> Option<Arc<Token>> {
        let token = self.current.load_full()?;
        let is_refused = refused.is_some_and(|refused| Arc::ptr_eq(refused, &token));
        (!is_refused && Instant::now() < token.until).then_some(token)
    }

    async fn fetch(
        &self,
        client: &Client,
        connection: &str,
        tell: Tell<'_>,
    ) -> Result<Token, Trouble> {
        let failed = |what: String| {
            Trouble::from(HttpError::Unreachable(format!(
                "connection `{connection}`: no access token: {what}"
            )))
        };
        address::check_literal(&self.token_url, self.private_network)
            .map_err(|refused| failed(refused.to_string()))?;
        let mut request = Request::new(Body::from(self.form.as_bytes().to_vec()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let asked = Instant::now();
        let what = format!("POST {} for a token", target::shown(self.token_url.path()));
        let sent = (headers::size(request.headers()) + self.form.len()) as u64;
        let aside = Aside::of(tell, asked.into_std(), connection, what, sent);
        let raw = exchange(client, request, connection, limits::HTTP_TOKEN_BYTES).await;
        aside.end(&raw);
        let raw = raw?;
        let body = Zeroizing::new(raw.body);
        let answer: Option<Answer> = serde_json::from_slice(&body).ok();
        let status = raw.status.as_u16();
        if !raw.status.is_success() {
            let code = answer
                .and_then(|answer| answer.error)
                .map(|code| self.shown(&code))
                .unwrap_or_default();
            return Err(failed(format!(
                "the token endpoint answered {status}{}{code}; the operator checks token-url, client-id, client-secret and scope",
                if code.is_empty() { "" } else { " " },
            )));
        }
        let answer = answer.ok_or_else(|| {
            failed(format!(
                "the token endpoint answered {status}, but not with the JSON of RFC 6749"
            ))
        })?;
        if let Some(kind) = answer
            .token_type
            .as_deref()
            .filter(|kind| !kind.eq_ignore_ascii_case("bearer"))
        {
            return Err(failed(format!(
                "the token endpoint gave a token of type `{}`; expected Bearer",
                self.shown(kind)
            )));
        }
        let token = answer
            .access_token
            .filter(|token| !token.is_empty())
            .map(Zeroizing::new);
        let token = token
            .ok_or_else(|| failed("the token endpoint's answer has no `access_token`".into()))?;
        let value = sensitive(&bearer(token.as_bytes()))
            .map_err(|_| failed("the access token holds a control character".into()))?;
        let redactor = Redactor::new(&[token.as_bytes(), &self.client_secret]);
        Ok(Token {
            worn: Arc::new(Worn { value, redactor }),
            until: asked + lifetime(answer.expires_in.as_ref()),
        })
    }

    /// An endpoint's own word, short, in letters that RFC 6749 allows in codes, and without the secret.
    fn shown(&self, word: &str) -> String {
        let clean = Redactor::new(&[&self.client_secret]).clean_text(word.as_bytes());
        clean
            .chars()
            .filter(|c| c.is_ascii_graphic() || *c == ' ')
            .take(64)
            .collect()
    }
}

/// How long to use a token: what was said less a margin for the way, of at most half of it. Seconds come as a number
/// or as text.
fn lifetime(expires_in: Option<&serde_json::Value>) -> Duration {
    let seconds =
        expires_in.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    let whole = Duration::from_secs(
        seconds
            .unwrap_or(limits::HTTP_TOKEN_LIFE.as_secs())
            .min(limits::HTTP_TOKEN_MOST.as_secs()),
    );
    whole - limits::HTTP_TOKEN_EARLY.min(whole / 2)
}

fn without_query(url: &Url) -> Url {
    let mut plain = url.clone();
    plain.set_query(None);
    plain
}
