//! What the demo shows when the run is over: the run's tree, the row in the ERP, the record in the CRM; then that
//! the same alarm changes nothing; then what to try next.

use anyhow::{Context, bail};
use tombolo_kernel::clock::{Clock, MachineClock, new_id, rfc3339};

use super::plant::Alarm;
use super::watch::{self, Watch};
use super::{Cast, chapter, crm, erp, shown};
use crate::out::{self, Cell, Table, Tone};
use crate::run;

/// An alarm that never was before.
pub(super) fn alarm() -> Alarm {
    let now = MachineClock.now_ms();
    Alarm {
        id: format!("alarm-{}", new_id(now)),
        device: "press-7",
        severity: 4,
        part: "BRG-6205",
        needed: 6,
        customer: crm::CUSTOMERS[0].0,
        at: rfc3339(now),
    }
}

/// Shows what the alarm led to, everywhere.
pub(super) async fn show(cast: &Cast, watch: &Watch) -> anyhow::Result<()> {
    chapter("The run")?;
    run::print(&run::fetch(&cast.client, watch.run()).await?)?;
    chapter(&format!(
        "The ERP's table purchase_request ({})",
        shown(&cast.site.path().join(erp::FILE))
    ))?;
    let mut table = Table::new(&["NUMBER", "SKU", "QUANTITY", "STATUS", "REQUESTED", "ALARM"]);
    for request in cast.erp.requests(&watch.alarm().id)? {
        let numbers = [
            request.number.to_string(),
            request.sku,
            request.quantity.to_string(),
        ];
        let words = [request.status, request.requested, watch.alarm().id.clone()];
        table.row(numbers.into_iter().chain(words).map(Cell::from));
    }
    table.print()?;
    chapter("The sandbox CRM's records")?;
    let mut table = Table::new(&["RECORD", "CUSTOMER", "NAME", "KIND", "TEXT"]);
    for activity in cast.crm.activities() {
        table.row(
            [
                activity.id,
                activity.customer,
                activity.name,
                activity.kind,
                activity.text,
            ]
            .map(Cell::from),
        );
    }
    Ok(table.print()?)
}

/// Sends the same alarm once more and looks everywhere for a trace of it.
pub(super) async fn send_again(cast: &Cast, watch: &Watch) -> anyhow::Result<()> {
    let before = traces(cast, watch).await?;
    let status = cast.plant.send(watch.alarm()).await?;
    out::line(format!(
        "  the plant sends {} again, signed anew: answered {status}",
        watch.alarm().id
    ))?;
    let after = traces(cast, watch).await?;
    if !(200..300).contains(&status) || before != after {
        bail!(
            "the second alarm changed something: before {before:?}, after {after:?}, answered {status}"
        );
    }
    let [events, runs, requests, notes] = after;
    let nothing = out::tone("nothing changed", Tone::Good);
    out::line(format!(
        "  {nothing}: the log has the alarm {events} time(s) with {runs} run(s), the ERP {requests} request(s), the CRM {notes} note(s)"
    ))?;
    Ok(())
}

/// How often the alarm is in the log, has runs, is in the ERP, and how many notes the CRM has.
async fn traces(cast: &Cast, watch: &Watch) -> anyhow::Result<[usize; 4]> {
    let events = watch::events_of(cast, watch.alarm()).await?;
    let mut runs = 0;
    for event in &events {
        let all = cast.client.get("/api/runs?limit=1000").await?;
        let all: Vec<run::RunView> = crate::client::into(all, "/api/runs")?;
        runs += all.iter().filter(|run| run.seq == event.seq).count();
    }
    Ok([
        events.len(),
        runs,
        cast.erp.requests(&watch.alarm().id)?.len(),
        cast.crm.activities().len(),
    ])
}

/// Prints commands that work as they stand, from this folder.
pub(super) fn what_next(cast: &Cast) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let tombolo = shown(&program);
    let site = shown(cast.site.path());
    chapter(&format!(
        "Serving on at http://{} until Ctrl-C. Try, in another terminal:",
        cast.address
    ))?;
    let mut table = Table::bare();
    let mut add = |command: String, what: &str| {
        table.row([
            Cell::from(format!("  {command}")),
            Cell::new(format!("# {what}"), Tone::Dim),
        ])
    };
    add(
        format!("{tombolo} run list --site {site}"),
        "what flows did",
    );
    add(
        format!("{tombolo} event tail --site {site}"),
        "the log as it grows",
    );
    add(
        format!("{tombolo} task list --site {site}"),
        "questions that wait; answer with `task answer`",
    );
    add(
        format!("{tombolo} system status --site {site}"),
        "how the systems stand",
    );
    add(
        format!("{tombolo} grant review erp --site {site}"),
        "what the ERP's adapter may reach",
    );
    add(
        format!("{tombolo} check {site}"),
        "after a change in the site",
    );
    table.print()?;
    out::line("\n  One more alarm, published with the API token of the site:")?;
    out::line(format!(
        "  curl -sS http://{}/events -H \"Authorization: Bearer $(cat {site}/secrets/api-token)\" \\\n    \
         -H 'Content-Type: application/cloudevents+json' -d '{}'",
        cast.address,
        example_event(),
    ))?;
    out::line(format!(
        "\n  Or edit {site}/flows/spare-part.yaml: the running host takes it over, or says why not."
    ))?;
    Ok(())
}

fn example_event() -> String {
    let at = rfc3339(MachineClock.now_ms());
    serde_json::json!({
        "specversion": "1.0", "id": "my-alarm-1", "source": "my-terminal", "type": "device.alarm",
        "subject": "mixer-2", "time": at, "datacontenttype": "application/json",
        "data": { "device": "mixer-2", "severity": 5, "part": "BELT-A42", "needed": 2, "customer": crm::CUSTOMERS[1].0 },
    })
    .to_string()
}
