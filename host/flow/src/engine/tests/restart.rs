//! The host is killed at every step, with the product's own store: the same run finishes, under the same keys.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use tombolo_kernel::clock::MachineClock;
use tombolo_kernel::failure::Failure;
use tombolo_store::sqlite::SqliteStore;
use tombolo_store::{ChangeFilter, CrossReferences as _, EntityFilter, TaskAnswer};

const FLOW: &str = "
on: device.alarm
key: event.data.key
steps:
  - id: stock
    call: erp.get.stock
  - id: request
    call: erp.request
    with: { n: '${event.data.n - steps.stock.on_hand}' }
  - id: told
    emit: { type: order.requested, data: { of: '${steps.request.number}' } }
  - call: crm.note
  - id: approval
    ask: { role: boss, question: ok?, options: [approve, reject] }
  - id: last
    call: crm.last
    with: { by: '${steps.approval.by}' }
";

/// Kills the host while call number `at` is under way: a runtime that is dropped stops every task where it stands.
fn until_call(
    at: usize,
    texts: &[(&str, &str)],
    store: &Arc<SqliteStore>,
    keys: &mut HashMap<String, (String, usize)>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (calls, reached) = (AtomicUsize::new(0), Arc::new(tokio::sync::Notify::new()));
    let hit = reached.clone();
    let actor = Arc::new(ScriptedActor::new(move |what, _| {
        let result = if what == "erp.get.stock" {
            r#"{"on_hand":2}"#
        } else {
            r#"{"number":77}"#
        };
        if calls.fetch_add(1, Ordering::SeqCst) + 1 == at {
            hit.notify_one();
            return (Duration::MAX, Ok(String::new()));
        }
        if what == "erp.bad" {
            let message = "not for sale".to_owned();
            return (Duration::ZERO, Err(Failure::NotFound { message }));
        }
        (Duration::ZERO, Ok(result.to_owned()))
    }));
    runtime.block_on(async {
        let parts = EngineParts {
            store: store.clone(),
            actor: actor.clone(),
            clock: Arc::new(MachineClock),
            deliveries: crate::delivery::Deliveries::new(),
        };
        let engine = Engine::start(parts, flows(texts)).await.unwrap();
        let mut parcel = event("parcel", "{}");
        parcel.kind = "parcel.arrived".into();
        engine
            .publish(vec![
                event("1", r#"{"n":5,"key":"a"}"#),
                event("2", r#"{"n":6,"key":"a"}"#),
                parcel,
            ])
            .await
            .unwrap();
        let work = async {
            loop {
                for task in store.tasks(true, 10).await.unwrap() {
                    let (answer, by) = (task.options.last().unwrap().clone(), "mia".to_owned());
                    let said = TaskAnswer {
                        answer,
                        by,
                        comment: String::new(),
                        at_ms: MachineClockNow::now(),
                    };
                    let _ = engine.answer(&task.id, said).await;
                }
                let rows = store
                    .runs(RunFilter {
                        limit: 10,
                        ..RunFilter::default()
                    })
                    .await
                    .unwrap();
                if rows.iter().filter(|row| row.status.is_final()).count() == 2 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await; // reason: a pause between two looks
            }
        };
        let all = tokio::time::timeout(Duration::from_secs(60), async {
            tokio::select! { () = work => {}, () = reached.notified() => {} }
        });
        all.await.expect("neither the call nor the end was reached");
    });
    runtime.shutdown_background();
    for call in actor.calls() {
        let known = keys
            .entry(call.key)
            .or_insert_with(|| (call.input.clone(), 0));
        assert_eq!(known.0, call.input, "the same key, the same input");
        known.1 += 1;
    }
}

struct MachineClockNow;

impl MachineClockNow {
    fn now() -> u64 {
        use tombolo_kernel::clock::Clock as _;
        MachineClock.now_ms()
    }
}

#[test]
fn a_run_killed_at_any_call_finishes_under_the_same_keys() {
    for at in 1..=8 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tombolo.db");
        let mut keys = HashMap::new();
        let id = {
            let store = SqliteStore::open(&path, Arc::new(MachineClock)).unwrap();
            until_call(at, &[("f", FLOW)], &store, &mut keys);
            close(&store);
            store.id().to_owned()
        };
        let store = SqliteStore::open(&path, Arc::new(MachineClock)).unwrap();
        until_call(usize::MAX, &[("f", FLOW)], &store, &mut keys);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let events = runtime.block_on(store.events_after(0, 10)).unwrap();
        assert_eq!(
            events.len(),
            7,
            "two alarms, a parcel, one emitted event and one question of each alarm, whatever happened"
        );
        close(&store);
        let mut expected: Vec<String> = [1, 2]
            .iter()
            .flat_map(|run| {
                ["stock", "request", "4", "last"].map(|step| format!("{id}-{run}.f/{step}"))
            })
            .collect();
        let mut found: Vec<String> = keys.keys().cloned().collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "killed at call {at}");
        let again: usize = keys.values().map(|(_, times)| times - 1).sum();
        assert!(
            (1..=2).contains(&again),
            "killed at call {at}: {again} calls came again, the one under way and reads before it"
        );
    }
}

