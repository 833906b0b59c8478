//! What a vendor need not write because a profile says it, and what an adapter that names a profile owes.

use std::collections::BTreeMap;

use crate::check::Problem;
use crate::profile::{Profile, ProfileAction};
use crate::{Action, Effect, Manifest, WrittenAction};

/// The manifest with what its profiles say, and what does not fit them. Profiles that are not known are not looked at.
pub(super) fn complete(written: Manifest<WrittenAction>) -> (Manifest, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut profiles = Vec::new();
    for (index, name) in written.adapter.profiles.iter().enumerate() {
        match Profile::named(name) {
            Some(profile) => profiles.push((index, profile)),
            None if crate::names::is_profile(name) => problems.push(at(
                &["adapter", "profiles", &index.to_string()],
                format!(
                    "found the profile `{name}`, expected one of {}; leave it out, or use a newer Tombolo",
                    Profile::names()
                ),
            )),
            // Its spelling is the check's.
            None => {}
        }
    }
    // What only an unknown profile could say is not told to be missing.
    let unknown = profiles.len() < written.adapter.profiles.len();
    let mut emits = written.events.emits;
    if !written.adapter.generic {
        for (index, profile) in &profiles {
            owed(*index, profile, &written.actions, &emits, &mut problems);
        }
    }
    for (kind, summary) in &mut emits {
        if summary.is_empty()
            && let Some(event) = profiles
                .iter()
                .find_map(|(_, profile)| profile.events.get(kind))
        {
            summary.clone_from(&event.summary);
        }
        if summary.is_empty() && unknown {
            summary.clone_from(kind);
        }
    }
    let actions = written
        .actions
        .into_iter()
        .map(|(name, action)| {
            let of_profile = profiles.iter().find_map(|(_, profile)| {
                let found = profile.actions.get(&name)?;
                Some((profile.name.as_str(), found))
            });
            let action = match of_profile {
                Some(found) => kept(&name, action, found, &mut problems),
                None => alone(&name, action, unknown, &mut problems),
            };
            (name, action)
        })
        .collect();
    let manifest = Manifest {
        adapter: written.adapter,
        connections: written.connections,
        keys: written.keys,
        actions,
        hooks: written.hooks,
        feeds: written.feeds,
        events: crate::Events { emits },
        store: written.store,
        calls: written.calls,
        limits: written.limits,
    };
    (manifest, problems)
}

/// What a profile asks for and the manifest does not have.
fn owed(
    index: usize,
    profile: &Profile,
    actions: &BTreeMap<String, WrittenAction>,
    emits: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) {
    let missing = profile.lacking(
        |name| actions.contains_key(name),
        |kind| emits.contains_key(kind),
    );
    if !missing.is_empty() {
        problems.push(at(
            &["adapter", "profiles", &index.to_string()],
            format!(
                "an adapter that keeps `{}` offers {}; add what is missing, or leave the profile out",
                profile.name,
                missing.join(", ")
            ),
        ));
    }
}

/// An action that a profile has.
fn kept(
    name: &str,
    written: WrittenAction,
    (profile, says): (&str, &ProfileAction),
    problems: &mut Vec<Problem>,
) -> Action {
    if let Some(effect) = written.effect.filter(|effect| *effect != says.effect) {
        problems.push(at(
            &["actions", name, "effect"],
            format!(
                "found the effect {}, expected {}: `{profile}` says so; it need not be written",
                effect.word(),
                says.effect.word()
            ),
        ));
    }
    for (part, schema) in [("input", &written.input), ("output", &written.output)] {
        if schema.is_some() {
            problems.push(at(
                &["actions", name, part],
                format!("found a schema, expected none: `{profile}` has it; what only this system knows goes into the input's `extra`"),
            ));
        }
    }
    Action {
        effect: says.effect,
        summary: written.summary.unwrap_or_else(|| says.summary.clone()),
        input: Some(says.input.clone()),
        output: Some(says.output.clone()),
        uses: written.uses,
    }
}

/// An action that is the adapter's alone.
fn alone(name: &str, written: WrittenAction, unknown: bool, problems: &mut Vec<Problem>) -> Action {
    let mut missing = |what: &str, example: &str| {
        if unknown {
            return;
        }
        problems.push(at(
            &["actions", name],
            format!("`{what}` is missing, expected {example}; only an action of a profile that the adapter names can leave it out"),
        ));
    };
    if written.effect.is_none() {
        missing("effect", "read, write or destructive");
    }
    if written.summary.is_none() {
        missing("summary", "one sentence");
    }
    Action {
        effect: written.effect.unwrap_or(Effect::Destructive),
        // One that is missing has been told.
        summary: written.summary.unwrap_or_else(|| name.to_owned()),
        input: written.input,
        output: written.output,
        uses: written.uses,
    }
}

fn at(path: &[&str], message: String) -> Problem {
    Problem {
        path: path.iter().map(|part| (*part).to_owned()).collect(),
        message,
    }
}
