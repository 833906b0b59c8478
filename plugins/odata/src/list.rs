//! Lists: in an order, from a place on, so many; or all that there is.
//!
//! The place to go on from is made of the last item's own values, not of a number or of the service's link: it loses
//! nothing when items come and go meanwhile, and nothing of equal rank. Links are followed only inside one page that the
//! service cuts smaller, and of a link only what continues the list is taken: the path stays the adapter's own.

use tombolo_sdk::http::{Method, Response};
use tombolo_sdk::json::{Pointers, elements, string};
use tombolo_sdk::{Failure, form, to_json};

use crate::client::Client;
use crate::entity::Entity;
use crate::options::Version;
use crate::properties::Properties;

/// Items that a list without `limit` may have.
pub(crate) const MOST: usize = 1_000;
/// Links that one list may follow: a call may make 2,000 host calls.
const LINKS: usize = 500;

/// How a list is sorted, and where in it an item is.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) names: Vec<String>,
    pointers: Pointers,
    slots: Vec<usize>,
    /// What is read of each item.
    used: Properties,
}

/// What a list is to give.
pub(crate) struct Wanted {
    /// Joined by `and`.
    pub(crate) filter: Vec<String>,
    /// None: all, at most [`MOST`].
    pub(crate) count: Option<usize>,
}

/// Items as the system gave them.
pub(crate) struct Rows {
    pub(crate) rows: Vec<String>,
    /// Whether there are others behind them.
    pub(crate) more: bool,
}

impl Order {
    pub(crate) fn new(entity: &Entity, names: &[String]) -> Result<Self, String> {
        let mut used = entity.used.clone();
        let is_told = !used.query(entity.version).is_empty();
        let mut scratch = Properties::default();
        let mut pointers = Pointers::new();
        let mut slots = Vec::new();
        for name in names {
            // Without fields the entity is read whole.
            let noted = if is_told { &mut used } else { &mut scratch };
            slots.push(pointers.add(&noted.property(name, entity.version)?)?);
        }
        Ok(Self {
            names: names.to_vec(),
            pointers,
            slots,
            used,
        })
    }

    /// An item's place, as text.
    pub(crate) fn place(&self, entity: &Entity, row: &str) -> Result<String, Failure> {
        let found = self
            .pointers
            .find(row)
            .map_err(|error| Failure::unavailable(format!("an item: {error}"), None))?;
        let mut values = Vec::with_capacity(self.names.len());
        for (name, slot) in self.names.iter().zip(&self.slots) {
            let raw = found.get(*slot).unwrap_or("null");
            let value = entity.kind(name).read(raw).map_err(|problem| {
                Failure::unavailable(format!("`{name}` of an item: {problem}"), None)
            })?;
            values.push(value.ok_or_else(|| {
                Failure::internal(format!(
                    "an item has no `{name}`, by which the list is sorted; leave such items out with `filter: {{ {name}: {{ ne: null }} }}`"
                ))
            })?);
        }
        to_json(&values)
    }

    /// The condition for what comes after a place.
    pub(crate) fn behind(&self, entity: &Entity, place: &str) -> Result<String, Failure> {
        let values: Vec<String> = serde_json::from_str(place).unwrap_or_default();
        if values.len() != self.names.len() {
            return Err(Failure::invalid_input(
                "/after",
                "is no place that this list gave; expected the `next` of an answer, or nothing",
            ));
        }
        crate::filter::behind(entity, &self.names, &values)
    }
}

/// Reads a list.
pub(crate) fn read(
    client: &Client,
    entity: &Entity,
    order: &Order,
    wanted: &Wanted,
) -> Result<Rows, Failure> {
    let set = entity.set().map_err(Failure::internal)?;
    let mut own: Vec<(String, String)> = Vec::new();
    let mut field = |name: &str, value: String| {
        if !value.is_empty() {
            own.push((name.to_owned(), value));
        }
    };
    field("$filter", wanted.filter.join(" and "));
    field("$orderby", order.names.join(","));
    // One more than wanted tells whether there is more.
    field(
        "$top",
        wanted
            .count
            .map_or_else(String::new, |count| (count + 1).to_string()),
    );
    own.extend(order.used.query(entity.version));
    let most = wanted.count.map_or(MOST, |count| count + 1);
    let path = format!("{}/{set}", entity.service);
    let (mut rows, mut query) = (Vec::new(), own.clone());
    for _ in 0..LINKS {
        let mut request = client.request(Method::Get, path.clone()).with_query(query);
        if let (Version::V4, Some(page)) = (entity.version, client.page) {
            request = request.header("prefer", format!("odata.maxpagesize={page}"));
        }
        let next = page(entity.version, &client.read(&request)?, &mut rows)?;
        if let Some(count) = wanted.count
            && rows.len() > count
        {
            rows.truncate(count);
            return Ok(Rows { rows, more: true });
        }
        match next {
            Some(link) if rows.len() <= most => query = continued(&link, set, &own)?,
            None if rows.len() <= most => return Ok(Rows { rows, more: false }),
            _ => break,
        }
    }
    Err(Failure::rejected(
        "too-many",
        format!(
            "there are more than {MOST} of `{}`; narrow the list, or give it `limit` and `after`",
            entity.name
        ),
    ))
}

