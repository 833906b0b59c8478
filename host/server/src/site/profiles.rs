//! `profiles` in a system file: the business contracts that the operator's own actions keep. What a profile says of an
//! action need not be said again.

use tombolo_kernel::system::ActionOffer;
use tombolo_manifest::{Profile, ProfileAction};

use super::fields::{self, At, Fields, Problems, quoted};
use super::offers::Declared;

/// The profiles that a system file names.
#[derive(Default)]
pub(crate) struct Kept(Vec<(At, &'static Profile)>);

impl Kept {
    /// Reads `profiles`.
    pub(crate) fn read(file: Fields<'_>, problems: &mut Problems) -> Self {
        let Some(node) = file.get("profiles") else {
            return Self::default();
        };
        let mut kept = Vec::new();
        for (at, name) in fields::texts(node, "profiles", problems) {
            match Profile::named(name) {
                Some(profile) => kept.push((at, profile)),
                None => problems.add(
                    at,
                    format!(
                        "profiles: found {}, expected some of {}",
                        quoted(name),
                        Profile::names()
                    ),
                ),
            }
        }
        Self(kept)
    }

    /// Names of all.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(_, profile)| profile.name.clone())
    }

    /// What one of them says of an action, with its name.
    pub(crate) fn action(&self, name: &str) -> Option<(&'static str, &'static ProfileAction)> {
        self.0.iter().find_map(|(_, profile)| {
            let action = profile.actions.get(name)?;
            Some((profile.name.as_str(), action))
        })
    }

    /// Tells what a system that keeps them has to offer and does not.
    pub(crate) fn check(&self, declared: &Declared, problems: &mut Problems) {
        for (at, profile) in &self.0 {
            let missing = profile.lacking(
                |name| declared.actions.contains_key(name),
                |kind| declared.emits.iter().any(|(_, emitted)| emitted == kind),
            );
            if !missing.is_empty() {
                problems.add(
                    *at,
                    format!(
                        "a system that keeps {} offers {}; add what is missing (events under `emits`), or take the profile out",
                        profile.name,
                        missing.join(", ")
                    ),
                );
            }
        }
    }
}

/// An action as its profile says it; what the file says otherwise is a problem.
pub(crate) fn offer(
    (profile, says): (&str, &ProfileAction),
    written: Fields<'_>,
    summary: String,
    effect: Option<tombolo_manifest::Effect>,
    problems: &mut Problems,
) -> ActionOffer {
    if let Some(effect) = effect.filter(|effect| *effect != says.effect) {
        problems.add(
            written.key_at("effect"),
            format!(
                "effect: found {}, expected {}: {profile} says so; it need not be written",
                effect.word(),
                says.effect.word()
            ),
        );
    }
    for part in ["input", "output"] {
        if written.get(part).is_some() {
            problems.add(
                written.key_at(part),
                format!("{part}: found a schema, expected none: {profile} has it; what only this system knows goes into the input's `extra`"),
            );
        }
    }
    ActionOffer {
        effect: says.effect,
        summary: if summary.is_empty() {
            says.summary.clone()
        } else {
            summary
        },
        input: Some(says.input.clone()),
        output: Some(says.output.clone()),
    }
}
