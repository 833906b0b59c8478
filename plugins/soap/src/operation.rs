//! One action: an envelope made of the input, and the answer's body as JSON; or the same of plain XML.

use std::collections::BTreeMap;

use tombolo_sdk::http::{Method, Request, Response};
use tombolo_sdk::json::Pointers;
use tombolo_sdk::template::{Draft, PathTemplate, Template, TextTemplate, Values};
use tombolo_sdk::{ActionCall, Failure, Json};

use crate::options::{Envelope, FaultKind, MethodOption, Options, Version};
use crate::xml::{self, Element, Names};
use crate::{fault, plain, security};

/// An action's `do`, made ready.
pub(crate) struct Operation {
    connection: String,
    path: PathTemplate,
    method: Method,
    version: Version,
    action: String,
    /// The declarations of its namespaces, as attributes.
    namespaces: String,
    /// None: plain XML.
    has_envelope: bool,
    body: Option<Template>,
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
        let has_envelope = options.envelope == Envelope::Soap;
        match has_envelope {
            true if options.method.is_some() => {
                return Err("method: is for `envelope: none`; an envelope is posted".to_owned());
            }
            true => {}
            false => plain::check(&options)?,
        }
        let body = match &options.body {
            None if !has_envelope => None,
            Some(body @ Draft::Object(_)) => Some(
                Template::compile(body, &mut pointers)
                    .map_err(|problem| format!("body: {problem}"))?,
            ),
            _ => {
                return Err(
                    "body: expected a map, whose member is the operation's element".to_owned(),
                );
            }
        };
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
        let action = options.action.unwrap_or_default();
        if action.contains(['"', '\\']) || action.chars().any(char::is_control) {
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
            method: method(options.method.unwrap_or(MethodOption::Post)),
            version: options.version.unwrap_or_default(),
            namespaces: namespaces(&options.namespaces)?,
            has_envelope,
            action,
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
        let mut request = Request::new(&self.connection, self.method, path);
        if self.has_envelope {
            request = self.enveloped(request, call, values)?;
        } else if let Some(body) = &self.body {
            let body = plain::document(body, values, &self.namespaces)?;
            request = request.body("application/xml; charset=utf-8", body);
        }
        if let Some(name) = &self.idempotency_header {
            request = request.header(name, &call.idempotency_key);
        }
        if let Some(milliseconds) = self.timeout_ms {
            request = request.timeout_ms(milliseconds);
        }
        self.answer(&request.send()?)
    }

    fn enveloped(
        &self,
        request: Request,
        call: &ActionCall,
        values: Values<'_>,
    ) -> Result<Request, Failure> {
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
        let request = request.body(&content_type, self.message(call, values)?);
        Ok(match self.version {
            Version::Soap11 => request.header("soapaction", format!("\"{}\"", self.action)),
            Version::Soap12 => request,
        })
    }

    fn message(&self, call: &ActionCall, values: Values<'_>) -> Result<String, Failure> {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
        let (namespace, declared) = (self.version.namespace(), &self.namespaces);
        out.push_str(&format!(
            "<soap:Envelope xmlns:soap=\"{namespace}\"{declared}>"
        ));
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
        if let Some(body) = &self.body {
            elements("body", body, values, &mut out)?;
        }
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
                        "the system answered {} with no {}: {problem}",
                        response.status,
                        if self.has_envelope {
                            "SOAP envelope"
                        } else {
                            "XML"
                        }
                    ),
                    None,
                ));
            }
        };
        let failure = match self.has_envelope {
            true => body
                .child("Fault")
                .map(|fault| fault::failure(fault, &self.faults)),
            false => plain::failure(&body, &self.faults),
        };
        if let Some(failure) = failure {
            return Err(failure);
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
        if !self.has_envelope {
            return plain::body(text, &self.names);
        }
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
    match filled(what, template, values)? {
        Some(value) => write(what, &value, out),
        None => Ok(()),
    }
}

/// A filled template; none: it is absent.
pub(crate) fn filled(
    what: &str,
    template: &Template,
    values: Values<'_>,
) -> Result<Option<Draft>, Failure> {
    let mut json = String::new();
    if !template.render(values, &mut json)? {
        return Ok(None);
    }
    serde_json::from_str(&json)
        .map(Some)
        .map_err(|error| Failure::internal(format!("{what}: {error}")))
}

pub(crate) fn write(what: &str, value: &Draft, out: &mut String) -> Result<(), Failure> {
    xml::write(value, out)
        .map_err(|problem| Failure::invalid_input("", format!("{what}: {problem}")))
}

const fn method(option: MethodOption) -> Method {
    match option {
        MethodOption::Get => Method::Get,
        MethodOption::Post => Method::Post,
        MethodOption::Put => Method::Put,
        MethodOption::Patch => Method::Patch,
        MethodOption::Delete => Method::Delete,
    }
}

fn namespaces(namespaces: &BTreeMap<String, String>) -> Result<String, String> {
    let mut out = String::new();
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