const ALL: &str = "
on: device.alarm
key: event.data.key
steps:
  - id: lines
    each: '[1, 2]'
    at-most: 2
    steps:
      - id: reserve
        call: erp.reserve
        with: { line: '${item}' }
        undo: { call: erp.release, with: { line: '${item}', number: '${steps.reserve.number}' } }
  - id: arrived
    wait: { on: parcel.arrived }
  - choose:
      - when: event.data.n == 5
        steps: [{ id: told, call: flow.tell, with: { parcel: '${steps.arrived.id}' } }]
    otherwise: [{ id: told_otherwise, call: flow.tell, with: { parcel: none } }]
  - id: bad
    call: erp.bad
on-failure:
  - id: sorry
    call: chat.sorry
    with: { because: '${failure.message}' }
";

const TELL: &str = "
takes: [parcel]
steps:
  - id: sent
    call: chat.send
    with: { parcel: '${event.data.parcel}' }
    undo: { call: chat.unsend }
";

#[test]
fn items_waits_called_flows_and_undos_survive_a_kill_at_any_call() {
    let texts = [("f", ALL), ("tell", TELL)];
    for at in 1..=16 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tombolo.db");
        let mut keys = HashMap::new();
        let id = {
            let store = SqliteStore::open(&path, Arc::new(MachineClock)).unwrap();
            until_call(at, &texts, &store, &mut keys);
            close(&store);
            store.id().to_owned()
        };
        let store = SqliteStore::open(&path, Arc::new(MachineClock)).unwrap();
        until_call(usize::MAX, &texts, &store, &mut keys);
        close(&store);
        let steps = |told: &str| {
            let sent = format!("{told}.sent");
            let lines = ["lines[0].reserve", "lines[1].reserve"];
            let mut steps = vec!["bad".to_owned(), "sorry".to_owned()];
            for done in lines.into_iter().chain([sent.as_str()]) {
                steps.extend([done.to_owned(), format!("{done}/undo")]);
            }
            steps
        };
        let of = |run: u32, told: &str| {
            let prefix = format!("{id}-{run}.f/");
            steps(told)
                .into_iter()
                .map(move |step| format!("{prefix}{step}"))
        };
        let mut expected: Vec<String> = of(1, "told").chain(of(2, "told_otherwise")).collect();
        let mut found: Vec<String> = keys.keys().cloned().collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "killed at call {at}");
        let again: usize = keys.values().map(|(_, times)| times - 1).sum();
        assert!(
            (1..=4).contains(&again),
            "killed at call {at}: {again} calls came again, those under way and what was not written yet"
        );
    }
}

const LINKS: &str = "
on: device.alarm
key: event.data.key
steps:
  - id: made
    call: erp.add
  - id: known
    link: { kind: customer, ids: { crm: '${event.data.key}', erp: '${steps.made.number}-${event.data.n}' }, role: steward }
  - id: told
    call: crm.note
    with: { erp: \"${xref('customer', 'crm', event.data.key, 'erp')}\", conflict: '${steps.known.conflict}' }
";

#[test]
fn links_and_answers_about_them_are_made_once_whatever_call_the_host_is_killed_at() {
    for at in 1..=4 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tombolo.db");
        let mut keys = HashMap::new();
        {
            let store = SqliteStore::open(&path, Arc::new(MachineClock)).unwrap();
            until_call(at, &[("f", LINKS)], &store, &mut keys);
            close(&store);
        }
        let store = SqliteStore::open(&path, Arc::new(MachineClock)).unwrap();
        until_call(usize::MAX, &[("f", LINKS)], &store, &mut keys);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let entities = runtime.block_on(store.entities(EntityFilter::default()));
        let entities = entities.unwrap();
        assert_eq!(entities.len(), 1, "killed at call {at}: {entities:?}");
        assert_eq!(
            entities[0].id_in("erp"),
            Some("77-6"),
            "the second run's answer"
        );
        assert_eq!(entities[0].ids[1].maker.by, "mia");
        let changes = runtime.block_on(store.link_changes(ChangeFilter::default()));
        let changes = changes.unwrap();
        assert_eq!(changes.len(), 4, "killed at call {at}: {changes:#?}");
        let mut notes: Vec<&str> = keys
            .iter()
            .filter(|(key, _)| key.ends_with("/told"))
            .map(|(_, (input, _))| input.as_str())
            .collect();
        notes.sort_unstable();
        assert_eq!(
            notes,
            [
                r#"{"erp":"77-5","conflict":false}"#,
                r#"{"erp":"77-6","conflict":true}"#
            ]
        );
        close(&store);
    }
}

fn close(store: &Arc<SqliteStore>) {
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(store.close());
}
