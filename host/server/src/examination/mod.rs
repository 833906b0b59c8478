//! An adapter examined as its vendor publishes it: what its file says, what a reviewer will read of it, and what a live system
//! answers through it, by the cases of the profiles that it keeps. The system is reached with the operator's own secrets and everything that the
//! adapter asks for; writing needs a word of its own.

mod astray;
mod cases;
mod feeds;
mod file;
mod live;
mod review;
mod values;

use std::path::PathBuf;

use serde::Serialize;
use tombolo_flow::problem::Problem;
use tombolo_kernel::sandbox::EngineError;
use tombolo_kernel::system::ConnectError;

use crate::secrets::SecretError;

pub use file::of_file;
pub use live::of_system;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `file`, `review`, `erp/1`, `feeds`, `refused`, `outage`.
    pub part: String,
    /// What was looked at.
    pub what: String,
    /// What came of it.
    pub outcome: Verdict,
    /// What was found, and what to do.
    pub note: String,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Passed,
    /// Good to know.
    Noted,
    /// It was not tried; the note says what it needs.
    Skipped,
    /// Not as it should be.
    Failed,
}

/// How a live system is examined.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// Cases that write are tried, too.
    pub writes: bool,
    /// Values for `${NAME.field}`, over what the cases keep.
    pub given: Vec<(String, String)>,
    /// Program and arguments of the compiling child.
    pub child: (PathBuf, Vec<String>),
}

/// Why a live system is not examined.
#[derive(Debug, thiserror::Error)]
pub enum ExaminationError {
    /// Its file, or the site around it, is not in order.
    #[error("{} problems in the system's file or its site, the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Site(Vec<Problem>),
    /// A secret that cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No place for compiled code.
    #[error(
        "cannot make a folder for compiled code: {0}; make the folder for temporary files writable"
    )]
    Folder(#[from] std::io::Error),
    /// No sandbox.
    #[error("cannot start the sandbox: {0}")]
    Sandbox(#[from] EngineError),
    /// It does not start.
    #[error("the system does not start: {0}")]
    Connect(#[from] ConnectError),
}

impl Finding {
    fn new(part: &str, what: impl Into<String>, outcome: Verdict, note: impl Into<String>) -> Self {
        Self {
            part: part.to_owned(),
            what: what.into(),
            outcome,
            note: note.into(),
        }
    }
}
