//! Packages that lie: refused before any of their code runs; what ran before keeps running.

use tombolo_tests::component::{Parts, manifest};
use tombolo_tests::site::{TestSite, files};

use crate::fixture::attack_with;

/// Asserts that `tombolo check` refuses a site with this adapter, saying all of `words`.
#[track_caller]
pub(crate) fn refused(bytes: &[u8], words: &[&str]) {
    let site = TestSite::new();
    site.adapter_bytes("component", bytes);
    site.write("systems/liar.yaml", "adapter: adapters/component.wasm\n");
    let (code, out, err) = tombolo_tests::built::run(
        &["check", site.path().to_str().unwrap()],
        &[("TOMBOLO_TOKEN", "t")],
    );
    assert_eq!(code, 1, "check let it through:\n{out}{err}");
    let (approve, approve_out, approve_err) = site.tombolo(&[
        "grant", "approve", "liar", "--by", "rita", "--reason", "test",
    ]);
    assert_ne!(approve, 0, "it could be approved:\n{approve_out}");
    for word in words {
        assert!(
            (out.clone() + &err).contains(word),
            "check does not say {word:?}:\n{out}{err}"
        );
        assert!(
            (approve_out.clone() + &approve_err).contains(word),
            "approve does not say {word:?}:\n{approve_out}{approve_err}"
        );
    }
}

#[test]
fn case_21_a_malformed_or_truncated_component_is_refused() {
    let whole = Parts::default().build();
    refused(b"not wasm at all", &["a file that is not WebAssembly"]);
    refused(b"", &["an empty file"]);
    refused(&whole[..whole.len() - 1], &["a malformed component"]);
    // With the manifest at the beginning, so that it is not for want of it.
    let bare = Parts::default().build_without_manifest();
    let (head, rest) = bare.split_at(8);
    let mut first = with_manifest(head.to_vec(), &manifest("hostile/liar", ""));
    first.extend(rest);
    refused(&first[..first.len() - 1], &["a malformed component"]);
    refused(&first[..first.len() / 2], &[]);
    refused(&whole[..8], &["no section `tombolo:manifest`"]);
    let mut garbled = whole.clone();
    let middle = garbled.len() / 3;
    garbled[middle..middle + 64].fill(0xff);
    refused(&garbled, &["a malformed component"]);
    refused(&Parts::default().core(), &["a core module"]);
}

#[test]
fn case_22_an_import_that_is_not_declared_is_refused_by_name() {
    let whole = importing(
        "tombolo:adapter/http@0.1.0",
        "send",
        "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)",
        &manifest("hostile/liar", ""),
    );
    refused(
        &whole,
        &["an import of `http` that the manifest does not declare"],
    );
}

#[test]
fn case_22_an_import_that_is_not_of_the_contract_is_refused_by_name() {
    let component = wat::parse_str(
        r#"(component
             (import "wasi:filesystem/types@0.2.0" (instance (export "f" (func))))
        )"#,
    )
    .unwrap();
    refused(
        &with_manifest(component, &manifest("hostile/liar", "")),
        &["an import of `wasi:filesystem/types"],
    );
}

#[test]
fn case_24_an_oversized_package_is_refused() {
    let whole = with_section(Parts::default().build(), "padding", &vec![0; 33 << 20]);
    refused(&whole, &["32 MiB"]);
}

#[test]
fn case_23_what_is_declared_and_not_imported_warns_the_reviewer() {
    let site = TestSite::new();
    let more = "[connections.api]\nkind = \"http\"\nreason = \"Asks\"\nallow = [\"GET /orders\"]\n";
    let whole = Parts {
        manifest: manifest("hostile/liar", more),
        ..Parts::default()
    };
    site.adapter_bytes("component", &whole.build_unchecked());
    site.write(
        "systems/liar.yaml",
        "adapter: adapters/component.wasm\nconnections: { api: { http: \"https://shop.example\", credential: none } }\n",
    );
    let (code, review, err) = site.tombolo(&["grant", "review", "liar"]);
    assert_eq!(code, 0, "{err}");
    let words = "connection `api` is declared, but the component does not import `http`";
    assert!(review.contains(words), "{review}");
}

#[test]
fn case_28_a_name_that_leads_elsewhere_is_refused() {
    let named = |name: &str| manifest(name, "");
    let with = |more: &str| manifest("hostile/liar", more);
    for text in [
        named("../liar"),
        named("hostile/.."),
        named("hostile/../../liar"),
        named("/etc/passwd"),
        named("hostile//liar"),
        named("hostile/li\\u0000ar"),
        with("[actions.\"../go\"]\neffect = \"read\"\nsummary = \"Goes\"\n"),
        with("[connections.\"/etc\"]\nkind = \"http\"\nreason = \"Asks\"\nallow = [\"GET /x\"]\n"),
        with(
            "[connections.\"a\\u0000b\"]\nkind = \"http\"\nreason = \"Asks\"\nallow = [\"GET /x\"]\n",
        ),
    ] {
        refused(
            &with_manifest(Parts::default().build_without_manifest(), &text),
            &["expected"],
        );
    }
}

