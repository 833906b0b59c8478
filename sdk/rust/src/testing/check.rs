//! What the real host refuses before anything leaves: requests and parameters that cannot be right.

use serde_json::Value;
use tombolo_manifest::pattern::check_path;

use super::refuse;
use crate::{http, sql};

/// What the real host answers `invalid` is a mistake of the adapter's code, so here it ends the test.
pub(super) fn check_request(request: &http::RawRequest) {
    const HOSTS_OWN: [&str; 14] = [
        "host",
        "authorization",
        "cookie",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "expect",
    ];
    if let Err(problem) = check_path(&request.path) {
        refuse(format!(
            "the adapter sends the path `{}`: {problem} (`http::path` makes good ones)",
            request.path.escape_debug()
        ));
    }
    for (name, value) in &request.headers {
        let lower = name.to_ascii_lowercase();
        if HOSTS_OWN.contains(&lower.as_str()) || lower.starts_with("proxy-") {
            refuse(format!(
                "the adapter sets the header `{name}`, which is the host's"
            ));
        }
        if name.is_empty()
            || value.contains(['\r', '\n', '\0'])
            || !name
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b':')
        {
            refuse(format!(
                "the adapter sets the header `{}`, which no server would take",
                name.escape_debug()
            ));
        }
    }
}

/// The real host names a parameter that is missing or unknown, and sends nothing.
pub(super) fn check_parameters(
    statement: &str,
    text: &str,
    parameters: &Value,
) -> Result<(), sql::Error> {
    let names = parameter_names(text);
    let given = parameters.as_object().cloned().unwrap_or_default();
    if let Some(missing) = names.iter().find(|name| !given.contains_key(**name)) {
        return Err(sql::Error::Invalid(format!(
            "the statement `{statement}` needs the parameter `{missing}`"
        )));
    }
    if let Some(unknown) = given.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(sql::Error::Invalid(format!(
            "the statement `{statement}` has no parameter `{unknown}`"
        )));
    }
    Ok(())
}

/// The `:names` of a statement, outside quotes and casts.
fn parameter_names(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut names = Vec::new();
    let mut quote = None;
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'\'' | b'"' | b'`')) => quote = Some(byte),
            (None, b':') if bytes.get(at + 1) == Some(&b':') => at += 1,
            (None, b':') => {
                let length = bytes[at + 1..]
                    .iter()
                    .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
                    .count();
                if length > 0 {
                    names.push(&text[at + 1..=at + length]);
                    at += length;
                }
            }
            _ => {}
        }
        at += 1;
    }
    names
}