/// Appends a page's items; gives the link to the next one.
fn page(
    version: Version,
    response: &Response,
    rows: &mut Vec<String>,
) -> Result<Option<String>, Failure> {
    let (places, link) = match version {
        Version::V2 => (["/d/results", "/d"], "/d/__next"),
        Version::V4 => (["/value", "/value"], "/@odata.nextLink"),
    };
    let mut pointers = Pointers::new();
    let slots: Vec<_> = (places.iter().chain([&link]))
        .filter_map(|pointer| pointers.add(pointer).ok())
        .collect();
    let found = pointers
        .find(response.text()?)
        .map_err(|error| response.unexpected(&error))?;
    let items = slots[..2]
        .iter()
        .find_map(|slot| found.get(*slot).and_then(elements));
    let items = items.ok_or_else(|| {
        Failure::unavailable(
            format!(
                "the system answered {} without a list of entities; check `set` and `version`",
                response.status
            ),
            None,
        )
    })?;
    rows.extend(items.into_iter().map(str::to_owned));
    let link = found.get(slots[2]).and_then(string);
    Ok(link.map(std::borrow::Cow::into_owned))
}

/// The query of the next request: this list's own, and from the link what says where to go on.
fn continued(
    link: &str,
    set: &str,
    own: &[(String, String)],
) -> Result<Vec<(String, String)>, Failure> {
    let elsewhere = || {
        let shown: String = link
            .chars()
            .take(120)
            .flat_map(char::escape_debug)
            .collect();
        Failure::unavailable(
            format!(
                "the system's next page `{shown}` is not one of `{set}`; a list is read on only where it began"
            ),
            None,
        )
    };
    let (path, query) = link.split_once('?').ok_or_else(elsewhere)?;
    if path.rsplit('/').next() != Some(set) {
        return Err(elsewhere());
    }
    let fields = form::parse(query).ok_or_else(elsewhere)?;
    let mut next: Vec<(String, String)> = (fields.into_iter())
        .filter(|(name, _)| name == "$top" || own.iter().all(|(known, _)| known != name))
        .collect();
    if !next
        .iter()
        .any(|(name, _)| matches!(name.as_str(), "$skiptoken" | "$skip"))
    {
        return Err(elsewhere());
    }
    let has_top = next.iter().any(|(name, _)| name == "$top");
    let rest = own.iter().filter(|(name, _)| name != "$top" || !has_top);
    next.splice(0..0, rest.cloned());
    Ok(next)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn of_a_link_only_what_goes_on_is_taken() {
        let own = [("$filter", "A eq 'x+y'"), ("$top", "7")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let query = |link: &str| {
            let next = continued(link, "Orders", &own).ok()?;
            let pairs = next
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"));
            Some(pairs.collect::<Vec<_>>().join("&"))
        };
        let expected = "$filter=A eq 'x+y'&$top=7&$skiptoken=a b=";
        for link in [
            "Orders?$skiptoken=a%20b%3D",
            "https://elsewhere.example/S/Orders?$filter=A eq 'x+y'&$skiptoken=a%20b%3D",
        ] {
            assert_eq!(query(link).unwrap(), expected, "{link}");
        }
        assert_eq!(
            query("Orders?%24top=2&$skip=5").unwrap(),
            "$filter=A eq 'x+y'&$top=2&$skip=5"
        );
        for link in [
            "Others?$skiptoken=1",
            "Orders",
            "Orders?$top=3",
            "/S/Orders/../Users?$skip=1",
            "?",
        ] {
            assert_eq!(query(link), None, "{link}");
        }
    }
}
