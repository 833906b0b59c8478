//! The comparison of the three records.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::arrivals::{Answer, Arrival};
use crate::journal::{self, Entry};
use crate::site::LOADS;

/// How long the host may take to finish what is left once the sink is healed.
const SETTLING: Duration = Duration::from_secs(120);
/// Problems that are printed.
const SHOWN: usize = 20;

/// What came of it.
pub(crate) struct Verdict {
    pub(crate) acked: usize,
    pub(crate) lost: usize,
    pub(crate) reordered: usize,
    pub(crate) duplicates: usize,
    /// Other promises that were broken.
    broken: usize,
    pub(crate) problems: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        self.lost == 0 && self.reordered == 0 && self.broken == 0
    }

    fn say(&mut self, problem: String) {
        if self.problems.len() < SHOWN {
            self.problems.push(problem);
        }
    }
}

/// Waits until every acknowledged event has its run, and each run is finished, dead, or waits for long. What is not
/// settled after [`SETTLING`] is left to [`judge`], which counts it as lost.
pub(crate) async fn wait_until_settled(store: &Path, journal: &Path) -> anyhow::Result<()> {
    let acked = journal::read(journal)?;
    let start = Instant::now();
    loop {
        if is_settled(&open(store)?, &acked)? || start.elapsed() > SETTLING {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await; // reason: a pause between two looks at another process
    }
}

fn is_settled(store: &Connection, acked: &[Entry]) -> anyhow::Result<bool> {
    let runs = runs(store)?;
    Ok(acked
        .iter()
        .all(|entry| match runs.get(&entry.id()).copied() {
            Some("done" | "dead") => true,
            Some("waiting") => LOADS
                .iter()
                .any(|load| load.flow == entry.flow && load.ahead == 0),
            _ => false,
        }))
}

/// Status of each run by its event's id; every event has one flow.
fn runs(store: &Connection) -> anyhow::Result<HashMap<String, &'static str>> {
    let mut statement =
        store.prepare("SELECT event.id, run.status FROM run JOIN event USING (seq)")?;
    let rows = statement.query_map([], |row| {
        let status = match row.get(1)? {
            2 => "waiting",
            3 => "done",
            4 => "dead",
            _ => "moving",
        };
        Ok((row.get(0)?, status))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn open(store: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

/// Compares, after everything has settled and the host has ended.
pub(crate) fn judge(store: &Path, journal: &Path, arrivals: &[Arrival]) -> anyhow::Result<Verdict> {
    let acked = journal::read(journal)?;
    let store = open(store)?;
    let mut verdict = Verdict {
        acked: acked.len(),
        lost: 0,
        reordered: 0,
        duplicates: 0,
        broken: 0,
        problems: Vec::new(),
    };
    sound(&mut verdict, &store)?;
    lost(&mut verdict, &acked, &runs(&store)?, arrivals);
    in_order(&mut verdict, arrivals);
    under_one_key(&mut verdict, arrivals);
    Ok(verdict)
}

/// The file is whole, and no event is in it twice.
fn sound(verdict: &mut Verdict, store: &Connection) -> anyhow::Result<()> {
    let found: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if found != "ok" {
        verdict.broken += 1;
        verdict.say(format!("the store's file is damaged: {found}"));
    }
    let twice: i64 = store.query_row(
        "SELECT count(*) FROM (SELECT 1 FROM event GROUP BY source, id HAVING count(*) > 1)",
        [],
        |row| row.get(0),
    )?;
    if twice > 0 {
        verdict.broken += 1;
        verdict.say(format!("{twice} events are in the log twice"));
    }
    Ok(())
}

/// Every acknowledged event is finished (and the sink took its last step), waits, or is dead.
fn lost(
    verdict: &mut Verdict,
    acked: &[Entry],
    runs: &HashMap<String, &'static str>,
    arrivals: &[Arrival],
) {
    let taken: HashSet<(&str, &str, u64)> = arrivals
        .iter()
        .filter(|arrival| arrival.answer == Answer::Taken)
        .filter(|arrival| {
            LOADS
                .iter()
                .any(|load| load.flow == arrival.sent.flow && load.last_step == arrival.sent.step)
        })
        .map(|arrival| {
            let sent = &arrival.sent;
            (sent.flow.as_str(), sent.key.as_str(), sent.n)
        })
        .collect();
    for entry in acked {
        let arrived = taken.contains(&(entry.flow.as_str(), entry.key.as_str(), entry.n));
        let why = match runs.get(&entry.id()).copied() {
            None => "no run",
            Some("done") if !arrived => "its run went well, but the sink never took it",
            Some("waiting") if !arrived => "its run still waits, and the sink never took it",
            Some("done" | "waiting" | "dead") => continue,
            Some(_) => "its run stands still",
        };
        verdict.lost += 1;
        verdict.say(format!("lost {}: {why}", entry.id()));
    }
}

/// Within a key no request comes after one of a later event or of a later step.
fn in_order(verdict: &mut Verdict, arrivals: &[Arrival]) {
    let mut latest: HashMap<(&str, &str), (u64, u32)> = HashMap::new();
    for arrival in arrivals {
        let sent = &arrival.sent;
        let ordered = LOADS
            .iter()
            .any(|load| load.flow == sent.flow && load.in_order);
        if !ordered {
            continue;
        }
        let place = (sent.n, sent.step);
        let before = latest.entry((&sent.flow, &sent.key)).or_insert(place);
        if place < *before {
            verdict.reordered += 1;
            verdict.say(format!(
                "reordered: {} {} event {} step {} came after event {} step {}",
                sent.flow, sent.key, sent.n, sent.step, before.0, before.1
            ));
        }
        *before = place.max(*before);
    }
}

/// Each step of each run has one key, and what was taken before is a duplicate.
fn under_one_key(verdict: &mut Verdict, arrivals: &[Arrival]) {
    let mut keys: HashMap<(&str, &str, u64, u32), &str> = HashMap::new();
    let mut taken: HashSet<&str> = HashSet::new();
    for arrival in arrivals {
        let sent = &arrival.sent;
        let key = arrival.idempotency_key.as_str();
        let first = keys
            .entry((&sent.flow, &sent.key, sent.n, sent.step))
            .or_insert(key);
        if *first != key {
            verdict.broken += 1;
            verdict.say(format!("two keys: {sent:?} came under {first} and {key}"));
        }
        verdict.duplicates += usize::from(taken.contains(key));
        if arrival.answer == Answer::Taken {
            taken.insert(key);
        }
    }
}
