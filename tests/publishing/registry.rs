//! `tombolo adapter push|pull|fetch` with a real registry (Debian's `docker-registry`), and with one that lies.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tombolo_kernel::package::Package;
use tombolo_tests::broker::{free_port, program};
use tombolo_tests::built::{adapter, scratch};
use tombolo_tests::component::Parts;
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::server::{RecordingServer, Reply};
use tombolo_tests::site::TestSite;

use crate::address::trusting;
use crate::vendor::{Desk, minisign};

/// Bcrypt of `correct horse`, which is what the desk's variable holds.
const USERS: &str = "robot:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n";

/// A registry that ends with this value.
struct Store {
    port: u16,
    child: Child,
    folder: tempfile::TempDir,
}

impl Store {
    fn open() -> Self {
        Self::start("")
    }

    fn with_users() -> Self {
        Self::start("auth:\n  htpasswd:\n    realm: tests\n    path: FOLDER/users\n")
    }

    fn start(more: &str) -> Self {
        let program = program("docker-registry", &["/usr/bin"], "docker-registry");
        let folder = tempfile::tempdir_in(scratch()).unwrap();
        let at = folder.path().to_str().unwrap();
        let port = free_port();
        let config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {at}/data\nhttp:\n  addr: 127.0.0.1:{port}\n{}",
            more.replace("FOLDER", at)
        );
        std::fs::write(folder.path().join("config.yml"), config).unwrap();
        std::fs::write(folder.path().join("users"), USERS).unwrap();
        let child = Command::new(program)
            .arg("serve")
            .arg(folder.path().join("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut store = Self {
            port,
            child,
            folder,
        };
        wait("the registry listens", || {
            if let Some(status) = store.child.try_wait().unwrap() {
                panic!("the registry ended with {status}");
            }
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        store
    }

    fn at(&self, place: &str) -> String {
        format!("127.0.0.1:{}/{place}", self.port)
    }

    /// Where it keeps what has this digest.
    fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        let blobs = "data/docker/registry/v2/blobs/sha256";
        self.folder
            .path()
            .join(blobs)
            .join(&hex[..2])
            .join(hex)
            .join("data")
    }

    fn json(&self, digest: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.blob(digest)).unwrap()).unwrap()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A desk whose `shop.wasm` is signed, and in this registry as `acme/shop:1`; and what a site writes for it.
fn pushed(store: &Store) -> (Desk, String) {
    let desk = Desk::new();
    desk.done(&["keygen", "--no-password", "--key", "@acme.key"]);
    desk.done(&["sign", "@shop.wasm", "--key", "@acme.key"]);
    let told = desk.done(&["push", "@shop.wasm", &store.at("acme/shop:1")]);
    (desk, pinned(&told))
}

/// `oci://...@sha256:...` out of what a command printed.
fn pinned(told: &str) -> String {
    let line = told.lines().find(|line| line.starts_with("adapter: "));
    line.unwrap_or_else(|| panic!("{told}"))
        .trim_start_matches("adapter: ")
        .trim_matches('"')
        .to_owned()
}

fn digest(pinned: &str) -> &str {
    pinned.split_once('@').unwrap().1
}

/// Changes the first byte, and no length.
fn change(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[0] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn what_is_pushed_comes_back_the_same_and_the_common_tool_verifies_it() {
    let store = Store::open();
    let (desk, place) = pushed(&store);
    let pull = ["pull", &place, "-o", "@back.wasm", "--key", "@acme.pub"];
    let told = desk.done(&pull);
    assert_eq!(pinned(&told), place);
    assert_eq!(
        std::fs::read(desk.at("back.wasm")).unwrap(),
        std::fs::read(desk.at("shop.wasm")).unwrap()
    );
    let words = ["-V", "-H", "-m", "back.wasm", "-p", "acme.pub"];
    assert!(minisign(&words, desk.folder()).contains("adapter acme/shop 0.1.0"));
    // By its tag it is the same, and the same file pushed again is the same thing.
    let by_tag = desk.done(&["pull", &store.at("acme/shop:1"), "-o", "@back.wasm"]);
    assert_eq!(pinned(&by_tag), place);
    let again = desk.done(&["push", "@shop.wasm", &store.at("acme/shop:1")]);
    assert_eq!(pinned(&again), place);

    let manifest = store.json(digest(&place));
    let config = &manifest["config"];
    assert_eq!(config["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    let config = store.json(config["digest"].as_str().unwrap());
    assert_eq!(config["architecture"], "wasm");
    assert_eq!(config["layerDigests"][0], manifest["layers"][0]["digest"]);
    let component = &config["component"];
    assert_eq!(component["exports"], json!(["act", "receive", "read"]));
    let imports = ["tombolo:adapter/exchange", "tombolo:adapter/types"];
    assert_eq!(component["imports"], json!(imports));
}

#[test]
fn whoever_looks_into_the_registry_sees_what_an_adapter_imports() {
    let store = Store::open();
    let desk = Desk::new();
    let webhook = adapter("plugins/webhook");
    std::fs::copy(&webhook, desk.at("shop.wasm")).unwrap();
    let place = store.at("tombolo/webhook:1");
    let told = desk.done(&["push", "@shop.wasm", &place, "--unsigned"]);
    let config = store.json(digest(&pinned(&told)))["config"]["digest"].clone();
    let imports = store.json(config.as_str().unwrap())["component"]["imports"].clone();
    let package = Package::read(std::fs::read(webhook).unwrap()).unwrap();
    let named = |import: &String| format!("tombolo:adapter/{import}");
    let expected: Vec<String> = package.imports.iter().map(named).collect();
    assert!(
        expected.contains(&"tombolo:adapter/keys".to_owned()),
        "{expected:?}"
    );
    assert_eq!(imports, json!(expected));
}

#[test]
fn what_was_changed_in_the_registry_is_refused_and_nothing_is_written() {
    let store = Store::open();
    let (desk, place) = pushed(&store);
    let layer = store.json(digest(&place))["layers"][0]["digest"].clone();
    let blob = store.blob(layer.as_str().unwrap());
    change(&blob);
    let pull = ["pull", &place, "-o", "@back.wasm"];
    desk.refused(&pull, "nothing is kept");
    change(&blob);
    let absent = format!("{}@sha256:{}", store.at("acme/shop:1"), "0".repeat(64));
    desk.refused(&["pull", &absent, "-o", "@back.wasm"], "no such thing");
    assert!(!desk.at("back.wasm").exists());
    desk.done(&pull);
}

#[test]
fn a_missing_signature_and_one_by_a_stranger_are_refused() {
    let store = Store::open();
    let desk = Desk::new();
    let place = store.at("acme/shop:1");
    desk.refused(&["push", "@shop.wasm", &place], "found no signature beside");
    desk.done(&["push", "@shop.wasm", &place, "--unsigned"]);
    let pull = ["pull", &place, "-o", "@back.wasm"];
    desk.refused(&pull, "found no signature in the registry");
    desk.done(&["keygen", "--no-password", "--key", "@acme.key"]);
    desk.done(&["keygen", "--no-password", "--key", "@other.key"]);
    let insist = [&pull[..], &["--key", "@acme.pub"]].concat();
    desk.refused(&insist, "found no signature in the registry");
    desk.done(&["sign", "@shop.wasm", "--key", "@other.key"]);
    desk.done(&["push", "@shop.wasm", &place]);
    desk.refused(&insist, "not signed by whom you trust");
    assert!(!desk.at("back.wasm").exists());
    // A second signature lies beside the first, and one good one is enough.
    desk.done(&["sign", "@shop.wasm", "--key", "@acme.key"]);
    desk.done(&["push", "@shop.wasm", &place]);
    assert!(desk.done(&insist).contains("signed by key"));
}

#[test]
fn a_password_is_asked_for_taken_by_reference_and_never_told() {
    let store = Store::with_users();
    let desk = Desk::new();
    desk.done(&["keygen", "--no-password", "--key", "@acme.key"]);
    desk.done(&["sign", "@shop.wasm", "--key", "@acme.key"]);
    let place = store.at("acme/shop:1");
    let push = ["push", "@shop.wasm", &place];
    desk.refused(&push, "wants a name and a password");
    let as_whom = |variable| [&push[..], &["--user", "robot", "--password-env", variable]].concat();
    desk.refused(&as_whom("WRONG"), "401");
    let told = desk.done(&as_whom("DESK_PASSWORD"));
    assert!(!told.contains("correct horse"), "{told}");

    let site = TestSite::new();
    let registries = format!(
        "registries: {{ \"127.0.0.1:{}\": {{ user: robot, password: \"file:password\" }} }}\npublishers: {{ acme/*: {} }}\n",
        store.port,
        desk.public_key()
    );
    site.write("tombolo.yaml", &registries)
        .write("password", "correct horse\n");
    site.write(
        "systems/shop.yaml",
        &format!("adapter: {}\n", pinned(&told)),
    );
    let (code, out, err) = site.tombolo(&["adapter", "fetch"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(!(out + &err).contains("correct horse"));
}

#[test]
fn a_site_runs_what_it_pinned_and_needs_no_registry_afterwards() {
    let store = Store::open();
    let (desk, place) = pushed(&store);
    let site = trusting(&desk);
    let check = || {
        let folder = site.path().to_str().unwrap();
        let (_, out, err) = tombolo_tests::built::run(&["check", folder], &[]);
        out + &err
    };
    let (by_tag, _) = place.split_once('@').unwrap();
    site.write("systems/shop.yaml", &format!("adapter: {by_tag}\n"));
    let told = check();
    assert!(told.contains("a tag without a digest"), "{told}");
    assert!(told.contains("tombolo adapter pull"), "{told}");

    site.write("systems/shop.yaml", &format!("adapter: {place}\n"));
    let told = check();
    assert!(told.contains("systems/shop.yaml:1:10"), "{told}");
    assert!(told.contains("tombolo adapter fetch"), "{told}");
    let (code, out, err) = site.tombolo(&["adapter", "fetch"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("fetched"), "{out}");
    drop(store);
    let (code, out, err) = site.tombolo(&["adapter", "fetch"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("here"), "{out}");
    site.approve("shop");
    {
        let host = TestHost::start(&site, &[]);
        assert_eq!(host.get("/api/systems")[0]["state"], "running");
    }
    // What was fetched is held against its digest whenever it is read.
    let cellar = site.path().join("data/adapters");
    let adapter = tombolo_tests::site::files(&cellar)
        .into_iter()
        .find(|file| file.extension().is_some_and(|kind| kind == "wasm"))
        .unwrap();
    std::fs::write(&adapter, Parts::default().build()).unwrap();
    let told = check();
    assert!(told.contains("changed after it was fetched"), "{told}");
}

/// A registry of our own, whose every answer is scripted.
fn pull_from(replies: &[Reply], more: &[&str]) -> (Desk, RecordingServer, String) {
    let (desk, server) = (Desk::new(), RecordingServer::start());
    for reply in replies {
        server.reply(reply.clone());
    }
    let place = format!("{}/acme/shop:1", server.address);
    let pull = [&["pull", &place, "-o", "@back.wasm"], more].concat();
    let (code, told) = desk.adapter(&pull);
    assert_eq!(code, 1, "{told}");
    assert!(!desk.at("back.wasm").exists());
    (desk, server, told)
}

fn manifest(size: u64) -> Reply {
    let digest = format!("sha256:{}", "0".repeat(64));
    Reply::json(
        200,
        &format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.wasm.config.v0+json","digest":"{digest}","size":2}},"layers":[{{"mediaType":"application/wasm","digest":"{digest}","size":{size}}}]}}"#
        ),
    )
}

#[test]
fn a_registry_that_gives_another_manifest_than_the_pinned_one_is_refused_at_once() {
    let (desk, server) = (Desk::new(), RecordingServer::start());
    server.reply(manifest(9));
    let pin = format!("sha256:{}", "1".repeat(64));
    let place = format!("{}/acme/shop:1@{pin}", server.address);
    let says = format!("asked for {pin}, the registry gave sha256:");
    desk.refused(&["pull", &place, "-o", "@back.wasm"], &says);
    assert_eq!(server.received().len(), 1, "the blob was asked for");
    assert!(!desk.at("back.wasm").exists());
}

#[test]
fn a_registry_that_sends_too_much_or_too_slowly_is_given_up() {
    let (_, server, told) = pull_from(&[manifest(1 << 40)], &[]);
    assert!(told.contains("expected at most"), "{told}");
    assert_eq!(server.received().len(), 1, "the blob was asked for");
    let (_, _, told) = pull_from(&[manifest(9), Reply::json(200, &"x".repeat(10))], &[]);
    assert!(told.contains("more than 9 bytes"), "{told}");
    let endless = Reply::json(200, &"x".repeat(5 << 20));
    let (_, _, told) = pull_from(&[endless], &[]);
    assert!(told.contains("expected at most"), "{told}");
    let slow = [manifest(9), Reply::hanging()];
    let (_, _, told) = pull_from(&slow, &["--timeout", "1"]);
    assert!(told.contains("not done within 1 s"), "{told}");
}

#[test]
fn a_registry_leads_nobody_to_other_places_of_this_machine_or_network() {
    let victim = RecordingServer::start();
    for place in [
        format!("http://{}/secret", victim.address),
        format!("https://{}/secret", victim.address),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "https://localhost:1/".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        let away = Reply::json(307, "").with("location", &place);
        let (_, _, told) = pull_from(&[away], &[]);
        assert!(
            told.contains("address, which") || told.contains("not encrypted"),
            "{place}: {told}"
        );
        // A place for tokens is chosen by the registry too.
        let challenge = format!("Bearer realm=\"{place}\",service=\"x\"");
        let asks = Reply::json(401, "").with("www-authenticate", &challenge);
        let credential = ["--user", "robot", "--password-env", "DESK_PASSWORD"];
        let (_, server, told) = pull_from(&[asks], &credential);
        assert!(
            told.contains("address, which") || told.contains("not encrypted"),
            "{place}: {told}"
        );
        assert_eq!(server.received().len(), 1);
    }
    assert!(victim.received().is_empty(), "{:?}", victim.received());
    let round = Reply::json(307, "").with("location", "/v2/again");
    let (_, server, told) = pull_from(&vec![round; 9], &[]);
    assert!(told.contains("redirects more than"), "{told}");
    assert!(server.received().len() < 9);
}

#[test]
fn a_system_is_added_from_a_registry_and_swapped_to_what_a_tag_means_now() {
    let store = Store::open();
    let (desk, first) = pushed(&store);
    let site = trusting(&desk);
    let (tag, _) = first.split_once('@').unwrap();
    let system = |words: &[&str]| site.tombolo(&[&["system"], words].concat());
    let written = || std::fs::read_to_string(site.path().join("systems/shop.yaml")).unwrap();

    let (code, out, err) = system(&["add", "shop", "--adapter", tag]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("grant review shop"), "{out}");
    // A tag can mean something else tomorrow: what is written is what it means today.
    assert!(written().contains(&first), "{}", written());
    site.approve("shop");
    let host = TestHost::start(&site, &[]);
    assert_eq!(host.get("/api/systems")[0]["version"], "0.1.0");

    let address = format!("http://{}", host.address);
    let swap = ["swap", "shop", tag, "--address", &address];
    desk.put("shop.wasm", "0.2.0");
    desk.done(&["push", "@shop.wasm", &store.at("acme/shop:1"), "--unsigned"]);
    let (code, out, err) = system(&swap);
    assert_eq!(code, 1, "{out}");
    assert!(err.contains("no signature"), "{err}");
    assert!(written().contains(&first), "{}", written());

    desk.done(&["sign", "@shop.wasm", "--key", "@acme.key"]);
    let second = pinned(&desk.done(&["push", "@shop.wasm", &store.at("acme/shop:1")]));
    let (code, out, err) = system(&swap);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("the version before keeps running"), "{out}");
    assert!(written().contains(&second), "{}", written());
    drop(store);
    site.approve("shop");
    host.wait_for("the new version runs", |host| {
        let shop = &host.get("/api/systems")[0];
        (shop["state"] == "running" && shop["version"] == "0.2.0").then_some(())
    });
}
