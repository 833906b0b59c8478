//! WS-Security: a UsernameToken with a password digest (OASIS WSS UsernameToken Profile 1.1). The host hashes; the
//! password never comes here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tombolo_sdk::keys::{self, Hash, Order, Part};
use tombolo_sdk::{ActionCall, Failure, clock, time};

use crate::xml::escape;

const WSSE: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const WSU: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const DIGEST: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest";
const BASE64: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary";

/// Appends the header. The nonce has to be another one for each message, and need not be a secret: it is made of what no
/// two attempts share.
pub(crate) fn write(user: &str, call: &ActionCall, out: &mut String) -> Result<(), Failure> {
    let now = clock::now_ms();
    let created = time::rfc3339(&format!("{now:012}"))
        .ok_or_else(|| Failure::internal("the host's clock is beyond the year 9999"))?;
    let nonce = format!("{}/{}/{now}", call.idempotency_key, call.attempt);
    let parts = [
        Part::Bytes(nonce.clone().into_bytes()),
        Part::Bytes(created.clone().into_bytes()),
        Part::Key("password".to_owned()),
    ];
    let digest = keys::digest(Hash::Sha1, &parts, Order::Given)?;
    out.push_str(&format!(
        "<wsse:Security xmlns:wsse=\"{WSSE}\" xmlns:wsu=\"{WSU}\" soap:mustUnderstand=\"1\"><wsse:UsernameToken><wsse:Username>"
    ));
    escape(user, out);
    out.push_str(&format!(
        "</wsse:Username><wsse:Password Type=\"{DIGEST}\">{}</wsse:Password><wsse:Nonce EncodingType=\"{BASE64}\">{}</wsse:Nonce><wsu:Created>{created}</wsu:Created></wsse:UsernameToken></wsse:Security>",
        STANDARD.encode(digest),
        STANDARD.encode(nonce),
    ));
    Ok(())
}
