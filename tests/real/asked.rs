//! Asks a system's actions through the host: an event, a flow that calls the action with the event's data, and the run's end.

use serde_json::Value;
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::site::TestSite;

/// Writes a flow for each of these actions of the system.
pub(crate) fn flows(site: &TestSite, system: &str, actions: &[&str]) {
    for action in actions {
        site.write(
            &format!("flows/{}.yaml", flow(action)),
            &format!(
                "on: ask.{action}\nsteps:\n  - id: asked\n    call: {system}.{action}\n    with: \"${{event.data}}\"\n    retry: {{ attempts: 3, backoff: 100ms }}\n"
            ),
        );
    }
}

/// Asks for an action once, by the event with this id.
///
/// # Errors
/// The failure of the last attempt, as the run shows it.
#[track_caller]
pub(crate) fn ask(host: &TestHost, action: &str, id: &str, input: &Value) -> Result<Value, Value> {
    let id = format!("{action}-{id}");
    let published = host.publish(&format!("ask.{action}"), &id, input);
    assert_eq!(published.status, 202, "{}", published.body);
    let run = wait(&format!("the end of {action} for {id}"), || {
        ended(host, action, &id)
    });
    let step = &run["trace"]["steps"][0];
    if run["run"]["status"] == "done" {
        let result = step["result"].as_str().unwrap_or("null");
        return Ok(serde_json::from_str(result)
            .unwrap_or_else(|error| panic!("{action} answered {result}: {error}")));
    }
    let attempts = step["attempts"].as_array().expect("a dead run tried");
    Err(attempts.last().expect("a dead run tried")["failure"].clone())
}

/// The run of this event, if it has ended.
fn ended(host: &TestHost, action: &str, id: &str) -> Option<Value> {
    let runs = host.get(&format!("/api/runs?flow={}&limit=50", flow(action)));
    runs.as_array()?
        .iter()
        .filter(|run| run["status"] == "done" || run["status"] == "dead")
        .map(|run| host.get(&format!("/api/runs/{}", run["id"].as_str().unwrap_or(""))))
        .find(|run| run["event"]["id"] == id)
}

/// Events of a type, the oldest first.
pub(crate) fn events(host: &TestHost, kind: &str) -> Vec<Value> {
    let mut events = host
        .get(&format!("/api/events?type={kind}&limit=1000"))
        .as_array()
        .cloned()
        .unwrap_or_default();
    events.reverse();
    events
}

fn flow(action: &str) -> String {
    action.replace('.', "-")
}
