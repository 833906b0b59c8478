//! Feeds, read page by page, and gone on with from a cursor.

use tombolo_kernel::limits;
use tombolo_kernel::schema::InputSchema;
use tombolo_kernel::system::{MadeEvent, Page};

use super::cases::{cut, told};
use super::live::Live;
use super::{Finding, Verdict};

/// Events of a page.
const PAGE: u32 = 2;

/// Reads two pages of every feed, and the second once more.
pub(super) async fn read(live: &Live, findings: &mut Vec<Finding>) {
    for feed in live.feeds() {
        let (outcome, note) = match pages(live, feed).await {
            Ok(passed) => passed,
            Err(note) => (Verdict::Failed, note),
        };
        findings.push(Finding::new("feeds", feed, outcome, cut(&note)));
    }
}

async fn pages(live: &Live, feed: &str) -> Result<(Verdict, String), String> {
    let page = async |cursor: Option<String>, which: &str| -> Result<Page, String> {
        let read = live.read(feed, cursor, PAGE).await;
        let page = read.map_err(|failure| format!("the {which} page: {}", told(&failure)))?;
        fits(live, &page.events).map_err(|problem| format!("the {which} page: {problem}"))?;
        Ok(page)
    };
    let first = page(live.begins(feed), "first").await?;
    if first.events.is_empty() {
        return Ok((
            Verdict::Noted,
            "there is nothing in the system that it brings".to_owned(),
        ));
    }
    let Some(cursor) = first.cursor.clone() else {
        return Err(
            "the first page has events and no cursor: they would be brought again and again"
                .to_owned(),
        );
    };
    let second = page(Some(cursor.clone()), "second").await?;
    if first.more && second.events.is_empty() {
        return Err("the first page says that there is more, the second is empty".to_owned());
    }
    let again = page(Some(cursor), "second").await?;
    // What came in between may follow.
    if !ids(&again).starts_with(&ids(&second)) {
        return Err(format!(
            "read twice from one cursor it brings {:?} and then {:?}: a crash between them would lose or double events",
            ids(&second),
            ids(&again)
        ));
    }
    let all = first.events.iter().chain(&second.events);
    if all.clone().any(|event| event.id.is_none()) {
        return Ok((
            Verdict::Noted,
            "its events have no ids: what a cursor brings twice is in the log twice".to_owned(),
        ));
    }
    Ok((
        Verdict::Passed,
        format!(
            "{} events in two pages, the second the same from its cursor",
            all.count()
        ),
    ))
}

fn ids(page: &Page) -> Vec<Option<&str>> {
    page.events
        .iter()
        .map(|event| event.id.as_deref())
        .collect()
}

/// Events of a profile say what it says.
fn fits(live: &Live, events: &[MadeEvent]) -> Result<(), String> {
    for event in events {
        let says = live
            .profiles()
            .find_map(|profile| profile.events.get(&event.kind));
        let Some(says) = says else { continue };
        let schema = InputSchema::compile(&says.data).map_err(|error| error.to_string())?;
        let data = serde_json::from_str(event.data.get()).map_err(|error| error.to_string())?;
        let problems = schema.problems(&data, limits::FIELD_PROBLEMS);
        if let Some(problem) = problems.first() {
            return Err(format!(
                "{} does not fit the profile: {}: {}",
                event.kind, problem.path, problem.message
            ));
        }
    }
    Ok(())
}
