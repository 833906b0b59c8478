//! Business contracts: what systems of one kind can be asked to do and what they tell. The texts are
//! `wit/profiles/*.yaml`, whose README says what their keys mean.

mod schema;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use crate::Effect;

/// The texts that this version knows.
const TEXTS: [&str; 8] = [
    include_str!("../../../../wit/profiles/approval-1.yaml"),
    include_str!("../../../../wit/profiles/commerce-1.yaml"),
    include_str!("../../../../wit/profiles/crm-1.yaml"),
    include_str!("../../../../wit/profiles/device-1.yaml"),
    include_str!("../../../../wit/profiles/erp-1.yaml"),
    include_str!("../../../../wit/profiles/im-1.yaml"),
    include_str!("../../../../wit/profiles/logistics-1.yaml"),
    include_str!("../../../../wit/profiles/ticketing-1.yaml"),
];

/// One business contract. Its schemas stand alone: references to `types` are resolved.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// `erp/1`.
    #[serde(rename = "profile")]
    pub name: String,
    /// One sentence.
    pub summary: String,
    #[serde(default)]
    types: BTreeMap<String, Value>,
    /// What a system is asked to do.
    pub actions: BTreeMap<String, ProfileAction>,
    /// What it tells.
    pub events: BTreeMap<String, ProfileEvent>,
    /// What is tried on a live system, in order.
    #[serde(default)]
    pub cases: Vec<Case>,
}

/// Something that is tried on a live system. `${NAME.field}` in texts is what an earlier case kept, `${unique}` a text
/// that no other check has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The action.
    pub call: String,
    /// Its input.
    #[serde(default)]
    pub with: Value,
    /// Kinds of failure of which it has to be one; none: it has to go well.
    #[serde(default)]
    pub fails: Vec<String>,
    /// Called twice under one key: what has to be the same both times, a JSON pointer into the answer.
    pub twice: Option<String>,
    /// A list in the answer, a JSON pointer: it is read in pages of one.
    pub items: Option<String>,
    /// The name under which the answer, or the first of a list, is kept.
    pub keep: Option<String>,
}

/// Something that systems of this kind can be asked to do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileAction {
    /// What it does to the world.
    pub effect: Effect,
    /// One sentence.
    pub summary: String,
    /// Whether a system that keeps the profile may lack it.
    #[serde(default)]
    pub optional: bool,
    /// JSON Schema: an object that takes no other fields, save those of one system under `extra`.
    pub input: Value,
    /// JSON Schema.
    pub output: Value,
    /// Kinds of failure with what each means here.
    #[serde(default)]
    pub failures: BTreeMap<String, String>,
    /// At least one.
    pub examples: Vec<Example>,
}

/// An input and what may be answered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Fits the action's `input`.
    pub input: Value,
    /// Fits its `output`.
    pub output: Value,
}

/// Something that systems of this kind tell.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileEvent {
    /// One sentence.
    pub summary: String,
    /// Whether a system that keeps the profile may lack it.
    #[serde(default)]
    pub optional: bool,
    /// JSON Schema of the event's data.
    pub data: Value,
    /// Fits `data`.
    pub example: Value,
}

static KNOWN: LazyLock<BTreeMap<String, Profile>> = LazyLock::new(|| {
    TEXTS
        .iter()
        .filter_map(|text| Profile::read(text).ok())
        .map(|profile| (profile.name.clone(), profile))
        .collect()
});

impl Profile {
    /// The profile of this name, if this version knows it.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        KNOWN.get(name)
    }

    /// All that this version knows, by name.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        KNOWN.values()
    }

    /// Names of all, for messages: `crm/1, erp/1`.
    #[must_use]
    pub fn names() -> String {
        let names: Vec<&str> = KNOWN.keys().map(String::as_str).collect();
        names.join(", ")
    }

    /// What a system that keeps the profile has to offer and lacks, in words; `action` and `event` say what it has.
    pub fn lacking(
        &self,
        action: impl Fn(&str) -> bool,
        event: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let actions = self
            .actions
            .iter()
            .filter(|(name, says)| !says.optional && !action(name))
            .map(|(name, _)| format!("the action `{name}`"));
        let events = self
            .events
            .iter()
            .filter(|(kind, says)| !says.optional && !event(kind))
            .map(|(kind, _)| format!("the event `{kind}`"));
        actions.chain(events).collect()
    }

    fn read(text: &str) -> Result<Self, String> {
        let mut profile: Self = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let types = std::mem::take(&mut profile.types);
        for action in profile.actions.values_mut() {
            schema::resolve(&mut action.input, &types)?;
            schema::close(&mut action.input);
            schema::resolve(&mut action.output, &types)?;
        }
        for event in profile.events.values_mut() {
            schema::resolve(&mut event.data, &types)?;
        }
        Ok(profile)
    }
}

#[cfg(test)]
mod tests;
