//! The old ERP of the demo: a database and nothing else, with tables of its own making. What the demo writes here
//! is there before Tombolo comes; afterwards it only looks.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rusqlite::{Connection, OpenFlags, params};

/// The database's file inside the site folder.
pub(super) const FILE: &str = "erp.db";

const TABLES: &str = "
CREATE TABLE stock (
    sku       TEXT PRIMARY KEY,
    name      TEXT NOT NULL,
    warehouse TEXT NOT NULL,
    on_hand   INTEGER NOT NULL CHECK (on_hand >= 0)
);
CREATE TABLE purchase_request (
    number      INTEGER PRIMARY KEY,
    request_key TEXT NOT NULL UNIQUE,
    alarm       TEXT NOT NULL,
    sku         TEXT NOT NULL REFERENCES stock (sku),
    quantity    INTEGER NOT NULL CHECK (quantity > 0),
    status      TEXT NOT NULL DEFAULT 'requested',
    requested   TEXT NOT NULL
);
INSERT INTO stock VALUES
    ('BRG-6205', 'Ball bearing 6205',    'Hamburg', 2),
    ('SEAL-40',  'Shaft seal 40 mm',     'Hamburg', 35),
    ('BELT-A42', 'V-belt A42',           'Lübeck',  0);
";

/// A row of the table `purchase_request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PurchaseRequest {
    pub(super) number: i64,
    pub(super) sku: String,
    pub(super) quantity: i64,
    pub(super) status: String,
    pub(super) requested: String,
}

/// The ERP's database.
pub(super) struct OldErp {
    file: PathBuf,
}

impl OldErp {
    /// Its database in `site`, made if it is not there.
    pub(super) fn in_site(site: &Path) -> anyhow::Result<Self> {
        let file = site.join(FILE);
        if !file.exists() {
            let database = Connection::open(&file)
                .with_context(|| format!("cannot make {}", file.display()))?;
            database
                .execute_batch(TABLES)
                .with_context(|| format!("cannot fill {}", file.display()))?;
        }
        Ok(Self { file })
    }

    /// The purchase requests that one alarm led to.
    pub(super) fn requests(&self, alarm: &str) -> anyhow::Result<Vec<PurchaseRequest>> {
        let read = || -> rusqlite::Result<Vec<PurchaseRequest>> {
            let database =
                Connection::open_with_flags(&self.file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            let mut statement = database.prepare(
                "SELECT number, sku, quantity, status, requested FROM purchase_request WHERE alarm = ?1 ORDER BY number",
            )?;
            let rows = statement.query_map(params![alarm], |row| {
                Ok(PurchaseRequest {
                    number: row.get(0)?,
                    sku: row.get(1)?,
                    quantity: row.get(2)?,
                    status: row.get(3)?,
                    requested: row.get(4)?,
                })
            })?;
            rows.collect()
        };
        read().with_context(|| format!("cannot read {}", self.file.display()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// The statement as the demo's site has it.
    fn statement(name: &str) -> String {
        let site: serde_json::Value =
            serde_saphyr::from_str(include_str!("site/systems/erp.yaml")).unwrap();
        site["connections"]["db"]["statements"][name]["text"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn the_sites_statements_fit_the_tables_and_a_repeated_request_is_one_request() {
        let site = tempfile::tempdir().unwrap();
        let erp = OldErp::in_site(site.path()).unwrap();
        let database = Connection::open(&erp.file).unwrap();
        let named = [
            (":key", "1.spare-part/request"),
            (":alarm", "a-1"),
            (":sku", "BRG-6205"),
            (":quantity", "4"),
        ];
        for _ in 0..2 {
            database.execute(&statement("request"), &named[..]).unwrap();
        }
        database
            .execute(
                &statement("decide"),
                &[(":alarm", "a-1"), (":status", "approved")],
            )
            .unwrap();
        let on_hand: i64 = database
            .query_row(&statement("stock"), &[(":sku", "BRG-6205")], |row| {
                row.get("on_hand")
            })
            .unwrap();
        assert_eq!(on_hand, 2);
        let requests = erp.requests("a-1").unwrap();
        assert_eq!(requests.len(), 1);
        assert_eq!(
            (requests[0].quantity, requests[0].status.as_str()),
            (4, "approved")
        );
        assert!(
            OldErp::in_site(site.path()).is_ok(),
            "a kept database is left as it is"
        );
    }
}
