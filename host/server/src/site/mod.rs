//! The operator's folder, read into checked data: `tombolo.yaml`, `systems/`, `grants/`, `schedules/`,
//! `reconciliations/`, `flows/`.
//!
//! [`read`] gives a [`Site`] or every problem in it with file, line and column. Readers from text to data are pure;
//! only `files` and `shelf` touch the disk. No secret is resolved here: a [`SystemPlan`] knows references and resolves
//! them when it becomes a `SystemSpec`.

mod audit;
mod broker;
mod check;
mod connection;
mod credential;
mod delivery;
mod feed;
mod fields;
mod files;
mod grant;
mod limits;
mod load;
mod merge;
mod named;
mod offered;
mod offers;
mod plan;
mod publishers;
mod reconciliation;
mod schedule;
mod settings;
mod shelf;
mod system;
mod timing;
mod withheld;

pub use audit::{AuditExport, SyslogPlace};
pub use check::{Report, SystemReport, check};
pub use feed::FeedPlan;
pub(crate) use named::Named;
pub use plan::{SecretSlot, SecretWish, Site, SystemPlan};
pub(crate) use reconciliation::source as reconciliation_source;
pub use reconciliation::{FieldRule, ReconciliationPlan, Same, Side, Source};
pub(crate) use schedule::source as schedule_source;
pub use schedule::{Missed, SchedulePlan};
pub use settings::{ApiToken, Retention, Scope, Settings};
pub use shelf::{Adapter, Adapters, PackageShelf, signature_file};

use std::path::Path;

use tombolo_flow::FlowSet;
use tombolo_flow::problem::Problem;
use tombolo_flow::rehearsal::Rehearsal;
use tombolo_kernel::package::Publishers;

/// Reads and checks the whole site.
///
/// # Errors
/// Every problem found, in the order of files.
pub fn read(folder: &Path) -> Result<Site, Vec<Problem>> {
    read_with(folder, &mut PackageShelf::default())
}

/// Like [`read`], with packages that an earlier reading has checked already.
///
/// # Errors
/// Every problem found, in the order of files.
pub fn read_with(folder: &Path, shelf: &mut PackageShelf) -> Result<Site, Vec<Problem>> {
    let (site, problems) = load::load(folder, shelf);
    match site {
        Some(site) if problems.is_empty() => Ok(site),
        _ => Err(problems),
    }
}

/// Whose signatures a site takes: reads `tombolo.yaml` and nothing else.
///
/// # Errors
/// Every problem of that file.
pub fn publishers(folder: &Path) -> Result<Publishers, Vec<Problem>> {
    let mut problems = Vec::new();
    match load::settings(folder, &mut problems) {
        Some(settings) if problems.is_empty() => Ok(settings.publishers),
        _ => Err(problems),
    }
}

/// The flows of a site and their tests: by flow, with the file. Needs no adapters.
#[derive(Debug)]
pub struct FlowFiles {
    /// All flows.
    pub flows: FlowSet,
    /// Flow, file, tests.
    pub tests: Vec<(String, String, Vec<Rehearsal>)>,
}

/// Reads the flows of a site and their tests, and nothing else.
///
/// # Errors
/// Every problem found, in the order of files.
pub fn read_flows(folder: &Path) -> Result<FlowFiles, Vec<Problem>> {
    let mut problems = Vec::new();
    let flows = FlowSet::new(load::flows(folder, &mut problems));
    if !problems.is_empty() {
        return Err(problems);
    }
    let tests = load::tests(folder, &mut problems);
    if problems.is_empty() {
        Ok(FlowFiles { flows, tests })
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests;
