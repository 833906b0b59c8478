//! What `push` and `pull` have in common: how a registry is reached.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tombolo_kernel::secret::Secret;
use tombolo_server::registry::{Access, Reference, Source, site_access};
use tombolo_server::site;

use super::password;
use crate::check;

#[derive(Debug, clap::Args)]
pub(super) struct RegistryArguments {
    /// Folder of the site whose `registries` and `publishers` count
    #[arg(long, value_name = "DIR")]
    pub(super) site: Option<PathBuf>,
    /// Who asks, where the registry wants to know
    #[arg(long, value_name = "NAME", requires = "password_env")]
    user: Option<String>,
    /// Variable that holds the password
    #[arg(long, value_name = "NAME", requires = "user")]
    password_env: Option<String>,
    /// Plain HTTP, although the registry is not this machine
    #[arg(long)]
    insecure: bool,
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u32,
}

impl RegistryArguments {
    /// Name and password for a registry or server: of the command line, else of the site.
    pub(super) fn access(&self, host: &str) -> anyhow::Result<Access> {
        let mut access = match &self.site {
            Some(folder) => of_site(folder, host)?,
            None => Access::default(),
        };
        if let (Some(user), Some(variable)) = (&self.user, &self.password_env) {
            let password = password::of_variable(variable)?;
            access.credential = Some((user.clone(), Secret::new(password.as_bytes().to_vec())));
        }
        access.insecure |= self.insecure;
        Ok(access)
    }

    /// For all of it.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.timeout.into())
    }
}

fn of_site(folder: &Path, host: &str) -> anyhow::Result<Access> {
    let settings =
        site::settings(folder).map_err(|problems| check::not_in_order(folder, &problems))?;
    Ok(site_access(folder, &settings, host)?)
}

/// A reference as it was typed.
pub(super) fn reference(text: &str) -> anyhow::Result<Reference> {
    Reference::parse(text)
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("{text:?} names no place in a registry"))
}

/// The same, or an address.
pub(super) fn source(text: &str) -> anyhow::Result<Source> {
    Source::parse(text)
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("{text:?} names no place of an adapter"))
}
