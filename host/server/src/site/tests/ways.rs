//! Feeds, schedules and brokers in the site's files: what is read, and what is told of a bad line.

use std::collections::BTreeMap;

use tombolo_flow::tables::Tables;
use tombolo_flow::yaml;
use tombolo_kernel::clock::rfc3339;
use tombolo_kernel::system::{Binding, BrokerProtocol, MessageSource};

use super::super::fields::Problems;
use super::super::offered::Offered;
use super::super::plan::SecretSlot;
use super::super::reconciliation;
use super::super::schedule::{self, Missed, SchedulePlan};
use super::files::{plan, refused, told};

const CRM: &str =
    "adapter: crm.wasm\nconnections: { api: { http: \"https://x\" } }\nkeys: { hook: \"env:H\" }\n";

#[test]
fn feeds_of_the_adapter_and_of_the_operator_get_their_times() {
    let generic = plan(
        "adapter: any.wasm\nfeeds:\n  orders: { every: 5 min, from: 7, page: 50, do: { path: /x } }\n  stock: { cron: \"0 2 * * *\", zone: Europe/Berlin, do: { path: /y } }\n",
    )
    .unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let orders = &generic.feeds["orders"];
    assert_eq!((orders.from.as_deref(), orders.page), (Some("7"), 50));
    assert_eq!(orders.timing.as_ref().unwrap().text(), "every 5 min");
    assert_eq!(
        generic.feeds["stock"].timing.as_ref().unwrap().text(),
        "0 2 * * * (Europe/Berlin)"
    );
    assert!(
        generic
            .bare
            .settings
            .contains(r#""feeds":{"orders":{"path":"/x"},"stock":{"path":"/y"}}"#),
        "{}",
        generic.bare.settings
    );

    let crm = plan(&format!("{CRM}feeds: {{ customers: {{ every: 1 h }} }}\n")).unwrap();
    assert_eq!(
        crm.feeds["customers"].timing.as_ref().unwrap().text(),
        "every 1 h"
    );
    let silent = plan(CRM).unwrap();
    assert!(silent.feeds["customers"].timing.is_none(), "on demand");
}

#[test]
fn a_bad_feed_is_told_where_and_what() {
    let crm = |feeds: &str| format!("{CRM}feeds: {{ {feeds} }}");
    let foreign = crm("customers: { do: { path: /x } }");
    let unknown = crm("customer: { every: 1 h }");
    refused(&[
        (
            "adapter: any.wasm\nfeeds: { a: { every: 5 min } }",
            "feed `a` needs `do`",
        ),
        (
            "adapter: any.wasm\nfeeds: { a: { do: {}, every: 5 minutes } }",
            "every: found",
        ),
        (
            "adapter: any.wasm\nfeeds: { a: { do: {}, every: 10 ms } }",
            "at least 1 s",
        ),
        (
            "adapter: any.wasm\nfeeds: { a: { do: {}, cron: \"* * *\" } }",
            "cron \"* * *\"",
        ),
        (
            "adapter: any.wasm\nfeeds: { a: { do: {}, cron: \"* * * * * *\" } }",
            "minute, hour",
        ),
        (
            "adapter: any.wasm\nfeeds: { a: { do: {}, cron: \"0 2 * * *\", zone: Berlin } }",
            "a time zone such as",
        ),
        (
            "adapter: any.wasm\nfeeds: { a: { do: {}, zone: UTC } }",
            "only beside `cron`",
        ),
        (
            "adapter: any.wasm\nfeeds: { a: { do: {}, every: 1 h, cron: \"0 2 * * *\" } }",
            "take one out",
        ),
        (
            "adapter: any.wasm\nfeeds: { a: { do: {}, page: 5000 } }",
            "from 1 to 1000",
        ),
        (
            "adapter: any.wasm\nfeeds: { a: { do: {}, form: x } }",
            "Did you mean \"from\"",
        ),
        (&foreign, "can be declared only for a generic adapter"),
        (
            &unknown,
            "the adapter has no feed \"customer\"; it has customers",
        ),
    ]);
}

#[test]
fn a_broker_is_bound_with_its_topics_and_subscriptions() {
    let plan = plan(
        r#"adapter: any.wasm
connections:
  bus: { mqtt: "mqtts://broker.example", version: 3.1.1, user: plant, password: "env:BUS", publish: [plant/*/command] }
hooks:
  alarm: { from: { connection: bus, topic: plant/+/alarm }, do: { event: {} } }
"#,
    )
    .unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let Some(Binding::Broker(broker)) = plan.bare.connections.get("bus") else {
        panic!("no broker")
    };
    assert_eq!(broker.place.protocol, BrokerProtocol::Mqtt311);
    assert_eq!(broker.publish, ["plant/*/command"]);
    assert_eq!(plan.secrets[0].slot, SecretSlot::Password("bus".into()));
    assert_eq!(
        plan.bare.subscriptions["alarm"].from,
        MessageSource::Topic("plant/+/alarm".into())
    );
    let items = tombolo_kernel::grant::wishes(&plan.bare).items;
    let sentences: Vec<String> = items.iter().map(tombolo_kernel::grant::sentence).collect();
    let told = sentences.join("\n");
    assert!(
        told.contains(
            "May publish messages to plant/*/command on the broker mqtts://broker.example as plant"
        ),
        "{told}"
    );
    assert!(
        told.contains("May receive messages of topic plant/+/alarm"),
        "{told}"
    );
}

#[test]
fn a_bad_broker_is_told_where_and_what() {
    let bus = |text: &str| format!("adapter: any.wasm\nconnections: {{ bus: {{ {text} }} }}\n");
    let from = |bus: &str, from: &str| {
        format!(
            "adapter: any.wasm\nconnections: {{ bus: {{ {bus} }} }}\nhooks: {{ a: {{ from: {{ {from} }}, do: {{}} }} }}\n"
        )
    };
    let table = [
        (bus("mqtt: \"http://x\""), "not a broker's address"),
        (
            bus("mqtt: \"mqtt://u:p@x\""),
            "found a user or password in the address",
        ),
        (bus("mqtt: \"mqtt://x/y\""), "found more than an address"),
        (
            bus("mqtt: \"mqtt://x\", version: 4"),
            "5 (the default) or 3.1.1",
        ),
        (
            bus("nats: \"nats://x\", version: 5"),
            "`version` has no meaning beside `nats`",
        ),
        (
            bus("mqtt: \"mqtt://x\", password: \"env:P\""),
            "`password` without `user`",
        ),
        (
            bus("mqtt: \"mqtt://x\", publish: [\"a/#\"]"),
            "publish: topic",
        ),
        (
            bus("mqtt: \"mqtt://x\", amqp: \"amqp://x\""),
            "leads to one place",
        ),
        (
            bus("http: \"https://x\""),
            "found a server (`http:`), expected a broker",
        ),
        (
            from("mqtt: \"mqtt://x\"", "connection: bus, queue: a"),
            "expected `topic` with MQTT",
        ),
        (
            from("amqp: \"amqp://x\"", "connection: bus, topic: a"),
            "expected `queue` with AMQP",
        ),
        (
            from("nats: \"nats://x\"", "connection: bus, queue: a"),
            "expected `stream` with NATS",
        ),
        (
            from("nats: \"nats://x\"", "connection: other, stream: a"),
            "a connection that is bound to a broker",
        ),
        (
            from("nats: \"nats://x\"", "connection: bus"),
            "from: expected `topic`",
        ),
    ];
    for (text, expected) in &table {
        refused(&[(text, expected)]);
    }
}

fn reconciled(text: &str) -> String {
    let node = yaml::parse("reconciliations/a.yaml", text).unwrap();
    let mut problems = Problems::of("reconciliations/a.yaml");
    let mut offered = Offered::default();
    ["crm", "erp"]
        .into_iter()
        .for_each(|system| offered.add(system, None));
    let (systems, tables) = (BTreeMap::new(), Tables::default());
    reconciliation::read("a", &node, &systems, &offered, &tables, &mut problems);
    told(&problems.into_list())
}

#[test]
fn a_reconciliation_says_what_is_wrong_with_it() {
    const RIGHT: &str = "right: { feed: erp.parties, key: item.no }\n";
    let left = |side: &str| format!("left: {side}\n{RIGHT}");
    let table = [
        (RIGHT.to_owned(), "a reconciliation needs `left`"),
        (left("{ feed: crm.list }"), "left needs `key`"),
        (
            left("{ key: item.no }"),
            "expected either `feed: SYSTEM.FEED` or `action: SYSTEM.ACTION`",
        ),
        (left("{ feed: list, key: item.no }"), "SYSTEM.NAME such as"),
        (
            left("{ feed: crn.list, key: item.no }"),
            "there is no system",
        ),
        (
            left("{ feed: crm.list, key: item.no, rows: /a }"),
            "`rows` has a meaning only beside `action`",
        ),
        (
            left("{ action: crm.list, key: item.no, next: /a }"),
            "expected `next`",
        ),
        (
            left("{ action: crm.list, key: item.no, rows: a }"),
            "a JSON pointer such as",
        ),
        (
            left("{ feed: crm.list, key: steps.a.b }"),
            "an expression over `item`",
        ),
        (
            left("{ feed: crm.list, key: row.no }"),
            "there is no variable \"row\"",
        ),
        (
            left("{ feed: crm.list, key: \"table('none', item.no)\" }"),
            "none",
        ),
        (
            format!(
                "{}fields: {{ a: {{ left: item.a, right: item.a, tolerance: x }} }}",
                left("{ feed: crm.list, key: item.no }")
            ),
            "a decimal in quotes",
        ),
        (
            format!(
                "{}fields: {{ a: {{ left: item.a, right: item.a, tolerance: '1', ignore-case: true }} }}",
                left("{ feed: crm.list, key: item.no }")
            ),
            "expected one of them",
        ),
        (
            format!(
                "{}tell-same: always",
                left("{ feed: crm.list, key: item.no }")
            ),
            "expected true or false",
        ),
        (
            format!(
                "every: 1 h\ncron: 0 2 * * *\n{}",
                left("{ feed: crm.list, key: item.no }")
            ),
            "found `every` and `cron`",
        ),
    ];
    for (text, expected) in table {
        let told = reconciled(&text);
        assert!(
            told.contains(expected),
            "{text}\n  told: {told}\n  not: {expected}"
        );
    }
    assert_eq!(reconciled(&left("{ feed: crm.list, key: item.no }")), "");
}

fn scheduled(text: &str) -> Result<SchedulePlan, String> {
    let node =
        yaml::parse("schedules/nightly.yaml", text).map_err(|problem| problem.to_string())?;
    let mut problems = Problems::of("schedules/nightly.yaml");
    let plan = schedule::read("nightly", &node, &mut problems);
    let problems = problems.into_list();
    match plan {
        Some(plan) if problems.is_empty() => Ok(plan),
        _ => Err(told(&problems)),
    }
}

#[test]
fn a_schedule_says_when_and_which_event() {
    let plan = scheduled("cron: \"0 2 * * *\"\nzone: Europe/Berlin\nmissed: once\nevent: { type: report.due, subject: stock, data: { n: 1 } }").unwrap();
    assert_eq!(plan.missed, Missed::Once);
    assert_eq!(
        rfc3339(plan.timing.next(0).unwrap()),
        "1970-01-01T01:00:00.000Z"
    );
    let event = plan.event("nightly", 0);
    assert_eq!(
        (
            event.kind.as_str(),
            event.subject.as_deref(),
            event.data.get()
        ),
        ("report.due", Some("stock"), r#"{"n":1}"#)
    );
    let table = [
        ("event: { type: a }", "a schedule needs `cron` or `every`"),
        ("every: 1 h", "a schedule needs `event`"),
        ("every: 1 h\nevent: {}", "event needs `type`"),
        ("every: 1 h\nevent: { type: a b }", "an event type such as"),
        (
            "every: 1 h\nmissed: all\nevent: { type: a }",
            "`skip` (the default) or `once`",
        ),
        ("evry: 1 h\nevent: { type: a }", "Did you mean \"every\""),
    ];
    for (text, expected) in table {
        let told = scheduled(text).unwrap_err();
        assert!(
            told.contains(expected),
            "{text}\n  told: {told}\n  not: {expected}"
        );
    }
}
