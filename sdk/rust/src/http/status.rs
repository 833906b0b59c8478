//! What a status means for the flow that called: one table for all adapters.

use super::Response;
use crate::Failure;

/// Characters of a body that go into a message when the system's words are not known.
const EXCERPT: usize = 200;

impl Response {
    /// 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Itself if 2xx.
    ///
    /// # Errors
    /// The failure that the status means.
    pub fn success(self) -> Result<Self, Failure> {
        if self.is_success() {
            Ok(self)
        } else {
            Err(self.failure("", None))
        }
    }

    /// What any other status than 2xx means. `code` and `words` are the system's own, where the adapter found them.
    ///
    /// 400 and 422 are `rejected` with the system's words, else `invalid-input`; 401 and 403 `unauthorized`; 404 and
    /// 410 `not-found`; 409 and 412 `conflict`; 429 `rate-limited`; 408, 425 and 5xx `unavailable`, both with what
    /// `Retry-After` says; every other `rejected`.
    #[must_use]
    pub fn failure(&self, code: &str, words: Option<&str>) -> Failure {
        let status = self.status;
        let message = words.map_or_else(
            || self.excerpt(),
            |words| format!("{words} (status {status})"),
        );
        let code = if code.is_empty() {
            status.to_string()
        } else {
            code.to_owned()
        };
        match status {
            400 | 422 if words.is_none() => Failure::invalid_input("", message),
            401 | 403 => Failure::Unauthorized(message),
            404 | 410 => Failure::NotFound(message),
            409 | 412 => Failure::Conflict(message),
            429 => Failure::rate_limited(message, self.retry_after_ms()),
            408 | 425 | 500.. => Failure::unavailable(message, self.retry_after_ms()),
            300..400 => Failure::rejected(
                code,
                format!(
                    "the system answered {status}, a redirect, and those are not followed; bind the connection to the final address"
                ),
            ),
            _ => Failure::rejected(code, message),
        }
    }

    /// When to try again, milliseconds from now: `Retry-After` as seconds or as a date (RFC 9110, section 10.2.3).
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        super::retry_after::milliseconds(self.header("retry-after")?, self.header("date"))
    }

    /// The system's own time of day, seconds since 1970, by its `Date` header (RFC 9110, section 6.6.1).
    #[must_use]
    pub fn date_s(&self) -> Option<u64> {
        super::retry_after::http_date(self.header("date")?)
    }

    /// `the system answered 500: ...; what to do`, with the beginning of a body that people can read.
    fn excerpt(&self) -> String {
        let status = self.status;
        let readable = self
            .header("content-type")
            .is_some_and(|kind| kind.contains("json") || kind.starts_with("text/plain"));
        let todo = todo(status);
        match std::str::from_utf8(&self.body) {
            Ok(text) if readable && !text.trim().is_empty() => {
                let beginning: String = text
                    .trim()
                    .chars()
                    .take(EXCERPT)
                    .map(|c| if c.is_control() { ' ' } else { c })
                    .collect();
                format!("the system answered {status}: {beginning}; {todo}")
            }
            _ => format!("the system answered {status}; {todo}"),
        }
    }
}

/// What people can do about a status whose system has no words for it.
fn todo(status: u16) -> &'static str {
    match status {
        400 | 422 => "compare what was sent with what its documentation asks for",
        401 => "mend the connection's credential",
        403 => "give the connection's user the right to do this",
        404 | 410 => "check what the call names, and the connection's address",
        409 | 412 => "somebody else changed it meanwhile: read it anew",
        429 => "it wants fewer calls: `rate` in the system's file",
        408 | 425 | 500.. => "if that does not pass, look into its own log",
        _ => "its documentation says what that means",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Response {
            status,
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn every_status_has_one_meaning() {
        let kinds = [
            (302, "rejected"),
            (400, "invalid-input"),
            (401, "unauthorized"),
            (402, "rejected"),
            (403, "unauthorized"),
            (404, "not-found"),
            (405, "rejected"),
            (408, "unavailable"),
            (409, "conflict"),
            (410, "not-found"),
            (412, "conflict"),
            (418, "rejected"),
            (422, "invalid-input"),
            (425, "unavailable"),
            (429, "rate-limited"),
            (500, "unavailable"),
            (502, "unavailable"),
            (503, "unavailable"),
            (599, "unavailable"),
        ];
        for (status, kind) in kinds {
            assert_eq!(
                response(status, &[], "").failure("", None).kind(),
                kind,
                "{status}"
            );
        }
        assert_eq!(
            response(422, &[], "").failure("E7", Some("no stock")),
            Failure::rejected("E7", "no stock (status 422)")
        );
    }

    #[test]
    fn a_status_without_words_says_what_to_do() {
        for (status, todo) in [
            (400, "its documentation"),
            (401, "credential"),
            (403, "the right"),
            (404, "what the call names"),
            (405, "its documentation"),
            (409, "read it anew"),
            (429, "`rate`"),
            (503, "its own log"),
        ] {
            let failure = response(status, &[], "").failure("", None);
            let (told, said) = (failure.message(), format!("the system answered {status}; "));
            assert!(told.starts_with(&said) && told.contains(todo), "{told}");
        }
        let told = response(503, &[], "").failure("", Some("closed on Sundays"));
        assert_eq!(told.message(), "closed on Sundays (status 503)");
    }

    #[test]
    fn retry_after_travels_with_what_passes() {
        let headers = [("retry-after", "3")];
        for status in [429, 503] {
            let failure = response(status, &headers, "").failure("", None);
            assert!(
                matches!(&failure, Failure::RateLimited(passing) | Failure::Unavailable(passing) if passing.retry_after_ms == Some(3000)),
                "{failure:?}"
            );
        }
    }

    #[test]
    fn a_body_is_quoted_only_if_people_can_read_it() {
        let json = response(500, &[("content-type", "application/json")], "{\"e\":\n1}");
        assert_eq!(
            json.failure("", None).message(),
            "the system answered 500: {\"e\": 1}; if that does not pass, look into its own log"
        );
        let page = response(500, &[("content-type", "text/html")], "<html>");
        assert_eq!(
            page.failure("", None).message(),
            "the system answered 500; if that does not pass, look into its own log"
        );
    }
}
