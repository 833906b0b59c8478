//! From the files of a site to its data: one function per kind of file, then the checks across files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tombolo_flow::problem::Problem;
use tombolo_flow::rehearsal::Rehearsal;
use tombolo_flow::tables::{Table, Tables};
use tombolo_flow::{Flow, FlowSet, Offers as _, yaml};
use tombolo_kernel::grant::{Grant, ReviewRules};
use tombolo_kernel::limits;
use tombolo_manifest::names::is_name;

use super::digests::Digests;
use super::fields::{Problems, START, quoted};
use super::files::{files_ending, files_of, text_of, whole_file};
use super::offered::Offered;
use super::people::{self, People};
use super::place::AdapterPlace;
use super::plan::{Site, SystemPlan};
use super::schedule::{self, SchedulePlan};
use super::settings::Settings;
use super::shelf::{Adapter, Adapters, PackageShelf};
use super::{GrantFound, fields, grant, merge, place, reconciliation, system};
use crate::own;
use crate::secrets::SecretReference;

/// Reads all there is. With problems the site may still be there, for further checks. `instead` is a system's name and
/// the text that its file would have.
pub(crate) fn load(
    folder: &Path,
    shelf: &mut PackageShelf,
    instead: Option<(&str, &str)>,
) -> (Option<Site>, Vec<Problem>) {
    let folder = match std::fs::canonicalize(folder) {
        Ok(folder) if folder.is_dir() => folder,
        Ok(_) => {
            return (
                None,
                vec![whole_file(
                    &folder.display().to_string(),
                    "found a file, expected the folder of a site",
                )],
            );
        }
        Err(error) => {
            let message = format!(
                "cannot open the site's folder: {error}; expected a folder with a tombolo.yaml"
            );
            return (
                None,
                vec![whole_file(&folder.display().to_string(), &message)],
            );
        }
    };
    let mut problems = Vec::new();
    let digests = Digests::of(&folder);
    let settings = settings(&folder, &mut problems);
    shelf.begin(settings.as_ref());
    let mut offered = Offered::default();
    let around = match &settings {
        Some(settings) => Around::of(&folder, settings),
        // There is no site then; further problems are found all the same.
        None => Around {
            folder: &folder,
            has_age: true,
            review: Arc::default(),
        },
    };
    let systems = systems(&around, shelf, instead, &mut offered, &mut problems);
    let grants = grants(&folder, &mut problems);
    let schedules = schedules(&folder, &mut problems);
    let tables = tables(&folder, &mut problems);
    let reconciliations = named(
        &folder,
        "reconciliations",
        &mut problems,
        |name, node, found| reconciliation::read(name, node, &systems, &offered, &tables, found),
    );
    let flows = FlowSet::with_tables(flows(&folder, &mut problems), tables);
    let roles = settings
        .as_ref()
        .and_then(|settings| settings.roles.as_deref());
    let people = people(&folder, &offered.systems(), roles, &mut problems);
    let kinds = settings
        .as_ref()
        .and_then(|settings| settings.kinds.as_deref());
    problems.extend(flows.check(&offered, roles, kinds));
    (
        settings.map(|settings| Site {
            folder,
            settings,
            systems,
            grants,
            schedules,
            reconciliations,
            people,
            flows,
            digests,
        }),
        problems,
    )
}

/// What of the rest of the site a system file is read with.
pub(crate) struct Around<'s> {
    pub(super) folder: &'s Path,
    pub(super) has_age: bool,
    pub(super) review: Arc<ReviewRules>,
}

impl<'s> Around<'s> {
    /// Of a site's folder and main file.
    pub(crate) fn of(folder: &'s Path, settings: &Settings) -> Self {
        Self {
            folder,
            has_age: settings.secrets.is_some(),
            review: Arc::clone(&settings.review),
        }
    }
}

// === the kinds of files ===

pub(super) fn settings(folder: &Path, problems: &mut Vec<Problem>) -> Option<Settings> {
    let file = "tombolo.yaml";
    let text = text_of(folder, file, problems)?;
    let node = yaml::parse(file, &text)
        .map_err(|problem| problems.push(problem))
        .ok()?;
    let mut found = Problems::of(file);
    let settings = Settings::read(&node, folder, &mut found);
    problems.extend(found.into_list());
    Some(settings)
}

