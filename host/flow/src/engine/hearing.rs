//! Runs that wait for events: who is told, and what a run that is carried out again goes on with.
//!
//! A run says in the store for which events it waits, in one commit with its state; then it looks through the log
//! from its own event on. An event that is appended later is told to it: so none is missed, whichever was first.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use tombolo_kernel::event::Event;
use tombolo_store::Hearing;

use super::dispatch::Placed;
use super::{Engine, Run};
use crate::definition::FlowSet;
use crate::expression::{EventDocument, key_of};
use crate::run::{Input, News};

/// Events read at once when the log is looked through.
const PAGE: u32 = 500;

/// Types that some run waits for, with the fields they are found by. As many as the flows' `wait` steps name.
#[derive(Default)]
pub(super) struct Awaited {
    kinds: RwLock<HashMap<String, HashSet<String>>>,
    changes: AtomicU64,
}

/// An event to tell.
pub(super) struct Told {
    seq: i64,
    kind: String,
    keys: Vec<String>,
}

impl Awaited {
    pub(super) fn add(&self, listens: impl IntoIterator<Item = (String, String)>) {
        for (kind, path) in listens {
            let known = |kinds: &HashMap<String, HashSet<String>>| {
                kinds.get(&kind).is_some_and(|paths| paths.contains(&path))
            };
            if known(&self.kinds.read()) {
                continue;
            }
            self.kinds.write().entry(kind).or_default().insert(path);
            self.changes.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    fn has(&self, kind: &str) -> bool {
        self.kinds.read().contains_key(kind)
    }
}

impl Engine {
    /// Copies of those events that a flow may react to or a run may wait for.
    pub(super) fn copies(&self, flows: &FlowSet, events: &[Event]) -> Vec<Option<Event>> {
        let wanted = |event: &Event| flows.reacts_to(&event.kind) || self.awaited.has(&event.kind);
        let copy = |event: &Event| wanted(event).then(|| event.clone());
        events.iter().map(copy).collect()
    }

    /// Reads those again that nobody wanted before they were appended, if somebody began to wait meanwhile.
    pub(super) async fn whole(&self, mut placed: Vec<Placed>, changes: u64) -> Vec<Placed> {
        if self.awaited.changes() == changes {
            return placed;
        }
        for (seq, event) in placed.iter_mut().filter(|(_, event)| event.is_none()) {
            let read = || self.parts.store.event(*seq);
            let stored = self.insist("reading an event", read).await.flatten();
            *event = stored
                .map(|stored| stored.event)
                .filter(|event| self.awaited.has(&event.kind));
        }
        placed
    }

    /// From now on events of these types are told.
    pub(super) fn listen(&self, hearing: Option<&Hearing>) {
        if let Some(hearing) = hearing {
            let listens = hearing.listens.iter();
            self.awaited
                .add(listens.map(|listen| (listen.kind.clone(), listen.path.clone())));
        }
    }

    /// Whom to tell an event, if anybody.
    pub(super) fn keys_of(&self, seq: i64, event: &Event) -> Option<Told> {
        let kinds = self.awaited.kinds.read();
        let paths = kinds.get(&event.kind)?;
        let document = EventDocument::new(seq, event.clone());
        let keys = paths.iter().filter_map(|path| match path.as_str() {
            "" => Some(String::new()),
            path => key_of(path, &document),
        });
        Some(Told {
            seq,
            kind: event.kind.clone(),
            keys: keys.collect(),
        })
    }

    /// Tells it; then the checkpoint may pass the event.
    pub(super) async fn tell(self: &Arc<Self>, told: Told) {
        if self.tell_now(&told).await {
            self.written(&[told.seq]);
        }
    }

    pub(super) async fn tell_now(&self, told: &Told) -> bool {
        let now = self.now();
        let hear = || {
            self.parts
                .store
                .hear(&told.kind, told.keys.clone(), told.seq, now)
        };
        let count = self.insist("telling an event", hear).await;
        if count.is_some_and(|count| count > 0) {
            self.timer.hint(0);
        }
        count.is_some()
    }

    /// What a run goes on with: answers and events that came, or only the time.
    pub(super) async fn what_happened(&self, run: &mut Run) -> Input {
        run.exclusive.clear();
        let mut news = News {
            complete: true,
            ..News::default()
        };
        let tasks = run.state.tasks();
        // Until the timeout's move is written nobody may answer: an accepted answer is never ignored.
        run.exclusive = self.nobody_answers(&tasks).await;
        for id in tasks {
            let read = || self.parts.store.task(&id);
            let found = self.insist("reading a task", read).await.flatten();
            let closed = found.and_then(|task| task.closed);
            let answer = closed.filter(|closed| !closed.answer.is_empty());
            news.answers.extend(answer.map(|answer| (id, answer)));
        }
        self.look_through(run, &mut news).await;
        if run
            .state
            .listens()
            .is_some_and(|listens| !listens.is_empty())
        {
            let read = || self.parts.store.heard(&run.id);
            let heard = self.insist("reading what a run was told", read).await;
            for stored in heard.unwrap_or_default() {
                run.judged.push(stored.seq);
                if news.events.iter().all(|event| event.seq != stored.seq) {
                    let event = EventDocument::new(stored.seq, stored.event);
                    news.events.push(Arc::new(event));
                }
            }
            news.events.sort_by_key(|event| event.seq);
        }
        if news.looked || !news.answers.is_empty() || !news.events.is_empty() {
            run.parked_on = None;
        }
        Input::Woken(news)
    }

    /// Looks through the log for what the run waits for and has not looked for yet.
    async fn look_through(&self, run: &mut Run, news: &mut News) {
        let kinds = run.state.looks_for();
        if kinds.is_empty() {
            return;
        }
        let most = kinds.len();
        let mut after = run.event.seq;
        loop {
            let read = || self.parts.store.events_of(kinds.clone(), after, PAGE);
            let Some(page) = self.insist("looking for an event", read).await else {
                news.complete = false;
                return;
            };
            let Some(last) = page.last().map(|stored| stored.seq) else {
                news.looked = true;
                return;
            };
            after = last;
            for stored in page {
                let event = Arc::new(EventDocument::new(stored.seq, stored.event));
                if self.hears(run, &event).await {
                    news.events.push(event);
                }
            }
            // Enough for a move: whoever is left looks again.
            if news.events.len() >= most {
                return;
            }
        }
    }
}
