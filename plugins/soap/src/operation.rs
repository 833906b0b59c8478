//! One action: an envelope made of the input, and the answer's body as JSON.

use std::collections::BTreeMap;

use tombolo_sdk::http::{self, Response};
use tombolo_sdk::json::Pointers;
use tombolo_sdk::template::{Draft, PathTemplate, Template, TextTemplate, Values};
use tombolo_sdk::{ActionCall, Failure, Json};

use crate::options::{FaultKind, Options, Version};
use crate::xml::{self, Element, Names};
use crate::{fault, security};

/// An action's `do`, made ready.
pub(crate) struct Operation {
    connection: String,
    path: PathTemplate,
    version: Version,
    action: String,
    /// `<soap:Envelope ...>` with all its namespaces.
    envelope: String,
    body: Template,
    header: Option<Template>,
    /// The user of a UsernameToken.
    user: Option<TextTemplate>,
    idempotency_header: Option<String>,
    timeout_ms: Option<u32>,
    /// What the holes name.
    pointers: Pointers,
    names: Names,
    lists: Vec<Vec<String>>,
    result: Option<(Pointers, usize, String)>,
    faults: BTreeMap<String, FaultKind>,
}

impl Operation {
    pub(crate) fn compile(options: Options) -> Result<Self, String> {
        let mut pointers = Pointers::new();
        let path = PathTemplate::compile(&options.path, &mut pointers)
            .map_err(|problem| format!("path: {problem}"))?;
        if !matches!(options.body, Draft::Object(_)) {
            return Err("body: expected a map, whose member is the operation's element".to_owned());
        }
        let body = Template::compile(&options.body, &mut pointers)
            .map_err(|problem| format!("body: {problem}"))?;
        let header = options
            .header
            .map(|draft| Template::compile(&draft, &mut pointers))
            .transpose()
            .map_err(|problem| format!("header: {problem}"))?;
        let user = options
            .security
            .map(|security| TextTemplate::compile(&security.user, &mut pointers))
            .transpose()
            .map_err(|problem| format!("security.user: {problem}"))?;
        if options.action.contains(['"', '\\']) || options.action.chars().any(char::is_control) {
            return Err("action: found a quote, a backslash or a control character".to_owned());
        }
        let result = match options.result {
            None => None,
            Some(pointer) => {
                let mut into = Pointers::new();
                let slot = into
                    .add(&pointer)
                    .map_err(|problem| format!("result: {problem}"))?;
                Some((into, slot, pointer))
            }
        };
        let lists = options.lists.iter().map(|list| path_of(list));
        Ok(Self {
            connection: options.connection,
            path,
            version: options.version,
            envelope: envelope(options.version, &options.namespaces)?,
            action: options.action,
            body,
            header,
            user,
            idempotency_header: options.idempotency_header,
            timeout_ms: options.timeout_ms,
            pointers,
            lists: lists.collect::<Result<_, _>>()?,
            names: Names {
                prefixes: options.qualified.then(|| {
                    let swapped = options.namespaces.iter();
                    swapped
                        .map(|(prefix, uri)| (uri.clone(), prefix.clone()))
                        .collect()
                }),
            },
            result,
            faults: options.faults,
        })
    }

    pub(crate) fn run(&self, call: &ActionCall) -> Result<Json, Failure> {
        let found = self
            .pointers
            .find(&call.input)
            .map_err(|error| Failure::invalid_input("", error.to_string()))?;
        let values = Values::new(&found, &call.idempotency_key);
        let path = self.path.render(values)?;
        let content_type = match self.version {
            Version::Soap11 => "text/xml; charset=utf-8".to_owned(),
            Version::Soap12 if self.action.is_empty() => {
                "application/soap+xml; charset=utf-8".to_owned()
            }
            Version::Soap12 => {
                format!(
                    "application/soap+xml; charset=utf-8; action=\"{}\"",
                    self.action
                )
            }
        };
        let message = self.message(call, values)?;
        let mut request = http::post(&self.connection, path).body(&content_type, message);
        if self.version == Version::Soap11 {
            request = request.header("soapaction", format!("\"{}\"", self.action));
        }
        if let Some(name) = &self.idempotency_header {
            request = request.header(name, &call.idempotency_key);
        }
        if let Some(milliseconds) = self.timeout_ms {
            request = request.timeout_ms(milliseconds);
        }
        self.answer(&request.send()?)
    }

