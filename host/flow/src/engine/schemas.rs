//! The compiled input schemas, by system and action.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use tombolo_kernel::failure::{Failure, FieldProblem};
use tombolo_kernel::system::ActionOffer;

use super::schema::{InputSchema, field_problems};

/// Versions of a system that take calls side by side: what runs, and a canary.
const VERSIONS: usize = 2;

/// Compiled input schemas, by system and action; a changed offer is compiled anew.
#[derive(Default)]
pub(super) struct Schemas {
    known: RwLock<HashMap<(String, String), Vec<Known>>>,
}

/// The offer it was compiled from, and what came of it.
type Known = (Arc<ActionOffer>, Arc<Compiled>);

type Compiled = Result<Option<InputSchema>, String>;

impl Schemas {
    /// Checks an input before anything is sent.
    pub(super) fn check(
        &self,
        system: &str,
        action: &str,
        offer: &Arc<ActionOffer>,
        input: &str,
    ) -> Result<(), Failure> {
        if offer.input.is_none() {
            return Ok(());
        }
        match &*self.compiled(system, action, offer) {
            Ok(None) => Ok(()),
            Ok(Some(schema)) => match field_problems(schema, input) {
                problems if problems.is_empty() => Ok(()),
                problems => Err(Failure::InvalidInput { problems }),
            },
            Err(message) => {
                let problem = FieldProblem {
                    path: String::new(),
                    message: format!("{system}.{action}: {message}"),
                };
                Err(Failure::InvalidInput {
                    problems: vec![problem],
                })
            }
        }
    }

    fn compiled(&self, system: &str, action: &str, offer: &Arc<ActionOffer>) -> Arc<Compiled> {
        // One allocation for the key is all this costs; the map is small.
        let key = (system.to_owned(), action.to_owned());
        let known = self.known.read();
        let mut of_action = known.get(&key).into_iter().flatten();
        let same = |(known, _): &&Known| Arc::ptr_eq(known, offer) || known.input == offer.input;
        if let Some((_, compiled)) = of_action.find(same) {
            return Arc::clone(compiled);
        }
        drop(known);
        let compiled = Arc::new(InputSchema::compile(offer));
        let mut known = self.known.write();
        let of_action = known.entry(key).or_default();
        of_action.insert(0, (Arc::clone(offer), Arc::clone(&compiled)));
        of_action.truncate(VERSIONS);
        compiled
    }
}
