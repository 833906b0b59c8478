//! What the planned systems offer, for the checks of flows before anything runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use tombolo_flow::Offers;
use tombolo_kernel::system::{ActionOffer, SystemSpec};
use tombolo_manifest::Effect;

/// Actions by system. Of a system whose adapter could not be read nothing is known, so nothing is denied.
#[derive(Debug, Default)]
pub(crate) struct Offered(BTreeMap<String, Option<BTreeMap<String, Arc<ActionOffer>>>>);

impl Offered {
    /// A system with what it offers, or one of which nothing is known.
    pub(crate) fn add(&mut self, system: &str, spec: Option<&SystemSpec>) {
        let actions = spec.map(|spec| {
            spec.actions
                .iter()
                .map(|(name, offer)| (name.clone(), Arc::new(offer.clone())))
                .collect()
        });
        self.0.insert(system.to_owned(), actions);
    }
}

impl Offers for Offered {
    fn systems(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn action(&self, system: &str, action: &str) -> Option<Arc<ActionOffer>> {
        match self.0.get(system)? {
            Some(actions) => actions.get(action).cloned(),
            None => Some(Arc::new(ActionOffer {
                effect: Effect::Write,
                summary: String::new(),
                input: None,
                output: None,
            })),
        }
    }
}
