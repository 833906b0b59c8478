//! One feed: a request that knows the cursor, whose answer's items become events.

use tombolo_sdk::feed::{self, EventTemplate};
use tombolo_sdk::http::Response;
use tombolo_sdk::json::{Pointers, elements};
use tombolo_sdk::table::{Row, Table, TableOptions};
use tombolo_sdk::{Failure, Page};

use crate::options::{CursorOptions, FeedFormat, FeedOptions};
use crate::outcome::Outcome;
use crate::request::RequestTemplate;
use crate::shape::Shape;

/// A feed's `do`, made ready.
pub(crate) struct Feed {
    request: RequestTemplate,
    outcome: Outcome,
    table: Option<Table>,
    output: Option<Shape>,
    /// Into the answer.
    pointers: Pointers,
    items: usize,
    items_pointer: String,
    cursor: Cursor,
    /// Items of a full page, where the system has a number of its own.
    full: Option<usize>,
    event: EventTemplate,
}

enum Cursor {
    /// In the last item.
    Item { pointers: Pointers, slot: usize },
    /// In the answer; absent, null or empty: there is no more.
    Answer(usize),
    /// The last line's number.
    Line,
}

impl Feed {
    pub(crate) fn compile(mut options: FeedOptions) -> Result<Self, String> {
        let whole = options.request();
        let request = RequestTemplate::compile(&whole)?;
        let outcome = Outcome::compile(&whole)?;
        let table = match options.format {
            FeedFormat::Json => None,
            FeedFormat::Csv(csv) => Some(Table::compile(TableOptions::Csv(csv))?),
            FeedFormat::FixedWidth(fixed) => Some(Table::compile(TableOptions::FixedWidth(fixed))?),
        };
        let output = match (&options.output, &table) {
            (Some(_), Some(_)) => {
                return Err("output: shapes JSON; expected none with a table's `format`".to_owned());
            }
            (draft, _) => draft.as_ref().map(Shape::compile).transpose(),
        }
        .map_err(|problem| format!("output: {problem}"))?;
        let mut pointers = Pointers::new();
        let items = pointers
            .add(&options.items)
            .map_err(|problem| format!("items: {problem}"))?;
        let cursor = Cursor::compile(&options.cursor, table.is_some(), &mut pointers)?;
        Ok(Self {
            request,
            outcome,
            table,
            output,
            pointers,
            items,
            items_pointer: options.items,
            cursor,
            full: options.cursor.full,
            event: EventTemplate::compile(&options.event)?,
        })
    }

    pub(crate) fn read(&self, cursor: Option<&str>, limit: u32) -> Result<Page, Failure> {
        let request = self.request.fill(&feed::input(cursor, limit), "")?;
        let response = request.send()?;
        self.outcome.require_good(&response)?;
        match &self.table {
            Some(table) => self.lines(table, &response, cursor, limit),
            None => self.items(&response, cursor, limit),
        }
    }

