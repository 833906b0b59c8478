//! From a response to the action's result, or to the failure it means.

use tombolo_sdk::http::Response;
use tombolo_sdk::json::{Found, Pointers, push_string, scalar};
use tombolo_sdk::{Failure, Json};

use crate::options::{AnswerFormat, Options};

/// Characters of the system's own words that are kept.
const WORDS: usize = 500;

/// Where things are in an answer.
pub(crate) struct Outcome {
    format: AnswerFormat,
    /// Into an answer with status 2xx.
    good: Pointers,
    result: Option<(usize, String)>,
    refused: Option<usize>,
    /// Into any other, and into one that `refused` makes a refusal.
    bad: Pointers,
    error: Option<usize>,
    error_code: Option<usize>,
}

impl Outcome {
    pub(crate) fn compile(options: &Options) -> Result<Self, String> {
        let mut good = Pointers::new();
        let mut bad = Pointers::new();
        let add = |name: &str, pointer: &Option<String>, pointers: &mut Pointers| match pointer {
            Some(pointer) => pointers
                .add(pointer)
                .map(Some)
                .map_err(|problem| format!("{name}: {problem}")),
            None => Ok(None),
        };
        let result = add("result", &options.result, &mut good)?.zip(options.result.clone());
        let refused = add("refused", &options.refused, &mut good)?;
        let error = add("error", &options.error, &mut bad)?;
        let error_code = add("error-code", &options.error_code, &mut bad)?;
        if options.answer != AnswerFormat::Json && (result.is_some() || refused.is_some()) {
            return Err(
                "answer: `result` and `refused` point into JSON; expected `answer: json` with them"
                    .to_owned(),
            );
        }
        Ok(Self {
            format: options.answer,
            good,
            result,
            refused,
            bad,
            error,
            error_code,
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
            // The text was just read as JSON.
            return String::from_utf8(response.body)
                .map_err(|_| Failure::internal("the answer is not UTF-8"));
        };
        let found = self.found(&response)?;
        match found.get(*slot) {
            Some(result) => Ok(result.to_owned()),
            None => Err(Failure::unavailable(
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
        let refused = self.refused.and_then(|slot| found.get(slot));
        if refused.is_some_and(|value| {
            !matches!(
                value,
                "null" | "false" | "0" | "\"\"" | "\"0\"" | "[]" | "{}"
            )
        }) {
            let (code, words) = self.words(response);
            let words = words.unwrap_or_else(|| "the system refused without a word".to_owned());
            return Err(Failure::rejected(code, words));
        }
        Ok(found)
    }

    /// That a page of a list is good.
    pub(crate) fn require_good(&self, response: &Response) -> Result<(), Failure> {
        if !response.is_success() {
            return Err(self.failure(response));
        }
        if self.refused.is_some() {
            self.found(response).map(|_| ())
        } else {
            Ok(())
        }
    }

    /// What a status other than 2xx means, in the system's words where they are found.
    fn failure(&self, response: &Response) -> Failure {
        let (code, words) = self.words(response);
        response.failure(&code, words.as_deref())
    }

    fn words(&self, response: &Response) -> (String, Option<String>) {
        let Some(found) = std::str::from_utf8(&response.body)
            .ok()
            .and_then(|text| self.bad.find(text).ok())
        else {
            return (String::new(), None);
        };
        let text = |slot: Option<usize>| {
            let raw = slot
                .and_then(|slot| found.get(slot))
                .filter(|raw| *raw != "null")?;
            let text = scalar(raw).map_or_else(|| raw.to_owned(), std::borrow::Cow::into_owned);
            Some(
                text.chars()
                    .take(WORDS)
                    .map(|c| if c.is_control() { ' ' } else { c })
                    .collect::<String>(),
            )
        };
        (text(self.error_code).unwrap_or_default(), text(self.error))
    }
}
