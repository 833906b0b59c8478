//! What reviewers decided, on record: each approval and each revocation that a grant's file tells of, once, whether the
//! system runs by it, waits for another reviewer, or does not run at all.

use std::collections::BTreeMap;

use tombolo_kernel::audit::{AuditRecord, Kind};
use tombolo_kernel::clock::Millis;
use tombolo_kernel::grant::{Approval, Grant};

use crate::site::GrantFound;

/// The grants whose decisions are on record. None when the host starts: what stands then is told anew.
#[derive(Debug, Default)]
pub(crate) struct Reviewed {
    grants: BTreeMap<String, Grant>,
    /// Looks that began, and the one of them that `grants` is of.
    looks: u64,
    last: u64,
}

/// What lay in the site at one time, by system.
#[derive(Default)]
pub(crate) struct Look {
    /// Which look it was.
    pub(crate) number: u64,
    /// When.
    pub(crate) at_ms: Millis,
    /// What lay there.
    pub(crate) found: BTreeMap<String, GrantFound>,
}

impl Reviewed {
    /// The number of a look that begins now.
    pub(crate) fn begin(&mut self) -> u64 {
        self.looks += 1;
        self.looks
    }

    /// The decisions in a look that are not on record yet. A revocation that stopped a running system is on record with
    /// that: `stopped`. One look may end after the next, which then told all that it could.
    pub(crate) fn news(&mut self, look: Look, stopped: impl Fn(&str) -> bool) -> Vec<AuditRecord> {
        let mut records = Vec::new();
        if look.number < self.last {
            return records;
        }
        self.last = look.number;
        let (at_ms, found) = (look.at_ms, look.found);
        self.grants.retain(|system, _| found.contains_key(system));
        for (system, found) in found {
            match found {
                GrantFound::Grant(grant) => {
                    let decided = decided(&grant, self.grants.get(&system));
                    let news = decided
                        .into_iter()
                        .filter(|(kind, _)| *kind != Kind::Revoke || !stopped(&system));
                    records.extend(
                        news.map(|(kind, said)| record(&system, &grant, kind, said, at_ms)),
                    );
                    self.grants.insert(system, *grant);
                }
                GrantFound::Nothing => drop(self.grants.remove(&system)),
                // Nobody decided anything by breaking it.
                GrantFound::Unreadable(_) => {}
            }
        }
        records
    }
}

/// What a grant says that the one before did not.
fn decided<'g>(grant: &'g Grant, before: Option<&Grant>) -> Vec<(Kind, &'g Approval)> {
    let before = before.filter(|before| before.adapter.digest == grant.adapter.digest);
    let is_new = |one: &&Approval| !before.is_some_and(|before| before.approved.contains(one));
    let approvals = grant.approved.iter().filter(is_new);
    let revoked = grant.revoked.iter();
    let revoked = revoked.filter(|_| before.is_none_or(|before| before.revoked != grant.revoked));
    let approvals = approvals.map(|one| (Kind::Approval, one));
    approvals
        .chain(revoked.map(|one| (Kind::Revoke, one)))
        .collect()
}

fn record(system: &str, grant: &Grant, kind: Kind, said: &Approval, at_ms: Millis) -> AuditRecord {
    let adapter = &grant.adapter;
    let what = format!("{} {} as of {}", adapter.name, adapter.version, said.at);
    // Its own types: it can always be written as JSON.
    let digest = grant.digest().unwrap_or_default();
    AuditRecord::new(kind, at_ms)
        .of(system, &adapter.digest, &digest)
        .about(what)
        .by(&said.by)
        .because(&said.reason)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tombolo_kernel::grant::GrantedAdapter;

    fn said(by: &str) -> Approval {
        Approval {
            by: by.into(),
            at: "2026-11-22T13:05:00Z".into(),
            reason: "test".into(),
            signature: None,
        }
    }

    fn grant(approved: &[&str], revoked: Option<&str>) -> GrantFound {
        let adapter = GrantedAdapter {
            name: "acme/shop".into(),
            version: "0.1.0".into(),
            digest: "sha256:a".into(),
        };
        let mut grant = Grant::of("shop".into(), adapter, said("nobody"), Vec::new());
        grant.approved = approved.iter().map(|by| said(by)).collect();
        grant.revoked = revoked.map(said);
        GrantFound::Grant(Box::new(grant))
    }

    fn look(number: u64, found: GrantFound) -> Look {
        Look {
            number,
            at_ms: 7,
            found: BTreeMap::from([("shop".to_owned(), found)]),
        }
    }

    /// What one look after the other puts on record.
    fn told(looks: Vec<(u64, GrantFound)>, stopped: bool) -> Vec<Vec<String>> {
        let mut reviewed = Reviewed::default();
        let news = |(number, found)| {
            let news = reviewed.news(look(number, found), |_| stopped);
            let told = |record: &AuditRecord| format!("{} {}", record.kind.name(), record.who);
            news.iter().map(told).collect()
        };
        looks.into_iter().map(news).collect()
    }

    #[test]
    fn every_decision_is_told_once_whoever_waits_and_whatever_runs() {
        let looks = vec![
            (1, grant(&["rita"], None)),
            (2, grant(&["rita"], None)),
            (3, grant(&["rita", "omar"], None)),
            (4, GrantFound::Unreadable(Vec::new())),
            (5, grant(&["rita", "omar"], None)),
            // Begun anew by another.
            (6, grant(&["eve"], None)),
            (8, grant(&["eve"], Some("ann"))),
            // It began earlier and took longer.
            (7, grant(&["eve"], None)),
            (9, grant(&["eve"], Some("ann"))),
        ];
        let expected: [&[&str]; 9] = [
            &["approval rita"],
            &[],
            &["approval omar"],
            &[],
            &[],
            &["approval eve"],
            &["revoke ann"],
            &[],
            &[],
        ];
        assert_eq!(told(looks, false), expected);
    }

    #[test]
    fn a_revocation_that_stopped_a_system_is_not_told_twice() {
        let looks = vec![
            (1, grant(&["rita"], None)),
            (2, grant(&["rita"], Some("ann"))),
        ];
        assert_eq!(told(looks, true)[1], Vec::<String>::new());
    }
}
