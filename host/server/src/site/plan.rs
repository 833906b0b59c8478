//! What a checked site is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use tombolo_flow::{Deliveries, Delivery, FlowSet};
use tombolo_kernel::grant::Grant;
use tombolo_kernel::secret::Secret;
use tombolo_kernel::system::{Binding, Credential, SqlPlace, SystemSpec};

use super::canary::CanaryPlan;
use super::digests::Digests;
use super::feed::FeedPlan;
use super::fields::At;
use super::people::People;
use super::reconciliation::ReconciliationPlan;
use super::schedule::SchedulePlan;
use super::settings::Settings;
use crate::secrets::{SecretError, SecretReference, SecretSource};

/// A site that checks. Nothing in it is secret.
#[derive(Debug)]
pub struct Site {
    /// Absolute.
    pub folder: PathBuf,
    /// `tombolo.yaml`.
    pub settings: Settings,
    /// `systems/`, by name.
    pub systems: BTreeMap<String, SystemPlan>,
    /// `grants/`, by system.
    pub grants: BTreeMap<String, Grant>,
    /// `schedules/`, by name.
    pub schedules: BTreeMap<String, SchedulePlan>,
    /// `reconciliations/`, by name.
    pub reconciliations: BTreeMap<String, ReconciliationPlan>,
    /// `people.yaml`.
    pub people: People,
    /// `flows/`.
    pub flows: FlowSet,
    /// What all of these said. A file that changes while it is read brings another reading, which tells.
    pub digests: Digests,
}

impl Site {
    /// How calls go out to each system.
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        let of = |(name, plan): (&String, &SystemPlan)| (name.clone(), plan.delivery);
        self.systems.iter().map(of).collect()
    }
}

/// One system, checked, with references in place of secrets.
#[derive(Debug, Clone)]
pub struct SystemPlan {
    /// `systems/erp.yaml`.
    pub file: String,
    /// What that says.
    pub(crate) text: String,
    /// Where its adapter was read from.
    pub adapter: PathBuf,
    /// Where its file says that the adapter may run unsigned, if it does.
    pub(crate) unsigned: Option<At>,
    /// Complete but for its secrets, which are empty.
    pub bare: SystemSpec,
    /// Business contracts that it keeps.
    pub profiles: BTreeSet<String>,
    /// When each of its feeds is read.
    pub feeds: BTreeMap<String, FeedPlan>,
    /// How calls go out to it.
    pub delivery: Delivery,
    /// How a new version is tried, if not at once by all.
    pub canary: Option<CanaryPlan>,
    /// Which secrets go where.
    pub secrets: Vec<SecretWish>,
    /// SHA-256 over the system file, the adapter's digest and who vouches for it.
    pub fingerprint: [u8; 32],
}

/// One secret that a system needs.
#[derive(Debug, Clone)]
pub struct SecretWish {
    /// Where it goes.
    pub slot: SecretSlot,
    /// Where it is kept; several are joined.
    pub references: Vec<SecretReference>,
    /// What is put between several.
    pub join: String,
    /// Where the file says so.
    pub(crate) at: At,
}

/// The place of a secret in a `SystemSpec`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSlot {
    /// The credential of this HTTP connection.
    Credential(String),
    /// The password of this database's or broker's connection.
    Password(String),
    /// This key.
    Key(String),
}

impl SystemPlan {
    /// The system with its secrets in place.
    ///
    /// # Errors
    /// The first secret that cannot be had.
    pub fn resolve(&self, source: &SecretSource) -> Result<SystemSpec, SecretError> {
        let mut spec = self.bare.clone();
        for wish in &self.secrets {
            let secret = source.resolve_joined(&wish.references, &wish.join)?;
            wish.slot.fill(&mut spec, secret);
        }
        Ok(spec)
    }
}

impl SecretSlot {
    fn fill(&self, spec: &mut SystemSpec, secret: Secret) {
        match self {
            Self::Key(name) => {
                if let Some(key) = spec.keys.get_mut(name) {
                    key.secret = secret;
                }
            }
            Self::Credential(name) => {
                if let Some(Binding::Http(http)) = spec.connections.get_mut(name) {
                    fill_credential(&mut http.credential, secret);
                }
            }
            Self::Password(name) => match spec.connections.get_mut(name) {
                Some(Binding::Sql(sql)) => match &mut sql.place {
                    SqlPlace::Postgres { password, .. } | SqlPlace::MySql { password, .. } => {
                        *password = Some(secret)
                    }
                    SqlPlace::Sqlite { .. } => {}
                },
                Some(Binding::Broker(broker)) => broker.place.password = Some(secret),
                Some(Binding::Http(_)) | None => {}
            },
        }
    }
}

impl SecretSlot {
    /// What is in the slot; empty where nothing is.
    pub(crate) fn value<'s>(&self, spec: &'s SystemSpec) -> &'s [u8] {
        let secret = match self {
            Self::Key(name) => spec.keys.get(name).map(|key| &key.secret),
            Self::Credential(name) | Self::Password(name) => match spec.connections.get(name) {
                Some(Binding::Http(http)) => secret_of(&http.credential),
                Some(Binding::Broker(broker)) => broker.place.password.as_ref(),
                Some(Binding::Sql(sql)) => match &sql.place {
                    SqlPlace::Postgres { password, .. } | SqlPlace::MySql { password, .. } => {
                        password.as_ref()
                    }
                    SqlPlace::Sqlite { .. } => None,
                },
                None => None,
            },
        };
        secret.map(Secret::expose).unwrap_or_default()
    }
}

fn secret_of(credential: &Credential) -> Option<&Secret> {
    match credential {
        Credential::None => None,
        Credential::Basic {
            password: secret, ..
        }
        | Credential::Bearer { token: secret }
        | Credential::Header { value: secret, .. }
        | Credential::Query { value: secret, .. }
        | Credential::OAuth2ClientCredentials {
            client_secret: secret,
            ..
        } => Some(secret),
    }
}

fn fill_credential(credential: &mut Credential, secret: Secret) {
    match credential {
        Credential::None => {}
        Credential::Basic { password: slot, .. }
        | Credential::Bearer { token: slot }
        | Credential::Header { value: slot, .. }
        | Credential::Query { value: slot, .. }
        | Credential::OAuth2ClientCredentials {
            client_secret: slot,
            ..
        } => *slot = secret,
    }
}

/// The stand-in for a secret that is not resolved yet.
pub(crate) fn no_secret() -> Secret {
    Secret::new(Vec::new())
}
