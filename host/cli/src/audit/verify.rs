//! `tombolo audit verify`: the whole chain, page by page, and the anchors that somebody kept elsewhere.

use std::path::Path;

use anyhow::{Context as _, bail};
use tombolo_store::Anchor;

use super::source::{Source, SourceArguments};
use crate::{out, text};

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    source: SourceArguments,
    /// An anchor that was kept elsewhere, or a file with one per line; again for more
    #[arg(long, value_name = "ANCHOR|FILE")]
    anchor: Vec<String>,
}

/// Looks at every record and at every anchor.
pub(super) async fn run(arguments: &VerifyArguments) -> anyhow::Result<()> {
    let anchors = anchors(&arguments.anchor)?;
    let source = arguments.source.open()?;
    let (begins, ends, records) = whole(&source).await?;
    for anchor in &anchors {
        held_against(&source, anchor, &begins, &ends).await?;
    }
    let confirmed = match anchors.len() {
        0 => String::new(),
        1 => ", and the anchor fits".to_owned(),
        several => format!(", and {several} anchors fit"),
    };
    Ok(out::line(format!(
        "{records} records, {} to {}, are as the host wrote them{confirmed}; the newest is {ends}",
        begins.number.saturating_add(1).min(ends.number),
        ends.number,
    ))?)
}

/// Where the chain begins and ends, and how many records it has.
async fn whole(source: &Source) -> anyhow::Result<(Anchor, Anchor, u64)> {
    let (mut from, mut begins, mut records) = (None, None, 0);
    loop {
        let check = source.check(from.as_ref()).await?;
        records += check.records;
        if let Some(problem) = check.problem {
            bail!(
                "record {}: {}; everything before is as the host wrote it. Keep the file as evidence, and compare with a \
                 copy or with what was exported",
                problem.number,
                text::harmless(&problem.what)
            );
        }
        let to: Anchor = check.to.parse()?;
        let begins = *begins.get_or_insert(check.from.parse()?);
        if !check.more {
            return Ok((begins, to, records));
        }
        from = Some(to);
    }
}

async fn held_against(
    source: &Source,
    anchor: &Anchor,
    begins: &Anchor,
    ends: &Anchor,
) -> anyhow::Result<()> {
    if anchor.number < begins.number {
        return Ok(out::line(format!(
            "anchor {anchor} is older than the oldest record that is kept, {}: it tells nothing any more",
            begins.number.saturating_add(1)
        ))?);
    }
    if anchor.number > ends.number {
        bail!(
            "record {}: records up to {} are missing, as anchor {anchor} tells: the end was cut off, or this is an older copy",
            ends.number.saturating_add(1),
            anchor.number
        );
    }
    match source.check(Some(anchor)).await?.problem {
        None => Ok(()),
        Some(_) => bail!(
            "record {0}: it is not the one of anchor {anchor}: record {0} or one before it was rewritten, with all that \
             follow; compare with a copy or with what was exported",
            anchor.number
        ),
    }
}

fn anchors(given: &[String]) -> anyhow::Result<Vec<Anchor>> {
    let mut anchors = Vec::new();
    for given in given {
        if !Path::new(given).is_file() {
            anchors.push(given.parse()?);
            continue;
        }
        let content =
            std::fs::read_to_string(given).with_context(|| format!("cannot read {given}"))?;
        let lines = content.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            anchors.push(line.parse().with_context(|| given.clone())?);
        }
    }
    Ok(anchors)
}
