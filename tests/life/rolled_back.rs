//! Back to the last good version, from what the host kept of it.

use tombolo_tests::host::TestHost;
use tombolo_tests::site::{TestSite, files};

use crate::fixture::{done, order, shop, site, system, try_system, well};

const SAID: [&str; 4] = ["--by", "olga", "--reason", "wrong prices"];

/// The site names this version, in a file of its own.
fn names(site: &TestSite, number: &str) {
    let name = format!("shop-{number}");
    site.adapter_bytes(&name, &well(number));
    site.write(
        "systems/shop.yaml",
        &format!("adapter: adapters/{name}.wasm\nlimits: {{ cpu: 200 ms }}\n"),
    );
}

fn runs(host: &TestHost, number: &str) {
    host.wait_for(&format!("{number} runs"), |host| {
        let now = shop(host);
        (now["state"] == "running" && now["version"] == number).then_some(())
    });
}

/// Waits until the host has written down what it can roll back to.
fn can_go_back_to(host: &TestHost, number: &str) {
    let adapter = format!("hostile/shop {number}");
    host.wait_for(&format!("{adapter} is kept"), |host| {
        (shop(host)["rolls_back_to"]["adapter"] == adapter).then_some(())
    });
}

/// A host on which 0.2.0 took the place of 0.1.0.
fn swapped(site: &TestSite) -> TestHost {
    let host = TestHost::start(site, &[]);
    names(site, "0.2.0");
    site.approve("shop");
    runs(&host, "0.2.0");
    can_go_back_to(&host, "0.1.0");
    host
}

fn rollback(host: &TestHost) -> (i32, String, String) {
    try_system(host, &[&["rollback", "shop"][..], &SAID].concat())
}

#[test]
fn a_rollback_needs_no_adapter_of_the_site_and_survives_a_kill_until_a_third_version() {
    let site = site(&well("0.1.0"));
    let host = swapped(&site);
    let (adapters, away) = (site.path().join("adapters"), site.path().join("away"));
    std::fs::rename(&adapters, &away).unwrap();
    let (code, out, err) = rollback(&host);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(shop(&host)["version"], "0.1.0");
    host.wait_for("the swap names who asked for it", |host| {
        let swap = host.get("/api/audit?kind=swap&limit=1")["records"][0]["record"].clone();
        (swap["what"] == "hostile/shop 0.1.0 for hostile/shop 0.2.0" && swap["who"] == "olga")
            .then_some(())
    });
    order(&host, "a", 1);
    done(&host, 1);
    std::fs::remove_file(away.join("shop.wasm")).unwrap();
    std::fs::rename(&away, &adapters).unwrap();
    host.kill();

    let host = TestHost::start(&site, &[]);
    runs(&host, "0.1.0");
    let table = system(&host, &["status"]);
    let says = "rolled back by olga: wrong prices; the site's version is hostile/shop 0.2.0";
    assert!(table.contains(says), "{table}");
    let (code, _, err) = rollback(&host);
    assert!(
        code == 1 && err.contains("rolled back by olga already"),
        "{err}"
    );
    names(&site, "0.3.0");
    host.post("/api/reload", &serde_json::json!({}));
    assert_eq!(shop(&host)["rolled_back"]["by"], "olga");
    order(&host, "a", 2);
    done(&host, 2);
    site.approve("shop");
    runs(&host, "0.3.0");
    can_go_back_to(&host, "0.1.0");
    assert!(shop(&host)["rolled_back"].is_null());
    let audit = host.get("/api/audit?limit=1000").to_string();
    assert!(
        audit.contains("\"rollback\"") && audit.contains("wrong prices"),
        "{audit}"
    );
    // The new version's bytes may still be on their way into the folder, and the oldest one's out of it.
    host.wait_for("no more is kept than runs and can be gone back to", |_| {
        let kept = files(&site.path().join("data/systems/kept"));
        (kept.len() == 2).then_some(())
    });
}

#[test]
fn forward_ends_a_rollback() {
    let site = site(&well("0.1.0"));
    let host = swapped(&site);
    let forward = [&["forward", "shop"][..], &SAID].concat();
    let (code, _, err) = try_system(&host, &forward);
    assert!(code == 1 && err.contains("is not rolled back"), "{err}");
    assert_eq!(rollback(&host).0, 0);
    host.post("/api/reload", &serde_json::json!({}));
    runs(&host, "0.1.0");
    system(&host, &forward);
    runs(&host, "0.2.0");
    can_go_back_to(&host, "0.1.0");
}

#[test]
fn a_version_whose_grant_was_revoked_is_not_rolled_back_to() {
    let site = site(&well("0.1.0"));
    let host = TestHost::start(&site, &[]);
    let revoke = [
        "grant", "revoke", "shop", "--by", "rita", "--reason", "a leak",
    ];
    let (code, out, err) = site.tombolo(&revoke);
    assert_eq!(code, 0, "{out}{err}");
    host.wait_for("the system is stopped", |host| {
        (shop(host)["state"] == "held-back").then_some(())
    });
    names(&site, "0.2.0");
    site.approve("shop");
    runs(&host, "0.2.0");
    let refused = host.wait_for("the old version is on the books", |host| {
        let (code, out, err) = rollback(host);
        assert_eq!(code, 1, "{out}");
        (!err.contains("none was in force")).then_some(err)
    });
    assert!(
        refused.contains("revoked by rita") && refused.contains("a leak"),
        "{refused}"
    );
    assert!(shop(&host)["rolls_back_to"].is_null());
    assert_eq!(shop(&host)["version"], "0.2.0");
}

#[test]
fn kept_bytes_that_were_changed_are_not_run() {
    let site = site(&well("0.1.0"));
    let host = swapped(&site);
    let digest = shop(&host)["rolls_back_to"]["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    let file = site.path().join(format!(
        "data/systems/kept/{}.wasm",
        digest.replace(':', "-")
    ));
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let (code, out, err) = rollback(&host);
    assert_eq!(code, 1, "{out}");
    assert!(err.contains("was changed since it was kept"), "{err}");
    assert_eq!(shop(&host)["version"], "0.2.0");
    assert!(shop(&host)["rolled_back"].is_null());
}
