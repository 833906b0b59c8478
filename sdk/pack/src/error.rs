//! Why an adapter cannot be built.

use std::path::{Path, PathBuf};

/// Every message says what was found, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A file cannot be read or written.
    #[error("{}: {doing}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// `adapter.toml` is wrong; one line per problem.
    #[error("{0}")]
    Manifest(String),
    /// The folder is not one of an adapter.
    #[error("{0}")]
    Folder(String),
    /// No toolchain on this machine compiles for wasm.
    #[error("{0}")]
    Toolchain(String),
    /// The compiler refused the adapter; its own words.
    #[error("the adapter does not compile:\n{0}")]
    Compile(String),
    /// What the compiler made is not an adapter.
    #[error("{0}")]
    Component(String),
    /// A key or a signature cannot be made or read.
    #[error("{0}")]
    Signing(String),
}

impl PackError {
    /// For `map_err` on file operations.
    pub(crate) fn file(path: &Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            path,
            doing,
            source,
        }
    }
}
