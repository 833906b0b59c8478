//! Texts of flows that were kept for runs that are over.

use std::collections::HashSet;

use tombolo_store::StoreError;

use super::{Engine, version_key};

impl Engine {
    /// Forgets the kept texts that no run needs and that are not in force; how many.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn forget_flows(&self) -> Result<u64, StoreError> {
        let in_force: HashSet<String> = self
            .flows
            .load()
            .flows()
            .map(|flow| flow.version.clone())
            .collect();
        let mut forgotten = 0;
        for version in self.parts.store.unneeded_flows().await? {
            let is_in_memory = self
                .versions
                .lock()
                .iter()
                .any(|(key, flow)| flow.strong_count() > 0 && key.ends_with(&version));
            if in_force.contains(&version) || is_in_memory {
                continue;
            }
            // First: whoever needs it again from now on keeps it anew.
            self.kept
                .lock()
                .retain(|key| !key.ends_with(&version_key("", &version)));
            self.parts.store.forget_flow(&version).await?;
            forgotten += 1;
        }
        Ok(forgotten)
    }
}