fn systems(
    around: &Around<'_>,
    shelf: &mut dyn Adapters,
    instead: Option<(&str, &str)>,
    offered: &mut Offered,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, SystemPlan> {
    let mut systems = BTreeMap::new();
    let mut files: BTreeMap<_, _> = files_of(around.folder, "systems", problems)
        .into_iter()
        .collect();
    files.extend(instead.map(|(name, _)| (name.to_owned(), format!("systems/{name}.yaml"))));
    if files.len() > limits::SYSTEMS {
        let message = format!(
            "found {} systems, expected at most {}; split the site",
            files.len(),
            limits::SYSTEMS
        );
        problems.push(whole_file("systems", &message));
        return systems;
    }
    for (name, file) in files {
        let text = match instead {
            Some((system, text)) if system == name => Some(text.to_owned()),
            _ => text_of(around.folder, &file, problems),
        };
        let draft = match text {
            Some(text) => {
                let (draft, found) = draft(&name, &file, &text, around, shelf);
                problems.extend(found);
                draft
            }
            None => None,
        };
        offered.add(&name, draft.as_ref());
        systems.extend(draft.map(|plan| (name, plan)));
    }
    systems
}

/// Where the adapters of all systems lie, and whether they may be unsigned.
pub(super) fn places(
    folder: &Path,
    problems: &mut Vec<Problem>,
) -> Vec<(String, AdapterPlace, bool)> {
    let read = |node: &yaml::Node, found: &mut Problems| {
        let fields = fields::Fields::any(node, "a system", found)?;
        let unsigned = fields
            .get("unsigned")
            .is_some_and(|node| system::unsigned(node, found));
        let (_, place, _) = place::read(fields, folder, found)?;
        Some((place, unsigned))
    };
    named(folder, "systems", problems, |_, node, found| {
        read(node, found)
    })
    .into_iter()
    .map(|(name, (place, unsigned))| (name, place, unsigned))
    .collect()
}

/// One system file's text as a plan, and what is wrong with it; with problems the plan is good only for further
/// checks. Pure but for what `adapters` does.
pub(crate) fn draft(
    name: &str,
    file: &str,
    text: &str,
    around: &Around<'_>,
    adapters: &mut dyn Adapters,
) -> (Option<SystemPlan>, Vec<Problem>) {
    let node = match yaml::parse(file, text) {
        Ok(node) => node,
        Err(problem) => return (None, vec![problem]),
    };
    let mut problems = Problems::of(file);
    if !is_name(name) {
        let message = format!(
            "the system is named {} after its file; expected lower case letters, digits and `-`, at most 40",
            quoted(name)
        );
        problems.add(START, message);
    }
    if name == own::NAME {
        let message = "the host itself is the system `tombolo`; give this one another name";
        problems.add(START, message);
    }
    let Some(system) = system::read(&node, around.folder, &mut problems) else {
        return (None, problems.into_list());
    };
    let (at, place, path) = system.adapter.clone();
    let (delivery, canary) = (system.delivery, system.canary);
    let Adapter {
        package,
        verdict,
        file: adapter,
    } = match adapters.adapter(&place) {
        Ok(read) => read,
        Err(error) => {
            problems.add(at, format!("adapter {}: {error}", quoted(path)));
            return (None, problems.into_list());
        }
    };
    let timed: BTreeMap<_, _> = system
        .declared
        .feeds
        .iter()
        .map(|(name, feed)| (name.clone(), feed.plan.clone()))
        .collect();
    let of_adapter = package.manifest.adapter.profiles.iter().cloned();
    let profiles = of_adapter.chain(system.declared.profiles.names()).collect();
    let unsigned = system.unsigned.then(|| system.fields.key_at("unsigned"));
    let signer = verdict.signer(system.unsigned);
    let (mut bare, secrets) = merge::merge(name, system, &package, signer, &mut problems);
    bare.review = Arc::clone(&around.review);
    let plan_of = |feed: &String| timed.get(feed).cloned().unwrap_or_default();
    let feeds = bare
        .feeds
        .iter()
        .map(|feed| (feed.clone(), plan_of(feed)))
        .collect();
    for wish in &secrets {
        if !around.has_age
            && wish
                .references
                .iter()
                .any(|reference| matches!(reference, SecretReference::Age(_)))
        {
            problems.add(wish.at, "found an `age:` reference, but tombolo.yaml names no `secrets: { age: ..., identity: ... }`");
        }
    }
    let fingerprint = Sha256::new()
        .chain_update(text)
        .chain_update([0])
        .chain_update(&package.digest)
        .chain_update([0])
        .chain_update(bare.signer.to_string())
        .finalize()
        .into();
    let plan = SystemPlan {
        file: file.to_owned(),
        text: text.to_owned(),
        adapter,
        unsigned,
        bare,
        profiles,
        feeds,
        delivery,
        canary,
        secrets,
        fingerprint,
    };
    (Some(plan), problems.into_list())
}

fn grants(folder: &Path, problems: &mut Vec<Problem>) -> BTreeMap<String, Grant> {
    named(folder, "grants", problems, |name, node, found| {
        grant::read(node, name, found)
    })
}

/// The grant of one system as it lies there now.
pub(super) fn grant_of(folder: &Path, system: &str) -> GrantFound {
    let file = format!("grants/{system}.yaml");
    if matches!(folder.join(&file).try_exists(), Ok(false)) {
        return GrantFound::Nothing;
    }
    match grant_in(folder, &file, system) {
        Ok(grant) => GrantFound::Grant(Box::new(grant)),
        Err(problems) => GrantFound::Unreadable(problems),
    }
}

/// A grant of a system in a file that need not be the site's.
pub(super) fn grant_draft(file: &Path, system: &str) -> Result<Grant, Vec<Problem>> {
    let folder = file.parent().unwrap_or(file);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    grant_in(folder, &name, system)
}

fn grant_in(folder: &Path, file: &str, system: &str) -> Result<Grant, Vec<Problem>> {
    let mut problems = Vec::new();
    let grant = text_of(folder, file, &mut problems).and_then(|text| {
        let node = yaml::parse(file, &text)
            .map_err(|problem| problems.push(problem))
            .ok()?;
        let mut found = Problems::of(file);
        let grant = grant::read(&node, system, &mut found);
        problems.extend(found.into_list());
        grant
    });
    match grant {
        Some(grant) if problems.is_empty() => Ok(grant),
        _ => Err(problems),
    }
}

fn schedules(folder: &Path, problems: &mut Vec<Problem>) -> BTreeMap<String, SchedulePlan> {
    named(folder, "schedules", problems, schedule::read)
}

/// Who is who, where the site says so.
fn people(
    folder: &Path,
    systems: &[String],
    roles: Option<&[String]>,
    problems: &mut Vec<Problem>,
) -> People {
    if matches!(folder.join(people::FILE).try_exists(), Ok(false)) {
        return People::default();
    }
    let Some(text) = text_of(folder, people::FILE, problems) else {
        return People::default();
    };
    match yaml::parse(people::FILE, &text) {
        Ok(node) => {
            let mut found = Problems::of(people::FILE);
            let people = people::read(&node, systems, roles, &mut found);
            problems.extend(found.into_list());
            people
        }
        Err(problem) => {
            problems.push(problem);
            People::default()
        }
    }
}

/// The files of one kind, by name, each read by `read`.
fn named<T>(
    folder: &Path,
    kind: &str,
    problems: &mut Vec<Problem>,
    read: impl Fn(&str, &yaml::Node, &mut Problems) -> Option<T>,
) -> BTreeMap<String, T> {
    let mut all = BTreeMap::new();
    for (name, file) in files_of(folder, kind, problems) {
        let Some(text) = text_of(folder, &file, problems) else {
            continue;
        };
        match yaml::parse(&file, &text) {
            Ok(node) => {
                let mut found = Problems::of(&file);
                all.extend(read(&name, &node, &mut found).map(|one| (name, one)));
                problems.extend(found.into_list());
            }
            Err(problem) => problems.push(problem),
        }
    }
    all
}

/// The flows; their tests are checked along.
pub(super) fn flows(folder: &Path, problems: &mut Vec<Problem>) -> Vec<Flow> {
    let mut flows = Vec::new();
    for (name, file) in files_of(folder, "flows", problems) {
        let Some(text) = text_of(folder, &file, problems) else {
            continue;
        };
        if let Some(name) = name.strip_suffix(".test") {
            problems.extend(Rehearsal::parse(&file, &text).err().into_iter().flatten());
            if !folder.join("flows").join(format!("{name}.yaml")).exists() {
                let message = format!(
                    "found tests of the flow {name}, expected flows/{name}.yaml beside them"
                );
                problems.push(whole_file(&file, &message));
            }
            continue;
        }
        match Flow::parse(&file, &text) {
            Ok(flow) => flows.push(flow),
            Err(found) => problems.extend(found),
        }
    }
    flows
}

pub(super) fn tables(folder: &Path, problems: &mut Vec<Problem>) -> Tables {
    let mut tables = Tables::default();
    for (name, file) in files_ending(folder, "tables", ".csv", problems) {
        let Some(text) = text_of(folder, &file, problems) else {
            continue;
        };
        match Table::parse(&file, &text) {
            Ok(table) => tables.add(&name, table),
            Err(found) => problems.extend(found),
        }
    }
    tables
}

/// The tests of flows, by flow, with their file.
pub(super) fn tests(
    folder: &Path,
    problems: &mut Vec<Problem>,
) -> Vec<(String, String, Vec<Rehearsal>)> {
    let mut tests = Vec::new();
    for (name, file) in files_of(folder, "flows", problems) {
        let Some(name) = name.strip_suffix(".test") else {
            continue;
        };
        let Some(text) = text_of(folder, &file, problems) else {
            continue;
        };
        match Rehearsal::parse(&file, &text) {
            Ok(found) => tests.push((name.to_owned(), file, found)),
            Err(found) => problems.extend(found),
        }
    }
    tests
}
