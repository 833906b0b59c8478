//! `device/1` over Mosquitto: the profile's cases, and what a machine hears of them.

use tombolo_tests::built::adapter;
use tombolo_tests::client::Client;
use tombolo_tests::host::wait;
use tombolo_tests::site::TestSite;

use crate::checked::checked;
use crate::servers::mosquitto::{GATEWAY, Mosquitto};

/// A system file, without its adapter, that keeps the profile on a broker; `password` is where the gateway's is.
pub(crate) fn plant(port: u16, password: &str) -> String {
    let user = GATEWAY.0;
    format!(
        r#"profiles: [device/1]
connections:
  bus: {{ mqtt: "mqtt://127.0.0.1:{port}", user: {user}, password: "{password}", publish: [plant/*/command] }}
hooks:
  alarm:
    from: {{ connection: bus, topic: plant/+/alarm }}
    do: {{ event: {{ type: device.alarm, id: "{{/payload/id}}", subject: "{{/payload/device}}" }} }}
actions:
  device.command: {{ do: {{ topic: "plant/{{device}}/command", payload: {{ command: "{{command}}", parameters: "{{parameters?}}" }} }} }}
emits: [device.alarm]"#
    )
}

#[test]
fn the_profiles_own_cases_pass() {
    let broker = Mosquitto::start();
    let machine = Client::mqtt(broker.open_port);
    let site = TestSite::new();
    site.adapter("broker", &adapter("plugins/broker"));
    let system = format!(
        "adapter: adapters/broker.wasm\n{}\n",
        plant(broker.port, "env:BUS_PASSWORD")
    );
    site.write("systems/plant.yaml", &system);
    let given = ["device=p4", "command=check-lamps"];
    let out = checked(
        &site,
        ("broker", "plant"),
        &[("BUS_PASSWORD", GATEWAY.1)],
        &given,
    );
    let row = |what: &str| {
        let row = out.lines().find(|line| line.contains(what));
        row.unwrap_or_else(|| panic!("{what}: {out}")).to_owned()
    };
    assert!(row("device.command  ").contains(" passed "), "{out}");
    assert!(
        row("device.command while nobody answers").contains(" passed "),
        "{out}"
    );
    // What a broker does not let in is told as one that is not there: it is waited for until an operator mends it.
    assert!(
        row("a wrong credential").contains("no HTTP credential"),
        "{out}"
    );
    let heard = wait("the command", || {
        let heard = machine.received();
        (!heard.is_empty()).then_some(heard)
    });
    assert_eq!(
        heard,
        [r#"{"command":"check-lamps"}"#],
        "once, and not where nobody answers"
    );
}
