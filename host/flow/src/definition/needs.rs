//! `needs`: the business contracts a flow is written against, so that it works with any system that keeps them.

use tombolo_manifest::Profile;

use super::check::Offers;
use super::{Call, Flow};
use crate::expression::Template;
use crate::problem::{Place, Problem, did_you_mean};
use crate::yaml::{Node, Reader, Value};

/// A system that a flow uses only as a profile says.
#[derive(Debug)]
pub struct Need {
    /// The system's name.
    pub system: String,
    /// What it has to keep.
    pub profile: &'static Profile,
    /// Where that stands.
    pub place: Place,
}

/// Reads what stands under `needs`.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Vec<Need> {
    let Value::Map(entries) = &node.value else {
        reader.wrong(
            node.place,
            format!(
                "needs: found {}, expected a mapping of systems to profiles such as {{ erp: erp/1 }}",
                node.describe()
            ),
        );
        return Vec::new();
    };
    let mut needs = Vec::new();
    for (key, value) in entries {
        let names = match &value.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![value],
        };
        for name in names {
            let Some(text) = reader.text(name, "needs") else {
                continue;
            };
            match Profile::named(text) {
                Some(profile) => needs.push(Need {
                    system: key.text.clone(),
                    profile,
                    place: name.place,
                }),
                None => {
                    let message = format!(
                        "needs.{}: found \"{text}\", expected one of {}",
                        key.text,
                        Profile::names()
                    );
                    reader.wrong(name.place, message);
                }
            }
        }
    }
    needs
}

/// Systems that do not keep what the flow needs of them.
pub(super) fn check(flow: &Flow, offers: &dyn Offers, systems: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for need in &flow.needs {
        let (system, profile) = (&need.system, &need.profile.name);
        if !systems.contains(system) {
            let near = did_you_mean(system, systems.iter().map(String::as_str));
            let message = format!("needs: there is no system \"{system}\"{near}");
            problems.push(Problem::new(&flow.file, need.place, message));
        } else if !offers.keeps(system, profile) {
            let message = format!(
                "needs: the system \"{system}\" does not keep {profile}; connect one whose adapter, or whose system file under `profiles`, names it"
            );
            problems.push(Problem::new(&flow.file, need.place, message));
        }
    }
    problems
}

/// What is wrong with a call to a system that the flow uses as a profile says.
pub(super) fn check_call(flow: &Flow, call: &Call) -> Option<String> {
    let mut profiles = flow
        .needs
        .iter()
        .filter(|need| need.system == call.system)
        .map(|need| need.profile)
        .peekable();
    profiles.peek()?;
    let profiles: Vec<&Profile> = profiles.collect();
    let has = |profile: &&Profile| profile.actions.contains_key(&call.action);
    if !profiles.iter().any(has) {
        let names: Vec<&str> = profiles
            .iter()
            .map(|profile| profile.name.as_str())
            .collect();
        let known = profiles
            .iter()
            .flat_map(|profile| profile.actions.keys().map(String::as_str));
        return Some(format!(
            "call: {} has no action \"{}\", and this flow needs no more of \"{}\"{}",
            names.join(" and "),
            call.action,
            call.system,
            did_you_mean(&call.action, known)
        ));
    }
    let Template::Map(fields) = &call.with else {
        return None;
    };
    let extra = fields
        .iter()
        .any(|(key, _)| key.trim_end_matches(':') == "\"extra\"");
    extra.then(|| {
        format!(
            "with: found \"extra\", which only this one system understands; leave it out, or take \"{}\" out of `needs`",
            call.system
        )
    })
}
