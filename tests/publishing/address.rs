//! Adapters at HTTP addresses of their own: fetched, pulled, added and swapped.

use serde_json::json;
use tombolo_tests::host::TestHost;
use tombolo_tests::server::{RecordingServer, Reply};
use tombolo_tests::site::TestSite;

use crate::vendor::Desk;

/// A site that trusts a desk's key.
pub(crate) fn trusting(desk: &Desk) -> TestSite {
    let site = TestSite::new();
    let settings = std::fs::read_to_string(site.path().join("tombolo.yaml")).unwrap();
    let trusted = format!("publishers: {{ acme/*: {},", desk.public_key());
    site.write("tombolo.yaml", &settings.replace("publishers: {", &trusted));
    site
}

/// A desk whose `shop.wasm` is signed, and a server that gives it and its signature out so many times.
fn served(times: usize) -> (Desk, RecordingServer, String) {
    let (desk, server) = (Desk::new(), RecordingServer::start());
    desk.done(&["keygen", "--no-password", "--key", "@acme.key"]);
    desk.done(&["sign", "@shop.wasm", "--key", "@acme.key"]);
    for _ in 0..times {
        for file in ["shop.wasm", "shop.wasm.minisig"] {
            server.reply(Reply::file(std::fs::read(desk.at(file)).unwrap()));
        }
    }
    let address = format!("http://{}/files/shop.wasm", server.address);
    (desk, server, address)
}

#[test]
fn an_address_is_pinned_and_another_file_there_is_refused() {
    let desk = Desk::new();
    let served = RecordingServer::start();
    let site = TestSite::new();
    let digest = desk.digest("shop.wasm");
    let address = format!("http://{}/shop.wasm", served.address);
    let system = |digest: &str| {
        let text = format!("adapter: {address}\nunsigned: allow\n{digest}");
        site.write("systems/shop.yaml", &text);
        let (code, out, err) = site.tombolo(&["adapter", "fetch"]);
        (code, out + &err)
    };
    let (code, told) = system("");
    assert_eq!(code, 1);
    assert!(told.contains("an address without a digest"), "{told}");
    served.reply(Reply::json(200, "something else"));
    let (code, told) = system(&format!("digest: {digest}\n"));
    assert_eq!(code, 1);
    assert!(told.contains("nothing is kept"), "{told}");
    assert!(!site.path().join("data/adapters").exists());
}

#[test]
fn what_lies_at_an_address_is_fetched_with_its_signature_and_runs() {
    let (desk, server, address) = served(1);
    let site = trusting(&desk);
    let digest = desk.digest("shop.wasm");
    let system = format!("adapter: {address}\ndigest: {digest}\n");
    site.write("systems/shop.yaml", &system);
    let (code, out, err) = site.tombolo(&["adapter", "fetch"]);
    assert_eq!(code, 0, "{out}{err}");
    let targets: Vec<String> = server
        .received()
        .into_iter()
        .map(|one| one.target)
        .collect();
    assert_eq!(targets, ["/files/shop.wasm", "/files/shop.wasm.minisig"]);
    drop(server);
    site.approve("shop");
    let host = TestHost::start(&site, &[]);
    let shop = &host.get("/api/systems")[0];
    assert_eq!(
        (&shop["state"], &shop["digest"]),
        (&json!("running"), &json!(digest))
    );
    assert!(shop["signer"]["key"].is_string(), "{shop}");
}

#[test]
fn an_address_is_pulled_into_a_file_and_tells_what_a_site_writes() {
    let (desk, _server, address) = served(1);
    let told = desk.done(&["pull", &address, "-o", "@back.wasm", "--key", "@acme.pub"]);
    assert!(told.contains(&format!("adapter: \"{address}\"")), "{told}");
    let digest = desk.digest("shop.wasm");
    assert!(told.contains(&format!("digest: \"{digest}\"")), "{told}");
    for (one, other) in [
        ("back.wasm", "shop.wasm"),
        ("back.wasm.minisig", "shop.wasm.minisig"),
    ] {
        let read = |name| std::fs::read(desk.at(name)).unwrap();
        assert_eq!(read(one), read(other));
    }
}

#[test]
fn a_system_is_added_from_an_address_and_swapped_to_what_lies_there_now() {
    let (desk, server, address) = served(2);
    let site = trusting(&desk);
    let written = || std::fs::read_to_string(site.path().join("systems/shop.yaml")).unwrap();
    let system = |words: &[&str]| site.tombolo(&[&["system"], words].concat());
    let (code, out, err) = system(&["add", "shop", "--adapter", &address]);
    assert_eq!(code, 0, "{out}{err}");
    let lines = |desk: &Desk| {
        format!(
            "adapter: \"{address}\"\ndigest: \"{}\"\n",
            desk.digest("shop.wasm")
        )
    };
    assert!(written().contains(&lines(&desk)), "{}", written());
    site.approve("shop");
    let host = TestHost::start(&site, &[]);
    assert_eq!(host.get("/api/systems")[0]["version"], "0.1.0");

    desk.put("shop.wasm", "0.2.0");
    let unsigned = std::fs::read(desk.at("shop.wasm")).unwrap();
    let swap = [
        "swap",
        "shop",
        &address,
        "--address",
        &format!("http://{}", host.address),
    ];
    for _ in 0..2 {
        server.reply(Reply::file(unsigned.clone()));
        server.reply(Reply::json(404, "{}"));
    }
    let before = written();
    let (code, out, err) = system(&swap);
    assert_eq!(code, 1, "{out}");
    assert!(err.contains("no signature"), "{err}");
    assert_eq!(written(), before);

    desk.done(&["sign", "@shop.wasm", "--key", "@acme.key"]);
    for _ in 0..2 {
        for file in ["shop.wasm", "shop.wasm.minisig"] {
            server.reply(Reply::file(std::fs::read(desk.at(file)).unwrap()));
        }
    }
    let (code, out, err) = system(&swap);
    assert_eq!(code, 0, "{out}{err}");
    assert!(written().contains(&lines(&desk)), "{}", written());
    site.approve("shop");
    host.wait_for("the new version runs", |host| {
        let shop = &host.get("/api/systems")[0];
        (shop["state"] == "running" && shop["version"] == "0.2.0").then_some(())
    });
}
