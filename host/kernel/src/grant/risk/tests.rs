//! Each risk is there when it should be, and only then.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;

fn http(connection: &str, place: &str, allow: &str, credential: &str) -> Item {
    Item::Http {
        connection: connection.into(),
        place: place.into(),
        allow: allow.into(),
        credential: credential.into(),
        private_network: false,
    }
}

fn sql(effect: Effect) -> Item {
    Item::Sql {
        connection: "db".into(),
        place: "postgres://db.example:5432/erp as reader".into(),
        statement: "customers".into(),
        effect,
        text: "SELECT * FROM customers".into(),
    }
}

fn publish(place: &str) -> Item {
    Item::Publish {
        connection: "bus".into(),
        place: place.into(),
        topic: "plant/*".into(),
    }
}

fn subscribe(place: &str) -> Item {
    Item::Subscribe {
        connection: "bus".into(),
        place: place.into(),
        from: "queue orders".into(),
        hook: "orders".into(),
    }
}

fn key(key_use: &str) -> Item {
    Item::Key {
        key: "k".into(),
        r#use: key_use.into(),
        derive: Vec::new(),
    }
}

fn action() -> Item {
    Item::Action {
        system: "crm".into(),
        action: "customer.list".into(),
    }
}

fn names(items: &[Item]) -> Vec<&'static str> {
    risks(items).iter().map(|risk| risk.name.name()).collect()
}

#[test]
fn reading_in_one_place_and_sending_to_another_is_one_risk_and_the_sentence_names_both() {
    let items = [
        sql(Effect::Read),
        http(
            "shop",
            "https://shop.example.com/api",
            "POST /orders",
            "bearer",
        ),
    ];
    let risks = risks(&items);
    assert_eq!(risks.len(), 1);
    assert_eq!(risks[0].name, RiskKind::ReadsAndSends);
    assert_eq!(
        risks[0].sentence,
        "Reads from db.example:5432 (connection `db`), and can send what it read to shop.example.com (connection `shop`), which may be anywhere on the internet."
    );
    let mut expected: Vec<String> = items.iter().map(Item::id).collect();
    expected.sort();
    assert_eq!(risks[0].items, expected);
}

#[test]
fn what_can_carry_data_away_is_told_from_what_cannot() {
    let get = |place: &str| http("api", place, "GET /a", "none");
    let table: [(&str, Vec<Item>, bool); 11] = [
        (
            "one server alone",
            vec![
                get("https://a.example/x"),
                http("b", "https://a.example/y", "POST /b", "bearer"),
            ],
            false,
        ),
        (
            "another port",
            vec![get("https://a.example"), get("https://a.example:8443")],
            true,
        ),
        (
            "a GET carries data in its query",
            vec![get("https://a.example"), get("https://b.example")],
            true,
        ),
        (
            "a database alone",
            vec![sql(Effect::Read), sql(Effect::Write)],
            false,
        ),
        (
            "an action's answer",
            vec![action(), get("https://a.example")],
            true,
        ),
        (
            "a message",
            vec![subscribe("amqps://bus.example/v"), get("https://a.example")],
            true,
        ),
        (
            "to a broker",
            vec![
                sql(Effect::Read),
                publish("mqtts://bus.example:8883 as plant"),
            ],
            true,
        ),
        (
            "the same broker",
            vec![
                subscribe("mqtts://bus.example:8883 as plant"),
                publish("mqtts://bus.example:8883 as other"),
            ],
            false,
        ),
        (
            "this machine",
            vec![sql(Effect::Read), get("http://127.0.0.1:8080")],
            false,
        ),
        (
            "a private address",
            vec![
                sql(Effect::Read),
                get("https://10.1.2.3"),
                get("https://[fd00::1]:8080"),
            ],
            false,
        ),
        (
            "a name is no address",
            vec![sql(Effect::Read), get("https://erp.internal")],
            true,
        ),
    ];
    for (case, items, expected) in table {
        assert_eq!(
            names(&items).contains(&"reads-and-sends"),
            expected,
            "{case}"
        );
    }
}

#[test]
fn every_other_risk_is_found_by_its_own_item_and_not_without_it() {
    let table: [(&str, Vec<Item>, Vec<Item>); 8] = [
        (
            "writes-database",
            vec![sql(Effect::Write)],
            vec![sql(Effect::Read)],
        ),
        (
            "destroys",
            vec![sql(Effect::Destructive)],
            vec![sql(Effect::Write)],
        ),
        (
            "destroys",
            vec![http("a", "https://a.example", "* /a", "none")],
            vec![http("a", "https://a.example", "POST /a", "none")],
        ),
        ("calls-other-systems", vec![action()], vec![key("equal")]),
        (
            "signs-and-sends",
            vec![
                key("hmac-sha256"),
                http("a", "https://a.example", "GET /a", "none"),
            ],
            vec![key("hmac-sha256")],
        ),
        (
            "learns-key",
            vec![key("digest-sorted-sha1")],
            vec![key("digest-sha1")],
        ),
        (
            "whole-server",
            vec![http("a", "https://a.example", "GET /*", "bearer")],
            vec![
                http("a", "https://a.example", "GET /*", "none"),
                http("b", "https://a.example", "GET /x/*", "bearer"),
            ],
        ),
        (
            "unencrypted",
            vec![publish("mqtt://bus.example as plant")],
            vec![
                publish("mqtts://bus.example"),
                publish("mqtt://127.0.0.1:1883"),
            ],
        ),
    ];
    for (name, with, without) in table {
        assert!(names(&with).contains(&name), "{name}: {with:?}");
        assert!(!names(&without).contains(&name), "{name}: {without:?}");
    }
    let mut inside = http("a", "https://erp.internal", "GET /a", "none");
    assert!(!names(std::slice::from_ref(&inside)).contains(&"private-network"));
    if let Item::Http {
        private_network, ..
    } = &mut inside
    {
        *private_network = true;
    }
    assert!(names(&[inside]).contains(&"private-network"));
}

#[test]
fn every_kind_has_one_name_of_its_own_and_is_written_by_it() {
    for (name, kind) in RiskKind::NAMES {
        assert_eq!(kind.name(), name);
        assert_eq!(serde_json::to_value(kind).unwrap(), name);
    }
}

#[test]
fn a_sentence_stays_short_and_cannot_be_forged() {
    let items: Vec<Item> = (0..9)
        .map(|n| http("a\n", &format!("https://{n}.example"), "DELETE /a", "none"))
        .collect();
    for risk in risks(&items) {
        assert!(
            risk.sentence.contains(" and 6 more") && !risk.sentence.contains('\n'),
            "{}",
            risk.sentence
        );
        assert_eq!(risk.items.len(), 9, "{}", risk.sentence);
    }
}
