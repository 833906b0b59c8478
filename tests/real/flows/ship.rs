//! A sale is confirmed in Tryton, somebody in the warehouse says "ship" in Matrix, the shipment is done in Tryton, and the
//! customer is told in a room of their own.

use serde_json::json;

use super::{Chat, Running};
use crate::servers::free_port;
use crate::servers::tryton::Tryton;

#[test]
fn a_sale_is_shipped_when_the_warehouse_says_so() {
    let port = free_port();
    let (mut chat, tryton) = (Chat::start(port), Tryton::start());
    let customer = tryton.id("customer");
    let ann = chat.synapse.person("ann");
    let mut environment = vec![("TRYTON_KEY", tryton.key("tombolo"))];
    environment.extend(chat.environment());
    let running = Running::start(
        "sale-to-shipment",
        port,
        &["matrix", "tryton"],
        &[
            ("CHAT", chat.synapse.url()),
            ("ERP", tryton.url()),
            ("ROOM", Chat::ALIAS.to_owned()),
        ],
        &environment,
    );
    chat.open();
    let link = json!({ "kind": "customer", "ids": [{ "system": "erp", "id": customer }, { "system": "chat", "id": ann.id }], "by": "mia", "reason": "test" });
    let linked = running.host().post("/api/xref/link", &link);
    assert_eq!(linked.status, 200, "{}", linked.body);

    running.sells(&customer, "S-7", 2);
    let question = chat.told("is confirmed. Ship it?");
    chat.replies(&chat.otto, &question, "ship");
    chat.told("Otto Ast may not answer this");
    chat.replies(&chat.mia, &question, "ship");
    running.host().wait_for_run("sale-to-shipment", "done");
    let shipments = tryton.look("stock.shipment.out", &json!([]), &["state"]);
    assert_eq!(shipments.len(), 1, "{shipments:?}");
    assert_eq!(shipments[0]["state"], "done", "{shipments:?}");
    let invitations = chat.synapse.ok(
        &ann.token,
        "GET",
        "/_matrix/client/v3/sync",
        &serde_json::Value::Null,
    );
    let invited: Vec<&String> = invitations["rooms"]["invite"]
        .as_object()
        .map_or_else(Vec::new, |rooms| rooms.keys().collect());
    let [room] = invited[..] else {
        panic!("expected one room of the customer's own: {invitations}");
    };
    chat.synapse.join(&ann, room);
    let told = chat.synapse.events(&ann, room, "m.room.message");
    let told: Vec<_> = told
        .iter()
        .map(|event| (event["sender"].as_str(), event["content"]["body"].as_str()))
        .collect();
    let sale = json!([["reference", "=", "S-7"]]);
    let sale = &tryton.look("sale.sale", &sale, &["number"])[0];
    let words = format!(
        "Your order {} is on its way.",
        sale["number"].as_str().unwrap()
    );
    assert_eq!(told, [(Some(&*chat.bot.id), Some(&*words))]);
}