    fn message(&self, call: &ActionCall, values: Values<'_>) -> Result<String, Failure> {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
        out.push_str(&self.envelope);
        if self.header.is_some() || self.user.is_some() {
            out.push_str("<soap:Header>");
            if let Some(user) = &self.user {
                let user = user.render(values)?.unwrap_or_default();
                security::write(&user, call, &mut out)?;
            }
            if let Some(header) = &self.header {
                elements("header", header, values, &mut out)?;
            }
            out.push_str("</soap:Header>");
        }
        out.push_str("<soap:Body>");
        elements("body", &self.body, values, &mut out)?;
        out.push_str("</soap:Body></soap:Envelope>");
        Ok(out)
    }

    fn answer(&self, response: &Response) -> Result<Json, Failure> {
        let body = match self.body_of(response) {
            Ok(body) => body,
            // A proxy's page: its status says what it is.
            Err(_) if !response.is_success() => return Err(response.failure("", None)),
            Err(problem) => {
                return Err(Failure::unavailable(
                    format!(
                        "the system answered {} with no SOAP envelope: {problem}",
                        response.status
                    ),
                    None,
                ));
            }
        };
        if let Some(fault) = body.child("Fault") {
            return Err(fault::failure(fault, &self.faults));
        }
        if !response.is_success() {
            return Err(response.failure("", None));
        }
        let lists: Vec<&[String]> = self.lists.iter().map(Vec::as_slice).collect();
        let mut json = String::new();
        body.json(&lists, &mut json);
        if body.children.is_empty() && lists.is_empty() {
            json = "null".to_owned();
        }
        let Some((pointers, slot, pointer)) = &self.result else {
            return Ok(json);
        };
        let found = pointers
            .find(&json)
            .map_err(|error| Failure::internal(error.to_string()))?;
        found.get(*slot).map(str::to_owned).ok_or_else(|| {
            Failure::unavailable(
                format!("the system answered without `{pointer}`, where the result should be; if that is right, mend `result`"),
                None,
            )
        })
    }

    fn body_of(&self, response: &Response) -> Result<Element, String> {
        let text = std::str::from_utf8(&response.body).map_err(|_| "it is not UTF-8".to_owned())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let root = xml::read(text, &self.names)?;
        if root.local != "Envelope" {
            return Err(format!("its root is `{}`", root.local));
        }
        let body = root
            .children
            .into_iter()
            .find(|child| child.local == "Body");
        body.ok_or_else(|| "it has no Body".to_owned())
    }
}

/// A filled template as elements.
fn elements(
    what: &str,
    template: &Template,
    values: Values<'_>,
    out: &mut String,
) -> Result<(), Failure> {
    let mut json = String::new();
    if !template.render(values, &mut json)? {
        return Ok(());
    }
    let value: Draft = serde_json::from_str(&json)
        .map_err(|error| Failure::internal(format!("{what}: {error}")))?;
    xml::write(&value, out)
        .map_err(|problem| Failure::invalid_input("", format!("{what}: {problem}")))
}

fn envelope(version: Version, namespaces: &BTreeMap<String, String>) -> Result<String, String> {
    let mut out = format!("<soap:Envelope xmlns:soap=\"{}\"", version.namespace());
    for (prefix, uri) in namespaces {
        if prefix == "soap" || prefix.contains(':') || xml::name_problem(prefix).is_some() {
            return Err(format!(
                "namespaces: `{prefix}` cannot be a prefix; `soap` is the envelope's"
            ));
        }
        out.push_str(&format!(" xmlns:{prefix}=\""));
        xml::escape(uri, &mut out);
        out.push('"');
    }
    out.push('>');
    Ok(out)
}

/// The parts of a JSON pointer.
fn path_of(pointer: &str) -> Result<Vec<String>, String> {
    let inner = pointer
        .strip_prefix('/')
        .ok_or_else(|| format!("lists: `{pointer}` is no pointer; expected `/Response/line`"))?;
    Ok(inner
        .split('/')
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect())
}
