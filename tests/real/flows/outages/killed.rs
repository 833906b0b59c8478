//! A server that hangs in the middle of a flow: nothing is lost, and nothing is done twice.

use serde_json::json;

use crate::flows::Running;
use crate::servers::free_port;
use crate::servers::tryton::Tryton;

#[test]
fn a_sale_is_made_once_although_the_erp_hung() {
    let tryton = Tryton::start();
    let mut running = Running::start(
        "low-stock",
        free_port(),
        &["matrix", "tryton"],
        &[
            ("CHAT", "http://127.0.0.1:9".to_owned()),
            ("ERP", tryton.url()),
            ("ROOM", "#none:plant.example".to_owned()),
        ],
        &[
            ("TRYTON_KEY", tryton.key("tombolo")),
            ("MATRIX_TOKEN", "nobody".to_owned()),
            ("MATRIX_HS_TOKEN", "nobody".to_owned()),
        ],
    );
    let host = running.host();
    let flow = "on: test.sold\nsteps:\n  - id: sale\n    call: erp.sale.create\n    with: \"${event.data}\"\n";
    running.site.write("flows/sells.yaml", flow);
    host.wait_for("the site is reloaded", |host| {
        host.log().contains("reloaded").then_some(())
    });
    tryton.hangs(true);
    let sale = json!({ "customer": tryton.id("customer"), "reference": "H-1", "lines": [{ "sku": "WID-1", "quantity": 1 }] });
    assert_eq!(host.publish("test.sold", "h-1", &sale).status, 202);
    running.kill();
    tryton.hangs(false);
    running.host().wait_for_run("sells", "done");
    let sales = tryton.look("sale.sale", &json!([["reference", "=", "H-1"]]), &["state"]);
    assert_eq!(sales.len(), 1, "{sales:?}");
}
