//! An action's `do` as the operator writes it; README.md has the table.

use tombolo_sdk::feed::EventOptions;
use tombolo_sdk::table::{CsvOptions, FixedOptions};
use tombolo_sdk::template::Draft;

/// The whole `do`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    #[serde(default = "api")]
    pub(crate) connection: String,
    pub(crate) method: MethodOption,
    pub(crate) path: String,
    pub(crate) query: Option<Draft>,
    pub(crate) headers: Option<Draft>,
    pub(crate) body: Option<Draft>,
    #[serde(default)]
    pub(crate) body_format: BodyFormat,
    pub(crate) idempotency_header: Option<String>,
    #[serde(default)]
    pub(crate) answer: AnswerFormat,
    pub(crate) result: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) error_code: Option<String>,
    /// A pointer that, where it is not null, false or empty in a 2xx answer, makes it a refusal.
    pub(crate) refused: Option<String>,
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
    #[serde(default)]
    pub(crate) method: MethodOption,
    pub(crate) path: String,
    pub(crate) query: Option<Draft>,
    pub(crate) headers: Option<Draft>,
    pub(crate) body: Option<Draft>,
    #[serde(default)]
    pub(crate) body_format: BodyFormat,
    pub(crate) error: Option<String>,
    pub(crate) error_code: Option<String>,
    pub(crate) refused: Option<String>,
    pub(crate) timeout_ms: Option<u32>,
    #[serde(default)]
    pub(crate) format: FeedFormat,
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
            method: self.method,
            path: std::mem::take(&mut self.path),
            query: self.query.take(),
            headers: self.headers.take(),
            body: self.body.take(),
            body_format: self.body_format,
            idempotency_header: None,
            answer: match self.format {
                FeedFormat::Json => AnswerFormat::Json,
                _ => AnswerFormat::Text,
            },
            result: None,
            error: self.error.take(),
            error_code: self.error_code.take(),
            refused: self.refused.take(),
            paging: None,
            timeout_ms: self.timeout_ms,
        }
    }
}

/// The request's method.
#[derive(Debug, Default, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum MethodOption {
    #[default]
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
