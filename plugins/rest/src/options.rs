//! An action's `do` as the operator writes it; README.md has the table.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny};
use serde_json::value::RawValue;
use tombolo_sdk::FailureKind;
use tombolo_sdk::feed::EventOptions;
use tombolo_sdk::table::{CsvOptions, FixedOptions};
use tombolo_sdk::template::Draft;

/// The whole `do`: one request, or several.
#[derive(Debug)]
pub(crate) enum ActionOptions {
    One(Box<Options>),
    Steps(Vec<StepOptions>),
}

/// Told apart by hand: each form's own words about what is wrong in it are worth more than "matches none".
impl<'de> Deserialize<'de> for ActionOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Peek {
            steps: Option<IgnoredAny>,
        }
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Steps {
            steps: Vec<StepOptions>,
        }
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let peek: Peek = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        if peek.steps.is_some() {
            let whole: Steps = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
            Ok(Self::Steps(whole.steps))
        } else {
            serde_json::from_str(raw.get())
                .map(Self::One)
                .map_err(D::Error::custom)
        }
    }
}

/// One of several requests.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepOptions {
    /// Under which steps behind it find its result: `{/steps/NAME/...}`.
    #[serde(rename = "as")]
    pub(crate) name: Option<String>,
    /// It is left out unless this holds.
    pub(crate) when: Option<ConditionOptions>,
    /// It is left out if this holds.
    pub(crate) unless: Option<ConditionOptions>,
    #[serde(rename = "do")]
    pub(crate) request: Options,
}

/// A pointer to a value that is anything but null, false, 0 or empty, or is one of these words.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum ConditionOptions {
    There(String),
    Is { pointer: String, is: Vec<String> },
}

/// One pointer or several, of which the first that finds something counts.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(from = "OneOrMany")]
pub(crate) struct PointerList(pub(crate) Vec<String>);

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for PointerList {
    fn from(given: OneOrMany) -> Self {
        Self(match given {
            OneOrMany::One(pointer) => vec![pointer],
            OneOrMany::Many(pointers) => pointers,
        })
    }
}

/// What it means that the result is absent or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Absent {
    NotFound,
}

/// One request.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    #[serde(default = "api")]
    pub(crate) connection: String,
    /// Must be given, but for `graphql`.
    pub(crate) method: Option<MethodOption>,
    pub(crate) path: String,
    pub(crate) query: Option<Draft>,
    pub(crate) headers: Option<Draft>,
    pub(crate) body: Option<Draft>,
    /// A GraphQL document, as it is.
    pub(crate) graphql: Option<String>,
    /// Its variables.
    pub(crate) variables: Option<Draft>,
    #[serde(default)]
    pub(crate) body_format: BodyFormat,
    pub(crate) idempotency_header: Option<String>,
    #[serde(default)]
    pub(crate) answer: AnswerFormat,
    pub(crate) result: Option<String>,
    pub(crate) absent: Option<Absent>,
    /// Which of our fields is where in the result.
    pub(crate) output: Option<Draft>,
    #[serde(default)]
    pub(crate) error: PointerList,
    #[serde(default)]
    pub(crate) error_code: PointerList,
    /// What the system's own codes mean.
    #[serde(default)]
    pub(crate) errors: BTreeMap<String, FailureKind>,
    /// Pointers that, where one is not null, false or empty in a 2xx answer, make it a refusal.
    #[serde(default)]
    pub(crate) refused: PointerList,
    pub(crate) paging: Option<PagingOptions>,
    pub(crate) timeout_ms: Option<u32>,
}

fn api() -> String {
    "api".to_owned()
}

