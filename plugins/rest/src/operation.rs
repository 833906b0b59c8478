//! One request of an action: what is sent, its answer, and its pages.

use tombolo_sdk::{Failure, Json};

use crate::options::{AnswerFormat, Options};
use crate::outcome::Outcome;
use crate::paging::Paging;
use crate::request::RequestTemplate;

/// A request and what its answer means, made ready.
pub(crate) struct Operation {
    request: RequestTemplate,
    outcome: Outcome,
    paging: Option<Paging>,
}

impl Operation {
    pub(crate) fn compile(options: Options) -> Result<Self, String> {
        let request = RequestTemplate::compile(&options)?;
        let outcome = Outcome::compile(&options)?;
        if options.paging.is_some()
            && (options.result.is_some()
                || options.absent.is_some()
                || options.output.is_some()
                || options.answer != AnswerFormat::Json)
        {
            return Err("paging: the result is the list of all pages' items; expected neither `result`, `absent`, `output` nor `answer` beside it (`paging.items` says where they are)".to_owned());
        }
        let paging = options.paging.map(Paging::compile).transpose()?;
        Ok(Self {
            request,
            outcome,
            paging,
        })
    }

    pub(crate) fn run(&self, input: &str, idempotency_key: &str) -> Result<Json, Failure> {
        let request = self.request.fill(input, idempotency_key)?;
        match &self.paging {
            Some(paging) => paging.run(&request, &self.outcome),
            None => self.outcome.result(request.send()?),
        }
    }
}
