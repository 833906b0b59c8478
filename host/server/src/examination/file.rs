//! What an adapter's file says, read as a host reads it.

use tombolo_kernel::package::Package;
use tombolo_kernel::schema::InputSchema;
use tombolo_manifest::Profile;

use super::review::review;
use super::{Finding, Verdict};

/// Larger ones compile long and are loaded slowly: a hint, not a bound.
const LARGE: usize = 4 << 20;

/// Findings of the file alone. What is refused outright never becomes a [`Package`].
#[must_use]
pub fn of_file(package: &Package) -> Vec<Finding> {
    let manifest = &package.manifest;
    let adapter = &manifest.adapter;
    let finding = |what: &str, outcome, note: String| Finding::new("file", what, outcome, note);
    let mut found = vec![finding(
        "manifest",
        Verdict::Passed,
        format!("{} {}: {}", adapter.name, adapter.version, adapter.summary),
    )];
    found.push(if adapter.generic {
        let note = "a generic adapter: system files name the profiles that their actions keep";
        finding("profiles", Verdict::Passed, note.to_owned())
    } else {
        profiles(&adapter.profiles)
    });
    let schemas = manifest
        .actions
        .iter()
        .flat_map(|(name, action)| [(name, &action.input), (name, &action.output)]);
    let wrong: Vec<String> = schemas
        .filter_map(|(name, schema)| {
            let error = InputSchema::compile(schema.as_ref()?).err()?;
            Some(format!("{name}: {error}"))
        })
        .collect();
    let without = manifest
        .actions
        .values()
        .filter(|action| action.input.is_none() || action.output.is_none())
        .count();
    found.push(match (wrong.is_empty(), without) {
        (false, _) => finding("schemas", Verdict::Failed, wrong.join("; ")),
        (true, 0) => finding(
            "schemas",
            Verdict::Passed,
            format!("{} actions, all with input and output", manifest.actions.len()),
        ),
        (true, some) => finding(
            "schemas",
            Verdict::Noted,
            format!("{some} of {} actions lack a schema of input or output: flows that call them cannot be checked before they run", manifest.actions.len()),
        ),
    });
    let imports: Vec<&str> = package.imports.iter().map(String::as_str).collect();
    found.push(match package.warnings.as_slice() {
        [] => finding(
            "imports",
            Verdict::Passed,
            format!(
                "uses what it asks for, and nothing else: {}",
                imports.join(" ")
            ),
        ),
        warnings => finding("imports", Verdict::Noted, warnings.join("; ")),
    });
    let (size, bytes) = (package.bytes.len() >> 10, package.bytes.len());
    found.push(if bytes > LARGE {
        finding(
            "size",
            Verdict::Noted,
            format!("{size} KiB: compiles for seconds at its first start"),
        )
    } else {
        finding("size", Verdict::Passed, format!("{size} KiB"))
    });
    found.push(match &package.sbom {
        Some(sbom) => finding(
            "built from",
            Verdict::Passed,
            format!(
                "{} components, CycloneDX {}",
                sbom.inside, sbom.spec_version
            ),
        ),
        None => finding(
            "built from",
            Verdict::Noted,
            "it does not say; `tombolo adapter build` puts an SBOM in".to_owned(),
        ),
    });
    found.extend(review(package));
    found
}

/// A manifest that does not keep what it names is refused by its reader.
fn profiles(named: &[String]) -> Finding {
    let known: Vec<&Profile> = named
        .iter()
        .filter_map(|name| Profile::named(name))
        .collect();
    if known.is_empty() {
        let note = "none: flows that use it work with it alone; `wit/profiles` has those there are";
        return Finding::new("file", "profiles", Verdict::Noted, note);
    }
    let note = known
        .iter()
        .map(|profile| format!("keeps {} ({})", profile.name, profile.summary))
        .collect::<Vec<_>>()
        .join("; ");
    Finding::new("file", "profiles", Verdict::Passed, note)
}
