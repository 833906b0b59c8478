//! From a response to the action's result, or to the failure it means.

use std::collections::BTreeMap;

use tombolo_sdk::http::Response;
use tombolo_sdk::json::{Found, Pointers, push_string, scalar};
use tombolo_sdk::{Failure, FailureKind, Json};

use crate::options::{AnswerFormat, Options, PointerList};
use crate::shape::Shape;

/// Characters of the system's own words that are kept.
const WORDS: usize = 500;

/// Where things are in an answer.
pub(crate) struct Outcome {
    format: AnswerFormat,
    /// Into an answer with status 2xx.
    good: Pointers,
    result: Option<(usize, String)>,
    /// An absent result is `not-found`.
    not_found: bool,
    output: Option<Shape>,
    refused: Vec<usize>,
    /// Into any other, and into one that `refused` makes a refusal.
    bad: Pointers,
    error: Vec<usize>,
    error_code: Vec<usize>,
    kinds: BTreeMap<String, FailureKind>,
}

impl Outcome {
    pub(crate) fn compile(options: &Options) -> Result<Self, String> {
        let mut good = Pointers::new();
        let mut bad = Pointers::new();
        let result = match &options.result {
            Some(pointer) => Some((add("result", pointer, &mut good)?, pointer.clone())),
            None => None,
        };
        // A GraphQL error is a status 200 with `errors`, whoever answers.
        let all = |name: &str, list: &PointerList, usual: &str, pointers: &mut Pointers| {
            let usual = options.graphql.as_ref().map(|_| usual);
            let given = list.0.iter().map(String::as_str);
            usual
                .into_iter()
                .chain(given)
                .map(|pointer| add(name, pointer, pointers))
                .collect::<Result<Vec<_>, _>>()
        };
        let refused = all("refused", &options.refused, "/errors", &mut good)?;
        let error = all("error", &options.error, "/errors/0/message", &mut bad)?;
        let code = "/errors/0/extensions/code";
        let error_code = all("error-code", &options.error_code, code, &mut bad)?;
        let output = options
            .output
            .as_ref()
            .map(Shape::compile)
            .transpose()
            .map_err(|problem| format!("output: {problem}"))?;
        if options.answer != AnswerFormat::Json
            && (result.is_some() || output.is_some() || !refused.is_empty())
        {
            return Err(
                "answer: `result`, `output` and `refused` point into JSON; expected `answer: json` with them"
                    .to_owned(),
            );
        }
        if options.absent.is_some() && result.is_none() {
            return Err("absent: expected `result`, which says what may be absent".to_owned());
        }
        Ok(Self {
            format: options.answer,
            good,
            result,
            not_found: options.absent.is_some(),
            output,
            refused,
            bad,
            error,
            error_code,
            kinds: options.errors.clone(),
        })
    }

    /// The action's output.
    pub(crate) fn result(&self, response: Response) -> Result<Json, Failure> {
        if !response.is_success() {
            return Err(self.failure(&response));
        }
        match self.format {
            AnswerFormat::Ignore => return Ok("null".to_owned()),
            AnswerFormat::Text => {
                let mut out = String::new();
                push_string(&mut out, response.text()?);
                return Ok(out);
            }
            AnswerFormat::Json => {}
        }
        let Some((slot, pointer)) = &self.result else {
            if response.body.iter().all(u8::is_ascii_whitespace) {
                return Ok("null".to_owned());
            }
            self.found(&response)?;
            if let Some(output) = &self.output {
                return output.tell(response.text()?);
            }
            // The text was just read as JSON.
            return String::from_utf8(response.body)
                .map_err(|_| Failure::internal("the answer is not UTF-8"));
        };
        let found = self.found(&response)?;
        match (found.get(*slot), &self.output) {
            (None | Some("null"), _) if self.not_found => Err(Failure::not_found(format!(
                "the system's answer has nothing at `{pointer}`"
            ))),
            (Some(result), Some(output)) => output.tell(result),
            (Some(result), None) => Ok(result.to_owned()),
            (None, _) => Err(Failure::unavailable(
                format!(
                    "the system answered {} without `{pointer}`, where the result should be; if that is right, mend `result`",
                    response.status
                ),
                None,
            )),
        }
    }

    /// What the pointers of a good answer found; a refusal in it is a failure.
    fn found<'a>(&self, response: &'a Response) -> Result<Found<'a>, Failure> {
        let found = self
            .good
            .find(response.text()?)
            .map_err(|error| response.unexpected(&error))?;
        let refused = self.refused.iter().filter_map(|slot| found.get(*slot));
        if refused.into_iter().any(says_yes) {
            let (code, words) = self.words(response);
            let words = words.unwrap_or_else(|| "the system refused without a word".to_owned());
            return Err(self
                .by_code(&code, &words)
                .unwrap_or_else(|| Failure::rejected(code, words)));
        }
        Ok(found)
    }

    /// That a page of a list is good.
    pub(crate) fn require_good(&self, response: &Response) -> Result<(), Failure> {
        if !response.is_success() {
            return Err(self.failure(response));
        }
        if self.refused.is_empty() {
            Ok(())
        } else {
            self.found(response).map(|_| ())
        }
    }

    /// What a status other than 2xx means, in the system's words where they are found.
    fn failure(&self, response: &Response) -> Failure {
        let (code, words) = self.words(response);
        let said = words.as_deref().unwrap_or("the system gave no words");
        // Without a code the status says what it is.
        let known = (!code.is_empty()).then(|| self.by_code(&code, said));
        known
            .flatten()
            .unwrap_or_else(|| response.failure(&code, words.as_deref()))
    }

    /// What the operator says that a code means.
    fn by_code(&self, code: &str, words: &str) -> Option<Failure> {
        let kind = *self.kinds.get(code)?;
        // A rejection has its code beside its words.
        let said = match kind {
            FailureKind::Rejected => words.to_owned(),
            _ if code.is_empty() => words.to_owned(),
            _ => format!("{words} ({code})"),
        };
        Some(kind.failure(code, said, None))
    }

    fn words(&self, response: &Response) -> (String, Option<String>) {
        let Some(found) = std::str::from_utf8(&response.body)
            .ok()
            .and_then(|text| self.bad.find(text).ok())
        else {
            return (String::new(), None);
        };
        let text = |slots: &[usize]| {
            let mut raws = slots.iter().filter_map(|slot| found.get(*slot));
            let raw = raws.find(|raw| *raw != "null")?;
            let text = scalar(raw).map_or_else(|| raw.to_owned(), std::borrow::Cow::into_owned);
            Some(
                text.chars()
                    .take(WORDS)
                    .map(|c| if c.is_control() { ' ' } else { c })
                    .collect::<String>(),
            )
        };
        (
            text(&self.error_code).unwrap_or_default(),
            text(&self.error),
        )
    }
}

fn add(name: &str, pointer: &str, pointers: &mut Pointers) -> Result<usize, String> {
    pointers
        .add(pointer)
        .map_err(|problem| format!("{name}: {problem}"))
}

/// Anything but null, false, 0 or empty.
pub(crate) fn says_yes(value: &str) -> bool {
    !matches!(
        value,
        "null" | "false" | "0" | "\"\"" | "\"0\"" | "[]" | "{}"
    )
}
