//! Texts of flows are kept as long as a run needs them.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_text_that_no_run_needs_is_forgotten_once_it_is_not_in_force() {
    let asking = "on: device.alarm\nsteps:\n  - id: ok\n    ask: { role: boss, question: ok?, options: [yes] }\n    timeout: 1h\n";
    let bench = Bench::new(&[("f", asking)], ScriptedActor::answering("{}")).await;
    let version = flows(&[("f", asking)]).get("f").unwrap().version.clone();
    bench.publish(vec![event("1", "{}")]).await;
    bench.pass(1).await;
    let other = asking.replace("ok?", "sure?");
    bench.engine.replace_flows(flows(&[("f", &other)]));
    assert_eq!(bench.engine.forget_flows().await.unwrap(), 0);
    bench.pass(4_000).await;
    assert_eq!(bench.with_status(RunStatus::Done).await, ["1.f"]);
    assert_eq!(bench.engine.forget_flows().await.unwrap(), 1);
    assert_eq!(bench.store.flow(&version).await.unwrap(), None);
    // The same text in force again is kept again.
    bench.engine.replace_flows(flows(&[("f", asking)]));
    bench.publish(vec![event("2", "{}")]).await;
    bench.pass(1).await;
    assert!(bench.store.flow(&version).await.unwrap().is_some());
}
