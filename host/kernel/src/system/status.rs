//! How a system stands, and why one did not start.

use serde::Serialize;

use crate::capability::PrepareError;
use crate::grant::HeldBack;
use crate::package::Signer;

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
    /// Kept crashing; rests until then.
    Quarantined {
        /// Milliseconds since the epoch.
        until_ms: u64,
        /// The last crash.
        message: String,
    },
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