/// A feed's `do`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FeedOptions {
    #[serde(default = "api")]
    pub(crate) connection: String,
    pub(crate) method: Option<MethodOption>,
    pub(crate) path: String,
    pub(crate) query: Option<Draft>,
    pub(crate) headers: Option<Draft>,
    pub(crate) body: Option<Draft>,
    pub(crate) graphql: Option<String>,
    pub(crate) variables: Option<Draft>,
    #[serde(default)]
    pub(crate) body_format: BodyFormat,
    #[serde(default)]
    pub(crate) error: PointerList,
    #[serde(default)]
    pub(crate) error_code: PointerList,
    #[serde(default)]
    pub(crate) errors: BTreeMap<String, FailureKind>,
    #[serde(default)]
    pub(crate) refused: PointerList,
    pub(crate) timeout_ms: Option<u32>,
    #[serde(default)]
    pub(crate) format: FeedFormat,
    /// Which of our fields is where in an item of a JSON answer.
    pub(crate) output: Option<Draft>,
    /// Where the array is in a JSON answer.
    #[serde(default)]
    pub(crate) items: String,
    pub(crate) cursor: CursorOptions,
    pub(crate) event: EventOptions,
}

/// What a page is.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FeedFormat {
    #[default]
    Json,
    Csv(CsvOptions),
    FixedWidth(FixedOptions),
}

/// Where the next cursor is.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CursorOptions {
    /// A pointer into the last item of a page.
    pub(crate) item: Option<String>,
    /// A pointer into the answer.
    pub(crate) answer: Option<String>,
    /// The number of the last line, of a file that grows.
    #[serde(default)]
    pub(crate) line: bool,
    /// Items of a full page, behind which there may be more.
    pub(crate) full: Option<usize>,
}

impl FeedOptions {
    /// The same request as an action's options.
    pub(crate) fn request(&mut self) -> Options {
        Options {
            connection: std::mem::take(&mut self.connection),
            method: self
                .method
                .or_else(|| self.graphql.is_none().then_some(MethodOption::Get)),
            path: std::mem::take(&mut self.path),
            query: self.query.take(),
            headers: self.headers.take(),
            body: self.body.take(),
            graphql: self.graphql.take(),
            variables: self.variables.take(),
            body_format: self.body_format,
            idempotency_header: None,
            answer: match self.format {
                FeedFormat::Json => AnswerFormat::Json,
                _ => AnswerFormat::Text,
            },
            result: None,
            absent: None,
            output: None,
            error: std::mem::take(&mut self.error),
            error_code: std::mem::take(&mut self.error_code),
            errors: std::mem::take(&mut self.errors),
            refused: std::mem::take(&mut self.refused),
            paging: None,
            timeout_ms: self.timeout_ms,
        }
    }
}

/// The request's method.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum MethodOption {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// How the body is written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BodyFormat {
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
}

/// What the answer's body is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AnswerFormat {
    #[default]
    Json,
    /// The result is the body as one string.
    Text,
    /// The result is null.
    Ignore,
}

/// How to read on.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PagingOptions {
    pub(crate) by: By,
    /// The query field that says which page: its number, its offset, its cursor.
    pub(crate) parameter: Option<String>,
    /// The first page's number or offset.
    pub(crate) start: Option<u64>,
    /// The query field that says how many items a page has.
    pub(crate) size_parameter: Option<String>,
    pub(crate) size: Option<u64>,
    /// Where the array is in the answer.
    #[serde(default)]
    pub(crate) items: String,
    /// Where the next cursor is in the answer.
    pub(crate) next: Option<String>,
    #[serde(default = "ten")]
    pub(crate) pages: u32,
    #[serde(default)]
    pub(crate) beyond: Beyond,
}

fn ten() -> u32 {
    10
}

/// What tells the pages apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum By {
    /// 1, 2, 3...
    Page,
    /// 0, 100, 200...
    Offset,
    /// What the last answer says.
    Cursor,
    /// The `Link` header with `rel="next"` (RFC 8288).
    Link,
}

/// What happens if there is more than `pages`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Beyond {
    /// The action is rejected: half a list must not look like a whole one.
    #[default]
    Reject,
    /// The result ends there.
    Cut,
}
