//! What every request shares: what it accepts, the token against forged requests, and what an error means.
//!
//! The token is kept here, as long as the instance lives. It is worth nothing by itself: the service ties it to a session
//! cookie, which the host keeps (`cookies: keep`), and to the credential; neither ever comes here.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tombolo_sdk::http::{self, Request, Response};
use tombolo_sdk::json::{Found, Pointers, scalar};
use tombolo_sdk::{Failure, FailureKind, http::Method};

use crate::options::{SystemOptions, Version};

/// Characters of the system's own words that are kept.
const WORDS: usize = 500;
/// Both versions; V4 then writes long numbers as texts.
const ACCEPT: &str = "application/json;IEEE754Compatible=true";

/// One system.
#[derive(Debug)]
pub(crate) struct Client {
    connection: String,
    version: Version,
    csrf: bool,
    pub(crate) page: Option<u32>,
    errors: BTreeMap<String, FailureKind>,
    /// By service.
    tokens: RefCell<BTreeMap<String, String>>,
    words: Words,
}

/// Where an error's parts are.
#[derive(Debug)]
struct Words {
    pointers: Pointers,
    code: usize,
    message: usize,
    detail: usize,
}

impl Client {
    pub(crate) fn new(options: &SystemOptions) -> Result<Self, String> {
        let mut pointers = Pointers::new();
        let (message, detail) = match options.version {
            Version::V2 => (
                "/error/message/value",
                "/error/innererror/errordetails/0/message",
            ),
            Version::V4 => ("/error/message", "/error/details/0/message"),
        };
        let words = Words {
            code: pointers.add("/error/code")?,
            message: pointers.add(message)?,
            detail: pointers.add(detail)?,
            pointers,
        };
        Ok(Self {
            connection: options.connection.clone(),
            version: options.version,
            csrf: options.csrf,
            page: options.page,
            errors: options.errors.clone(),
            tokens: RefCell::default(),
            words,
        })
    }

    /// The connection's name.
    pub(crate) fn connection(&self) -> &str {
        &self.connection
    }

    /// A request below the connection.
    pub(crate) fn request(&self, method: Method, path: String) -> Request {
        let request = Request::new(&self.connection, method, path).header("accept", ACCEPT);
        match self.version {
            Version::V2 => request,
            Version::V4 => request
                .header("odata-version", "4.0")
                .header("odata-maxversion", "4.0"),
        }
    }

    /// A JSON body.
    pub(crate) fn with_json(&self, request: Request, body: String) -> Request {
        let kind = match self.version {
            Version::V2 => "application/json",
            Version::V4 => ACCEPT,
        };
        request.body(kind, body)
    }

    /// Sends what reads.
    pub(crate) fn read(&self, request: &Request) -> Result<Response, Failure> {
        self.good(request.send()?)
    }

    /// Sends what changes something in `service`, with a token where one is needed. A token that is too old is fetched
    /// anew, once: what was refused for its token has not been done.
    pub(crate) fn change(&self, service: &str, request: Request) -> Result<Response, Failure> {
        if !self.csrf {
            return self.good(request.send()?);
        }
        let kept = self.tokens.borrow().get(service).cloned();
        let token = match kept {
            Some(token) => Some(token),
            None => self.fetch(service)?,
        };
        let response = with_token(&request, token).send()?;
        let refused = response.status == 403
            && response
                .header("x-csrf-token")
                .is_some_and(|word| word.eq_ignore_ascii_case("required"));
        if !refused {
            return self.good(response);
        }
        let token = self.fetch(service)?;
        self.good(with_token(&request, token).send()?)
    }

    fn fetch(&self, service: &str) -> Result<Option<String>, Failure> {
        self.tokens.borrow_mut().remove(service);
        let request = http::get(&self.connection, format!("{service}/"))
            .header("accept", "application/json")
            .header("x-csrf-token", "Fetch");
        let response = self.good(request.send()?)?;
        let token = response.header("x-csrf-token").map(str::to_owned);
        if let Some(token) = &token {
            let mut tokens = self.tokens.borrow_mut();
            tokens.insert(service.to_owned(), token.clone());
        }
        Ok(token)
    }

    /// Itself if 2xx.
    pub(crate) fn good(&self, response: Response) -> Result<Response, Failure> {
        if response.is_success() {
            Ok(response)
        } else {
            Err(self.failure(&response))
        }
    }

    fn failure(&self, response: &Response) -> Failure {
        let found = std::str::from_utf8(&response.body)
            .ok()
            .and_then(|text| self.words.pointers.find(text).ok());
        let text =
            |found: &Found<'_>, slot| found.get(slot).and_then(scalar).map(|text| plain(&text));
        let (mut code, mut words) = (String::new(), None);
        if let Some(found) = &found {
            code = text(found, self.words.code).unwrap_or_default();
            words = text(found, self.words.message);
            let detail = text(found, self.words.detail).filter(|detail| {
                !detail.is_empty()
                    && words
                        .as_ref()
                        .is_none_or(|words| !words.contains(&**detail))
            });
            if let Some(detail) = detail {
                words = Some(words.map_or(detail.clone(), |words| format!("{words} ({detail})")));
            }
        }
        let message = || {
            let words = words
                .as_deref()
                .unwrap_or("the system refused without a word");
            format!("{words} (status {})", response.status)
        };
        match self.errors.get(&code) {
            Some(kind) => kind.failure(&code, message(), response.retry_after_ms()),
            // The service wants to be told which version is changed (RFC 6585).
            None if response.status == 428 => Failure::conflict(message()),
            None => response.failure(&code, words.as_deref()),
        }
    }
}

fn with_token(request: &Request, token: Option<String>) -> Request {
    match token {
        Some(token) => request.clone().header("x-csrf-token", token),
        None => request.clone(),
    }
}

fn plain(text: &str) -> String {
    let one_line = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(WORDS).map(one_line).collect()
}

/// The one entity of an answer; `None` where it has no body.
///
/// # Errors
/// `unavailable` if it is no JSON.
pub(crate) fn entity(version: Version, response: &Response) -> Result<Option<String>, Failure> {
    let text = response.text()?.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let mut pointers = Pointers::new();
    let (d, whole) = (
        pointers.add_member("d"),
        pointers.add("").unwrap_or_default(),
    );
    let found = pointers
        .find(text)
        .map_err(|error| response.unexpected(&error))?;
    let raw = match version {
        Version::V2 => found.get(d),
        Version::V4 => found.get(whole),
    };
    Ok(raw.map(str::to_owned))
}
