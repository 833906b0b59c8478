//! From an action's input to a request.

use tombolo_sdk::http::{Method, Request};
use tombolo_sdk::json::Pointers;
use tombolo_sdk::template::{Draft, PathTemplate, Template, Values};
use tombolo_sdk::{Failure, form};

use crate::options::{AnswerFormat, BodyFormat, MethodOption, Options};

/// A request with holes for the input.
pub(crate) struct RequestTemplate {
    connection: String,
    method: Method,
    path: PathTemplate,
    query: Vec<(String, Template)>,
    headers: Vec<(String, Template)>,
    body: Body,
    idempotency_header: Option<String>,
    /// The operator's own `accept` comes first.
    asks_for_json: bool,
    timeout_ms: Option<u32>,
    /// What the holes name.
    pointers: Pointers,
}

enum Body {
    None,
    /// The input as it is.
    Input,
    Json(Template),
    Form(Vec<(String, Template)>),
}

impl RequestTemplate {
    pub(crate) fn compile(options: &Options) -> Result<Self, String> {
        let mut pointers = Pointers::new();
        let path = PathTemplate::compile(&options.path, &mut pointers)
            .map_err(|problem| format!("path: {problem}"))?;
        let query = fields("query", options.query.as_ref(), &mut pointers)?;
        let headers = fields("headers", options.headers.as_ref(), &mut pointers)?;
        let body = match (&options.body, options.body_format) {
            (None, _) if options.graphql.is_some() => Body::Json(graphql(options, &mut pointers)?),
            (Some(_), _) if options.graphql.is_some() => {
                return Err(
                    "body: found it beside `graphql`, which is the body; expected one of them"
                        .to_owned(),
                );
            }
            (None, _) => Body::None,
            (Some(Draft::Text(text)), BodyFormat::Json) if text == "input" => Body::Input,
            (Some(draft), BodyFormat::Json) => Body::Json(
                Template::compile(draft, &mut pointers)
                    .map_err(|problem| format!("body: {problem}"))?,
            ),
            (draft, BodyFormat::Form) => Body::Form(fields("body", draft.as_ref(), &mut pointers)?),
        };
        let has_accept = headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("accept"));
        Ok(Self {
            asks_for_json: options.answer == AnswerFormat::Json && !has_accept,
            connection: options.connection.clone(),
            method: match (options.method, &options.graphql) {
                (Some(option), _) => method(option),
                (None, Some(_)) => Method::Post,
                (None, None) => {
                    return Err("method: is missing; expected `GET`, `POST` or another".to_owned());
                }
            },
            path,
            query,
            headers,
            body,
            idempotency_header: options.idempotency_header.clone(),
            timeout_ms: options.timeout_ms,
            pointers,
        })
    }

    /// The request of one call, without what paging adds.
    pub(crate) fn fill(&self, input: &str, idempotency_key: &str) -> Result<Request, Failure> {
        let found = self
            .pointers
            .find(input)
            .map_err(|error| Failure::invalid_input("", error.to_string()))?;
        let values = Values::new(&found, idempotency_key);
        let mut request = Request::new(&self.connection, self.method, self.path.render(values)?);
        for (name, template) in &self.query {
            for text in template.texts(values)? {
                request = request.query(name, text);
            }
        }
        for (name, template) in &self.headers {
            for text in template.texts(values)? {
                request = request.header(name, one_line(name, text)?);
            }
        }
        if let Some(name) = &self.idempotency_header {
            request = request.header(name, idempotency_key);
        }
        if let Some(milliseconds) = self.timeout_ms {
            request = request.timeout_ms(milliseconds);
        }
        if self.asks_for_json {
            request = request.header("accept", "application/json");
        }
        self.with_body(request, input, values)
    }

    fn with_body(
        &self,
        request: Request,
        input: &str,
        values: Values<'_>,
    ) -> Result<Request, Failure> {
        Ok(match &self.body {
            Body::None => request,
            Body::Input => request.body("application/json", input),
            Body::Json(template) => {
                let mut body = String::new();
                if !template.render(values, &mut body)? {
                    return Ok(request);
                }
                request.body("application/json", body)
            }
            Body::Form(fields) => {
                let mut body = String::new();
                for (name, template) in fields {
                    for text in template.texts(values)? {
                        form::push(&mut body, name, &text);
                    }
                }
                request.body("application/x-www-form-urlencoded", body)
            }
        })
    }
}

/// The body of a GraphQL request: the document, whose braces are its own, and its variables.
/// <https://graphql.github.io/graphql-over-http/draft/#sec-Request-Parameters>
fn graphql(options: &Options, pointers: &mut Pointers) -> Result<Template, String> {
    let document = options.graphql.as_deref().unwrap_or_default();
    let document = document.replace('{', "{{").replace('}', "}}");
    let mut members = vec![("query".to_owned(), Draft::Text(document))];
    if let Some(variables) = &options.variables {
        members.push(("variables".to_owned(), variables.clone()));
    }
    Template::compile(&Draft::Object(members), pointers)
        .map_err(|problem| format!("graphql: {problem}"))
}

/// A map of templates: query fields, headers, form fields.
fn fields(
    place: &str,
    draft: Option<&Draft>,
    pointers: &mut Pointers,
) -> Result<Vec<(String, Template)>, String> {
    let members = match draft {
        None => return Ok(Vec::new()),
        Some(Draft::Object(members)) => members,
        Some(_) => return Err(format!("{place}: expected a map of names to values")),
    };
    members
        .iter()
        .map(|(name, draft)| match Template::compile(draft, pointers) {
            Ok(template) => Ok((name.clone(), template)),
            Err(problem) => Err(format!("{place}.{name}: {problem}")),
        })
        .collect()
}

/// The host refuses such a header; here the input's author is told.
fn one_line(name: &str, text: String) -> Result<String, Failure> {
    if text.chars().any(char::is_control) {
        return Err(Failure::invalid_input(
            "",
            format!("makes a header `{name}` with a control character; expected one line of text"),
        ));
    }
    Ok(text)
}

fn method(option: MethodOption) -> Method {
    match option {
        MethodOption::Get => Method::Get,
        MethodOption::Head => Method::Head,
        MethodOption::Post => Method::Post,
        MethodOption::Put => Method::Put,
        MethodOption::Patch => Method::Patch,
        MethodOption::Delete => Method::Delete,
    }
}
