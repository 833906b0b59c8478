//! `tombolo grant usage`: what a grant is used for, and what was denied.

use std::time::Duration;

use serde::Deserialize;

use crate::client::{self, Client, HostArguments};
use crate::out::{self, Cell, Table, Tone};
use crate::when;

#[derive(Debug, clap::Args)]
pub(crate) struct UsageArguments {
    /// The system
    system: String,
    /// Show only items that were not used for this long, such as `90d`
    #[arg(long, value_name = "TIME", value_parser = tombolo_manifest::parse_duration)]
    unused_for: Option<Duration>,
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// As the API tells it.
#[derive(Debug, Deserialize)]
pub(super) struct UsageView {
    now_ms: u64,
    pub(super) digest: String,
    pub(super) expires: Option<String>,
    pub(super) items: Vec<ItemView>,
    denied: Vec<DeniedView>,
    more_denied: bool,
}

/// One item of the grant.
#[derive(Debug, Deserialize)]
pub(super) struct ItemView {
    pub(super) id: String,
    pub(super) sentence: String,
    pub(super) counted: bool,
    #[serde(default)]
    pub(super) stays: Option<String>,
    #[serde(default)]
    pub(super) since_ms: Option<u64>,
    #[serde(default)]
    count: u64,
    #[serde(default)]
    last_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct DeniedView {
    kind: String,
    target: String,
    what: String,
    times: u64,
    last_ms: u64,
}

/// How an item stands to a time in which it may not have been used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was used, or its uses are not counted.
    Used,
    /// It was not used in all of that time.
    Unused,
    /// It was not used, and is counted for a shorter time.
    TooEarly,
}

impl ItemView {
    /// Whether it was used since then, milliseconds since the epoch.
    pub(super) fn standing(&self, since: u64) -> Standing {
        match (self.counted, self.last_ms, self.since_ms) {
            (false, ..) => Standing::Used,
            (true, Some(last), _) if last >= since => Standing::Used,
            (true, Some(_), _) => Standing::Unused,
            (true, None, Some(begin)) if begin <= since => Standing::Unused,
            (true, None, _) => Standing::TooEarly,
        }
    }
}

impl UsageView {
    /// Asks a running host; also what it said, for machines.
    ///
    /// # Errors
    /// The host's, or that there is none.
    pub(super) async fn of(
        system: &str,
        host: &HostArguments,
    ) -> anyhow::Result<(Self, serde_json::Value)> {
        let client = Client::for_command(host, "operate")?;
        let path = format!("/api/grants/{}/usage", client::encoded(system));
        let value = client.get(&path).await?;
        Ok((client::into(value.clone(), &path)?, value))
    }

    /// The moment so long before the host's present one.
    pub(super) fn before(&self, time: Duration) -> u64 {
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.now_ms.saturating_sub(time)
    }
}

/// Shows items and denials.
pub(super) async fn run(arguments: UsageArguments) -> anyhow::Result<()> {
    let UsageArguments {
        system,
        unused_for,
        host,
        json,
    } = arguments;
    let (usage, mut value) = UsageView::of(&system, &host).await?;
    let since = unused_for.map(|time| usage.before(time));
    let shown =
        |item: &ItemView| since.is_none_or(|since| item.standing(since) == Standing::Unused);
    if json {
        let mut shown = usage.items.iter().map(shown);
        if let Some(items) = value["items"].as_array_mut() {
            items.retain(|_| shown.next().unwrap_or(true));
        }
        return Ok(out::json(&value)?);
    }
    let shown: Vec<&ItemView> = usage.items.iter().filter(|item| shown(item)).collect();
    match (shown.as_slice(), since) {
        ([], Some(since)) => out::line(format!(
            "every item was used since {}, or is not counted for that long yet",
            when::moment(since)
        ))?,
        (items, _) => item_table(items).print()?,
    }
    if since.is_none() && !usage.denied.is_empty() {
        out::line(if usage.more_denied {
            "\nDenied, of the newest attempts:"
        } else {
            "\nDenied:"
        })?;
        denied_table(&usage.denied).print()?;
    }
    Ok(())
}

fn item_table(items: &[&ItemView]) -> Table {
    let mut table = Table::new(&["item", "uses", "last", "counted since", "what it allows"]);
    for item in items {
        let (uses, tone) = match (item.counted, item.count) {
            (false, _) => ("always".to_owned(), Tone::Dim),
            (true, 0) => ("0".to_owned(), Tone::Warning),
            (true, count) => (count.to_string(), Tone::Plain),
        };
        let moment = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), when::moment);
        table.row([
            Cell::new(&item.id, Tone::Dim),
            Cell::new(uses, tone),
            moment(item.last_ms).into(),
            moment(item.since_ms).into(),
            Cell::from(&item.sentence),
        ]);
    }
    table
}

fn denied_table(denied: &[DeniedView]) -> Table {
    let mut table = Table::new(&["times", "last", "kind", "target", "what"]);
    for one in denied {
        table.row([
            one.times.to_string().into(),
            when::moment(one.last_ms).into(),
            Cell::from(&one.kind),
            Cell::from(&one.target),
            Cell::from(&one.what),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_for_too_short_a_time_is_not_unused() {
        let item = |counted, since_ms, last_ms| ItemView {
            id: "emit-1".into(),
            sentence: "It emits.".into(),
            counted,
            stays: None,
            since_ms,
            count: 0,
            last_ms,
        };
        let table = [
            (item(false, None, None), Standing::Used),
            (item(true, Some(10), Some(50)), Standing::Used),
            (item(true, Some(10), Some(49)), Standing::Unused),
            (item(true, Some(50), None), Standing::Unused),
            (item(true, Some(51), None), Standing::TooEarly),
            (item(true, None, None), Standing::TooEarly),
        ];
        for (item, standing) in table {
            assert_eq!(item.standing(50), standing, "{item:?}");
        }
    }
}
