//! Where the chain stands: its beginning, which moves when old records are forgotten, and its end.

use rusqlite::{Connection, OptionalExtension as _};

use super::blocks::Seen;
use crate::{Anchor, StoreError};

/// Row of table `site`: the place before the oldest record that is kept.
const BASE: &str = "audit_base";
/// Row of table `site`: the newest record's place, written with it.
const TIP: &str = "audit_tip";
/// Numbers that a chain must have left to be gone on with: none ends by itself.
const ROOM: i64 = 1 << 40;

/// What the writer knows of the chain.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    pub(super) tip: Anchor,
    pub(super) seen: Seen,
}

impl Default for Chain {
    fn default() -> Self {
        Self::at(Anchor {
            number: 0,
            hash: [0; 32],
        })
    }
}

impl Chain {
    /// One whose newest record is there.
    pub(crate) fn at(tip: Anchor) -> Self {
        Self {
            tip,
            seen: Seen::default(),
        }
    }

    /// The newest record's place, those of the running transaction included.
    pub(crate) fn tip(&self) -> Anchor {
        self.tip
    }

    /// After a rollback to where this was the newest place.
    pub(crate) fn roll_back(&mut self, tip: Anchor) {
        self.tip = tip;
        self.seen.forget();
    }

    /// Goes on after the newest record. Also says what does not fit: the file was changed by somebody else.
    ///
    /// # Errors
    /// [`StoreError::Format`] when nothing can be chained to what is there.
    pub(crate) fn load(connection: &Connection) -> Result<(Self, Option<String>), StoreError> {
        let read = |error: rusqlite::Error| super::super::error::read(&error);
        let last = last(connection).map_err(read)?;
        let tip = place(connection, TIP).map_err(read)?;
        let base = place(connection, BASE).map_err(read)?;
        let beginning = |written: Option<Anchor>| match written {
            Some(base) => Ok(base),
            None => first(connection).map_err(read),
        };
        let end = match last {
            Some(Place::Whole(end)) if (1..i64::MAX - ROOM).contains(&end.number) => end,
            None => beginning(base)?,
            Some(place) => {
                return Err(StoreError::Format(format!(
                    "the audit's newest record, number {}, cannot be gone on from: somebody changed the file; keep it as \
                     evidence (`tombolo audit verify --offline SITE`) and restore a copy",
                    place.number()
                )));
            }
        };
        let trouble = match (base, tip) {
            (None, _) => Some("the place where the audit begins is gone".to_owned()),
            (_, None) => Some("the place where the audit ends is gone".to_owned()),
            (_, Some(tip)) if tip != end => Some(format!(
                "the audit ended at {tip} when the host wrote last, and ends at {end} now"
            )),
            _ => None,
        };
        if base.is_none() {
            set(connection, BASE, &beginning(None)?).map_err(read)?;
        }
        Ok((Self::at(end), trouble))
    }
}

/// A place as a row has it: its hash may be of any length.
pub(crate) enum Place {
    /// As the host writes it.
    Whole(Anchor),
    /// With a hash that is none.
    Broken(i64),
}

impl Place {
    fn number(&self) -> i64 {
        match self {
            Self::Whole(anchor) => anchor.number,
            Self::Broken(number) => *number,
        }
    }

    /// From a row's two columns.
    pub(crate) fn of(number: i64, hash: &[u8]) -> Self {
        match hash.try_into() {
            Ok(hash) => Self::Whole(Anchor { number, hash }),
            Err(_) => Self::Broken(number),
        }
    }
}

/// The newest record's place.
pub(crate) fn last(connection: &Connection) -> rusqlite::Result<Option<Place>> {
    connection
        .prepare_cached("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| {
            Ok(Place::of(row.get(0)?, row.get_ref(1)?.as_blob()?))
        })
        .optional()
}

/// The place before the oldest record, as it is written; `None`: it is not, or not so.
pub(crate) fn base(connection: &Connection) -> rusqlite::Result<Option<Anchor>> {
    place(connection, BASE)
}

/// The newest place, as it is written; `None`: it is not, or not so.
pub(crate) fn tip(connection: &Connection) -> rusqlite::Result<Option<Anchor>> {
    place(connection, TIP)
}

/// The place before the first record of this file ever.
pub(crate) fn first(connection: &Connection) -> rusqlite::Result<Anchor> {
    let id: String = connection
        .prepare_cached("SELECT value FROM site WHERE key = 'id'")?
        .query_row([], |row| row.get(0))?;
    Ok(Anchor::first(&id))
}

/// Writes where the chain begins.
pub(super) fn set_base(connection: &Connection, base: &Anchor) -> rusqlite::Result<()> {
    set(connection, BASE, base)
}

/// Writes where the chain ends.
pub(super) fn set_tip(connection: &Connection, tip: &Anchor) -> rusqlite::Result<()> {
    set(connection, TIP, tip)
}

fn place(connection: &Connection, key: &str) -> rusqlite::Result<Option<Anchor>> {
    let text = connection
        .prepare_cached("SELECT value FROM site WHERE key = ?1")?
        .query_row([key], |row| {
            Ok(row.get_ref(0)?.as_str().map(str::to_owned).ok())
        })
        .optional()?;
    Ok(text.flatten().and_then(|text| text.parse().ok()))
}

fn set(connection: &Connection, key: &str, place: &Anchor) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO site (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute((key, place.to_string()))?;
    Ok(())
}
