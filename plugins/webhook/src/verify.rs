//! Who sent it: Standard Webhooks, `X-Hub-Signature-256`, Slack `v0`, or a shared token. The secrets stay with the
//! host, which does the HMAC and compares in constant time.

use tombolo_sdk::keys::{self, Hash};
use tombolo_sdk::{Failure, Inbound, sender};

use crate::options::Verify;

/// How one hook's senders are verified.
pub(crate) enum Scheme {
    StandardWebhooks { tolerance: u64 },
    Github,
    Slack { tolerance: u64 },
    Token { header: String },
    None,
}

/// What is known of a verified request.
pub(crate) struct Verified {
    /// The same at every delivery of the same thing.
    pub(crate) id: Option<String>,
}

impl Scheme {
    pub(crate) fn compile(verify: Verify, tolerance: u64) -> Result<Self, String> {
        Ok(match verify {
            Verify::StandardWebhooks => Self::StandardWebhooks { tolerance },
            Verify::Github => Self::Github,
            Verify::Slack => Self::Slack { tolerance },
            Verify::Token(option) if option.header.is_empty() => {
                return Err(
                    "verify.token.header: is empty; expected the name of the header with the token"
                        .to_owned(),
                );
            }
            Verify::Token(option) => Self::Token {
                header: option.header.to_ascii_lowercase(),
            },
            Verify::None => Self::None,
        })
    }

    /// # Errors
    /// `unauthorized` if the sender is not verified; `internal` if the key is not bound.
    pub(crate) fn verify(&self, inbound: &Inbound) -> Result<Verified, Failure> {
        match self {
            Self::StandardWebhooks { tolerance } => {
                let id = sender::standard_webhooks(inbound, "standard-webhooks", *tolerance)?;
                Ok(Verified {
                    id: Some(id.to_owned()),
                })
            }
            Self::Github => github(inbound),
            Self::Slack { tolerance } => slack(inbound, *tolerance),
            Self::Token { header } => token(inbound, header),
            Self::None => Ok(Verified { id: None }),
        }
    }

    /// GitHub tries a new address with an event that means nothing.
    pub(crate) fn is_ping(&self, inbound: &Inbound) -> bool {
        matches!(self, Self::Github) && inbound.header("x-github-event") == Some("ping")
    }
}

/// <https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries>
fn github(inbound: &Inbound) -> Result<Verified, Failure> {
    let signature = inbound.only_header("x-hub-signature-256")?;
    let tag = signature
        .strip_prefix("sha256=")
        .and_then(unhex)
        .ok_or_else(|| wrong_signature("x-hub-signature-256"))?;
    if !keys::hmac_verify("github", Hash::Sha256, &inbound.body, &tag)? {
        return Err(wrong_signature("x-hub-signature-256"));
    }
    // The delivery's id is not signed: who wants replays refused even then sets `id: body`.
    let id = inbound
        .header("x-github-delivery")
        .filter(|id| !id.is_empty())
        .unwrap_or(signature);
    Ok(Verified {
        id: Some(id.to_owned()),
    })
}

/// <https://docs.slack.dev/authentication/verifying-requests-from-slack>
fn slack(inbound: &Inbound, tolerance: u64) -> Result<Verified, Failure> {
    let timestamp = inbound.only_header("x-slack-request-timestamp")?;
    let signature = inbound.only_header("x-slack-signature")?;
    sender::fresh(
        "x-slack-request-timestamp",
        timestamp,
        inbound.received_ms,
        tolerance,
    )?;
    let tag = signature
        .strip_prefix("v0=")
        .and_then(unhex)
        .ok_or_else(|| wrong_signature("x-slack-signature"))?;
    let mut message = format!("v0:{timestamp}:").into_bytes();
    message.extend_from_slice(&inbound.body);
    if !keys::hmac_verify("slack", Hash::Sha256, &message, &tag)? {
        return Err(wrong_signature("x-slack-signature"));
    }
    Ok(Verified {
        id: Some(signature.to_owned()),
    })
}

fn token(inbound: &Inbound, header: &str) -> Result<Verified, Failure> {
    let candidate = inbound.only_header(header)?;
    if keys::equal("token", candidate.as_bytes())? {
        Ok(Verified { id: None })
    } else {
        Err(Failure::unauthorized(format!(
            "the token in the header `{header}` is not the one expected"
        )))
    }
}

fn wrong_signature(header: &str) -> Failure {
    Failure::unauthorized(format!(
        "no signature in the header `{header}` is right for this body and secret"
    ))
}

/// Lower or upper case hex.
fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}
