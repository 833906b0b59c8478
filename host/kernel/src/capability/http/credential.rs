//! What the host attaches to a request after the check, made ready once: header values are built and marked
//! sensitive when the system is prepared, and so is what takes them out of answers again.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::oauth::Tokens;
use super::redact::Redactor;
use super::target;
use crate::secret::Secret;
use crate::system::Credential;

/// A credential made ready.
pub(super) enum Attached {
    None,
    Header(HeaderName, Arc<Worn>),
    Query {
        name: String,
        pair: Zeroizing<String>,
        redactor: Redactor,
    },
    Token(Box<Tokens>),
}

/// A header value and the redactor that knows it.
pub(super) struct Worn {
    pub(super) value: HeaderValue,
    pub(super) redactor: Redactor,
}

impl Attached {
    pub(super) fn prepare(credential: &Credential, private_network: bool) -> Result<Self, String> {
        let header = |name, value: &[u8], secrets: &[&[u8]]| {
            Ok(Self::Header(
                name,
                Arc::new(Worn {
                    value: sensitive(value)?,
                    redactor: Redactor::new(secrets),
                }),
            ))
        };
        match credential {
            Credential::None => Ok(Self::None),
            Credential::Basic { user, password } => {
                if user.contains(':') {
                    return Err(
                        "the user of `basic` holds a `:`, which RFC 7617 does not allow".into(),
                    );
                }
                let (value, pair) = basic(user, password.expose());
                header(AUTHORIZATION, &value, &[password.expose(), &pair])
            }
            Credential::Bearer { token } => {
                header(AUTHORIZATION, &bearer(token.expose()), &[token.expose()])
            }
            Credential::Header { name, value } => {
                let own = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                    format!(
                        "`{}` is no header name; expected letters, digits and `-`",
                        name.escape_default()
                    )
                })?;
                header(own, value.expose(), &[value.expose()])
            }
            Credential::Query { name, value } => {
                let text = text(value, "the query credential")?;
                let mut pair = Zeroizing::new(String::new());
                target::encode(name, &mut pair);
                pair.push('=');
                target::encode(text, &mut pair);
                Ok(Self::Query {
                    name: name.clone(),
                    pair,
                    redactor: Redactor::new(&[value.expose()]),
                })
            }
            Credential::OAuth2ClientCredentials { .. } => Ok(Self::Token(Box::new(
                Tokens::prepare(credential, private_network)?,
            ))),
        }
    }

    /// The header that a guest must not set.
    pub(super) fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Header(name, _) => Some(name),
            _ => None,
        }
    }

    /// The query field that a guest must not set.
    pub(super) fn query(&self) -> Option<(&str, &str)> {
        match self {
            Self::Query { name, pair, .. } => Some((name, pair)),
            _ => None,
        }
    }
}

/// `Basic ...` (RFC 7617) and the `user:password` inside it.
pub(super) fn basic(user: &str, password: &[u8]) -> (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>) {
    let mut pair = Zeroizing::new(Vec::with_capacity(user.len() + 1 + password.len()));
    pair.extend_from_slice(user.as_bytes());
    pair.push(b':');
    pair.extend_from_slice(password);
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_slice()));
    (
        Zeroizing::new([b"Basic ", encoded.as_bytes()].concat()),
        pair,
    )
}

/// `Bearer ...` (RFC 6750).
pub(super) fn bearer(token: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([b"Bearer ", token].concat())
}

/// A header value that is never shown.
pub(super) fn sensitive(bytes: &[u8]) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_bytes(bytes)
        .map_err(|_| "the secret holds a line break or control character, which no header can; check the value that is bound".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// A secret as text.
pub(super) fn text<'a>(secret: &'a Secret, what: &str) -> Result<&'a str, String> {
    secret
        .expose_text()
        .ok_or_else(|| format!("{what} is not UTF-8 text; check the value that is bound"))
}
