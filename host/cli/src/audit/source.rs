//! Where records come from: a running host's API, or a store's file that is read without one.

use std::path::PathBuf;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_store::sqlite::AuditFile;
use tombolo_store::{Anchor, AuditFilter};

use crate::client::{self, Client, HostArguments, query};
use crate::whereabouts;

/// Records of one page.
const PAGE: u32 = 1_000;
/// Records of a file that one look at its chain takes.
const LOOK: u32 = 50_000;

/// Whose audit.
#[derive(Debug, clap::Args)]
pub(crate) struct SourceArguments {
    #[command(flatten)]
    host: HostArguments,
    /// Read the file of this site, or this copy, without asking a host
    #[arg(long, value_name = "SITE|FILE", conflicts_with_all = ["address", "token_env", "site"])]
    offline: Option<PathBuf>,
}

/// A running host or a file.
pub(crate) enum Source {
    Host(Client),
    File(Box<AuditFile>),
}

/// What a look at a part of the chain found.
#[derive(Debug, Deserialize)]
pub(crate) struct Check {
    pub(crate) records: u64,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) problem: Option<Problem>,
    pub(crate) more: bool,
}

/// The first record that is not as it was written.
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    pub(crate) number: i64,
    pub(crate) what: String,
}

impl SourceArguments {
    /// Finds the host or opens the file.
    ///
    /// # Errors
    /// No site, no token, no store there.
    pub(crate) fn open(&self) -> anyhow::Result<Source> {
        let Some(place) = &self.offline else {
            return Ok(Source::Host(Client::for_command(&self.host, "operate")?));
        };
        let file = if place.is_file() {
            place.clone()
        } else {
            whereabouts::store(place)?
        };
        let file = AuditFile::open(&file).context("the audit cannot be read")?;
        Ok(Source::File(Box::new(file)))
    }
}

impl Source {
    /// Records that match, the newest first, as JSON: `records`, and `next` where there are more.
    pub(crate) async fn find(&self, filter: AuditFilter) -> anyhow::Result<Value> {
        match self {
            Self::File(file) => Ok(serde_json::to_value(file.find(&filter)?)?),
            Self::Host(client) => {
                let kinds: Vec<&str> = filter.kinds.iter().map(|kind| kind.name()).collect();
                let parts = [
                    ("system", filter.system),
                    ("since_ms", filter.since_ms.map(|at| at.to_string())),
                    ("until_ms", filter.until_ms.map(|at| at.to_string())),
                    ("who", filter.who),
                    (
                        "outcome",
                        filter.outcome.map(|found| found.name().to_owned()),
                    ),
                    ("event", filter.event.map(|event| event.to_string())),
                    ("run", filter.run),
                    ("kind", (!kinds.is_empty()).then(|| kinds.join(","))),
                    ("after", filter.after),
                    ("limit", Some(filter.limit.to_string())),
                ];
                client.get(&format!("/api/audit{}", query(&parts))).await
            }
        }
    }

    /// A page of all records after a number, in their order.
    pub(crate) async fn after(&self, number: i64) -> anyhow::Result<Vec<Value>> {
        let page = match self {
            Self::File(file) => json!(file.after(number, PAGE)?),
            Self::Host(client) => {
                let path = format!("/api/audit/export?after={number}&limit={PAGE}");
                client.get(&path).await?
            }
        };
        client::into(page, "/api/audit/export")
    }

    /// The newest place in the chain.
    pub(crate) async fn anchor(&self) -> anyhow::Result<String> {
        match self {
            Self::File(file) => Ok(file.anchor()?.to_string()),
            Self::Host(client) => {
                let answer = client.get("/api/audit/anchor").await?;
                Ok(answer["anchor"].as_str().unwrap_or_default().to_owned())
            }
        }
    }

    /// A look at the chain after a place, or from its beginning.
    pub(crate) async fn check(&self, from: Option<&Anchor>) -> anyhow::Result<Check> {
        let check = match self {
            Self::File(file) => json!(file.check(from.copied(), LOOK)?),
            Self::Host(client) => {
                let from = query(&[("from", from.map(Anchor::to_string))]);
                client.get(&format!("/api/audit/verify{from}")).await?
            }
        };
        client::into(check, "/api/audit/verify")
    }
}
