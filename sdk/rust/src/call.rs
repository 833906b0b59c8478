//! What comes into an adapter: an action's input as a type, an inbound request's headers and body.

use serde::de::Deserialize;

use crate::{ActionCall, Failure, Inbound};

impl ActionCall {
    /// The input as `T`, which may borrow from it.
    ///
    /// # Errors
    /// `invalid-input` with what `T` missed.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        serde_json::from_str(&self.input)
            .map_err(|error| Failure::invalid_input("", error.to_string()))
    }
}

impl Inbound {
    /// The first header with this name, which is given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    /// The one header with this name. A header that a signature stands in must not come twice: two readers could
    /// take two values.
    ///
    /// # Errors
    /// `unauthorized` if it is absent or stands more than once.
    pub fn only_header(&self, name: &str) -> Result<&str, Failure> {
        let mut values = self.headers.iter().filter(|(header, _)| header == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Ok(value),
            (None, _) => Err(Failure::unauthorized(format!(
                "the header `{name}` is missing"
            ))),
            (Some(_), Some(_)) => Err(Failure::unauthorized(format!(
                "the header `{name}` stands more than once"
            ))),
        }
    }

    /// The first query field with this name.
    #[must_use]
    pub fn query_field(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    ///
    /// # Errors
    /// `invalid-input` at the byte that is not UTF-8.
    pub fn text(&self) -> Result<&str, Failure> {
        std::str::from_utf8(&self.body).map_err(|error| {
            Failure::invalid_input(
                "",
                format!("the body is not UTF-8 from byte {} on", error.valid_up_to()),
            )
        })
    }

    /// The body's JSON as `T`, which may borrow from it.
    ///
    /// # Errors
    /// `invalid-input` with what `T` missed.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::invalid_input("", format!("the body: {error}")))
    }
}
