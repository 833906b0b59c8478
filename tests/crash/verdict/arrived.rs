//! What arrived, held against what was acknowledged: all of it, in its order, each step under its one key.

use std::collections::{HashMap, HashSet};

use super::Verdict;
use super::log::Status;
use crate::answer::Answer;
use crate::journal::Entry;
use crate::loads::{self, Ends, Fate, LOADS, Load};
use crate::record::{Arrival, Door};

/// What the sink did with each step of each event.
pub(super) struct Arrived {
    events: HashMap<Entry, Event>,
}

#[derive(Default)]
struct Event {
    /// Steps that were taken, with their keys and when they were first.
    taken: HashMap<String, (String, usize)>,
    /// How each step was answered last.
    last: HashMap<String, Answer>,
    is_refused: bool,
}

impl Arrived {
    pub(super) fn of(arrivals: &[Arrival]) -> Self {
        let mut events: HashMap<Entry, Event> = HashMap::new();
        for (number, arrival) in arrivals.iter().enumerate() {
            let sent = &arrival.sent;
            let entry = Entry {
                flow: sent.flow.clone(),
                key: sent.key.clone(),
                n: sent.n,
            };
            let event = events.entry(entry).or_default();
            event.is_refused |= arrival.answer == Answer::Refused;
            event.last.insert(sent.place(), arrival.answer);
            if arrival.answer == Answer::Taken {
                let taken = (arrival.idempotency_key.clone(), number);
                event.taken.entry(sent.place()).or_insert(taken);
            }
        }
        Self { events }
    }

    /// Every acknowledged event is in the log once, and finished (and the sink took what it must), waiting, or dead for
    /// a reason.
    pub(super) fn is_complete(
        &self,
        verdict: &mut Verdict,
        acked: &[Entry],
        runs: &HashMap<Entry, Vec<Status>>,
    ) {
        let nothing = Event::default();
        for entry in acked {
            let Some(load) = loads::find(&entry.flow) else {
                continue;
            };
            let event = self.events.get(entry).unwrap_or(&nothing);
            let found = runs.get(entry).map_or(&[][..], Vec::as_slice);
            let status = match found {
                [] => {
                    verdict.lose(format!("lost {}: it is not in the log", entry.id()));
                    continue;
                }
                [status] => *status,
                more => {
                    let count = more.len();
                    verdict.break_off(format!("{} is in the log {count} times", entry.id()));
                    continue;
                }
            };
            if let Some(why) = missing(load, entry, status, event) {
                verdict.lose(format!("lost {}: {why}", entry.id()));
            } else if let Some(why) = unexpected(load, entry, status, event) {
                verdict.break_off(format!("{}: {why}", entry.id()));
            }
        }
        for entry in runs.keys() {
            if loads::find(&entry.flow).is_none() {
                verdict.break_off(format!("{}: nobody sent it", entry.id()));
            }
        }
    }

    /// What a dead run did is taken back: each step that was taken, later, under its own key. A step whose last attempt
    /// failed counts as not done, though an attempt before, of which a kill took the answer, may have been taken.
    pub(super) fn is_taken_back(&self, verdict: &mut Verdict, runs: &HashMap<Entry, Vec<Status>>) {
        let dead = runs
            .iter()
            .filter(|(_, status)| status.contains(&Status::Dead));
        for (entry, _) in dead {
            let undos = loads::find(&entry.flow).map_or(&[][..], |load| load.undos);
            let Some(event) = self.events.get(entry) else {
                continue;
            };
            for (step, undo) in undos {
                let problem = match (event.taken.get(*step), event.taken.get(*undo)) {
                    (None, None) => continue,
                    (Some(_), None) if event.last.get(*step) != Some(&Answer::Taken) => continue,
                    (None, Some(_)) => "was not taken and was taken back",
                    (Some(_), None) => "was not taken back",
                    (Some((_, at)), Some((_, then))) if then < at => "was taken back before",
                    (Some((key, _)), Some((undone, _))) if *undone != format!("{key}/undo") => {
                        "was taken back under another key"
                    }
                    _ => continue,
                };
                verdict.break_off(format!("{}: step {step} {problem}", entry.id()));
            }
        }
    }

    /// Of each dead run one event tells, and the sink was told.
    pub(super) fn is_told(&self, verdict: &mut Verdict, letters: &[(String, u64, bool)]) {
        for (run, count, is_done) in letters {
            let alert = Entry {
                flow: "alert".to_owned(),
                key: run.clone(),
                n: 1,
            };
            let is_taken = self
                .events
                .get(&alert)
                .is_some_and(|event| event.taken.contains_key("1"));
            if *count != 1 || !is_done || !is_taken {
                verdict.lose(format!(
                    "the dead run {run}: {count} events tell of it, told on: {is_done}, taken: {is_taken}"
                ));
            }
        }
    }
}

