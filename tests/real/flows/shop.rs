//! An order in a Vendure shop becomes a sale in Tryton, what is left there goes back to the shop, and what is short is offered
//! otherwise in chat.

use serde_json::json;

use super::{Chat, Running, port};
use crate::servers::tryton::Tryton;
use crate::servers::vendure::Vendure;
use crate::vendure::example;

#[test]
fn an_order_in_the_shop_is_a_sale_in_the_erp() {
    let port = port();
    let (mut chat, tryton, shop) = (Chat::start(port), Tryton::start(), Vendure::start());
    let mut environment = vec![
        ("TRYTON_KEY", tryton.key("tombolo")),
        ("SHOP_TOKEN", shop.token()),
    ];
    environment.extend(chat.environment());
    let running = Running::start_with(
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
    );
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
