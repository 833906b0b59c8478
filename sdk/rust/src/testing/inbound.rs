//! Inbound requests made by hand.

use crate::Inbound;

impl Inbound {
    /// A `POST` to a hook, without headers. It is received at the host's time unless [`Inbound::received_at_ms`]
    /// says otherwise.
    pub fn post(hook: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            hook: hook.to_owned(),
            method: "POST".to_owned(),
            url: format!("https://hooks.example/hooks/test/{hook}"),
            query: Vec::new(),
            headers: Vec::new(),
            body: body.into(),
            received_ms: 0,
        }
    }

    /// Adds a header; names arrive in lower case.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Adds a query field.
    #[must_use]
    pub fn with_query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// When it arrived, milliseconds since 1970.
    #[must_use]
    pub fn received_at_ms(mut self, milliseconds: u64) -> Self {
        self.received_ms = milliseconds;
        self
    }
}
