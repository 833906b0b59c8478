//! Out of service and back, by a person's word.

use serde_json::json;
use tombolo_tests::host::TestHost;

use crate::fixture::{done, order, shop, site, system, try_system, well};

const WHY: [&str; 4] = ["--by", "olga", "--reason", "the shop moves"];

fn decide(host: &TestHost, what: &str) -> String {
    system(host, &[&[what, "shop"][..], &WHY].concat())
}

#[test]
fn a_disabled_system_loses_nothing_and_is_still_disabled_after_a_restart() {
    let site = site(&well("0.1.0"));
    let host = TestHost::start(&site, &[]);
    order(&host, "a", 1);
    done(&host, 1);
    decide(&host, "disable");
    for n in 2..9 {
        order(&host, "a", n);
    }
    let hook = host.send("POST", "/hooks/shop/in", &[], b"{}");
    assert_eq!(hook.status, 503, "{}", hook.body);
    let again = hook.headers.iter().find(|(name, _)| name == "retry-after");
    assert_eq!(again.map(|(_, value)| value.as_str()), Some("30"));
    host.wait_for("the lane's head waits in the store", |host| {
        (shop(host)["delivery"]["parked"] == 1).then_some(())
    });
    host.kill();

    let host = TestHost::start(&site, &[]);
    let now = shop(&host);
    assert_eq!(
        (&now["state"], &now["by"]),
        (&json!("disabled"), &json!("olga"))
    );
    assert_eq!(now["reason"], "the shop moves");
    let table = system(&host, &["status"]);
    assert!(
        table.contains("disabled") && table.contains("the shop moves"),
        "{table}"
    );
    decide(&host, "enable");
    done(&host, 8);
    let runs = host.get("/api/runs?flow=order&status=done&limit=1000");
    for run in runs.as_array().unwrap() {
        let id = run["id"].as_str().unwrap();
        let whole = host.get(&format!("/api/runs/{id}"));
        let attempts = whole["trace"]["steps"][0]["attempts"]
            .as_array()
            .map(Vec::len);
        assert_eq!(attempts, Some(1), "waiting used up attempts: {whole:#}");
    }
    let audit = host.get("/api/audit?limit=1000").to_string();
    for word in ["\"disable\"", "\"enable\"", "the shop moves"] {
        assert!(audit.contains(word), "{word} is not on record: {audit}");
    }
}

#[test]
fn who_decides_says_so_with_a_reason_about_a_system_that_is_there() {
    let site = site(&well("0.1.0"));
    let host = TestHost::start(&site, &[]);
    let wrong = [
        (
            vec!["disable", "shop", "--by", "olga", "--reason", " "],
            "reason",
        ),
        (
            vec!["disable", "none", "--by", "olga", "--reason", "x"],
            "no system none",
        ),
        (
            vec!["enable", "shop", "--by", "olga", "--reason", "x"],
            "neither disabled",
        ),
    ];
    for (words, says) in wrong {
        let (code, out, err) = try_system(&host, &words);
        assert_eq!(code, 1, "{words:?}: {out}");
        assert!(err.contains(says), "{words:?}: {err}");
    }
    let nobody = host.send("POST", "/api/systems/shop/disable", &[], b"{}");
    assert_eq!(nobody.status, 401);
    assert_eq!(shop(&host)["state"], "running");
}
