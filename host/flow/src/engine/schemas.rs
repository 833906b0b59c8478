//! The compiled input schemas, by system and action.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use tombolo_kernel::failure::{Failure, FieldProblem};
use tombolo_kernel::system::ActionOffer;

use super::schema::{InputSchema, field_problems};

/// Compiled input schemas, by system and action; a changed offer is compiled anew.
#[derive(Default)]
pub(super) struct Schemas {
    known: RwLock<HashMap<(String, String), Known>>,
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
        if let Some((known, compiled)) = self.known.read().get(&key)
            && (Arc::ptr_eq(known, offer) || known.input == offer.input)
        {
            return Arc::clone(compiled);
        }
        let compiled = Arc::new(InputSchema::compile(offer));
        self.known
            .write()
            .insert(key, (Arc::clone(offer), Arc::clone(&compiled)));
        compiled
    }
}
