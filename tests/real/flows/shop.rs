//! An order in a Vendure shop becomes a sale in Tryton, what is left there goes back to the shop, and what is short is offered
//! otherwise in chat.

use serde_json::{Value, json};

use super::{Chat, Running};
use crate::servers::free_port;
use crate::servers::tryton::Tryton;
use crate::servers::vendure::Vendure;

/// The site with its three servers, running.
fn running(chat: &Chat, tryton: &Tryton, shop: &Vendure, port: u16) -> Running {
    let mut environment = vec![
        ("TRYTON_KEY", tryton.key("tombolo")),
        ("SHOP_TOKEN", shop.token()),
    ];
    environment.extend(chat.environment());
    Running::start(
        "shop-to-erp",
        port,
        &["matrix", "tryton", "rest"],
        &[
            ("CHAT", chat.synapse.url()),
            ("ERP", tryton.url()),
            ("SHOP", format!("http://127.0.0.1:{}", shop.port)),
            ("ROOM", Chat::ALIAS.to_owned()),
        ],
        &environment,
    )
}

/// Prints how long it takes from an order's event until it is a sale in the ERP, and until that is confirmed, and how much of
/// that is the host's and its adapters' own: all but what requests to the servers took, as the runs' traces tell.
#[test]
#[ignore = "a measurement; with --nocapture it prints its figures"]
#[expect(clippy::print_stdout, reason = "figures are what it is for")]
fn figures() {
    const ORDERS: usize = 60;
    let port = free_port();
    let (mut chat, tryton, shop) = (Chat::start(port), Tryton::start(), Vendure::start());
    let running = running(&chat, &tryton, &shop, port);
    chat.open();
    let ends = [
        ("sold", "erp.sale.create"),
        ("confirmed", "erp.sale.confirm"),
    ];
    let mut figures = ends.map(|_| (Vec::new(), Vec::new(), Vec::new()));
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
        for ((_, action), (whole, own, requests)) in ends.iter().zip(&mut figures) {
            let mut micros = Vec::new();
            let ended = until(action, &run["trace"]["steps"], &mut micros).expect(action);
            whole.push(ended - began);
            own.push((ended - began).saturating_sub(micros.iter().sum::<u64>() / 1_000));
            requests.push(u64::try_from(micros.len()).unwrap());
        }
    }
    println!("orders={ORDERS}");
    for ((end, _), (whole, own, requests)) in ends.iter().zip(figures) {
        for (what, mut all) in [("ms", whole), ("own_ms", own), ("requests", requests)] {
            all.sort_unstable();
            let part = |percent: usize| all[(all.len() * percent).div_ceil(100) - 1];
            println!(
                "shop_to_{end}_{what} p50={} p95={} max={}",
                part(50),
                part(95),
                part(100)
            );
        }
    }
}

/// When this action ended; adds what each request until then took, in microseconds.
fn until(action: &str, steps: &Value, requests: &mut Vec<u64>) -> Option<u64> {
    for step in steps.as_array()? {
        let calls = step["calls"].as_array().into_iter().flatten();
        requests.extend(calls.filter_map(|call| call["micros"].as_u64()));
        if let Some(ended) = until(action, &step["steps"], requests) {
            return Some(ended);
        }
        if step["what"] == action {
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
