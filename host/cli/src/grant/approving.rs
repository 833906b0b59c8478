//! From a reviewer's yes to the grant that is written: the first approval of a choice, or the second of the same one
//! where the site asks for two reviewers. Signed where the site lists reviewers.

use std::path::PathBuf;

use anyhow::bail;
use jiff::Timestamp;
use tombolo_kernel::clock::{Clock, MachineClock, rfc3339};
use tombolo_kernel::grant::{self, Approval, Choice, Chosen, Grant, Item};
use tombolo_kernel::package::Signer as Vouching;
use tombolo_pack::Signer;

use super::Review;
use crate::text;

/// Differences that a message spells out.
const TOLD: usize = 3;

/// What is approved, and how.
pub(crate) struct Approved {
    pub(crate) by: String,
    pub(crate) reason: String,
    pub(crate) choice: Choice,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) rollback: bool,
    pub(crate) anew: bool,
    pub(crate) key: Option<Signer>,
}

impl Approved {
    /// Everything, without end.
    pub(crate) fn whole(by: &str, reason: &str) -> Self {
        Self {
            by: by.to_owned(),
            reason: reason.to_owned(),
            choice: Choice::default(),
            expires: None,
            rollback: false,
            anew: false,
            key: None,
        }
    }
}

impl Review {
    /// Approves these wishes, or what was chosen of them, of exactly this adapter; tells the file that was written.
    ///
    /// # Errors
    /// Nobody whom the site trusts vouches for the adapter, it is an older one and that was not meant, the choice cannot
    /// be meant or is another than the first reviewer's, the site wants a signature, or the file cannot be written.
    pub(crate) fn approve(&self, approved: Approved) -> anyhow::Result<(PathBuf, Grant)> {
        if let Vouching::Nobody { .. } = self.signer {
            bail!(
                "nothing is approved: the adapter is signed by {}",
                text::harmless(&self.signer.to_string())
            );
        }
        let back = self
            .present
            .as_ref()
            .and_then(|present| grant::goes_back(present, &self.wishes));
        if let Some(back) = back.filter(|_| !approved.rollback) {
            bail!(
                "nothing is approved: {back}; a good signature does not make an old version safe. If going back is meant, say --rollback"
            );
        }
        let chosen = grant::choose(&self.wishes, self.present.as_ref(), &approved.choice)
            .map_err(|problem| anyhow::anyhow!("nothing is approved: {problem}"))?;
        let approval = Approval {
            by: approved.by,
            at: rfc3339(MachineClock.now_ms()),
            reason: approved.reason,
            signature: None,
        };
        let expires = approved.expires.map(|end| end.to_string());
        let mut grant = match self.waiting().filter(|_| !approved.anew) {
            Some(first) => second(first, &approval, &chosen, expires.as_deref())?,
            None => {
                let mut grant = self.first(chosen);
                grant.expires = expires;
                grant
            }
        };
        let approval = sign(approval, &grant, approved.key.as_ref())?;
        grant.approved.push(approval);
        if let Some(wrong) = self.rules.uncounted(&grant) {
            bail!("nothing is approved: {}", text::harmless(&wrong));
        }
        let file = super::write::write(&self.site, &grant)?;
        Ok((file, grant))
    }

    /// The present grant, if it waits for a second reviewer and for nothing else.
    fn waiting(&self) -> Option<&Grant> {
        let present = self.present.as_ref()?;
        let is_over = present.over(MachineClock.now_ms()) != Ok(None);
        let waits = present.adapter == self.wishes.adapter
            && !is_over
            && self.rules.uncounted(present).is_none()
            && self.rules.unmet(present).is_some();
        waits.then_some(present)
    }

    /// Nobody has approved it yet.
    fn first(&self, chosen: Chosen) -> Grant {
        Grant {
            format: grant::FORMAT,
            system: self.wishes.system.clone(),
            adapter: self.wishes.adapter.clone(),
            approved: Vec::new(),
            expires: None,
            revoked: None,
            items: chosen.items,
            refused: chosen.refused,
        }
    }
}

/// The first reviewer's grant, if the second one means the same.
fn second(
    first: &Grant,
    approval: &Approval,
    chosen: &Chosen,
    expires: Option<&str>,
) -> anyhow::Result<Grant> {
    if first
        .approved
        .iter()
        .any(|one| one.person() == approval.person())
    {
        bail!(
            "nothing is approved: {} has approved this already, and another reviewer must; to choose differently, say --anew",
            text::harmless(&approval.by)
        );
    }
    let who = text::harmless(&first.reviewers());
    let mut differs = only_in(&chosen.items, &first.items, "you give, and not the first");
    differs.extend(only_in(
        &first.items,
        &chosen.items,
        "the first gives, and not you",
    ));
    differs.extend(only_in(
        &chosen.refused,
        &first.refused,
        "you refuse, and not the first",
    ));
    differs.extend(only_in(
        &first.refused,
        &chosen.refused,
        "the first refuses, and not you",
    ));
    if let Some(mine) = expires.filter(|mine| first.expires.as_deref() != Some(mine)) {
        let theirs = first.expires.as_deref().unwrap_or("never");
        differs.push(format!(
            "expires {mine} here, {} there",
            text::harmless(theirs)
        ));
    }
    if !differs.is_empty() {
        let more = differs.len().saturating_sub(TOLD);
        differs.truncate(TOLD);
        if more > 0 {
            differs.push(format!("{more} more"));
        }
        bail!(
            "nothing is approved: {who} approved something else: {}. Two reviewers approve the same; to put your choice in its place, and have another reviewer approve that, say --anew",
            differs.join("; ")
        );
    }
    Ok(first.clone())
}

fn only_in(these: &[Item], those: &[Item], words: &str) -> Vec<String> {
    let only = these.iter().filter(|item| !those.contains(item));
    only.map(|item| {
        format!(
            "{words}: {} {}",
            item.id(),
            text::harmless(&grant::sentence(item))
        )
    })
    .collect()
}

fn sign(mut approval: Approval, grant: &Grant, key: Option<&Signer>) -> anyhow::Result<Approval> {
    let Some(key) = key else { return Ok(approval) };
    let bytes = grant::statement(grant, &approval).map_err(anyhow::Error::msg)?;
    let comment = grant::comment(&grant.system);
    approval.signature = Some(key.sign_as(&bytes, &comment, "a reviewer's approval")?);
    Ok(approval)
}
