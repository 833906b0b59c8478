//! Other versions and new systems, written into the site by command.

use std::path::PathBuf;

use tombolo_tests::built::adapter;
use tombolo_tests::component::Parts;
use tombolo_tests::host::TestHost;
use tombolo_tests::publisher;
use tombolo_tests::server::{RecordingServer, Reply};
use tombolo_tests::site::{TestSite, files};

use crate::fixture::{done, order, shop, site, system, try_system, version, well};

/// An adapter as its vendor hands it over, with its signature.
fn handed_over(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let file = folder.path().join("download.wasm");
    std::fs::write(&file, bytes).unwrap();
    let signature = publisher::sign(bytes).unwrap();
    std::fs::write(folder.path().join("download.wasm.minisig"), signature).unwrap();
    file
}

fn everything(site: &TestSite) -> Vec<(PathBuf, Vec<u8>)> {
    let all = files(site.path()).into_iter();
    let all = all.filter(|file| !file.starts_with(site.path().join("data")));
    all.map(|file| (file.clone(), std::fs::read(file).unwrap()))
        .collect()
}

#[test]
fn a_swap_by_command_waits_for_the_reviewer_while_the_old_version_runs() {
    let site = site(&well("0.1.0"));
    site.write(
        "systems/shop.yaml",
        "# ours\nadapter: adapters/shop.wasm # the old one\nlimits: { cpu: 200 ms }\n",
    );
    let host = TestHost::start(&site, &[]);
    let download = tempfile::tempdir().unwrap();
    let file = handed_over(&download, &well("0.2.0"));
    let at = site.path().to_str().unwrap();
    let swap = ["swap", "shop", file.to_str().unwrap(), "--site", at];
    let told = system(&host, &swap);
    for says in [
        "holds it back",
        "the version before keeps running",
        "grant review shop",
    ] {
        assert!(told.contains(says), "{says:?}: {told}");
    }
    let text = std::fs::read_to_string(site.path().join("systems/shop.yaml")).unwrap();
    assert_eq!(
        text,
        "# ours\nadapter: adapters/shop-0.2.0.wasm # the old one\nlimits: { cpu: 200 ms }\n"
    );
    order(&host, "a", 1);
    done(&host, 1);
    site.approve("shop");
    host.wait_for("the new version runs", |host| {
        let now = shop(host);
        (now["state"] == "running" && now["version"] == "0.2.0").then_some(())
    });
    let told = system(&host, &swap);
    assert!(told.contains("runs it"), "{told}");
}

#[test]
fn a_call_that_does_not_end_is_cut_off_and_made_again_in_the_new_version() {
    let server = RecordingServer::start();
    server.reply(Reply::hanging());
    let site = site(&well("0.1.0"));
    // The old version asks a server that does not answer; its deadline comes after the time that calls are given.
    site.adapter("shop", &adapter("tests/hostile/attacker"));
    let asking = format!(
        "actions: {{ go: {{ effect: read, summary: Goes, do: {{}} }} }}\n\
         connections: {{ api: {{ http: \"http://{}\", network: private, credential: none, allow: [\"GET /price\"] }} }}\n",
        server.address
    );
    site.write(
        "systems/shop.yaml",
        &format!("adapter: adapters/shop.wasm\n{asking}"),
    );
    site.write(
        "flows/order.yaml",
        "on: order\nsteps:\n  - { id: go, call: shop.go, with: { do: http, connection: api, method: GET, path: /price } }\n",
    );
    site.approve("shop");
    let host = TestHost::start(&site, &[]);
    order(&host, "a", 1);
    host.wait_for("the old version asks", |_| {
        server.received().first().map(|_| ())
    });
    site.adapter_bytes("shop-2", &well("0.2.0"));
    site.write(
        "systems/shop.yaml",
        "adapter: adapters/shop-2.wasm\nlimits: { cpu: 200 ms }\n",
    );
    site.approve("shop");
    let run = host.wait_for_run("order", "done");
    let attempts = run["trace"]["steps"][0]["attempts"].as_array();
    assert_eq!(attempts.map(Vec::len), Some(1), "{run:#}");
    assert_eq!(server.received().len(), 1);
    assert!(
        host.log().contains("it is made again in the new one"),
        "{}",
        host.log()
    );
}

