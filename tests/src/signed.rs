//! Signs as senders of webhooks do.

use base64::Engine as _;

/// The headers of a Standard Webhooks sender (standardwebhooks.com).
pub fn standard_webhooks(secret: &str, id: &str, skew: i64, body: &str) -> Vec<(String, String)> {
    let key = base64::engine::general_purpose::STANDARD
        .decode(secret.trim_start_matches("whsec_"))
        .unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let timestamp = i64::try_from(now).unwrap() + skew;
    let tag = ring::hmac::sign(
        &ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key),
        format!("{id}.{timestamp}.{body}").as_bytes(),
    );
    let signature = format!(
        "v1,{}",
        base64::engine::general_purpose::STANDARD.encode(tag)
    );
    vec![
        ("webhook-id".into(), id.into()),
        ("webhook-timestamp".into(), timestamp.to_string()),
        ("webhook-signature".into(), signature),
    ]
}
