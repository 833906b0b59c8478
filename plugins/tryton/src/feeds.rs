//! Feeds: what changed, in the order of when it did.
//!
//! A record has a date of its last change, or, if it was never changed, only one of when it was made; a page is the
//! beginning of both lists, merged. Where a change to something else counts (a party's e-mail address, an item's
//! template), its records are further lists. The cursor is the last row's time, list and id, so that rows of one moment
//! are neither lost nor doubled where a page ends between them.
//!
//! The date is the one at which a transaction began, and others see the row when it ends. So a reading that has come to
//! the end begins anew a while before now ([`Options::overlap`]); what it finds again has the ids that it had, and is
//! dropped by the host.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Value, json};
use tombolo_sdk::{Event, Failure, Page, clock, time as clock_time, to_json};

use crate::client::{Client, Fields, Search};
use crate::domain::Domain;
use crate::party::As;
use crate::settings::Options;
use crate::value::{datetime, time};
use crate::{item, opportunity, party, purchase, sale, stock};

/// A feed: what it tells of, and where a change to it is seen.
struct Feed {
    event: &'static str,
    sources: &'static [Source],
}

/// A list of rows with dates, each of which is a change to one thing.
struct Source {
    model: &'static str,
    /// From a row to the thing; empty if the row is it.
    thing: &'static str,
    /// In front of the names of the dates.
    dates: &'static str,
}

/// Where a reading stands: behind this row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    /// RFC 3339 to the microsecond.
    time: String,
    source: usize,
    row: u64,
}

/// A row that was found, and the thing that it is a change to.
struct Change {
    position: Position,
    thing: u64,
}

const fn own(model: &'static str) -> Source {
    Source {
        model,
        thing: "",
        dates: "",
    }
}

const PARTY: &[Source] = &[
    own(party::MODEL),
    Source {
        model: "party.contact_mechanism",
        thing: "party",
        dates: "",
    },
];
const ITEM: &[Source] = &[
    own(item::MODEL),
    Source {
        model: item::MODEL,
        thing: "",
        dates: "template.",
    },
];
const STOCK: &[Source] = &[Source {
    model: "stock.move",
    thing: "product",
    dates: "",
}];
const SALE: &[Source] = &[own(sale::MODEL)];
const PURCHASE: &[Source] = &[own(purchase::MODEL)];
const OPPORTUNITY: &[Source] = &[own(opportunity::MODEL)];

fn feed(name: &str) -> Option<Feed> {
    let (event, sources) = match name {
        "sales" => ("sale.changed", SALE),
        "purchases" => ("purchase.changed", PURCHASE),
        "opportunities" => ("opportunity.changed", OPPORTUNITY),
        "parties" => ("party.changed", PARTY),
        "customers" => ("customer.changed", PARTY),
        "items" => ("item.changed", ITEM),
        "stock" => ("stock.changed", STOCK),
        _ => return None,
    };
    Some(Feed { event, sources })
}

