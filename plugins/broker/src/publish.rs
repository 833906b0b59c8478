//! One action: a topic, a payload and headers made of the input.

use tombolo_sdk::json::Pointers;
use tombolo_sdk::template::{Draft, Template, TextTemplate, Values};
use tombolo_sdk::{ActionCall, Failure, Json, broker};

/// An action's `do` as the operator writes it.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    #[serde(default = "bus")]
    connection: String,
    topic: String,
    /// Absent: the input as it is.
    payload: Option<Draft>,
    headers: Option<Draft>,
}

fn bus() -> String {
    "bus".to_owned()
}

/// An action's `do`, made ready.
pub(crate) struct Publish {
    connection: String,
    topic: TextTemplate,
    payload: Option<Template>,
    headers: Vec<(String, Template)>,
    /// What the holes name.
    pointers: Pointers,
}

impl Publish {
    pub(crate) fn compile(options: Options) -> Result<Self, String> {
        let mut pointers = Pointers::new();
        let topic = TextTemplate::compile(&options.topic, &mut pointers)
            .map_err(|problem| format!("topic: {problem}"))?;
        let payload = options
            .payload
            .map(|draft| Template::compile(&draft, &mut pointers))
            .transpose()
            .map_err(|problem| format!("payload: {problem}"))?;
        let mut headers = Vec::new();
        match &options.headers {
            None => {}
            Some(Draft::Object(members)) => {
                for (name, draft) in members {
                    let template = Template::compile(draft, &mut pointers)
                        .map_err(|problem| format!("headers.{name}: {problem}"))?;
                    headers.push((name.clone(), template));
                }
            }
            Some(_) => return Err("headers: expected a map of names to values".to_owned()),
        }
        Ok(Self {
            connection: options.connection,
            topic,
            payload,
            headers,
            pointers,
        })
    }

    pub(crate) fn run(&self, call: &ActionCall) -> Result<Json, Failure> {
        let found = self
            .pointers
            .find(&call.input)
            .map_err(|error| Failure::invalid_input("", error.to_string()))?;
        let values = Values::new(&found, &call.idempotency_key);
        let topic = self
            .topic
            .render(values)?
            .ok_or_else(|| Failure::invalid_input("", "a part of the topic is absent"))?;
        let mut payload = String::new();
        match &self.payload {
            None => payload.push_str(&call.input),
            Some(template) => {
                template.render(values, &mut payload)?;
            }
        }
        let mut headers = Vec::new();
        for (name, template) in &self.headers {
            for text in template.texts(values)? {
                headers.push((name.clone(), text));
            }
        }
        let has = |wanted: &str| self.headers.iter().any(|(name, _)| name == wanted);
        if !has("content-type") {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        // The same at every attempt: a broker or a reader that looks at it drops the second.
        if !has("message-id") {
            headers.push(("message-id".to_owned(), call.idempotency_key.clone()));
        }
        broker::publish(&self.connection, &topic, payload.as_bytes(), &headers)?;
        Ok("null".to_owned())
    }
}
