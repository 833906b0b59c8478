//! One run of a job: both sides are read, parted, compared; what differs becomes lines of the report and, as far as
//! [`limits::RECONCILED_EVENTS`] reach, events; so does what agrees, without lines, where the job asks for it; the last event
//! says how it went.

use std::hash::RandomState;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tombolo_kernel::clock::{Millis, rfc3339};
use tombolo_kernel::event::Event;
use tombolo_kernel::limits;
use tombolo_store::{CursorRow, PageIn};

use super::compare::{Comparison, Counts, Difference, What};
use super::parts::{PARTS, Parts};
use super::reading::{self, Judging, Read};
use super::report::{self, Lines, Report, word};
use crate::core::Core;
use crate::site::{ReconciliationPlan, reconciliation_source};

/// The type of the event of one difference.
const DIFFERENCE: &str = "reconciliation.difference";
/// The type of the event of two rows that agree.
const SAME: &str = "reconciliation.same";
/// The type of the event that says how a run went.
const FINISHED: &str = "reconciliation.finished";
/// Events that go into the log at once.
const BATCH: usize = 200;
/// Pause before looking again whether the engine has room.
const PAUSE: Duration = Duration::from_millis(100);

/// Carries out the run of a job that was due at `due_ms`; its report is on disk and its events are in the log then.
///
/// # Errors
/// What a person reads. The next run begins anew.
pub(super) async fn carry_out(
    core: &Arc<Core>,
    job: &str,
    plan: &ReconciliationPlan,
    due_ms: Millis,
) -> Result<Report, String> {
    let started_ms = core.clock.now_ms();
    let run = rfc3339(due_ms);
    let compared = compared(core, job, plan, &run).await;
    let mut report = Report {
        job: job.to_owned(),
        run: run.clone(),
        started_ms,
        ended_ms: 0,
        counts: Counts::default(),
        events: 0,
        failure: None,
        unreadable: Vec::new(),
        differences: Vec::new(),
    };
    let (mut lines, mut same) = (None, Vec::new());
    match compared {
        Ok(compared) => {
            report.counts = compared.counts;
            report.unreadable = compared.why;
            report.differences = compared.first;
            (lines, same) = (Some(compared.lines), compared.same);
        }
        Err(failure) => report.failure = Some(failure),
    }
    report.events = (report.differences.len() + same.len()) as u64;
    report.ended_ms = core.clock.now_ms();
    publish(core, job, &report, &same).await?;
    report.differences.truncate(limits::RECONCILED_SHOWN);
    let folder = report::folder(&core.data, job);
    let kept = report.clone();
    let ended = tokio::task::spawn_blocking(move || match lines {
        Some(lines) => lines.end(&kept),
        None => Lines::begin(&folder, &kept.run)?.end(&kept),
    });
    let ended = ended.await.map_err(|error| error.to_string())?;
    ended.map_err(|error| format!("the report cannot be written: {error}"))?;
    Ok(report)
}

/// What both sides came to.
struct Compared {
    counts: Counts,
    why: Vec<String>,
    /// By key.
    first: Vec<Difference>,
    /// What agrees, if the job tells of it; in no order.
    same: Vec<Difference>,
    lines: Lines,
}

async fn compared(
    core: &Arc<Core>,
    job: &str,
    plan: &ReconciliationPlan,
    run: &str,
) -> Result<Compared, String> {
    let folder = report::folder(&core.data, job);
    let failed = |error: io::Error| format!("the data folder takes no files: {error}");
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let (hasher, tables) = (RandomState::new(), core.engine.tables());
    let cause = format!("reconciliations/{job}/{run}");
    let mut sides = Vec::with_capacity(2);
    // One after the other: each has the system, the processor and the disk to itself.
    for (name, side) in [("left", &plan.left), ("right", &plan.right)] {
        let judging = Arc::new(Judging {
            side: Arc::clone(side),
            tables: Arc::clone(&tables),
            hasher: hasher.clone(),
        });
        let parts = Parts::new(&folder).map_err(failed)?;
        sides.push(reading::read(core, &cause, name, judging, parts).await?);
    }
    let (Some(right), Some(left)) = (sides.pop(), sides.pop()) else {
        return Err("a side was not read".to_owned());
    };
    let (plan, run) = (plan.clone(), run.to_owned());
    let compared = tokio::task::spawn_blocking(move || {
        let lines = Lines::begin(&folder, &run)?;
        parts(left, right, &plan, lines)
    });
    let compared = compared.await.map_err(|error| error.to_string())?;
    compared.map_err(|error| format!("the rows cannot be compared: {error}"))
}

