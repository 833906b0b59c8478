//! An order in a Vendure shop becomes a sale in Tryton, what is left there goes back to the shop, and what is short is offered
//! otherwise in chat.

use serde_json::{Value, json};

use super::{Chat, Running};
use crate::servers::free_port;
use crate::servers::tryton::Tryton;
use crate::servers::vendure::Vendure;
use crate::vendure::example;

/// The site with its three servers, running.
fn running(chat: &Chat, tryton: &Tryton, shop: &Vendure, port: u16) -> Running {
    let mut environment = vec![
        ("TRYTON_KEY", tryton.key("tombolo")),
        ("SHOP_TOKEN", shop.token()),
    ];
    environment.extend(chat.environment());
    Running::start_with(
        "shop-to-erp",
        port,
        &["matrix", "tryton", "rest"],
        &[
            ("CHAT", chat.synapse.url()),
            ("ERP", tryton.url()),
            ("ROOM", Chat::ALIAS.to_owned()),
        ],
        &environment,
        |site| {
            site.write("systems/shop.yaml", &example(shop.port));
        },
    )
}

/// Prints how long it takes from an order's event until its sale is confirmed in the ERP, and how much of that is the host's
/// and its adapters' own: all but what requests to the servers took, as the runs' traces tell.
#[test]
#[ignore = "a measurement; with --nocapture it prints its figures"]
#[expect(clippy::print_stdout, reason = "figures are what it is for")]
fn figures() {
    const ORDERS: usize = 60;
    let port = free_port();
    let (mut chat, tryton, shop) = (Chat::start(port), Tryton::start(), Vendure::start());
    let running = running(&chat, &tryton, &shop, port);
    chat.open();
    let (mut whole, mut own) = (Vec::new(), Vec::new());
    for count in 1..=ORDERS {
        shop.order("1", 1);
        let runs = running.host().wait_for("the order is done", |host| {
            let runs = host.get("/api/runs?flow=order&status=done&limit=1000");
            (runs.as_array()?.len() == count).then_some(runs)
        });
        let run = running
            .host()
            .get(&format!("/api/runs/{}", runs[0]["id"].as_str().unwrap()));
        let began = run["event"]["stored_ms"].as_u64().unwrap();
        let mut requests = 0;
        let ended =
            until_confirmed(&run["trace"]["steps"], &mut requests).expect("a confirmed sale");
        whole.push(ended - began);
        own.push((ended - began).saturating_sub(requests / 1_000));
    }
    for (name, mut figures) in [("shop_to_erp", whole), ("shop_to_erp_own", own)] {
        figures.sort_unstable();
        let part = |percent: usize| figures[(figures.len() * percent).div_ceil(100) - 1];
        println!(
            "{name}_ms p50={} p95={} max={} orders={ORDERS}",
            part(50),
            part(95),
            part(100)
        );
    }
}

/// When the sale's confirmation ended; adds what requests took until then, in microseconds.
fn until_confirmed(steps: &Value, requests: &mut u64) -> Option<u64> {
    for step in steps.as_array()? {
        let calls = step["calls"].as_array().into_iter().flatten();
        *requests += calls
            .filter_map(|call| call["micros"].as_u64())
            .sum::<u64>();
        if let Some(ended) = until_confirmed(&step["steps"], requests) {
            return Some(ended);
        }
        if step["what"] == "erp.sale.confirm" {
            return step["ended_ms"].as_u64();
        }
    }
    None
}

#[test]
fn an_order_in_the_shop_is_a_sale_in_the_erp() {
    let port = free_port();
    let (mut chat, tryton, shop) = (Chat::start(port), Tryton::start(), Vendure::start());
    let running = running(&chat, &tryton, &shop, port);
    chat.open();
    let number = shop.order("1", 2);
    running.host().wait_for_run("order", "done");
    let domain = json!([["reference", "=", number]]);
    let sales = tryton.look("sale.sale", &domain, &["state"]);
    assert_eq!(sales.len(), 1, "{sales:?}");
    assert!(sales[0]["state"] != "draft", "{sales:?}");
    let query = "{ productVariants(options: { filter: { sku: { eq: \"WID-1\" } } }) { items { stockLevels { stockOnHand } } } }";
    let stock = |shop: &Vendure| {
        let there = shop.admin(query, &json!({}));
        there["productVariants"]["items"][0]["stockLevels"][0]["stockOnHand"].clone()
    };
    let left = stock(&shop).as_u64().unwrap();
    assert!(left > 100, "the ERP's stock, not the shop's ten: {left}");

    // Somebody buys nearly all of it elsewhere; the shop does not know yet.
    let rest = u32::try_from(left).unwrap() - 3;
    running.sells(&tryton.id("customer"), "S-90", rest);
    let number = shop.order("1", 8);
    chat.told(&format!(
        "Order {number}: there is not enough of WID-1. Offer GAD-1 instead?"
    ));
    let none = json!([["reference", "=", number]]);
    assert!(tryton.look("sale.sale", &none, &["state"]).is_empty());
}
