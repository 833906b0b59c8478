//! Scenarios: each folder beside this file is one, run against the real binary in its own process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::path::PathBuf;

use tombolo_tests::built::{self, adapter, root};
use tombolo_tests::scenario::{all, run};
use tombolo_tests::site::{TestSite, files};

macro_rules! scenarios {
    ($($test:ident = $folder:literal),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                run($folder);
            }
        )*

        #[test]
        fn every_folder_has_its_test() {
            let named = [$($folder),*];
            for folder in all() {
                let name = folder.file_name().unwrap().to_str().unwrap();
                assert!(named.contains(&name), "tests/scenarios/{name} is run by no test; add it to main.rs");
            }
        }
    };
}

scenarios! {
    an_alarm_becomes_an_approved_purchase_across_a_kill = "alarm-to-purchase",
    a_question_is_answered_in_a_chat_by_who_may = "answered-in-chat",
    an_outage_is_retried_under_the_same_key = "outage-is-retried",
    a_bad_site_is_explained_with_file_line_and_column = "bad-site-is-explained",
    a_bad_reload_changes_nothing = "bad-reload-changes-nothing",
    a_system_is_held_back_until_it_is_approved = "held-back-until-approved",
    a_full_disk_acknowledges_nothing_and_the_host_recovers = "full-disk-acknowledges-nothing",
    sighup_reads_a_rotated_secret = "sighup-reads-a-rotated-secret",
    a_feed_resumes_after_a_kill_without_loss_or_doubles = "feed-resumes-after-a-kill",
    a_csv_file_at_a_hook_makes_an_event_per_row = "csv-hook-makes-events",
    a_flow_makes_an_order_in_a_soap_system = "soap-order",
    a_schedule_starts_a_flow = "schedule-starts-a-flow",
    a_run_waits_for_its_event_across_kills = "a-wait-survives-a-kill",
    what_was_done_is_taken_back_across_a_kill = "what-was-done-is-taken-back",
    events_of_one_key_keep_their_order = "one-lane-keeps-order",
    data_is_mapped_and_normalized_on_its_way = "data-that-fits",
    an_outage_parks_runs_and_they_follow_in_order = "outage-parks-and-drains",
    dead_letters_are_repaired_and_past_events_replayed = "dead-letters-are-repaired",
    one_customer_has_many_ids = "one-customer-many-ids",
    dirty_data_is_refused_and_people_are_told = "dirty-data-is-refused",
    two_systems_are_compared_and_repaired = "two-systems-are-reconciled",
    a_lost_log_is_restored_from_its_copy = "a-lost-disk-is-restored",
    what_is_old_enough_is_forgotten = "the-past-is-forgotten",
}

/// What tests on real servers fill into the example sites; here nobody answers at the addresses.
const VALUES: [(&str, &str); 11] = [
    ("PORT", "7070"),
    ("CHAT", "http://127.0.0.1:9"),
    ("CHAT_NAME", "plant.example"),
    ("ROOM", "#plant:plant.example"),
    ("ERP", "http://127.0.0.1:9/company"),
    ("CUSTOMER", "7"),
    ("DESK", "http://127.0.0.1:9/REST/2.0"),
    ("BUS", "mqtt://127.0.0.1:9"),
    ("SHOP", "http://127.0.0.1:9"),
    ("BOOKS", "http://127.0.0.1:9/sap/opu/odata/sap"),
    ("BOOKS_USER", "TOMBOLO"),
];

/// The folders of the example sites, whose systems are real servers (`tests/real`).
fn example_sites() -> Vec<PathBuf> {
    let sites = std::fs::read_dir(root().join("tests/real/sites")).unwrap();
    let paths = sites.map(|site| site.unwrap().path());
    paths.filter(|path| path.is_dir()).collect()
}

/// Nothing but addresses, names and keys is missing from an example site: no system, no table, nothing that a flow calls.
#[test]
fn every_example_site_is_complete_by_itself() {
    let values = VALUES.map(|(name, value)| (name.to_owned(), value.to_owned()));
    for folder in example_sites() {
        let site = TestSite::new();
        site.copy(&folder, &values);
        for file in files(site.path()) {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(!text.contains("{{"), "{}: {text}", file.display());
        }
        for file in files(&folder.join("systems")) {
            let text = std::fs::read_to_string(&file).unwrap();
            let (_, rest) = text.split_once("adapter: adapters/").unwrap();
            let (name, _) = rest.split_once(".wasm").unwrap();
            site.adapter(name, &adapter(&format!("plugins/{name}")));
        }
        let (code, out, err) = built::run(&["check", site.path().to_str().unwrap()], &[]);
        assert_eq!(code, 0, "{}:\n{out}{err}", folder.display());
    }
}

#[test]
fn the_shop_of_the_example_site_is_that_of_the_plugin() {
    let text = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let body = |text: &str| text[text.find("adapter: ").unwrap()..].to_owned();
    let adapted = body(&text("plugins/rest/examples/vendure/shop.yaml"))
        .replace(
            "http: https://shop.example",
            "http: \"{{SHOP}}\"\n    network: private",
        )
        .replace("every: 1 min", "every: 1 s");
    let site = body(&text("tests/real/sites/shop-to-erp/systems/shop.yaml"));
    assert_eq!(site, adapted, "mend one after the other");
}

#[test]
fn the_flows_of_the_example_sites_are_rehearsed() {
    let mut rehearsed = 0;
    for path in example_sites() {
        let (code, out, err) = built::run(&["flow", "test", "--site", path.to_str().unwrap()], &[]);
        assert_eq!(code, 0, "{}:\n{out}{err}", path.display());
        rehearsed += out
            .lines()
            .filter(|line| line.starts_with("passed"))
            .count();
    }
    assert!(rehearsed > 8, "only {rehearsed} tests were found");
}
