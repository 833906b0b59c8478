//! Lists that come in pages: by number, offset, cursor or `Link` header, up to a bound.

use tombolo_sdk::http::{Request, Response};
use tombolo_sdk::json::{Pointers, elements, scalar};
use tombolo_sdk::{Failure, Json};

use crate::options::{Beyond, By, PagingOptions};
use crate::outcome::Outcome;

/// Pages of one call, whatever the operator writes: a call may make 2,000 host calls and 1 MiB of output.
const PAGES: u32 = 1_000;
/// Bytes of one list: what the host takes as an output.
const LIST_BYTES: usize = 1 << 20;

/// How to read on.
pub(crate) struct Paging {
    by: By,
    parameter: String,
    start: u64,
    size: Option<u64>,
    size_parameter: Option<String>,
    pages: u32,
    beyond: Beyond,
    /// Into one answer.
    pointers: Pointers,
    items: usize,
    items_pointer: String,
    next: Option<usize>,
}

/// Which page.
enum Position {
    Number(u64),
    Cursor(Option<String>),
    /// The query of the next link; none for the first page.
    Link(Option<Vec<(String, String)>>),
}

impl Paging {
    pub(crate) fn compile(options: PagingOptions) -> Result<Self, String> {
        let mut pointers = Pointers::new();
        let items = pointers
            .add(&options.items)
            .map_err(|problem| format!("paging.items: {problem}"))?;
        let next = match (options.by, &options.next) {
            (By::Cursor, Some(next)) => Some(pointers.add(next).map_err(|problem| format!("paging.next: {problem}"))?),
            (By::Cursor, None) => return Err("paging.next: is missing; with `by: cursor` it points to the next cursor in the answer".to_owned()),
            (_, Some(_)) => return Err("paging.next: only `by: cursor` takes it".to_owned()),
            (_, None) => None,
        };
        let (parameter, start) = match options.by {
            By::Page => ("page", 1),
            By::Offset => ("offset", 0),
            By::Cursor => ("cursor", 0),
            By::Link => ("", 0),
        };
        if options.by == By::Offset && options.size.is_none() {
            return Err(
                "paging.size: is missing; with `by: offset` it says how far to go on".to_owned(),
            );
        }
        if options.size == Some(0) {
            return Err("paging.size: is 0; expected at least 1".to_owned());
        }
        if options.size_parameter.is_some() && options.size.is_none() {
            return Err("paging.size: is missing; `size-parameter` sends it".to_owned());
        }
        if !(1..=PAGES).contains(&options.pages) {
            return Err(format!(
                "paging.pages: is {}; expected 1 to {PAGES}",
                options.pages
            ));
        }
        Ok(Self {
            by: options.by,
            parameter: options.parameter.unwrap_or_else(|| parameter.to_owned()),
            start: options.start.unwrap_or(start),
            size: options.size,
            size_parameter: options.size_parameter,
            pages: options.pages,
            beyond: options.beyond,
            pointers,
            items,
            items_pointer: options.items,
            next,
        })
    }

    /// All items, one array.
    pub(crate) fn run(&self, first: &Request, outcome: &Outcome) -> Result<Json, Failure> {
        let mut list = String::from("[");
        let mut position = match self.by {
            By::Page | By::Offset => Position::Number(self.start),
            By::Cursor => Position::Cursor(None),
            By::Link => Position::Link(None),
        };
        for _ in 0..self.pages {
            let response = self.request(first, &position).send()?;
            outcome.require_good(&response)?;
            match self.take(&response, &position, &mut list)? {
                Some(next) => position = next,
                None => {
                    list.push(']');
                    return Ok(list);
                }
            }
        }
        match self.beyond {
            Beyond::Cut => {
                list.push(']');
                Ok(list)
            }
            Beyond::Reject => Err(Failure::rejected(
                "too-many-pages",
                format!(
                    "there are more than {} pages; narrow the search, raise `paging.pages`, or take what fits with `paging.beyond: cut`",
                    self.pages
                ),
            )),
        }
    }

    fn request(&self, first: &Request, position: &Position) -> Request {
        let mut request = match position {
            // The link's query is the whole query: it has the search's own fields too.
            Position::Link(Some(query)) => return first.clone().with_query(query.clone()),
            Position::Number(number) => first.clone().query(&self.parameter, number.to_string()),
            Position::Cursor(Some(cursor)) => first.clone().query(&self.parameter, cursor),
            Position::Cursor(None) | Position::Link(None) => first.clone(),
        };
        if let (Some(parameter), Some(size)) = (&self.size_parameter, self.size) {
            request = request.query(parameter, size.to_string());
        }
        request
    }

    /// Appends a page's items; gives the next page's position, if there is one.
    fn take(
        &self,
        response: &Response,
        position: &Position,
        list: &mut String,
    ) -> Result<Option<Position>, Failure> {
        let found = self
            .pointers
            .find(response.text()?)
            .map_err(|error| response.unexpected(&error))?;
        let Some(items) = found.get(self.items).and_then(elements) else {
            return Err(Failure::unavailable(
                format!(
                    "the system answered {} without an array at `{}`, where `paging.items` says the items are",
                    response.status, self.items_pointer
                ),
                None,
            ));
        };
        for item in &items {
            if list.len() > 1 {
                list.push(',');
            }
            list.push_str(item);
            if list.len() > LIST_BYTES {
                return Err(Failure::rejected(
                    "too-large",
                    format!("the list is over {LIST_BYTES} bytes; narrow the search"),
                ));
            }
        }
        Ok(match position {
            Position::Number(number) => {
                let full = self
                    .size
                    .map_or(!items.is_empty(), |size| items.len() as u64 >= size);
                let step = if self.by == By::Offset {
                    self.size.unwrap_or(1)
                } else {
                    1
                };
                full.then(|| Position::Number(number.saturating_add(step)))
            }
            Position::Cursor(last) => {
                let next = self
                    .next
                    .and_then(|slot| found.get(slot))
                    .and_then(scalar)
                    .filter(|next| !matches!(&**next, "" | "false"));
                match next {
                    Some(next) if last.as_deref() == Some(&*next) => {
                        return Err(Failure::unavailable(
                            "the system's next cursor is the last one again; reading on would never end",
                            None,
                        ));
                    }
                    Some(next) => Some(Position::Cursor(Some(next.into_owned()))),
                    None => None,
                }
            }
            Position::Link(_) => response
                .next_link_query()
                .map(|query| Position::Link(Some(query))),
        })
    }
}
