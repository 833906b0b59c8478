//! Reconciliations: two systems that should say the same are read and compared, by the clock or on demand.
//!
//! A job is carried out by one task, so two runs of it never overlap. What differs becomes events, a table and a CSV;
//! a flow that reacts to `reconciliation.difference` is what repairs. Memory stays bounded: rows go through files,
//! parted by their keys. This is part of the server and not of the engine because it calls systems outside of any run.

mod carry_out;
mod compare;
mod parts;
mod reading;
pub(crate) mod report;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tombolo_kernel::clock::Millis;

use self::carry_out::carry_out;
use self::report::Report;
use crate::core::Core;
use crate::host::told_to_stop;
use crate::site::{ReconciliationPlan, reconciliation_source};
use crate::timing::Timing;

/// Longest sleep between two looks at the clock, which may be set meanwhile.
const LOOK: Duration = Duration::from_secs(30);

/// The jobs of the site.
#[derive(Default)]
pub(crate) struct Reconciliations {
    jobs: Mutex<BTreeMap<String, Job>>,
    changed: Notify,
}

struct Job {
    plan: Arc<ReconciliationPlan>,
    /// From when on the next run counts; none: the log was not asked yet.
    since_ms: Option<Millis>,
    /// A person wants it now.
    wanted: bool,
    running: bool,
    /// Not in the site any more; kept while it runs.
    gone: bool,
    /// Why the last run since the start has no report.
    failure: Option<String>,
}

/// How a job stands, for people.
#[derive(Debug, serde::Serialize)]
pub(crate) struct JobView {
    job: String,
    /// `0 2 * * * (Europe/Berlin)`, or nothing: on demand.
    when: Option<String>,
    running: bool,
    due_ms: Option<Millis>,
    failure: Option<String>,
    /// The newest, without its differences.
    report: Option<Report>,
}

/// Why a job is not carried out on demand.
#[derive(Debug)]
pub(crate) enum NotNow {
    /// The site has no such job.
    Unknown,
    /// It is being carried out.
    Running,
}

impl Reconciliations {
    /// Takes over the jobs of a site. A run under way ends with the plan it began with.
    pub(crate) fn replace(&self, plans: BTreeMap<String, ReconciliationPlan>) {
        let mut jobs = self.jobs.lock();
        for (name, job) in jobs.iter_mut() {
            job.gone = !plans.contains_key(name);
        }
        jobs.retain(|_, job| !job.gone || job.running);
        for (name, plan) in plans {
            let plan = Arc::new(plan);
            let job = jobs.entry(name).or_insert_with(|| Job {
                plan: Arc::clone(&plan),
                since_ms: None,
                wanted: false,
                running: false,
                gone: false,
                failure: None,
            });
            job.plan = plan;
        }
        drop(jobs);
        self.changed.notify_one();
    }

    /// Has a job carried out now.
    pub(crate) fn demand(&self, name: &str) -> Result<(), NotNow> {
        let mut jobs = self.jobs.lock();
        let job = jobs.get_mut(name).filter(|job| !job.gone);
        let job = job.ok_or(NotNow::Unknown)?;
        if job.running || job.wanted {
            return Err(NotNow::Running);
        }
        job.wanted = true;
        drop(jobs);
        self.changed.notify_one();
        Ok(())
    }

    /// Whether the site has it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.jobs.lock().get(name).is_some_and(|job| !job.gone)
    }

    /// How every job stands, by name.
    pub(crate) fn list(&self, core: &Core) -> Vec<JobView> {
        let jobs = self.jobs.lock();
        let views = jobs
            .iter()
            .filter(|(_, job)| !job.gone)
            .map(|(name, job)| JobView {
                job: name.clone(),
                when: job.plan.timing.as_ref().map(Timing::text),
                running: job.running || job.wanted,
                due_ms: job.due(),
                failure: job.failure.clone(),
                report: None,
            });
        let mut views: Vec<JobView> = views.collect();
        drop(jobs);
        for view in &mut views {
            view.report = report::newest(&report::folder(&core.data, &view.job))
                .ok()
                .flatten()
                .map(|report| Report {
                    differences: Vec::new(),
                    ..report
                });
        }
        views
    }

    /// Asks the log since when jobs count that are new here.
    async fn learn(&self, core: &Core) {
        let unknown = |(name, job): (&String, &Job)| job.since_ms.is_none().then(|| name.clone());
        let names: Vec<String> = self.jobs.lock().iter().filter_map(unknown).collect();
        for name in names {
            report::sweep(&report::folder(&core.data, &name));
            let Ok(row) = core.store.cursor(&reconciliation_source(&name), "").await else {
                continue;
            };
            // Seen for the first time: it counts from now.
            let since = row.map_or_else(|| core.clock.now_ms(), |row| row.read_ms);
            if let Some(job) = self.jobs.lock().get_mut(&name) {
                job.since_ms = Some(since);
            }
        }
    }

    /// Jobs to begin now, with the time that names the run; and when to look again.
    fn begin(&self, now: Millis) -> (Vec<(String, Arc<ReconciliationPlan>, Millis)>, Duration) {
        let (mut begun, mut wait) = (Vec::new(), LOOK);
        for (name, job) in self.jobs.lock().iter_mut() {
            if job.running || job.gone {
                continue;
            }
            let due = job.due().filter(|due| *due <= now);
            let Some(run) = due.or(job.wanted.then_some(now)) else {
                if let Some(due) = job.due() {
                    wait = wait.min(Duration::from_millis(due.saturating_sub(now).max(1)));
                }
                continue;
            };
            (job.running, job.wanted) = (true, false);
            begun.push((name.clone(), Arc::clone(&job.plan), run));
        }
        (begun, wait)
    }

    fn ended(&self, name: &str, outcome: Result<Report, String>, now: Millis) {
        let mut jobs = self.jobs.lock();
        if let Some(job) = jobs.get_mut(name) {
            job.running = false;
            job.since_ms = Some(now);
            job.failure = outcome.err();
        }
        jobs.retain(|_, job| !job.gone || job.running);
        drop(jobs);
        self.changed.notify_one();
    }
}

impl Job {
    /// What was missed while the host was down, or while it ran, is made up for by one run.
    fn due(&self) -> Option<Millis> {
        self.plan.timing.as_ref()?.next(self.since_ms?)
    }
}

/// Carries out what is due until the host stops; a run under way is dropped then, and begins anew at the next start.
pub(crate) async fn run(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    let mut runs = JoinSet::new();
    loop {
        core.reconciliations.learn(&core).await;
        let (begun, wait) = core.reconciliations.begin(core.clock.now_ms());
        for (name, plan, due) in begun {
            let core = Arc::clone(&core);
            runs.spawn(async move {
                let outcome = carry_out(&core, &name, &plan, due).await;
                match &outcome {
                    Ok(Report { failure: None, counts, .. }) => {
                        tracing::info!(job = %name, left = counts.left, right = counts.right, differences = counts.differences(), "reconciled");
                    }
                    Ok(Report { failure: Some(failure), .. }) | Err(failure) => {
                        tracing::warn!(job = %name, %failure, "a reconciliation broke off; it begins anew at its next time");
                    }
                }
                core.reconciliations.ended(&name, outcome, core.clock.now_ms());
            });
        }
        tokio::select! {
            () = told_to_stop(&mut stopped) => return,
            () = core.reconciliations.changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
        while runs.try_join_next().is_some() {}
    }
}
