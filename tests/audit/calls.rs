//! What adapters reached.

use serde_json::Value;
use tombolo_tests::host::wait;
use tombolo_tests::server::Reply;
use tombolo_tests::site::TOKEN;

use crate::fixture::{Audited, SECRET, audited};

/// The fields that say who reached what.
fn said(record: &Value) -> [&str; 5] {
    ["kind", "outcome", "system", "target", "what"].map(|name| record[name].as_str().unwrap_or(""))
}

fn one(audited: &Audited, filter: &[&str]) -> Value {
    wait(&format!("one record with {filter:?}"), || {
        let mut records = audited.list(filter);
        (records.len() == 1).then(|| records.remove(0))
    })
}

#[test]
fn every_call_of_a_run_a_hook_and_a_feed_is_on_record_with_digest_grant_and_cause() {
    let audited = audited();
    audited.server.reply(Reply::json(200, "{}"));
    let run = audited.runs("a", "/orders/7");
    let record = one(&audited, &["--run", &run]);
    assert_eq!(
        said(&record),
        [
            "http",
            "allowed",
            "shop",
            "api",
            "GET /orders/7 with a query of 18 bytes"
        ]
    );
    assert_eq!(record["status"], "200");
    assert_eq!(record["step"], "reach");
    assert_eq!(record["adapter"], audited.digest("shop"));
    let grant = record["grant"].as_str().unwrap();
    assert!(grant.starts_with("sha256:") && grant.len() == 71, "{grant}");
    assert!(
        record["sent"].as_u64() > Some(SECRET.len() as u64),
        "{record}"
    );

    let denied = audited.runs("b", "/admin/7");
    let record = one(&audited, &["--run", &denied]);
    assert_eq!(
        said(&record),
        [
            "http",
            "denied",
            "shop",
            "api",
            "GET /admin/7 with a query of 18 bytes"
        ]
    );
    assert!(record["sent"].is_null(), "nothing left: {record}");
    assert_eq!(one(&audited, &["--outcome", "denied"]), record);

    audited.server.reply(Reply::json(404, "{}"));
    let hook = audited
        .host
        .send("POST", "/hooks/shop/in", &[("x-calls", "/orders/8")], b"{}");
    assert_eq!(hook.status, 202, "{}", hook.body);
    let record = one(&audited, &["--outcome", "failed", "--kind", "http"]);
    assert_eq!(
        said(&record),
        ["http", "failed", "shop", "api", "GET /orders/8"]
    );
    assert_eq!(record["cause"], "hooks/shop/in");

    audited.tombolo(&["feed", "run", "erp", "orders"]);
    let of_feed = wait("the feed's records", || {
        let records = audited.list(&["--system", "erp", "--kind", "sql"]);
        (!records.is_empty()).then_some(records)
    });
    for record in &of_feed {
        assert_eq!(said(record), ["sql", "allowed", "erp", "db", "since"]);
        assert_eq!(record["cause"], "feeds/erp/orders");
        assert_eq!(record["adapter"], audited.digest("erp"));
    }
    // What the server got is what is on record: nothing left without.
    assert_eq!(audited.server.received().len(), 2);
    let http = audited.list(&["--kind", "http"]);
    let left = http.iter().filter(|record| record["outcome"] != "denied");
    assert_eq!(left.count(), 2);
}

#[test]
fn no_secret_query_or_body_is_in_any_record() {
    let audited = audited();
    audited
        .server
        .reply(Reply::json(200, &format!("{{\"you\": \"{SECRET}\"}}")));
    audited.server.reply(Reply::json(500, SECRET));
    let runs = [("a", "/orders/7"), ("b", "/orders/8"), ("c", "/admin")];
    for (id, path) in runs {
        audited.runs(id, path);
    }
    assert_eq!(audited.server.received().len(), 2);
    let (code, exported) = audited.offline(&["export"]);
    assert_eq!(code, 0, "{exported}");
    assert!(exported.lines().count() >= 3, "{exported}");
    for secret in [SECRET, TOKEN] {
        assert!(
            !exported.contains(secret),
            "a record has {secret}: {exported}"
        );
    }
}

#[test]
fn a_request_for_a_token_and_a_first_try_that_was_refused_are_on_record_too() {
    let audited = audited();
    let file = audited.site.path().join("systems/shop.yaml");
    let oauth2 = format!(
        "oauth2: {{ token-url: \"http://{}/token?tenant=7\", client-id: tombolo, client-secret: \"env:SHOP_TOKEN\" }}",
        audited.server.address
    );
    let shop = std::fs::read_to_string(file).unwrap();
    let shop = shop.replace("bearer: \"env:SHOP_TOKEN\"", &oauth2);
    audited.site.write("systems/shop.yaml", &shop);
    audited.site.approve("shop");
    wait("the system with its new credential", || {
        audited.list(&["--kind", "swap"]).pop()
    });
    for (status, body) in [
        (200, r#"{"access_token": "canary-token-1"}"#),
        (401, "{}"),
        (200, r#"{"access_token": "canary-token-2"}"#),
        (200, "{}"),
    ] {
        audited.server.reply(Reply::json(status, body));
    }
    let run = audited.runs("a", "/orders/7");
    let records = wait("a record of each request", || {
        let records = audited.list(&["--run", &run]);
        (records.len() >= 4).then_some(records)
    });
    let told = |record: &Value| {
        assert_eq!(
            (&record["target"], &record["step"]),
            (&"api".into(), &"reach".into())
        );
        assert_eq!(record["adapter"], audited.digest("shop"));
        assert!(record["sent"].as_u64() > Some(40), "{record}");
        let text = |name: &str| record[name].as_str().unwrap_or("").to_owned();
        format!("{} {}", text("what"), text("status"))
    };
    let call = "GET /orders/7 with a query of 18 bytes";
    // The listing is by when each began, and the guest's own call began before what left beside it.
    let mut told: Vec<String> = records.iter().map(told).collect();
    told.sort();
    let token = "POST /token for a token 200".to_owned();
    let expected = [
        format!("{call} 200"),
        format!("{call} 401"),
        token.clone(),
        token,
    ];
    assert_eq!(told, expected);
    assert_eq!(audited.server.received().len(), 4);
    let (code, exported) = audited.offline(&["export"]);
    assert_eq!(code, 0, "{exported}");
    for secret in [SECRET, "canary-token", "tenant"] {
        assert!(
            !exported.contains(secret),
            "a record has {secret}: {exported}"
        );
    }
}
