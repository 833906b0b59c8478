//! Who sent it: Standard Webhooks, `X-Hub-Signature-256`, Slack `v0`, or a shared token. The secrets stay with the
//! host, which does the HMAC and compares in constant time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tombolo_sdk::keys::{self, Hash};
use tombolo_sdk::{Failure, Inbound};

use crate::options::Verify;

/// Signatures that are tried: a sender that changes its secret signs with the old and the new one.
const SIGNATURES: usize = 8;

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
            Self::StandardWebhooks { tolerance } => standard_webhooks(inbound, *tolerance),
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

/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
fn standard_webhooks(inbound: &Inbound, tolerance: u64) -> Result<Verified, Failure> {
    let id = inbound.only_header("webhook-id")?;
    let timestamp = inbound.only_header("webhook-timestamp")?;
    let signatures = inbound.only_header("webhook-signature")?;
    if id.is_empty() || id.contains('.') {
        return Err(Failure::unauthorized(
            "the header `webhook-id` is empty or has a dot, which separates what is signed",
        ));
    }
    fresh(
        "webhook-timestamp",
        timestamp,
        inbound.received_ms,
        tolerance,
    )?;
    let message = joined(&[id, ".", timestamp, "."], &inbound.body);
    for signature in signatures
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .take(SIGNATURES)
    {
        let Ok(tag) = STANDARD.decode(signature) else {
            continue;
        };
        if keys::hmac_verify("standard-webhooks", Hash::Sha256, &message, &tag)? {
            return Ok(Verified {
                id: Some(id.to_owned()),
            });
        }
    }
    Err(wrong_signature("webhook-signature"))
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
    fresh(
        "x-slack-request-timestamp",
        timestamp,
        inbound.received_ms,
        tolerance,
    )?;
    let tag = signature
        .strip_prefix("v0=")
        .and_then(unhex)
        .ok_or_else(|| wrong_signature("x-slack-signature"))?;
    let message = joined(&["v0:", timestamp, ":"], &inbound.body);
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

/// A time stamp in whole seconds since 1970, digits alone, so that no separator can hide in it, inside the window.
fn fresh(header: &str, timestamp: &str, received_ms: u64, tolerance: u64) -> Result<(), Failure> {
    let digits =
        (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: u64 = timestamp.parse().ok().filter(|_| digits).ok_or_else(|| {
        Failure::unauthorized(format!(
            "the header `{header}` is no time in seconds since 1970"
        ))
    })?;
    let apart = seconds.abs_diff(received_ms / 1000);
    if apart > tolerance {
        return Err(Failure::unauthorized(format!(
            "the time in the header `{header}` is {apart} s away from now; expected at most {tolerance} s"
        )));
    }
    Ok(())
}

fn wrong_signature(header: &str) -> Failure {
    Failure::unauthorized(format!(
        "no signature in the header `{header}` is right for this body and secret"
    ))
}

fn joined(before: &[&str], body: &[u8]) -> Vec<u8> {
    let mut message =
        Vec::with_capacity(before.iter().map(|part| part.len()).sum::<usize>() + body.len());
    for part in before {
        message.extend_from_slice(part.as_bytes());
    }
    message.extend_from_slice(body);
    message
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
