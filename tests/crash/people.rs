//! People who answer some of the questions, before or after they time out.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tombolo_tests::site::TOKEN;

use crate::host::Host;

/// Starts them.
pub(crate) fn start(seed: u64, host: &Arc<Host>) -> JoinHandle<()> {
    let host = Arc::clone(host);
    let mut random = fastrand::Rng::with_seed(seed ^ 0x9e09);
    tokio::spawn(async move {
        loop {
            // What cannot be asked or answered now is seen again.
            let _ = look(&host, &mut random).await;
            tokio::time::sleep(Duration::from_millis(25)).await; // reason: people look now and then
        }
    })
}

async fn look(host: &Host, random: &mut fastrand::Rng) -> anyhow::Result<()> {
    let base = format!("http://{}/api/tasks", host.address().await);
    let token = format!("Bearer {TOKEN}");
    let listed = host
        .client
        .get(format!("{base}?open=true&limit=50"))
        .header("authorization", &token)
        .send()
        .await?;
    let tasks: Vec<Value> = serde_json::from_str(&listed.text().await?)?;
    for task in tasks.iter().filter(|task| task["role"] == "clerk") {
        if random.bool() {
            continue;
        }
        let id = task["id"].as_str().unwrap_or_default();
        let answer = if random.bool() { "yes" } else { "no" };
        host.client
            .post(format!("{base}/{id}/answer"))
            .header("authorization", &token)
            .header("content-type", "application/json")
            .body(json!({"answer": answer, "by": "pia"}).to_string())
            .send()
            .await?;
    }
    Ok(())
}
