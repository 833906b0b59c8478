//! `tombolo grant approve`: gives what a system asks for, or less of it, for ever or for a time.

use std::path::PathBuf;

use anyhow::bail;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tombolo_kernel::grant::{self, Choice, Grant, Item};

use super::{Approved, Review};
use crate::adapter::secret_key;
use crate::out::{self, Tone};
use crate::text;

#[derive(Debug, clap::Args)]
pub(crate) struct ApproveArguments {
    /// The system
    system: String,
    /// Who approves
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Leave out these items, by the ids that `grant review` shows; the system starts without them
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    without: Vec<String>,
    /// Give these items and no others but the limits
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',', conflicts_with = "all")]
    only: Vec<String>,
    /// Give a narrower path, topic or quota in place of an item, such as `http-3fa94c01=GET /orders/{id}`; may be repeated
    #[arg(long, value_name = "ID=NARROWER", value_parser = narrower)]
    allow: Vec<(String, String)>,
    /// Keep these fields back, beside those of the system file: a path such as `customer.birthday`, at any depth
    #[arg(long, value_name = "FIELD", num_args = 1.., value_delimiter = ',')]
    hide: Vec<String>,
    /// Give everything, also what the present grant refuses or keeps back; without it that stays so
    #[arg(long)]
    all: bool,
    /// End the grant after a time such as `90d`, or with the end of a day (UTC) such as `2027-03-31`
    #[arg(long, value_name = "TIME", value_parser = end)]
    expires: Option<Timestamp>,
    /// Approve only if the adapter's digest is still this one, which was reviewed
    #[arg(long, value_name = "SHA256")]
    digest: Option<String>,
    /// Approve an older version than the one that is approved now
    #[arg(long)]
    rollback: bool,
    /// Start over where another reviewer's approval waits for a second one
    #[arg(long)]
    anew: bool,
    /// File of your secret key, where the site lists reviewers
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Variable that holds the secret key's password [default: asked on the terminal, if it needs one]
    #[arg(long, value_name = "NAME", requires = "key")]
    password_env: Option<String>,
    /// Folder of the site
    #[arg(long, value_name = "DIR", default_value = ".")]
    site: PathBuf,
}

/// Shows what a system asks for, and approves it as the arguments say.
pub(super) fn run(arguments: ApproveArguments) -> anyhow::Result<()> {
    let review = Review::of(&arguments.site, &arguments.system)?;
    review.print()?;
    if let Some(reviewed) = arguments
        .digest
        .filter(|reviewed| reviewed != review.digest())
    {
        bail!(
            "the adapter's digest is {} now, not {reviewed}; review it again",
            review.digest()
        );
    }
    let key = arguments
        .key
        .map(|file| secret_key::open(&file, arguments.password_env.as_deref()))
        .transpose()?;
    let (file, grant) = review.approve(Approved {
        by: arguments.by,
        reason: arguments.reason,
        choice: Choice {
            all: arguments.all,
            only: arguments.only,
            without: arguments.without,
            allow: arguments.allow,
            hide: arguments.hide,
        },
        expires: arguments.expires,
        rollback: arguments.rollback,
        anew: arguments.anew,
        key,
    })?;
    print_narrowed(&grant)?;
    print_kept_back(&grant, &review.wishes.items)?;
    let end = match &grant.expires {
        Some(end) => format!("expires at {end}"),
        None => "does not expire".into(),
    };
    let by = text::harmless(&grant.reviewers());
    out::line(format!(
        "\napproved by {by}, {end}; written to {}",
        file.display()
    ))?;
    if let Some(lacks) = review.lacks(&grant) {
        out::line(format!(
            "{} it is not in force yet: {}. To do so: `tombolo grant approve {} --by NAME --reason TEXT`",
            out::tone("note:", Tone::Warning),
            text::harmless(&lacks),
            text::harmless(&grant.system)
        ))?;
    }
    Ok(())
}

/// What was not given, and what was given in its place.
fn print_narrowed(grant: &Grant) -> anyhow::Result<()> {
    if grant.refused.is_empty() {
        return Ok(());
    }
    out::line("\nNot given; the system starts without:")?;
    for item in &grant.refused {
        let sentence = text::harmless(&grant::sentence(item));
        out::line(format!("  {} {sentence}", out::tone(item.id(), Tone::Dim)))?;
        for narrower in grant.items.iter().filter(|given| item.covers(given)) {
            let sentence = text::harmless(&grant::sentence(narrower));
            out::line(format!("    given in its place: {sentence}"))?;
        }
    }
    Ok(())
}

/// What the reviewer keeps back beside what the system file does.
fn print_kept_back(grant: &Grant, wishes: &[Item]) -> anyhow::Result<()> {
    let own = |item: &&Item| item.is_restriction() && !wishes.contains(item);
    for item in grant.items.iter().filter(own) {
        let sentence = text::harmless(&grant::sentence(item));
        out::line(format!(
            "kept back until an approval with --all: {} {sentence}",
            out::tone(item.id(), Tone::Dim)
        ))?;
    }
    Ok(())
}

fn narrower(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(id, narrower)| (id.to_owned(), narrower.to_owned()))
        .ok_or_else(|| "expected an item's id, `=` and what to allow in its place, such as `http-3fa94c01=GET /orders/{id}`".into())
}

/// A time from now, the end of a day, or a moment.
fn end(text: &str) -> Result<Timestamp, String> {
    let now = Timestamp::now();
    let end = if let Ok(time) = tombolo_manifest::parse_duration(text) {
        now.checked_add(time).ok()
    } else if let Ok(day) = text.parse::<Date>() {
        day.tomorrow()
            .ok()
            .and_then(|next| next.to_zoned(TimeZone::UTC).ok())
            .map(|next| next.timestamp())
    } else {
        text.parse().ok()
    };
    match end {
        Some(end) if end > now => Ok(end),
        Some(end) => Err(format!("{end} is over already")),
        None => Err("expected a time such as 90d, a day such as 2027-03-31, or a moment such as 2027-03-31T18:00:00Z".into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_day_counts_whole_and_what_is_over_is_refused() {
        assert_eq!(
            end("2999-03-31").unwrap().to_string(),
            "2999-04-01T00:00:00Z"
        );
        assert_eq!(
            end("2999-03-31T18:00:00Z").unwrap().to_string(),
            "2999-03-31T18:00:00Z"
        );
        assert!(end("90d").unwrap() > end("89d").unwrap());
        for bad in ["2020-01-01", "soon", "90", "0d"] {
            assert!(end(bad).is_err(), "{bad}");
        }
    }
}