    fn items(
        &self,
        response: &Response,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page, Failure> {
        let found = self
            .pointers
            .find(response.text()?)
            .map_err(|error| response.unexpected(&error))?;
        let Some(items) = found.get(self.items).and_then(elements) else {
            return Err(Failure::unavailable(
                format!(
                    "the system answered {} without an array at `{}`, where `items` says the items are",
                    response.status, self.items_pointer
                ),
                None,
            ));
        };
        let shaped: Vec<String> = match &self.output {
            Some(output) => items
                .iter()
                .map(|item| output.tell(item))
                .collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        let rows: Vec<&str> = if self.output.is_some() {
            shaped.iter().map(String::as_str).collect()
        } else {
            items.clone()
        };
        let events = self
            .event
            .events(rows)
            .map_err(|failure| failure.below(&self.items_pointer))?;
        let (next, more) = match &self.cursor {
            Cursor::Answer(slot) => {
                let next = found
                    .get(*slot)
                    .and_then(feed::cursor)
                    .filter(|next| !matches!(next.as_str(), "" | "false"));
                let more = next.is_some();
                (next, more)
            }
            Cursor::Item { pointers, slot } => {
                let next = items
                    .last()
                    .map(|last| of_item(pointers, *slot, last))
                    .transpose()?;
                (next, self.is_full(items.len(), limit))
            }
            Cursor::Line => (None, false),
        };
        Ok(Page {
            events,
            more: more && next.as_deref() != cursor,
            cursor: next,
        })
    }

    fn lines(
        &self,
        table: &Table,
        response: &Response,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page, Failure> {
        let read = table.read(&response.body)?;
        let Cursor::Line = &self.cursor else {
            let mut events = self.events(&read.rows)?;
            events.extend(table.reports(&read.bad, None));
            let (next, more) = match (&self.cursor, read.rows.last()) {
                (Cursor::Item { pointers, slot }, Some(last)) => {
                    let next = of_item(pointers, *slot, &last.json)?;
                    (Some(next), self.is_full(read.rows.len(), limit))
                }
                _ => (None, false),
            };
            return Ok(Page {
                events,
                more: more && next.as_deref() != cursor,
                cursor: next,
            });
        };
        let after: usize = match cursor {
            None => 0,
            Some(text) => text.parse().map_err(|_| {
                Failure::internal("the cursor is no line's number; begin anew with `--from 0`")
            })?,
        };
        let mut rows = read.rows.iter().filter(|row| row.line > after);
        let taken: Vec<Row> = rows.by_ref().take(limit as usize).cloned().collect();
        let more = rows.next().is_some();
        let end = match taken.last() {
            Some(last) if more => last.line,
            last => {
                let last = last.map_or(after, |row| row.line);
                read.bad.last().map_or(last, |bad| bad.line.max(last))
            }
        };
        let mut events = self.events(&taken)?;
        let bad: Vec<_> = read
            .bad
            .into_iter()
            .filter(|bad| bad.line > after && bad.line <= end)
            .collect();
        events.extend(table.reports(&bad, None));
        Ok(Page {
            events,
            cursor: (end > after).then(|| end.to_string()),
            more,
        })
    }

    fn events(&self, rows: &[Row]) -> Result<Vec<tombolo_sdk::Event>, Failure> {
        let event = |row: &Row| {
            self.event
                .event(&row.json)
                .map_err(|failure| failure.below(&format!("/line {}", row.line)))
        };
        rows.iter().map(event).collect()
    }

    fn is_full(&self, found: usize, limit: u32) -> bool {
        found > 0 && found >= self.full.unwrap_or(limit as usize)
    }
}

impl Cursor {
    fn compile(
        options: &CursorOptions,
        is_table: bool,
        answer: &mut Pointers,
    ) -> Result<Self, String> {
        match (&options.item, &options.answer, options.line) {
            (Some(pointer), None, false) => {
                let mut pointers = Pointers::new();
                let slot = pointers
                    .add(pointer)
                    .map_err(|problem| format!("cursor.item: {problem}"))?;
                Ok(Self::Item { pointers, slot })
            }
            (None, Some(pointer), false) if !is_table => answer
                .add(pointer)
                .map(Self::Answer)
                .map_err(|problem| format!("cursor.answer: {problem}")),
            (None, None, true) if is_table => Ok(Self::Line),
            _ => Err("cursor: expected one of `item` (a pointer into the last item), `answer` (a pointer into a JSON answer) or `line: true` (of a CSV or fixed-width file that grows)".to_owned()),
        }
    }
}

fn of_item(pointers: &Pointers, slot: usize, item: &str) -> Result<String, Failure> {
    let found = pointers
        .find(item)
        .map_err(|error| Failure::internal(error.to_string()))?;
    found.get(slot).and_then(feed::cursor).ok_or_else(|| {
        Failure::unavailable(
            "the page's last item has no value where `cursor.item` points; if that is right, mend `cursor`",
            None,
        )
    })
}
