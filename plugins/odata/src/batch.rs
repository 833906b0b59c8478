//! Several changes in one `$batch` request, all of them or none: a changeset of a multipart message, which is what both
//! versions have (OData 2.0 "Batch processing", OData 4.01 part 1, section 11.7).

use tombolo_sdk::Failure;
use tombolo_sdk::http::{self, Method, Request, Response};

use crate::client::Client;

/// Between the parts. JSON escapes nothing that could look like it, so a body that holds it is refused.
const BATCH: &str = "batch_tombolo";
const CHANGES: &str = "changeset_tombolo";
/// Changes of one batch: services refuse more than some hundred.
pub(crate) const MOST: usize = 100;

/// One change.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) method: Method,
    /// Below the service, encoded: `Orders(1)`.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

impl Change {
    /// A request of its own.
    pub(crate) fn alone(self, client: &Client, service: &str) -> Request {
        let mut request = client.request(self.method, format!("{service}/{}", self.path));
        for (name, value) in self.query {
            request = request.query(name, value);
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        match self.body {
            Some(body) => client.with_json(request, body),
            None => request,
        }
    }
}

/// Sends them together; answers with each one's response, in order.
pub(crate) fn send(
    client: &Client,
    service: &str,
    changes: &[Change],
) -> Result<Vec<Response>, Failure> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    if changes.len() > MOST {
        return Err(Failure::rejected(
            "too-many",
            format!("{} changes; at most {MOST} go together", changes.len()),
        ));
    }
    // An answer in JSON is another format, which not every service has.
    let request = http::post(client.connection(), format!("{service}/$batch"))
        .header("accept", "multipart/mixed")
        .body(
            &format!("multipart/mixed; boundary={BATCH}"),
            message(changes)?,
        );
    let response = client.change(service, request)?;
    let responses = parts(&response, 0).ok_or_else(|| {
        Failure::unavailable(
            format!(
                "the system answered {} with something that is no batch",
                response.status
            ),
            None,
        )
    })?;
    // A changeset that fails is one answer: the first refusal.
    for response in &responses {
        if !response.is_success() {
            client.good(response.clone())?;
        }
    }
    if responses.len() == changes.len() {
        Ok(responses)
    } else {
        Err(Failure::unavailable(
            format!(
                "the system answered {} of {} changes",
                responses.len(),
                changes.len()
            ),
            None,
        ))
    }
}

fn message(changes: &[Change]) -> Result<String, Failure> {
    let mut out = format!("--{BATCH}\r\nContent-Type: multipart/mixed; boundary={CHANGES}\r\n\r\n");
    for (index, change) in changes.iter().enumerate() {
        let body = change.body.as_deref().unwrap_or_default();
        if body.contains(BATCH) || body.contains(CHANGES) {
            return Err(Failure::invalid_input(
                "",
                format!("holds `{BATCH}` or `{CHANGES}`, which divides what goes together"),
            ));
        }
        out.push_str(&format!(
            "--{CHANGES}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {}\r\n\r\n{} {}",
            index + 1,
            method(change.method),
            change.path
        ));
        let mut query = String::new();
        for (name, value) in &change.query {
            tombolo_sdk::form::push(&mut query, name, value);
        }
        if !query.is_empty() {
            out.push('?');
            out.push_str(&query.replace('+', "%20"));
        }
        out.push_str(" HTTP/1.1\r\nAccept: application/json\r\n");
        for (name, value) in &change.headers {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            out.push_str(&format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            ));
        }
        out.push_str(&format!("\r\n{body}\r\n"));
    }
    out.push_str(&format!("--{CHANGES}--\r\n--{BATCH}--\r\n"));
    Ok(out)
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    }
}

/// The responses in a multipart message, one inside another.
fn parts(whole: &Response, depth: usize) -> Option<Vec<Response>> {
    let kind = whole.header("content-type")?;
    let boundary = kind
        .split(';')
        .find_map(|part| part.trim().strip_prefix("boundary="))?
        .trim_matches('"');
    let text = std::str::from_utf8(&whole.body).ok()?;
    let mut found = Vec::new();
    let begin = format!("--{boundary}");
    for part in text.split(&begin).skip(1) {
        if part.starts_with("--") {
            break;
        }
        let part = part.trim_start_matches([' ', '\t']).trim_start();
        let (headers, body) = divided(part);
        let inner = Response {
            status: 200,
            headers,
            body: body.trim_start().as_bytes().to_vec(),
        };
        let is_many = inner
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("multipart/"));
        if is_many && depth == 0 {
            found.extend(parts(&inner, depth + 1)?);
        } else {
            found.push(response(body.trim_start())?);
        }
    }
    Some(found)
}

/// `HTTP/1.1 204 No Content` and what follows.
fn response(text: &str) -> Option<Response> {
    let (line, rest) = text.split_once('\n')?;
    let status = line.strip_prefix("HTTP/")?.split(' ').nth(1)?;
    let (headers, body) = divided(rest);
    Some(Response {
        status: status.trim().parse().ok()?,
        headers,
        body: body.trim().as_bytes().to_vec(),
    })
}

/// Headers, with their names in lower case, and what comes after them.
fn divided(text: &str) -> (Vec<(String, String)>, &str) {
    let mut headers = Vec::new();
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n') {
        rest = after;
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => break,
        }
    }
    (headers, rest)
}
