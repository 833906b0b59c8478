//! Builders for what `receive` and `read` answer.

use crate::{Answer, Event, Failure, Json, Page, Reception};

impl Event {
    /// An event of this type with this data, JSON text as it came.
    pub fn new(event_type: impl Into<String>, data: Json) -> Self {
        Self {
            type_: event_type.into(),
            id: None,
            subject: None,
            time: None,
            data,
        }
    }

    /// The sender's own id: a second event with it, from the same system, is dropped.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// What it is about.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// When it happened, RFC 3339.
    #[must_use]
    pub fn with_time(mut self, time: impl Into<String>) -> Self {
        self.time = Some(time.into());
        self
    }
}

impl Answer {
    /// `text/plain`, 200.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            status: 200,
            content_type: "text/plain; charset=utf-8".into(),
            body: text.into().into_bytes(),
        }
    }

    /// `application/json`, 200.
    ///
    /// # Errors
    /// `internal` if `value` has no JSON form.
    pub fn json(value: &impl serde::Serialize) -> Result<Self, Failure> {
        let body = crate::to_json(value)?.into_bytes();
        Ok(Self {
            status: 200,
            content_type: "application/json".into(),
            body,
        })
    }
}

impl Reception {
    /// These events, and the host's own answer: 202.
    #[must_use]
    pub fn of(events: Vec<Event>) -> Self {
        Self {
            events,
            answer: None,
        }
    }

    /// No event, only an answer: a sender that tests the address.
    #[must_use]
    pub fn answered(answer: Answer) -> Self {
        Self {
            events: Vec::new(),
            answer: Some(answer),
        }
    }

    /// This answer, sent after the events are on disk.
    #[must_use]
    pub fn with_answer(mut self, answer: Answer) -> Self {
        self.answer = Some(answer);
        self
    }
}

impl Page {
    /// These events, and that there is nothing more right now.
    #[must_use]
    pub fn last(events: Vec<Event>, cursor: Option<String>) -> Self {
        Self {
            events,
            cursor,
            more: false,
        }
    }

    /// These events, and that the next page can be read at once from `cursor`.
    pub fn more(events: Vec<Event>, cursor: impl Into<String>) -> Self {
        Self {
            events,
            cursor: Some(cursor.into()),
            more: true,
        }
    }
}