/// The next page of a feed.
pub(crate) fn read(
    client: &Client,
    options: &Options,
    name: &str,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page, Failure> {
    let feed =
        feed(name).ok_or_else(|| Failure::not_offered(format!("there is no feed `{name}`")))?;
    let after = cursor.map(Position::parse).transpose()?;
    let limit = limit.max(1) as usize;
    let mut changes = Vec::new();
    for (index, source) in feed.sources.iter().enumerate() {
        for is_written in [false, true] {
            // One more than fits tells whether anything follows.
            changes.extend(source.changes(client, index, is_written, after.as_ref(), limit + 1)?);
        }
    }
    changes.sort_by(|one, other| one.position.cmp(&other.position));
    let is_cut = changes.len() > limit;
    changes.truncate(limit);
    let events = events(client, name, &feed, &changes)?;
    let last = changes.pop().map(|change| change.position).or(after);
    Ok(match last {
        None => Page::last(events, None),
        Some(last) if is_cut => Page::more(events, last.text()),
        Some(last) => Page::last(events, Some(last.min(settled(options)).text())),
    })
}

/// Behind everything that no transaction can still bring: one that began before has ended.
fn settled(options: &Options) -> Position {
    let until = clock::now_ms().saturating_sub(u64::from(options.overlap) * 1000);
    // A moment since 1970 in milliseconds is one until the year 9999.
    let text = clock_time::rfc3339(&until.to_string()).unwrap_or_default();
    Position {
        time: text.replace('Z', "000Z"),
        source: 0,
        row: 0,
    }
}

impl Source {
    /// Rows behind a position: those that were written, or those that were only made.
    fn changes(
        &self,
        client: &Client,
        index: usize,
        is_written: bool,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<Change>, Failure> {
        let written = format!("{}write_date", self.dates);
        let (date, mut domain) = if is_written {
            let is_written = Domain::new().is(&written, "!=", Value::Null);
            (written, is_written)
        } else {
            let is_only_made = Domain::new().equal(&written, Value::Null);
            (format!("{}create_date", self.dates), is_only_made)
        };
        if !self.thing.is_empty() {
            domain = domain.is(self.thing, "!=", Value::Null);
        }
        if let Some(after) = after {
            let at = datetime(&after.time).unwrap_or_default();
            let later = Domain::new().is(&date, ">", at.clone());
            let same = Domain::new().equal(&date, at);
            domain = match index.cmp(&after.source) {
                Ordering::Less => domain.any([later]),
                Ordering::Equal => domain.any([later, same.is("id", ">", after.row)]),
                Ordering::Greater => domain.any([later, same]),
            };
        }
        let search = Search {
            by: &[date.as_str(), "id"],
            limit: Some(limit),
            // What was put out of use changed, too.
            context: json!({ "active_test": false }),
        };
        let fields = if self.thing.is_empty() {
            vec![date.as_str()]
        } else {
            vec![date.as_str(), self.thing]
        };
        let found = client.search_for(self.model, &domain, &fields, &search)?;
        let change = |row: &Value| {
            let stamp = date.split('.').fold(row, |value, part| &value[part]);
            let number = row["id"].as_u64()?;
            let thing = if self.thing.is_empty() {
                number
            } else {
                row[self.thing].as_u64()?
            };
            let position = Position {
                time: time(stamp)?,
                source: index,
                row: number,
            };
            Some(Change { position, thing })
        };
        Ok(found.iter().filter_map(change).collect())
    }
}

/// What happened to each thing, with its present state. A thing that is gone has none.
fn events(
    client: &Client,
    name: &str,
    feed: &Feed,
    changes: &[Change],
) -> Result<Vec<Event>, Failure> {
    let things: BTreeSet<u64> = changes.iter().map(|change| change.thing).collect();
    if things.is_empty() {
        return Ok(Vec::new());
    }
    let things: Vec<Value> = things.into_iter().map(Value::from).collect();
    let shapes = shapes(client, name, &things)?;
    let mut seen = BTreeSet::new();
    let mut events = Vec::new();
    for change in changes {
        let Some((_, data)) = shapes.iter().find(|(thing, _)| *thing == change.thing) else {
            continue;
        };
        let (thing, at) = (change.thing, &change.position.time);
        if seen.insert((thing, at)) {
            let event = Event::new(feed.event, to_json(data)?)
                .with_id(format!("{name}/{thing}@{at}"))
                .with_subject(thing.to_string())
                .with_time(at.clone());
            events.push(event);
        }
    }
    Ok(events)
}

fn shapes(client: &Client, name: &str, things: &[Value]) -> Result<Vec<(u64, Value)>, Failure> {
    if name == "stock" {
        return stock::shapes(client, things);
    }
    let currency = match name {
        "items" => item::currency(client)?,
        _ => Value::Null,
    };
    let (model, fields): (_, Fields) = match name {
        "sales" => (sale::MODEL, sale::FIELDS),
        "purchases" => (purchase::MODEL, purchase::FIELDS),
        "opportunities" => (opportunity::MODEL, opportunity::FIELDS),
        "items" => (item::MODEL, item::FIELDS),
        _ => (party::MODEL, party::FIELDS),
    };
    let search = Search {
        by: &["id"],
        limit: None,
        context: json!({ "active_test": false }),
    };
    let domain = Domain::new().is("id", "in", things.to_vec());
    let shape = |record: &Value| match name {
        "sales" => sale::shape(record),
        "purchases" => purchase::shape(record),
        "opportunities" => opportunity::shape(record),
        "items" => item::shape(record, &currency),
        "customers" => party::shape(record, As::Customer),
        _ => party::shape(record, As::Party),
    };
    let found = client.search(model, &domain, fields, &search)?;
    Ok(found
        .iter()
        .filter_map(|record| Some((record["id"].as_u64()?, shape(record))))
        .collect())
}

impl Position {
    fn text(&self) -> String {
        format!("{}/{}/{}", self.time, self.source, self.row)
    }

    /// `2026-11-27T02:00:26.014664Z/0/156`, or a time alone, as an operator writes it after `from:`.
    fn parse(text: &str) -> Result<Self, Failure> {
        let mut parts = text.splitn(3, '/');
        let at = parts.next().and_then(datetime).and_then(|at| time(&at));
        let mut number = || parts.next().map_or(Some(0), |part| part.parse().ok());
        match (at, number(), number()) {
            (Some(time), Some(source), Some(row)) => Ok(Self {
                time,
                source: usize::try_from(source).unwrap_or(usize::MAX),
                row,
            }),
            _ => Err(Failure::internal(format!(
                "the cursor is `{text}`, expected a time in UTC such as `2026-11-27T00:00:00Z`; begin anew with `--from` and one"
            ))),
        }
    }
}
