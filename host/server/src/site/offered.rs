//! What the planned systems offer, for the checks of flows before anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tombolo_flow::Offers;
use tombolo_kernel::system::ActionOffer;
use tombolo_manifest::Effect;

use super::plan::SystemPlan;
use crate::own;

/// What one system offers.
#[derive(Debug)]
struct One {
    actions: BTreeMap<String, Arc<ActionOffer>>,
    profiles: BTreeSet<String>,
}

/// By system. Of a system whose adapter could not be read nothing is known, so nothing is denied.
#[derive(Debug, Default)]
pub(crate) struct Offered(BTreeMap<String, Option<One>>);

impl Offered {
    /// A system with what it offers, or one of which nothing is known.
    pub(crate) fn add(&mut self, system: &str, plan: Option<&SystemPlan>) {
        let one = plan.map(|plan| One {
            actions: plan
                .bare
                .actions
                .iter()
                .map(|(name, offer)| (name.clone(), Arc::new(offer.clone())))
                .collect(),
            profiles: plan.profiles.clone(),
        });
        self.0.insert(system.to_owned(), one);
    }
}

impl Offers for Offered {
    fn systems(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn action(&self, system: &str, action: &str) -> Option<Arc<ActionOffer>> {
        if system == own::NAME {
            return own::offer(action);
        }
        match self.0.get(system)? {
            Some(one) => one.actions.get(action).cloned(),
            None => Some(Arc::new(ActionOffer {
                effect: Effect::Write,
                summary: String::new(),
                input: None,
                output: None,
            })),
        }
    }

    fn keeps(&self, system: &str, profile: &str) -> bool {
        match self.0.get(system) {
            Some(Some(one)) => one.profiles.contains(profile),
            Some(None) => true,
            None => false,
        }
    }
}
