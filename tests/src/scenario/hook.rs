//! A post to a hook.

use std::collections::BTreeMap;

use super::{Running, Sign};
use crate::signed::standard_webhooks;

impl Running {
    pub(super) fn hook(
        &self,
        to: &str,
        body: &str,
        sign: Option<&Sign>,
        headers: &BTreeMap<String, String>,
        expect: u16,
    ) -> String {
        let mut all: Vec<(String, String)> = headers.clone().into_iter().collect();
        all.push(("content-type".into(), "application/json".into()));
        if let Some(sign) = sign {
            let secret = &self
                .environment
                .iter()
                .find(|(name, _)| *name == sign.secret)
                .expect("the secret is in the environment")
                .1;
            all.extend(standard_webhooks(secret, &sign.id, sign.skew, body));
        }
        let borrowed: Vec<(&str, &str)> = all
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let response =
            self.host()
                .send("POST", &format!("/hooks/{to}"), &borrowed, body.as_bytes());
        assert_eq!(response.status, expect, "hook {to}: {}", response.body);
        response.body
    }
}