#[test]
fn case_31_a_name_that_looks_like_another_is_refused() {
    // Cyrillic, upper case, full width, nothing wide at all, a hyphen that is none.
    for name in [
        "host\u{456}le/adapter",
        "Hostile/adapter",
        "hostile/ad\u{ff41}pter",
        "hostile/adapter\u{200b}",
        "hostile/adapt\u{2010}er",
    ] {
        let text = manifest(name, "");
        refused(
            &with_manifest(Parts::default().build_without_manifest(), &text),
            &["name"],
        );
    }
    // One that letters alone can spell is refused by whose key may sign it.
    let site = TestSite::new();
    let whole = Parts {
        manifest: manifest("hosti1e/adapter", ""),
        ..Parts::default()
    };
    site.adapter_bytes("component", &whole.build());
    site.write("systems/liar.yaml", "adapter: adapters/component.wasm\n");
    let (code, _, err) = site.tombolo(&[
        "grant", "approve", "liar", "--by", "rita", "--reason", "test",
    ]);
    assert_eq!(code, 1, "{err}");
    let words = "names no publisher of hosti1e/adapter";
    assert!(err.contains(words), "{err}");
}

#[test]
fn case_30_a_second_manifest_is_refused() {
    let whole = with_section(
        Parts::default().build(),
        "tombolo:manifest",
        manifest("hostile/other", "").as_bytes(),
    );
    refused(&whole, &["two sections `tombolo:manifest`"]);
}

#[test]
fn case_36_a_manifest_that_says_another_thing_than_the_component_is_refused() {
    // Declared over a connection it has, but the component brings no `act`, `receive` or `read`.
    let empty = wat::parse_str("(component)").unwrap();
    refused(
        &with_manifest(empty, &manifest("hostile/liar", "")),
        &["no exported function `act`"],
    );
    refused(
        &with_manifest(
            Parts::default().build_without_manifest(),
            "[adapter]\nname = \"Not A Name\"\nversion = \"1\"\nsummary = \"\"\n",
        ),
        &["name"],
    );
}

#[test]
fn case_37_the_same_wishes_in_new_code_wait_for_a_review_while_the_old_runs() {
    let attack = attack_with(&Parts::default().build());
    let run = attack.deed(&serde_json::json!({"x": 1}));
    assert_eq!(run["run"]["status"], "done", "{run:#}");
    let other = Parts {
        receive: "nop unreachable".into(),
        ..Parts::default()
    }
    .build();
    attack.site.adapter_bytes("component", &other);
    attack.host.post("/api/reload", &serde_json::json!({}));
    let systems = attack.host.wait_for("the new code is held back", |host| {
        let systems = host.get("/api/systems").to_string();
        systems.contains("held-back").then_some(systems)
    });
    assert!(
        systems.contains("tombolo grant"),
        "the message does not say what to do: {systems}"
    );
    assert_eq!(
        attack.deed(&serde_json::json!({"x": 1}))["run"]["status"],
        "done",
        "the old version must keep running"
    );
    attack.site.approve("attacker");
    attack.host.post("/api/reload", &serde_json::json!({}));
    attack.host.wait_for("the new code runs", |host| {
        (!host.get("/api/systems").to_string().contains("held-back")).then_some(())
    });
}

#[test]
fn case_38_a_grant_that_a_package_brings_along_is_ignored() {
    let site = TestSite::new();
    let honest = Parts::default().build();
    site.adapter_bytes("component", &honest);
    site.write("systems/liar.yaml", "adapter: adapters/component.wasm\n");
    site.approve("liar");
    let grant = std::fs::read(site.path().join("grants/liar.yaml")).unwrap();
    std::fs::remove_file(site.path().join("grants/liar.yaml")).unwrap();
    // As a section of the component, and as files beside it.
    let whole = ["tombolo:grant", "grant", "tombolo:manifest.grant"]
        .iter()
        .fold(honest, |bytes, name| with_section(bytes, name, &grant));
    site.adapter_bytes("component", &whole);
    // In the component it cannot name the digest that it would be part of; beside it, it can.
    site.approve("liar");
    let grant = std::fs::read_to_string(site.path().join("grants/liar.yaml")).unwrap();
    std::fs::remove_file(site.path().join("grants/liar.yaml")).unwrap();
    site.write("adapters/liar.yaml", &grant);
    site.write("adapters/component.wasm.grant", &grant);
    site.write("adapters/grants/liar.yaml", &grant);
    let host = tombolo_tests::host::TestHost::start(&site, &[]);
    let systems = host.get("/api/systems").to_string();
    assert!(
        systems.contains("held-back") && systems.contains("tombolo grant"),
        "{systems}"
    );
}

#[test]
fn case_39_native_code_is_refused() {
    let mut native = b"\x7fELF\x02\x01\x01\0".to_vec();
    native.extend([0; 4096]);
    refused(&native, &["machine code"]);
    // What this very host made of an adapter and would run at once, behind the header of its own files.
    let attack = attack_with(&Parts::default().build());
    let compiled: Vec<_> = files(attack.site.path())
        .into_iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "code"))
        .collect();
    assert!(!compiled.is_empty());
    for file in compiled {
        let native = std::fs::read(file).unwrap().split_off(40);
        assert!(native.starts_with(b"\x7fELF"));
        refused(&native, &["machine code"]);
    }
}

fn importing(interface: &str, function: &str, signature: &str, manifest: &str) -> Vec<u8> {
    let module = format!(
        "(import \"{interface}\" \"{function}\" (func $imported {signature}))\n(memory (export \"memory\") 2)"
    );
    Parts {
        module,
        manifest: manifest.to_owned(),
        ..Parts::default()
    }
    .build_unchecked()
}

fn with_manifest(component: Vec<u8>, manifest: &str) -> Vec<u8> {
    with_section(component, "tombolo:manifest", manifest.as_bytes())
}

fn with_section(mut component: Vec<u8>, name: &str, data: &[u8]) -> Vec<u8> {
    use wasm_encoder::{ComponentSection as _, CustomSection};
    CustomSection {
        name: name.into(),
        data: data.into(),
    }
    .append_to_component(&mut component);
    component
}
