//! How a system stands, and why one did not start.

use serde::{Deserialize, Serialize};

use crate::capability::PrepareError;
use crate::grant::HeldBack;
use crate::package::Signer;

/// A system that a person took out of service: its calls wait, its hooks send senders away, its feeds pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Who did.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Milliseconds since the epoch.
    pub since_ms: u64,
}

/// What a system did by itself, for whoever tells people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LifeNews {
    /// It kept crashing and rests.
    Quarantined(super::Quarantine),
    /// Its canary did clearly worse than the version beside it, which has all lanes again.
    FellBack {
        /// Of the canary.
        digest: String,
        /// What was worse.
        why: String,
    },
}

/// How a system stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum SystemState {
    /// Takes calls.
    Running,
    /// Waits for a reviewer; an older version may be running meanwhile.
    HeldBack {
        /// Why and what to do.
        message: String,
        /// Whether the version before keeps running.
        older_running: bool,
    },
    /// Kept crashing; rests until a person enables it or another version takes its place.
    Quarantined {
        /// Milliseconds since the epoch.
        since_ms: u64,
        /// The last crash.
        message: String,
    },
    /// A person took it out of service.
    Disabled(Disabled),
    /// Could not be loaded.
    Failed {
        /// Why and what to do.
        message: String,
    },
}

/// One line of `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SystemStatus {
    /// The system.
    pub system: String,
    /// `vendor/name`.
    pub adapter: String,
    /// Version.
    pub version: String,
    /// `sha256:...` of what runs, or would.
    pub digest: String,
    /// By whose word it runs, or would.
    pub signer: Signer,
    /// How it stands.
    #[serde(flatten)]
    pub state: SystemState,
    /// When the grant that it runs by ends, milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// Since when the version that runs takes calls, milliseconds since the epoch.
    pub running_since_ms: Option<u64>,
    /// Calls under way.
    pub under_way: usize,
    /// Instances alive.
    pub instances: usize,
}

/// Why a system did not start.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No grant, another digest, or wider wishes.
    #[error("{}", .0.message)]
    HeldBack(HeldBack),
    /// Its bindings cannot work.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// It does not compile or start.
    #[error("{0}")]
    Load(String),
}
