//! The file `grants/SYSTEM.yaml`: what a reviewer gave, what not, until when, and who said so.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Item, Wishes};
use crate::clock::{Millis, rfc3339};
use crate::limits;

/// The newest format of a grant that this host reads. Format 1, which names no format, has one approval, refuses nothing
/// and does not expire.
pub const FORMAT: u32 = 2;

/// A reviewer's approval: the file `grants/SYSTEM.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Which shape the file has; absent is 1.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub format: u32,
    /// The system.
    pub system: String,
    /// The adapter it binds.
    pub adapter: GrantedAdapter,
    /// Who said yes. One alone is written without a list, as format 1 has it.
    #[serde(with = "approvals")]
    pub approved: Vec<Approval>,
    /// From this moment on it allows nothing; RFC 3339. Absent: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Who took it back; from then on it allows nothing, whoever approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Approval>,
    /// To exactly what.
    pub items: Vec<Item>,
    /// What was asked for and is not given: the system starts without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Item>,
}

/// The adapter a grant binds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantedAdapter {
    /// `vendor/name`.
    pub name: String,
    /// Version, for people.
    pub version: String,
    /// `sha256:...`, which is what counts.
    pub digest: String,
}

/// Who approved or took back, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The reviewer.
    pub by: String,
    /// RFC 3339.
    pub at: String,
    /// Why.
    pub reason: String,
    /// By the key that the site lists for the reviewer, over all that was approved: the text of a minisign signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl Grant {
    /// A grant of all that is asked for, without end.
    #[must_use]
    pub fn whole(wishes: Wishes, approval: Approval) -> Self {
        Self::of(wishes.system, wishes.adapter, approval, wishes.items)
    }

    /// A grant of these items, without end.
    #[must_use]
    pub fn of(
        system: String,
        adapter: GrantedAdapter,
        approval: Approval,
        items: Vec<Item>,
    ) -> Self {
        Self {
            format: FORMAT,
            system,
            adapter,
            approved: vec![approval],
            expires: None,
            revoked: None,
            items,
            refused: Vec::new(),
        }
    }

    /// Whether a reviewer answered this wish: gave it, or refused it word for word.
    #[must_use]
    pub fn answers(&self, wish: &Item) -> bool {
        self.items.iter().any(|item| item.covers(wish)) || self.refused.contains(wish)
    }

    /// When it ends, in milliseconds since the epoch.
    ///
    /// # Errors
    /// What it says instead of a time.
    pub fn expires_ms(&self) -> Result<Option<Millis>, String> {
        let Some(text) = &self.expires else {
            return Ok(None);
        };
        let moment = text.parse::<Timestamp>().map_err(|_| {
            format!(
                "its grant expires at `{}`, expected a time as 2026-11-22T13:05:00Z",
                super::printable(text)
            )
        })?;
        Ok(Some(Millis::try_from(moment.as_millisecond()).unwrap_or(0)))
    }

    /// Why it is over `now`, if it is: taken back, or at its end.
    ///
    /// # Errors
    /// As [`Self::expires_ms`].
    pub fn over(&self, now: Millis) -> Result<Option<String>, String> {
        if let Some(Approval { by, at, reason, .. }) = &self.revoked {
            let (by, reason) = (super::printable(by), super::printable(reason));
            return Ok(Some(format!(
                "its grant was revoked by {by} at {}: {reason}",
                super::printable(at)
            )));
        }
        let end = self.expires_ms()?.filter(|end| *end <= now);
        Ok(end.map(|end| format!("its grant expired at {}", rfc3339(end))))
    }

    /// When it ends, if that is near: within [`limits::GRANT_WARNING`].
    #[must_use]
    pub fn ends_soon(&self, now: Millis) -> Option<Millis> {
        let warning = Millis::try_from(limits::GRANT_WARNING.as_millis()).unwrap_or(0);
        let end = self.expires_ms().ok().flatten()?;
        (end.saturating_sub(now) <= warning).then_some(end)
    }

    /// Whether this one, put in the place of `before`, gives less of what that gave.
    #[must_use]
    pub fn gives_less_than(&self, before: &Self) -> bool {
        let gives = |lost: &&Item| !self.items.iter().any(|item| item.covers(lost));
        let mut given = before.items.iter().filter(|item| !item.is_restriction());
        given.any(|item| gives(&item))
    }

    /// Who said yes, for people: `rita, omar`.
    #[must_use]
    pub fn reviewers(&self) -> String {
        let names: Vec<&str> = self.approved.iter().map(|one| one.by.as_str()).collect();
        names.join(", ")
    }
}

fn first() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_first(format: &u32) -> bool {
    *format == first()
}

/// One approval, or a list of several.
mod approvals {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Approval;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        One(Approval),
        More(Vec<Approval>),
    }

    pub(super) fn serialize<S: Serializer>(
        approved: &[Approval],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match approved {
            [one] => one.serialize(serializer),
            more => more.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Approval>, D::Error> {
        Ok(match OneOrMore::deserialize(deserializer)? {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(more) => more,
        })
    }
}