fn parts(
    mut left: Read,
    mut right: Read,
    plan: &ReconciliationPlan,
    mut lines: Lines,
) -> io::Result<Compared> {
    let mut counts = Counts {
        left: left.rows,
        right: right.rows,
        unreadable: left.unreadable + right.unreadable,
        ..Counts::default()
    };
    let (mut first, mut same) = (Vec::<Difference>::new(), Vec::new());
    let mut told = |difference: Difference| {
        if difference.what == What::Same {
            if same.len() < limits::RECONCILED_EVENTS {
                same.push(difference);
            }
            return Ok(());
        }
        if first.len() < limits::RECONCILED_EVENTS {
            first.push(difference);
            return Ok(());
        }
        lines.add(&difference)
    };
    let values = plan.fields.len();
    for part in 0..PARTS {
        let mut comparison = Comparison::new(&plan.fields, plan.tells_same, &mut counts);
        left.parts.read(part, values, |row| {
            comparison.left(row).map_or(Ok(()), &mut told)
        })?;
        right.parts.read(part, values, |row| {
            comparison.right(row).map_or(Ok(()), &mut told)
        })?;
        comparison.finish().into_iter().try_for_each(&mut told)?;
    }
    first.sort_by(|one, other| (&one.key, one.what).cmp(&(&other.key, other.what)));
    first
        .iter()
        .try_for_each(|difference| lines.add(difference))?;
    Ok(Compared {
        counts,
        why: [left.why, right.why].concat(),
        first,
        same,
        lines,
    })
}

/// Differences first, then what agrees, then how it went, with the time from which the next run counts. A repetition of the same run
/// makes the same events, which the log has already.
async fn publish(
    core: &Arc<Core>,
    job: &str,
    report: &Report,
    same: &[Difference],
) -> Result<(), String> {
    let stored = |error: tombolo_store::StoreError| error.to_string();
    let differences = report.differences.chunks(BATCH);
    for batch in differences.chain(same.chunks(BATCH)) {
        while core.engine.is_overloaded() {
            tokio::time::sleep(PAUSE).await;
        }
        let events = batch.iter().filter_map(|one| difference(job, report, one));
        core.publish(events.collect()).await.map_err(stored)?;
    }
    let finished = finished(job, report);
    let cursor = CursorRow {
        owner: reconciliation_source(job),
        name: String::new(),
        cursor: Some(report.run.clone()),
        read_ms: report.started_ms,
        events: 0,
    };
    let events = finished.into_iter().collect();
    core.publish_page(PageIn { events, cursor })
        .await
        .map_err(stored)?;
    Ok(())
}

fn difference(job: &str, report: &Report, one: &Difference) -> Option<Event> {
    let small = |row: &RawValue| match row.get().len() <= limits::RECONCILED_ROW_TOLD {
        true => row.to_owned(),
        false => RawValue::NULL.to_owned(),
    };
    let mut data = json!({
        "job": job,
        "run": report.run,
        "key": one.key,
        "left": small(&one.left),
        "right": small(&one.right),
    });
    let kind = match one.what {
        What::Same => SAME,
        what => {
            data["difference"] = json!(word(what));
            data["fields"] = json!(one.fields);
            DIFFERENCE
        }
    };
    let id = format!("{}/{}/{}", report.run, word(one.what), one.key);
    event(kind, job, id, Some(one.key.clone()), report, &data)
}

fn finished(job: &str, report: &Report) -> Option<Event> {
    let data = json!({
        "job": job,
        "run": report.run,
        "counts": report.counts,
        "differences": report.counts.differences(),
        "failure": report.failure,
    });
    event(FINISHED, job, report.run.clone(), None, report, &data)
}

fn event(
    kind: &str,
    job: &str,
    id: String,
    subject: Option<String>,
    report: &Report,
    data: &serde_json::Value,
) -> Option<Event> {
    Some(Event {
        id,
        source: reconciliation_source(job),
        kind: kind.to_owned(),
        subject,
        time: rfc3339(report.ended_ms),
        data: to_raw_value(data).ok()?,
        hops: 0,
        cause: None,
        root: None,
    })
}
