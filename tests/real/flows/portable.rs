//! One flow, unchanged, on two ERPs: Tryton, and one that speaks S/4's OData.

use serde_json::{Value, json};

use crate::odata::example;
use crate::servers::cap::{CLERK, Cap};
use crate::servers::tryton::Tryton;
use tombolo_tests::built::adapter;
use tombolo_tests::host::TestHost;
use tombolo_tests::site::TestSite;

const FLOW: &str = r#"on: order.wanted
needs: { erp: erp/1 }
steps:
  - id: found
    call: erp.party.find
    with: { name: "${event.data.customer}", limit: 2 }
    check:
      - that: size(steps.found.parties) == 1
        says: "the ERP has ${size(steps.found.parties)} customers named ${event.data.customer}"
  - id: stock
    call: erp.item.stock
    with: { sku: "${event.data.sku}" }
  - id: sale
    call: erp.sale.create
    with:
      customer: "${steps.found.parties[0].id}"
      reference: "${event.data.number}"
      lines: [{ sku: "${event.data.sku}", quantity: 1 }]
  - call: erp.sale.confirm
    with: { id: "${steps.sale.id}" }
  - id: taken
    call: erp.sale.get
    with: { reference: "${event.data.number}" }
  - emit: { type: order.taken, data: { status: "${steps.taken.status}", on_hand: "${steps.stock.on_hand}" } }
"#;

fn runs(adapter_name: &str, system: &str, environment: &[(&str, &str)], order: &Value) -> Value {
    let site = TestSite::new();
    site.adapter(adapter_name, &adapter(&format!("plugins/{adapter_name}")));
    site.write("systems/erp.yaml", system);
    site.write("flows/order.yaml", FLOW);
    site.approve("erp");
    let host = TestHost::start(&site, environment);
    assert_eq!(host.publish("order.wanted", "o-1", order).status, 202);
    host.wait_for("order.taken", |host| {
        host.get("/api/events?type=order.taken")
            .as_array()?
            .first()
            .cloned()
    })
}

#[test]
fn one_flow_runs_on_two_erps() {
    let tryton = Tryton::start();
    let system = format!(
        "adapter: adapters/tryton.wasm\nconnections:\n  api: {{ http: \"{}\", network: private, credential: {{ bearer: \"env:TRYTON_KEY\" }} }}\n",
        tryton.url()
    );
    let order = json!({ "customer": "Customer GmbH", "sku": "WID-1", "number": "S-1" });
    let taken = runs(
        "tryton",
        &system,
        &[("TRYTON_KEY", &tryton.key("tombolo"))],
        &order,
    );
    assert_eq!(taken["data"]["status"], "confirmed", "{taken}");
    drop(tryton);

    let cap = Cap::start();
    let system = example(&cap, "v2", CLERK.0, "S4_PASSWORD");
    let order = json!({ "customer": "Inlandskunde", "sku": "TG11", "number": "S-1" });
    let taken = runs("odata", &system, &[("S4_PASSWORD", CLERK.1)], &order);
    assert_eq!(taken["data"]["status"], "confirmed", "{taken}");
}
