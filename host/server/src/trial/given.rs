//! The grant that a system is tried with: what is there, for this code, without end; or all that is asked for.

use tombolo_kernel::grant::{Approval, Grant, Wishes};

/// Of this grant what concerns the wishes of the present adapter; without one, all of them. What the grant does not
/// answer is refused, as a host would hold the system back for it.
pub(super) fn given(wishes: &Wishes, grant: Option<&Grant>) -> Grant {
    let Some(grant) = grant else {
        let nobody = Approval {
            by: "nobody".into(),
            at: String::new(),
            reason: "only tried".into(),
            signature: None,
        };
        return Grant::whole(wishes.clone(), nobody);
    };
    let open = |wish: &&_| !grant.answers(wish);
    let unanswered = wishes.items.iter().filter(open).cloned();
    Grant {
        adapter: wishes.adapter.clone(),
        expires: None,
        revoked: None,
        refused: grant.refused.iter().cloned().chain(unanswered).collect(),
        ..grant.clone()
    }
}

/// Which grant that is, for people.
pub(super) fn words(wishes: &Wishes, grant: Option<&Grant>, now_ms: u64) -> String {
    let Some(grant) = grant else {
        return "nobody has approved anything yet: everything that is asked for is taken for given"
            .into();
    };
    let by = grant.reviewers();
    let of = if grant.adapter.digest == wishes.adapter.digest {
        "for this digest".to_owned()
    } else {
        format!(
            "for {} {}, another digest: what the present one asks for beyond that is refused",
            grant.adapter.name, grant.adapter.version
        )
    };
    let over = match grant.over(now_ms) {
        Ok(None) => String::new(),
        Ok(Some(why)) | Err(why) => format!("; {why}, and is tried as if it held"),
    };
    format!("approved by {by} {of}{over}")
}
