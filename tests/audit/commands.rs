//! The commands of the audit: with a host, without one, and against somebody who changed the file.

use serde_json::Value;
use tombolo_tests::host::wait;
use tombolo_tests::server::Reply;

use crate::fixture::{Audited, audited};

/// Runs that are done, and a feed that has read: nothing is left to write a record by itself.
fn with_runs(count: usize) -> Audited {
    let audited = audited();
    wait("the feed's record", || {
        (!audited.list(&["--kind", "sql"]).is_empty()).then_some(())
    });
    for n in 0..count {
        audited.server.reply(Reply::json(200, "{}"));
        audited.runs(&n.to_string(), &format!("/orders/{n}"));
    }
    audited
}

#[test]
fn a_host_and_its_file_tell_the_same() {
    let audited = with_runs(3);
    let online = audited.tombolo(&["audit", "anchor"]);
    let (code, offline) = audited.offline(&["anchor"]);
    assert_eq!((code, &offline), (0, &online));
    let all = audited.tombolo(&["audit", "export"]);
    assert_eq!(audited.offline(&["export"]), (0, all.clone()));
    let last: Value = serde_json::from_str(all.lines().last().unwrap()).unwrap();
    assert_eq!(
        online.trim(),
        format!("{}:{}", last["number"], last["hash"].as_str().unwrap())
    );
    let before = (last["number"].as_i64().unwrap() - 1).to_string();
    let rest = audited.tombolo(&["audit", "export", "--since", &before]);
    assert_eq!(
        rest.lines().collect::<Vec<_>>(),
        [all.lines().last().unwrap()]
    );
    let out = audited.tombolo(&["audit", "verify", "--anchor", online.trim()]);
    assert!(
        out.contains("are as the host wrote them, and the anchor fits"),
        "{out}"
    );
    let (code, table) = audited.offline(&["list", "--system", "shop"]);
    assert_eq!(code, 0, "{table}");
    assert!(table.contains("api: GET /orders/2"), "{table}");
    let (code, refused) = audited.offline(&["list", "--kind", "nonsense"]);
    assert_eq!(code, 2, "{refused}");
    assert!(refused.contains("expected one of http, sql"), "{refused}");
}

#[test]
fn an_anchor_that_was_kept_elsewhere_tells_what_the_chain_cannot() {
    let audited = with_runs(2);
    let anchor = audited.tombolo(&["audit", "anchor"]);
    let kept = audited.site.path().join("anchors.txt");
    std::fs::write(&kept, format!("# nightly\n{anchor}")).unwrap();
    let kept = kept.to_str().unwrap().to_owned();
    let Audited { site, host, server } = audited;
    assert_eq!(host.stop(), 0);
    let file = rusqlite::Connection::open(site.path().join("data/tombolo.db")).unwrap();
    // The newest records are taken out, and the end is moved: the chain is whole.
    let (number, _) = anchor.split_once(':').unwrap();
    file.execute_batch(&format!(
        "DELETE FROM audit WHERE number >= {number};
         UPDATE site SET value = (SELECT number || ':' || lower(hex(hash)) FROM audit ORDER BY number DESC LIMIT 1)
         WHERE key = 'audit_tip'"
    ))
    .unwrap();
    drop((file, server));
    let site = site.path().to_str().unwrap();
    let tombolo = |arguments: &[&str]| tombolo_tests::built::run(arguments, &[]);
    let (code, out, err) = tombolo(&["audit", "verify", "--offline", site]);
    assert_eq!(code, 0, "{out}{err}");
    let (code, out, err) = tombolo(&["audit", "verify", "--offline", site, "--anchor", &kept]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(err.contains("the end was cut off"), "{err}");
}
