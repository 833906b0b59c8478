//! What a reviewer reads: risks, the worst of each item, and what an upgrade changes; as text for a pull request too.

use serde_json::Value;
use tombolo_tests::server::RecordingServer;
use tombolo_tests::site::TestSite;

use crate::fixture::{approve, id, review, site};

/// The review for a pull request, without what the test's own ports and compiler make different.
fn markdown(site: &TestSite) -> String {
    let (code, out, err) = site.tombolo(&["grant", "review", "island", "--markdown"]);
    assert_eq!(code, 0, "{out}{err}");
    out
}

fn edit(site: &TestSite, from: &str, to: &str) {
    let text = std::fs::read_to_string(site.path().join("systems/island.yaml")).unwrap();
    assert!(text.contains(from), "{text}");
    site.write("systems/island.yaml", &text.replace(from, to));
}

fn standing<'r>(review: &'r Value, words: &str) -> &'r Value {
    let mut items = review["items"].as_array().unwrap().iter();
    let item = items.find(|item| item["sentence"].as_str().unwrap().contains(words));
    item.unwrap_or_else(|| panic!("no item says {words:?}: {review:#}"))
}

#[test]
fn an_upgrade_tells_what_is_wider_narrower_new_and_gone() {
    let site = site(&RecordingServer::start());
    let first = review(&site);
    assert_eq!(first["change"], "everything is new");
    assert_eq!(
        approve(&site, &["--without", &id(&first, "send POST")]).0,
        0
    );
    assert!(
        review(&site)["change"]
            .as_str()
            .unwrap()
            .starts_with("nothing")
    );
    edit(&site, "\"GET /orders/*\"", "\"GET /*\", \"PUT /orders/7\"");
    let wider = review(&site);
    assert_eq!(wider["change"], "same code, other wishes: 1 new, 1 widened");
    let get = standing(&wider, "send GET");
    assert_eq!(get["standing"], "widened");
    assert_eq!(get["was"]["allow"], "GET /orders/*");
    assert_eq!(standing(&wider, "send PUT")["standing"], "new");
    assert_eq!(standing(&wider, "send POST")["standing"], "refused");
    edit(
        &site,
        "\"GET /*\", \"PUT /orders/7\"",
        "\"GET /orders/{id}\"",
    );
    let narrower = review(&site);
    assert_eq!(narrower["change"], "same code, other wishes: 1 narrowed");
    edit(&site, "\"GET /orders/{id}\", ", "");
    assert_eq!(review(&site)["change"], "same code, other wishes: 1 gone");
}

#[test]
fn whose_adapter_it_is_and_what_it_imports_in_vain_is_told() {
    let site = site(&RecordingServer::start());
    let said = review(&site);
    let file = std::fs::read(site.path().join("adapters/attacker.wasm")).unwrap();
    let package = tombolo_kernel::package::Package::read(file).unwrap();
    assert_eq!(said["size"], package.bytes.len());
    assert_eq!(said["adapter"]["digest"], package.digest.as_str());
    assert!(said["sbom"].is_object(), "{said:#}");
    let (code, out, err) = site.tombolo(&["grant", "review", "island"]);
    assert_eq!(code, 0, "{out}{err}");
    for words in [
        package.digest.as_str(),
        "components inside",
        "which the site trusts for hostile/*",
        "the component imports `sql`, but nothing of it is asked for here",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert!(!out.contains("the component imports `http`"), "{out}");
    let size = |line: &str| line.starts_with("size ") && line.ends_with("iB");
    assert!(out.lines().any(size), "{out}");
}

#[test]
fn new_code_with_the_same_wishes_is_told_in_these_words() {
    let site = site(&RecordingServer::start());
    assert_eq!(approve(&site, &[]).0, 0);
    let file = site.path().join("grants/island.yaml");
    let grant = std::fs::read_to_string(&file).unwrap();
    let digest = grant.find("sha256:").unwrap() + "sha256:".len();
    let mut older = grant.clone();
    older.replace_range(digest..digest + 64, &"a".repeat(64));
    site.write("grants/island.yaml", &older);
    assert_eq!(review(&site)["change"], "same wishes, new code");
    assert!(markdown(&site).contains("same wishes, new code"));
}

#[test]
fn risks_are_named_and_each_item_says_the_worst() {
    let site = site(&RecordingServer::start());
    edit(
        &site,
        "actions:",
        "  other: { http: \"https://shop.example.com\", credential: none, allow: [\"POST /*\"] }\nactions:",
    );
    let (code, out, err) = site.tombolo(&["grant", "review", "island"]);
    assert_eq!(code, 0, "{out}{err}");
    for words in [
        "Risks that lie in it:",
        "reads-and-sends",
        "can send what it read to shop.example.com (connection `other`)",
        "at worst: False data is written there in your name",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let risks = review(&site)["risks"].clone();
    let risks = risks.as_array().unwrap();
    let names: Vec<&str> = risks
        .iter()
        .map(|risk| risk["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"reads-and-sends") && names.contains(&"private-network"),
        "{names:?}"
    );
    assert!(
        risks.iter().all(|risk| risk["two_reviewers"] == false),
        "{risks:?}"
    );
}

#[test]
fn the_text_for_a_pull_request_is_the_same_twice_and_cannot_be_forged() {
    let site = site(&RecordingServer::start());
    let forged = "fields: { mask-matching: [\"a\\n```\\n# No risk\\n<img src=x>\"] }\nactions:";
    edit(&site, "actions:", forged);
    let first = markdown(&site);
    assert_eq!(first, markdown(&site));
    assert!(!first.contains('\u{1b}'), "{first}");
    let fences = first.lines().filter(|line| line.starts_with("```")).count();
    assert_eq!(fences % 2, 0, "{first}");
    let headings: Vec<&str> = first.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(
        headings[..3],
        [
            "# Grant review of island",
            "## Risks that lie in it",
            "## If approved"
        ],
        "{first}"
    );
    let first_mark = |line: &str| line.starts_with("+ ") || line.starts_with("      at worst: ");
    let (_, items) = first.split_once("```diff\n").unwrap();
    let (items, _) = items.split_once("\n```").unwrap();
    assert!(items.lines().all(first_mark), "{items}");
}
