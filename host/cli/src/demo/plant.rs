//! The plant of the demo: sends an alarm over HTTP as a real sender would, signed by Standard Webhooks
//! (standardwebhooks.com: `webhook-id`, `webhook-timestamp`, `webhook-signature`). Knows only an address and a secret.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::json;

/// What happened, and what it takes to mend it.
#[derive(Debug, Clone)]
pub(super) struct Alarm {
    pub(super) id: String,
    pub(super) device: &'static str,
    pub(super) severity: u8,
    pub(super) part: &'static str,
    pub(super) needed: u32,
    pub(super) customer: &'static str,
    pub(super) at: String,
}

/// The sender's end of a webhook.
pub(super) struct Plant {
    http: reqwest::Client,
    url: String,
    key: hmac::Key,
}

impl Plant {
    /// A sender to `url` with a secret `whsec_` and base64.
    pub(super) fn new(url: String, secret: &str) -> anyhow::Result<Self> {
        let bytes = STANDARD
            .decode(secret.trim_start_matches("whsec_"))
            .context("the hook's secret is not base64")?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .tls_certs_only(Vec::new())
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self {
            http,
            url,
            key: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
        })
    }

    /// Sends an alarm and tells the status of the answer.
    pub(super) async fn send(&self, alarm: &Alarm) -> anyhow::Result<u16> {
        let body = json!({
            "device": alarm.device, "severity": alarm.severity, "at": alarm.at,
            "part": alarm.part, "needed": alarm.needed, "customer": alarm.customer,
        })
        .to_string();
        let timestamp = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", &alarm.id)
            .header("webhook-timestamp", timestamp.to_string())
            .header(
                "webhook-signature",
                signature(&self.key, &alarm.id, timestamp, &body),
            );
        let response = request
            .body(body)
            .send()
            .await
            .with_context(|| format!("the plant got no answer from {}", self.url))?;
        Ok(response.status().as_u16())
    }
}

fn signature(key: &hmac::Key, id: &str, timestamp: u64, body: &str) -> String {
    let tag = hmac::sign(key, format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_standards_own_example() {
        // The example of the Standard Webhooks specification's reference libraries.
        let secret = STANDARD
            .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .unwrap_or_default();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let signed = signature(
            &key,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            "{\"test\": 2432232314}",
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
