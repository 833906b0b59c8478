//! `settings`: what the operator wrote for a system. It carries no authority and no secret.

use std::sync::Arc;

/// One system's settings, made by the host as `wit/settings.wit` has them.
#[derive(Debug, Clone)]
pub struct Settings(Arc<str>);

impl Settings {
    /// Takes the JSON text that the site was read into.
    #[must_use]
    pub fn prepare(text: Arc<str>) -> Self {
        Self(text)
    }

    /// The same text for the life of every instance.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}
