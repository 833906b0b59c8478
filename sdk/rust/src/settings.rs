//! `settings`: what the operator wrote for this system, read once per instance in [`Adapter::start`](crate::Adapter).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{Failure, Json};

/// The operator's settings. Parts stay text until they are asked for by type.
#[derive(Debug, Deserialize)]
pub struct Settings {
    /// The system's name.
    pub system: String,
    #[serde(default)]
    settings: Option<Box<RawValue>>,
    /// The `do` of each action that the operator declared.
    #[serde(default)]
    pub actions: BTreeMap<String, Box<RawValue>>,
    /// The `do` of each hook that the operator declared.
    #[serde(default)]
    pub hooks: BTreeMap<String, Box<RawValue>>,
    /// The `do` of each feed that the operator declared.
    #[serde(default)]
    pub feeds: BTreeMap<String, Box<RawValue>>,
}

impl Settings {
    /// Asks the host.
    ///
    /// # Errors
    /// `internal` if the host's answer is not what the contract says.
    pub fn read() -> Result<Self, Failure> {
        serde_json::from_str(&get())
            .map_err(|error| Failure::internal(format!("the host's settings: {error}")))
    }

    /// The `settings` of the system file as `T`.
    ///
    /// # Errors
    /// `internal` with the field that does not fit.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        parse(
            "settings",
            self.settings.as_deref().map_or("{}", RawValue::get),
        )
    }
}

/// One part of the settings as `T`. `place` tells the operator where to look: `actions.item.stock.do`.
///
/// # Errors
/// `internal` with the place and the field that does not fit.
pub fn parse<T: DeserializeOwned>(place: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| {
        // Positions in the host's JSON mean nothing to who wrote YAML.
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        Failure::internal(format!("{place} in the system file: {message}"))
    })
}

/// What an operator declared under `actions`, `hooks` or `feeds`, each made ready once. One that cannot work leaves
/// the others alone: its failure answers its own calls.
#[derive(Debug)]
pub struct Offers<T> {
    what: &'static str,
    /// By name, sorted.
    offers: Vec<(String, Result<T, Failure>)>,
}

impl<T> Offers<T> {
    /// Reads each `do` as an `O` and makes it ready. `what` is `action`, `hook` or `feed`; a problem is told with its
    /// place in the system file.
    pub fn compile<O: DeserializeOwned>(
        what: &'static str,
        declared: &BTreeMap<String, Box<RawValue>>,
        compile: impl Fn(O) -> Result<T, String>,
    ) -> Self {
        let mut offers = Vec::with_capacity(declared.len());
        for (name, options) in declared {
            let place = format!("{what}s.{name}.do");
            let offer = match parse(&place, options.get()) {
                Ok(options) => compile(options).map_err(|problem| {
                    Failure::internal(format!("{place} in the system file: {problem}"))
                }),
                Err(failure) => Err(failure),
            };
            offers.push((name.clone(), offer));
        }
        Self { what, offers }
    }

    /// The one with this name.
    ///
    /// # Errors
    /// `not-offered` if there is none; `internal` if it could not be made ready.
    pub fn get(&self, name: &str) -> Result<&T, Failure> {
        let found = self
            .offers
            .binary_search_by(|(offer, _)| offer.as_str().cmp(name));
        match found.map(|index| &self.offers[index].1) {
            Ok(Ok(offer)) => Ok(offer),
            Ok(Err(failure)) => Err(failure.clone()),
            Err(_) => Err(Failure::not_offered(format!(
                "no {} `{name}` is declared",
                self.what
            ))),
        }
    }
}

fn get() -> Json {
    #[cfg(target_family = "wasm")]
    return crate::bindings::tombolo::adapter::settings::get();
    #[cfg(not(target_family = "wasm"))]
    return crate::testing::current(|host| host.settings_text());
}
