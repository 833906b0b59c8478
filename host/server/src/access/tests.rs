//! Tokens' texts, the file of those made by command, and what narrows them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use tombolo_kernel::clock::{Clock as _, MachineClock};

use super::*;

fn kept(name: &str) -> KeptToken {
    KeptToken {
        name: name.into(),
        sha256: hex::encode(digest(b"text")),
        role: Role::Auditor,
        scopes: Scopes::default(),
        created_ms: 1,
        expires_ms: None,
        rate: None,
        by: String::new(),
    }
}

#[test]
fn a_new_token_is_known_by_its_form_and_any_change_is_noticed() {
    let (one, two) = (new_token().unwrap(), new_token().unwrap());
    assert_ne!(*one, *two);
    assert_eq!(one.len(), 76);
    assert!(one.starts_with("tmb_") && is_made_here(one.as_bytes()));
    for at in 0..one.len() {
        let mut changed = one.as_bytes().to_vec();
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        assert!(!is_made_here(&changed), "byte {at}");
    }
    assert!(!is_made_here(b"tmb_"));
    assert!(!is_made_here("é".repeat(38).as_bytes()));
}

#[test]
fn the_file_is_its_owners_and_holds_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let text = new_token().unwrap();
    let mut token = kept("a");
    token.sha256 = hex::encode(digest(text.as_bytes()));
    change(&data, |tokens| {
        tokens.push(token);
        Ok(())
    })
    .unwrap();
    let written = std::fs::read_to_string(data.join(KEPT_FILE)).unwrap();
    assert!(!written.contains(&text[4..36]), "{written}");
    #[cfg(unix)]
    for (path, mode) in [(data.join(KEPT_FILE), 0o600), (data.clone(), 0o700)] {
        use std::os::unix::fs::PermissionsExt as _;
        let found = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{}", path.display());
    }
}

#[test]
fn a_change_of_the_file_is_seen_at_once_and_a_broken_one_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let known = KeptTokens::of(folder.path(), Arc::new(MachineClock));
    assert!(known.current().is_empty());
    for count in 1..5 {
        change(folder.path(), |tokens| {
            tokens.push(kept(&format!("t-{count}")));
            Ok(())
        })
        .unwrap();
        assert_eq!(known.current().len(), count);
    }
    change(folder.path(), |tokens| {
        tokens.retain(|token| token.name == "t-2");
        Ok(())
    })
    .unwrap();
    assert_eq!(&*known.current()[0].name, "t-2");
    std::fs::write(folder.path().join(KEPT_FILE), "[{").unwrap();
    assert!(known.current().is_empty());
    assert!(change(folder.path(), |_| Ok(())).is_err());
}

#[test]
fn a_token_that_is_narrowed_in_one_thing_sees_nothing_of_the_others() {
    let names = Some(BTreeSet::from(["erp".to_owned()]));
    let narrowed = Scopes {
        systems: names,
        ..Scopes::default()
    };
    assert!(narrowed.within(Dimension::Systems).has("erp"));
    assert!(!narrowed.within(Dimension::Systems).has("crm"));
    for other in [Dimension::Flows, Dimension::Types, Dimension::Tasks] {
        assert_eq!(narrowed.within(other), Within::Nothing);
        assert!(!narrowed.within(other).has("erp"));
    }
    assert!(Scopes::default().within(Dimension::Flows).has("any"));
    // An empty list is no wish for everything.
    let none = Scopes {
        flows: Some(BTreeSet::new()),
        ..Scopes::default()
    };
    assert!(!none.within(Dimension::Flows).has("any"));
}

#[test]
fn a_day_and_a_moment_are_read_and_the_end_counts_as_over() {
    assert_eq!(moment("1970-01-02"), Some(86_400_000));
    assert_eq!(moment("1970-01-01T00:00:01Z"), Some(1_000));
    assert_eq!(moment("tomorrow"), None);
    let access = Access {
        expires_ms: Some(10),
        ..Access::default()
    };
    assert!(!access.is_over(9) && access.is_over(10));
}

#[test]
fn a_token_made_anew_under_an_old_name_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let make = |made_ms| {
        change(folder.path(), |tokens| {
            tokens.clear();
            tokens.push(KeptToken {
                created_ms: made_ms,
                ..kept("eve")
            });
            Ok(())
        })
        .unwrap();
    };
    let now = MachineClock.now_ms();
    make(now);
    let known = KeptTokens::of(folder.path(), Arc::new(MachineClock));
    known.current()[0].used.was_forbidden();
    make(now);
    assert_eq!(known.current()[0].used.used().forbidden, 1, "the same one");
    known.write_uses().unwrap();
    assert_eq!(used(folder.path())["eve"].forbidden, 1);
    let later = known.current()[0].used.used().since_ms + 1;
    make(later);
    assert_eq!(known.current()[0].used.used().forbidden, 0);
    known.write_uses().unwrap();
    assert_eq!(used(folder.path())["eve"].forbidden, 0);
    // Also where the host did not run meanwhile.
    known.current()[0].used.was_forbidden();
    known.write_uses().unwrap();
    make(later + 60_000);
    let known = KeptTokens::of(folder.path(), Arc::new(MachineClock));
    assert_eq!(known.current()[0].used.used().forbidden, 0);
    make(later + 60_000);
    known.current()[0].used.was_forbidden();
    known.write_uses().unwrap();
    let known = KeptTokens::of(folder.path(), Arc::new(MachineClock));
    assert_eq!(known.current()[0].used.used().forbidden, 1);
}
