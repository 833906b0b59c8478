//! From a checked package to code that can be instantiated. Systems of one adapter share it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use wasmtime::component::Component;

use super::Engine;
use super::bindings::AdapterPre;
use super::compile::{CompileError, compile};
use super::state::StoreState;
use crate::package::{CONTRACT, Package};
use crate::system::ConnectError;

/// An adapter's code, linked.
pub(crate) type Code = AdapterPre<StoreState>;

/// By digest. Whoever loads one holds its lock, so that it is compiled once.
pub(super) type Loaded = HashMap<String, Arc<tokio::sync::Mutex<Weak<Code>>>>;

/// Why an adapter cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(
        "it does not fit the contract: this host has {CONTRACT}, and {0}; update the host, or have the vendor build the adapter against {CONTRACT}"
    )]
    Link(String),
    #[error("the host stops")]
    Stopped,
}

/// An adapter's code in memory. While one is held, systems of that adapter start without loading.
pub struct LoadedCode {
    _code: Arc<Code>,
}

impl Engine {
    /// Loads a package's code ahead of the systems that run it.
    ///
    /// # Errors
    /// [`ConnectError::Load`]: it does not compile, or does not fit the contract.
    pub async fn preload(self: &Arc<Self>, package: &Package) -> Result<LoadedCode, ConnectError> {
        match self.load(package).await {
            Ok(code) => Ok(LoadedCode { _code: code }),
            Err(error) => Err(ConnectError::Load(error.to_string())),
        }
    }

    /// Code for a package: from memory, from the cache, or compiled.
    pub(crate) async fn load(self: &Arc<Self>, package: &Package) -> Result<Arc<Code>, LoadError> {
        let entry = {
            let mut loaded = self.loaded.lock();
            // An entry that only this map holds and whose code is gone is of no use to anybody.
            loaded.retain(|_, entry| {
                Arc::strong_count(entry) > 1
                    || entry.try_lock().is_ok_and(|code| code.strong_count() > 0)
            });
            Arc::clone(loaded.entry(package.digest.clone()).or_default())
        };
        let mut slot = entry.lock().await;
        if let Some(code) = slot.upgrade() {
            return Ok(code);
        }
        let component = match self.cached(package).await? {
            Some(component) => component,
            None => self.compiled(package).await?,
        };
        let linked = self.linker.instantiate_pre(&component).and_then(Code::new);
        let code = Arc::new(linked.map_err(|error| LoadError::Link(format!("{error:#}")))?);
        *slot = Arc::downgrade(&code);
        Ok(code)
    }

    async fn cached(self: &Arc<Self>, package: &Package) -> Result<Option<Component>, LoadError> {
        let engine = Arc::clone(self);
        let digest = package.digest.clone();
        let read = move || engine.cache.read(&engine.runtime, &digest);
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| LoadError::Stopped)
    }

    async fn compiled(self: &Arc<Self>, package: &Package) -> Result<Component, LoadError> {
        // The semaphore is never closed.
        let _permit = self
            .compiles
            .acquire()
            .await
            .map_err(|_| LoadError::Stopped)?;
        let code = compile(&self.child, Arc::clone(&package.bytes)).await?;
        let engine = Arc::clone(self);
        let digest = package.digest.clone();
        let keep = move || {
            if let Err(error) = engine.cache.write(&digest, &code) {
                tracing::warn!(%digest, %error, "compiled code is not kept; the next start compiles again");
            }
            engine.cache.trusted(&engine.runtime, &code)
        };
        let component = tokio::task::spawn_blocking(keep)
            .await
            .map_err(|_| LoadError::Stopped)?;
        component.map_err(|error| {
            LoadError::Link(format!("the compiling child made code that this host refuses ({error:#}): it must be the same program"))
        })
    }
}