#[test]
fn a_swap_that_would_not_check_leaves_the_site_as_it_was() {
    let site = site(&well("0.1.0"));
    let host = TestHost::start(&site, &[]);
    let before = everything(&site);
    let needs =
        "\n[connections.api]\nkind = \"http\"\nreason = \"Calls it\"\nallow = [\"GET /\"]\n";
    let more = version("0.2.0", Parts::default());
    let wider = Parts {
        manifest: tombolo_tests::component::manifest("hostile/shop", needs),
        ..Parts::default()
    };
    let download = tempfile::tempdir().unwrap();
    let cases = [
        (
            handed_over(&download, &wider.build()),
            "needs the connection `api`",
        ),
        (download.path().join("none.wasm"), "cannot read"),
    ];
    for (file, says) in cases {
        let words = ["swap", "shop", file.to_str().unwrap(), "--site"];
        let (code, out, err) = try_system(
            &host,
            &[&words[..], &[site.path().to_str().unwrap()]].concat(),
        );
        assert_eq!(code, 1, "{out}");
        assert!(err.contains(says), "{says:?}: {err}");
        assert_eq!(everything(&site), before, "{says}");
    }
    std::fs::write(download.path().join("cut.wasm"), &more[..more.len() / 2]).unwrap();
    let cut = download.path().join("cut.wasm");
    let words = [
        "swap",
        "shop",
        cut.to_str().unwrap(),
        "--site",
        site.path().to_str().unwrap(),
    ];
    assert_eq!(try_system(&host, &words).0, 1);
    assert_eq!(everything(&site), before);
    assert_eq!(shop(&host)["version"], "0.1.0");
}

#[test]
fn a_new_system_is_a_draft_until_what_it_needs_is_filled_in() {
    let site = site(&well("0.1.0"));
    let host = TestHost::start(&site, &[]);
    let needs =
        "\n[connections.api]\nkind = \"http\"\nreason = \"Calls it\"\nallow = [\"GET /\"]\n";
    let parts = Parts {
        manifest: tombolo_tests::component::manifest("hostile/erp", needs),
        ..Parts::default()
    };
    let download = tempfile::tempdir().unwrap();
    let file = handed_over(&download, &parts.build());
    let at = site.path().to_str().unwrap();
    let adapter = file.to_str().unwrap();
    let told = system(&host, &["add", "erp", "--adapter", adapter, "--site", at]);
    for says in ["to fill in", "needs the connection `api`", "system add erp"] {
        assert!(told.contains(says), "{says:?}: {told}");
    }
    let draft = site.path().join("systems/erp.draft");
    let text = std::fs::read_to_string(&draft).unwrap();
    assert!(text.contains("#   # Calls it\n#   api: { http:"), "{text}");
    let (code, _, err) = try_system(&host, &["add", "erp", "--site", at]);
    assert_eq!(code, 1);
    assert!(err.contains("not taken yet"), "{err}");
    let filled = "connections:\n  api: { http: \"http://127.0.0.1:9\", network: private }\n";
    std::fs::write(&draft, text + filled).unwrap();
    let told = system(&host, &["add", "erp", "--site", at]);
    assert!(
        told.contains("grant review erp") && told.contains("holds it back"),
        "{told}"
    );
    assert!(!draft.exists());
    site.approve("erp");
    host.wait_for("the new system runs", |host| {
        let systems = host.get("/api/systems");
        let all = systems.as_array()?;
        let erp = all.iter().find(|one| one["system"] == "erp")?;
        (erp["state"] == "running").then_some(())
    });
    let (code, _, err) = try_system(&host, &["add", "shop", "--adapter", adapter, "--site", at]);
    assert_eq!(code, 1);
    assert!(err.contains("is there already"), "{err}");
}
