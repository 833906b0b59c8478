//! Stock falls under its order point in Tryton, somebody taps "yes" in Matrix, and the purchase is made.

use serde_json::json;
use tombolo_tests::host::wait;

use super::{Chat, Running};
use crate::servers::free_port;
use crate::servers::tryton::Tryton;

#[test]
fn a_quick_reply_buys_what_is_short() {
    let port = free_port();
    let (mut chat, tryton) = (Chat::start(port), Tryton::start());
    let mut environment = vec![("TRYTON_KEY", tryton.key("tombolo"))];
    environment.extend(chat.environment());
    let running = Running::start(
        "low-stock",
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
    running.sells(&tryton.id("customer"), "S-90", 90);
    let question = chat.told("is below its order point");
    // The stock changes again while the question is open; nobody is asked a second time once that is answered.
    let changes = running.events("stock.changed");
    running.sells(&tryton.id("customer"), "S-91", 1);
    wait("the second change", || {
        (running.events("stock.changed") > changes).then_some(())
    });
    chat.synapse.reacts(
        &chat.mia,
        &chat.room,
        question["event_id"].as_str().unwrap(),
        "1️⃣",
    );
    wait("all changes are looked at", || {
        let runs = running.host().get("/api/runs?flow=restock");
        let runs = runs.as_array()?;
        (runs.len() > 1 && runs.iter().all(|run| run["status"] == "done")).then_some(())
    });
    let tasks = running.host().get("/api/tasks");
    assert_eq!(tasks.as_array().unwrap().len(), 1, "asked once: {tasks}");
    let purchases = tryton.look("purchase.purchase", &json!([]), &["state"]);
    assert_eq!(purchases.len(), 1, "{purchases:?}");
}
