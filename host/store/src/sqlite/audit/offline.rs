//! The audit of a file, read without a host: a copy's, or a site's whose host is stopped or running.

use std::path::Path;

use rusqlite::Connection;

use super::trail::{after_is_none, tip_is_none};
use super::{CHAINED, chain, check, find};
use crate::sqlite::store::listing;
use crate::sqlite::{backup, schema};
use crate::{Anchor, AuditCheck, AuditFilter, AuditPage, StoreError, StoredAudit};

/// A store's file, open for reading.
#[derive(Debug)]
pub struct AuditFile {
    connection: Connection,
    path: std::path::PathBuf,
}

impl AuditFile {
    /// Opens the store at `path`. Changes nothing in it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is none, [`StoreError::Format`] for what is no store or an older one.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let (connection, format) = backup::read(path)?;
        if format < CHAINED {
            return Err(StoreError::Format(format!(
                "{}: its format is {format}, and records are chained from {CHAINED} on; serve the site once to upgrade it",
                path.display()
            )));
        }
        Ok(Self {
            connection,
            path: path.to_owned(),
        })
    }

    /// Records that match, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for an `after` that is none, others when the file cannot be read.
    pub fn find(&self, filter: &AuditFilter) -> Result<AuditPage, StoreError> {
        let page = find::find(&self.connection, filter, listing(filter.limit));
        page.map_err(|error| schema::at(&self.path, &error))?
            .ok_or_else(after_is_none)
    }

    /// All records after a number, in their order.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn after(&self, number: i64, limit: u32) -> Result<Vec<StoredAudit>, StoreError> {
        find::after(&self.connection, number, listing(limit))
            .map_err(|error| schema::at(&self.path, &error))
    }

    /// The newest place in the chain.
    ///
    /// # Errors
    /// It is not written, or the file cannot be read.
    pub fn anchor(&self) -> Result<Anchor, StoreError> {
        chain::tip(&self.connection)
            .map_err(|error| schema::at(&self.path, &error))?
            .ok_or_else(tip_is_none)
    }

    /// Looks at records after a place that is known to be good, or from the beginning of what is kept.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn check(&self, from: Option<Anchor>, limit: u32) -> Result<AuditCheck, StoreError> {
        check::check(&self.connection, from, limit.max(1))
            .map_err(|error| schema::at(&self.path, &error))
    }
}
