//! The operator's folder, read into checked data: `tombolo.yaml`, `systems/`, `grants/`, `schedules/`,
//! `reconciliations/`, `flows/`.
//!
//! [`read`] gives a [`Site`] or every problem in it with file, line and column. Readers from text to data are pure;
//! only `files` and `shelf` touch the disk. No secret is resolved here: a [`SystemPlan`] knows references and resolves
//! them when it becomes a `SystemSpec`.

mod audit;
mod broker;
mod canary;
mod check;
mod connection;
mod credential;
mod delivery;
mod digests;
mod feed;
mod fields;
mod files;
mod grant;
mod limits;
mod load;
mod merge;
mod named;
pub(crate) mod network;
mod offered;
mod offers;
mod people;
mod place;
mod plan;
mod profiles;
mod publishers;
mod reconciliation;
mod registries;
mod review;
mod schedule;
mod settings;
mod shelf;
mod system;
mod timing;
mod tokens;
mod withheld;

pub use audit::{AuditExport, SyslogPlace};
pub use canary::{CanaryPlan, share};
pub use check::{Report, SystemReport, check, check_with};
pub use digests::{Digests, FileChange};
pub use feed::FeedPlan;
pub(crate) use files::bounded;
pub(crate) use limits::of_manifest as limits_of;
pub(crate) use load::{Around, draft};
pub(crate) use named::Named;
pub use network::{Network, TlsFiles};
pub use people::{People, Person};
pub use place::AdapterPlace;
pub(crate) use place::web_address;
pub use plan::{SecretSlot, SecretWish, Site, SystemPlan};
pub(crate) use reconciliation::source as reconciliation_source;
pub use reconciliation::{FieldRule, ReconciliationPlan, Same, Side, Source};
pub use registries::RegistrySettings;
pub(crate) use schedule::source as schedule_source;
pub use schedule::{Missed, SchedulePlan};
pub use settings::{Retention, Settings};
pub use shelf::{Adapter, Adapters, PackageShelf, signature_file};
pub use tokens::ApiToken;

use std::path::Path;

use tombolo_flow::FlowSet;
use tombolo_flow::problem::Problem;
use tombolo_flow::rehearsal::Rehearsal;
use tombolo_kernel::grant::Grant;
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
    let (site, problems) = load::load(folder, shelf, None);
    match site {
        Some(site) if problems.is_empty() => Ok(site),
        _ => Err(problems),
    }
}

/// What a site has where a running system's grant should be.
#[derive(Debug)]
pub enum GrantFound {
    /// A grant.
    Grant(Box<Grant>),
    /// No file.
    Nothing,
    /// A file that cannot be read as one: nobody took the grant away.
    Unreadable(Vec<Problem>),
}

/// Reads the grant of one system, and nothing else: it is found also where the rest of the site does not check.
#[must_use]
pub fn grant_of(folder: &Path, system: &str) -> GrantFound {
    load::grant_of(folder, system)
}

/// The systems that `grants/` has a file for.
pub(crate) fn granted(folder: &Path) -> Vec<String> {
    let files = files::files_of(folder, "grants", &mut Vec::new());
    files.into_iter().map(|(system, _)| system).collect()
}

/// Reads a file as a grant of this system, wherever it lies.
///
/// # Errors
/// Every problem of the file.
pub fn grant_draft(file: &Path, system: &str) -> Result<Grant, Vec<Problem>> {
    load::grant_draft(file, system)
}

/// Reads `tombolo.yaml` and nothing else.
///
/// # Errors
/// Every problem of that file.
pub fn settings(folder: &Path) -> Result<Settings, Vec<Problem>> {
    let mut problems = Vec::new();
    match load::settings(folder, &mut problems) {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => Err(problems),
    }
}

/// The text of one file of a site.
pub(crate) fn text(folder: &Path, file: &str) -> Result<String, Vec<Problem>> {
    let mut problems = Vec::new();
    files::text_of(folder, file, &mut problems).ok_or(problems)
}

/// Whose signatures a site takes.
///
/// # Errors
/// Every problem of `tombolo.yaml`.
pub fn publishers(folder: &Path) -> Result<Publishers, Vec<Problem>> {
    settings(folder).map(|settings| settings.publishers)
}

/// Where the adapters of a site's systems lie.
#[derive(Debug)]
pub struct Places {
    /// How they are reached, and who may have signed them.
    pub settings: Settings,
    /// System, place, whether it may be unsigned.
    pub systems: Vec<(String, AdapterPlace, bool)>,
}

/// Reads where adapters lie, and nothing else of the systems: the adapters need not be there.
///
/// # Errors
/// Every problem found.
pub fn places(folder: &Path) -> Result<Places, Vec<Problem>> {
    let settings = settings(folder)?;
    let mut problems = Vec::new();
    let systems = load::places(folder, &mut problems);
    if problems.is_empty() {
        Ok(Places { settings, systems })
    } else {
        Err(problems)
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
    let tables = load::tables(folder, &mut problems);
    let flows = FlowSet::with_tables(load::flows(folder, &mut problems), tables);
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
