//! `tombolo check`: everything that can be known of a site without starting it.

use std::path::Path;

use tombolo_flow::problem::Problem;
use tombolo_kernel::clock::{Clock, MachineClock, rfc3339};
use tombolo_kernel::grant::HeldBack;
use tombolo_kernel::package::Signer;
use tombolo_kernel::system::admit;

use super::fields::START;
use super::load::load;
use super::plan::{Site, SystemPlan};
use super::shelf::PackageShelf;
use crate::secrets::SecretSource;

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// With any of these the site is refused.
    pub problems: Vec<Problem>,
    /// Worth a look: secrets that are missing here, grants of no system, what an adapter declares and does not use.
    pub warnings: Vec<Problem>,
    /// Every system whose file is in order, by name.
    pub systems: Vec<SystemReport>,
}

/// One system.
#[derive(Debug, Clone)]
pub struct SystemReport {
    /// Its name.
    pub system: String,
    /// `systems/erp.yaml`.
    pub file: String,
    /// `vendor/name`.
    pub adapter: String,
    /// The adapter's version.
    pub version: String,
    /// `sha256:...`.
    pub digest: String,
    /// By whose word it would run.
    pub signer: Signer,
    /// Why it would be held back; `None`: its grant is complete.
    pub held_back: Option<HeldBack>,
}

/// Reads a site and everything it refers to, offline; starts nothing.
#[must_use]
pub fn check(folder: &Path) -> Report {
    check_instead(folder, None)
}

/// The same, as if the file of one system had another text, or were there.
#[must_use]
pub fn check_with(folder: &Path, system: &str, text: &str) -> Report {
    check_instead(folder, Some((system, text)))
}

fn check_instead(folder: &Path, instead: Option<(&str, &str)>) -> Report {
    let (site, problems) = load(folder, &mut PackageShelf::default(), instead);
    let mut report = Report {
        problems,
        ..Report::default()
    };
    if let Some(site) = site {
        look_at(&site, &mut report);
    }
    report
}

fn look_at(site: &Site, report: &mut Report) {
    let source = SecretSource::new(&site.folder, site.settings.secrets.clone());
    for token in &site.settings.tokens {
        if let Err(error) = source.resolve(&token.token) {
            report.warnings.push(Problem::new(
                "tombolo.yaml",
                START,
                format!("token `{}`: {error}", token.name),
            ));
        }
    }
    if let Some(Err(error)) = site
        .settings
        .network
        .tls
        .as_ref()
        .map(crate::ingress::tls::configuration)
    {
        let message = format!("tls: {error}; a host does not start with it");
        report
            .warnings
            .push(Problem::new("tombolo.yaml", START, message));
    }
    for (name, plan) in &site.systems {
        secrets(plan, &source, report);
        for warning in &plan.bare.package.warnings {
            report
                .warnings
                .push(Problem::new(&plan.file, START, warning.clone()));
        }
        unsigned(plan, report);
        expiring(name, site, report);
        let held_back = admit(&plan.bare, site.grants.get(name), MachineClock.now_ms()).err();
        let adapter = &plan.bare.package.manifest.adapter;
        report.systems.push(SystemReport {
            system: name.clone(),
            file: plan.file.clone(),
            adapter: adapter.name.clone(),
            version: adapter.version.clone(),
            digest: plan.bare.package.digest.clone(),
            signer: plan.bare.signer.clone(),
            held_back,
        });
    }
    for system in site
        .grants
        .keys()
        .filter(|system| !site.systems.contains_key(*system))
    {
        let message = format!(
            "there is no system `{system}`; remove this grant, or add systems/{system}.yaml"
        );
        report.warnings.push(Problem::new(
            &format!("grants/{system}.yaml"),
            START,
            message,
        ));
    }
}

/// A grant whose end is near. One that is over holds its system back, and the table says why.
fn expiring(system: &str, site: &Site, report: &mut Report) {
    let now = MachineClock.now_ms();
    let ends = site
        .grants
        .get(system)
        .and_then(|grant| grant.ends_soon(now));
    if let Some(end) = ends.filter(|end| *end > now) {
        let message = format!(
            "this grant expires at {}, and {system} stops then; approve again with `tombolo grant approve {system}`",
            rfc3339(end)
        );
        let file = format!("grants/{system}.yaml");
        report.warnings.push(Problem::new(&file, START, message));
    }
}

/// What runs unsigned, and what no longer needs to.
fn unsigned(plan: &SystemPlan, report: &mut Report) {
    let Some(at) = plan.unsigned else { return };
    let message = match &plan.bare.signer {
        Signer::Allowed { found } => format!(
            "`unsigned: allow`: this adapter runs by nobody's word: {found}; have it signed, name its publisher in tombolo.yaml, and take this out"
        ),
        Signer::Publisher { key, .. } => format!(
            "`unsigned: allow`: the adapter is signed by the trusted key {key}; take this out"
        ),
        // It is held back, and the table says why.
        Signer::Nobody { .. } => return,
    };
    report.warnings.push(Problem::new(&plan.file, at, message));
}

fn secrets(plan: &SystemPlan, source: &SecretSource, report: &mut Report) {
    for wish in &plan.secrets {
        if let Err(error) = source.resolve_joined(&wish.references, &wish.join) {
            report
                .warnings
                .push(Problem::new(&plan.file, wish.at, error.to_string()));
        }
    }
}