/// Why an event counts as lost.
fn missing(load: &Load, entry: &Entry, status: Status, event: &Event) -> Option<String> {
    let wanted = match (status, load.fate) {
        (Status::Moving, _) => return Some("its run stands still".to_owned()),
        (Status::Waiting, _) if !load.is_parked() => {
            return Some("its run waits for what has come".to_owned());
        }
        (Status::Dead, Fate::Dies(steps)) => steps,
        (Status::Dead, _) => &[],
        (Status::Done, Fate::Mends(steps)) if load.is_refused(entry.n) => steps,
        (Status::Done | Status::Waiting, _) => load.done,
    };
    let step = wanted
        .iter()
        .find(|step| !event.taken.contains_key(**step))?;
    Some(format!("{status:?}, but the sink never took step {step}"))
}

/// Why its end is none that the sink's answers explain.
fn unexpected(load: &Load, entry: &Entry, status: Status, event: &Event) -> Option<&'static str> {
    let must_die = matches!(load.fate, Fate::Dies(_)) && load.is_refused(entry.n);
    match status {
        Status::Dead if matches!(load.fate, Fate::Dies(_)) && !must_die => {
            Some("is dead, and nothing was refused")
        }
        Status::Dead if !event.is_refused && load.fate != Fate::Late => {
            Some("is dead, and nothing was refused")
        }
        Status::Done if must_die => Some("went well, though a step was refused"),
        _ => None,
    }
}

/// A run takes one branch, whatever moment it is killed at.
pub(super) fn one_branch(verdict: &mut Verdict, arrivals: &[Arrival]) {
    let mut branches: HashMap<(&str, u64), &Option<String>> = HashMap::new();
    for sent in arrivals.iter().map(|arrival| &arrival.sent) {
        if loads::find(&sent.flow).is_none_or(|load| load.ends != Ends::Half) {
            continue;
        }
        let branch = branches.entry((&sent.key, sent.n)).or_insert(&sent.item);
        if sent.item.is_some() && **branch != sent.item {
            verdict.break_off(format!("two branches: {sent:?} after {branch:?}"));
        }
    }
}

/// Within a key and a door nothing comes after a later event or a later step.
pub(super) fn in_order(verdict: &mut Verdict, arrivals: &[Arrival]) {
    let mut latest: HashMap<(&str, &str, Door), (u64, u32)> = HashMap::new();
    for arrival in arrivals {
        let sent = &arrival.sent;
        let ordered = LOADS
            .iter()
            .any(|load| load.flow == sent.flow && load.is_in_order());
        if !ordered {
            continue;
        }
        let place = (sent.n, sent.step);
        let lane = (&*sent.flow, &*sent.key, arrival.door);
        let before = latest.entry(lane).or_insert(place);
        if place < *before {
            verdict.reorder(format!(
                "reordered: {} {} event {} step {} came after event {} step {}, in life {}",
                sent.flow, sent.key, sent.n, sent.step, before.0, before.1, arrival.life
            ));
        }
        *before = place.max(*before);
    }
}

/// What comes again behind a kill was in flight at it: the host may not have written that it was done. A step behind which
/// the same run was seen to go on, before the kill, was written, and must not come again. So of a run no more comes again
/// than it does side by side.
pub(super) fn only_in_flight_again(verdict: &mut Verdict, arrivals: &[Arrival]) {
    let mut furthest: HashMap<(&str, &str, u64, u32), u32> = HashMap::new();
    let mut taken: HashMap<&str, u32> = HashMap::new();
    for arrival in arrivals {
        let sent = &arrival.sent;
        let run = |life: u32| (&*sent.flow, &*sent.key, sent.n, life);
        if let Some(life) = taken.get(&*arrival.idempotency_key).copied()
            && life < arrival.life
            && let Some(step) = furthest.get(&run(life)).filter(|step| **step > sent.step)
        {
            verdict.break_off(format!(
                "step {} came again in life {}, though step {step} had followed it in life {life}: {sent:?}",
                sent.step, arrival.life
            ));
        }
        let latest = furthest.entry(run(arrival.life)).or_default();
        *latest = sent.step.max(*latest);
        if arrival.answer == Answer::Taken {
            taken.insert(&arrival.idempotency_key, arrival.life);
        }
    }
}

/// Each step of each run has one key of its own. What was taken and comes again is a duplicate: only a kill, or a caller
/// that did not wait for the answer, explains one.
pub(super) fn under_one_key(verdict: &mut Verdict, arrivals: &[Arrival]) {
    let mut keys: HashMap<(&str, &str, u64, String), &str> = HashMap::new();
    let mut taken: HashMap<&str, &Arrival> = HashMap::new();
    for arrival in arrivals {
        let sent = &arrival.sent;
        let key = arrival.idempotency_key.as_str();
        let first = keys
            .entry((&sent.flow, &sent.key, sent.n, sent.place()))
            .or_insert(key);
        if *first != key {
            verdict.break_off(format!("two keys: {sent:?} came under {first} and {key}"));
        }
        if let Some(before) = taken.get(key) {
            verdict.duplicates += 1;
            if before.life == arrival.life && !before.given_up {
                verdict.break_off(format!(
                    "taken twice in life {} without a kill: {sent:?}",
                    arrival.life
                ));
            }
        }
        if arrival.answer == Answer::Taken {
            taken.insert(key, arrival);
        }
    }
    let distinct: HashSet<&&str> = keys.values().collect();
    if distinct.len() != keys.len() {
        verdict.break_off(format!(
            "{} steps share a key with another",
            keys.len() - distinct.len()
        ));
    }
}
