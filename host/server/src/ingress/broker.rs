//! What brokers deliver: a message goes to its hook's adapter like a post, its events go to the log, and only then is it
//! acknowledged.
//!
//! Messages of one subscription keep their order. While the engine is full, or the adapter cannot take a message now,
//! it is held here unacknowledged and the broker holds back those behind it. What is refused for good becomes an event
//! of its own, so that it neither blocks nor gets lost.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tombolo_kernel::clock::{Millis, new_id, rfc3339};
use tombolo_kernel::event::Event;
use tombolo_kernel::failure::Failure;
use tombolo_kernel::limits;
use tombolo_kernel::system::{Inbound, MESSAGE, MadeEvent, Outcome, Reception, Subscribed};

use super::made;
use crate::broker::{self, Delivery};
use crate::core::Core;

/// What a message that was refused for good becomes.
const REFUSED: &str = "tombolo.message-refused";
/// Bytes of a refused message that its event keeps: with base64 still inside an event.
const KEPT: usize = 700 << 10;
/// Pause between two looks whether the engine has room.
const FULL: Duration = Duration::from_millis(100);
/// First pause before something is tried again; doubled each time.
const AGAIN: Duration = Duration::from_millis(500);
/// Times that an adapter may fail by its own fault before its message counts as refused.
const FAULTS: u32 = 5;

/// The subscriptions of the running systems, each with its task.
#[derive(Default)]
pub(crate) struct Subscriptions {
    tasks: Mutex<BTreeMap<(String, String), Task>>,
}

/// What a task fetches, and how it is ended.
type Task = (Arc<Subscribed>, AbortHandle);

impl Subscriptions {
    /// Subscribes to what the running systems are granted, and to nothing else. A system that was connected anew
    /// subscribes anew.
    pub(crate) fn replace(&self, core: &Arc<Core>) {
        let mut tasks = self.tasks.lock();
        let wanted: BTreeMap<_, _> = core
            .systems
            .subscribed()
            .into_iter()
            .map(|subscribed| {
                (
                    (subscribed.system.clone(), subscribed.hook.clone()),
                    subscribed,
                )
            })
            .collect();
        tasks.retain(|key, (running, task)| {
            let same = wanted
                .get(key)
                .is_some_and(|wanted| Arc::ptr_eq(wanted, running));
            if !same {
                task.abort();
            }
            same
        });
        for (key, subscribed) in wanted {
            tasks.entry(key).or_insert_with(|| {
                let task = tokio::spawn(keep(Arc::clone(core), Arc::clone(&subscribed)));
                (subscribed, task.abort_handle())
            });
        }
    }

    /// Ends all; what is not acknowledged stays with the brokers.
    pub(crate) fn stop(&self) {
        for (_, task) in std::mem::take(&mut *self.tasks.lock()).into_values() {
            task.abort();
        }
    }
}

/// Stays subscribed: connects again whenever the connection breaks.
async fn keep(core: Arc<Core>, subscribed: Arc<Subscribed>) {
    let Subscribed {
        system,
        hook,
        place,
        from,
    } = &*subscribed;
    let store = core.store.id();
    let id = format!(
        "tombolo-{}-{system}-{hook}",
        &store[store.len().saturating_sub(8)..]
    );
    let (mut pause, mut told) = (AGAIN, false);
    loop {
        let (deliver, inbox) = mpsc::channel(usize::from(limits::MESSAGES_IN_HAND));
        let mut taken = 0_u64;
        let (why, ()) = tokio::join!(
            broker::listen(place, from, id.clone(), deliver),
            take_in(&core, &subscribed, inbox, &mut taken)
        );
        if taken > 0 {
            (pause, told) = (AGAIN, false);
        }
        if !told {
            tracing::warn!(%system, %hook, broker = %place.url, %why, "no messages come from the broker; trying again");
            told = true;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(limits::BROKER_AGAIN);
    }
}

/// Takes messages in until there are no more. A batch's events go to the log in one write.
async fn take_in(
    core: &Core,
    subscribed: &Subscribed,
    mut inbox: mpsc::Receiver<Delivery>,
    taken: &mut u64,
) {
    let mut batch: VecDeque<Delivery> = VecDeque::new();
    let (mut pause, mut faults) = (AGAIN, 0);
    loop {
        if batch.is_empty() {
            match inbox.recv().await {
                Some(delivery) => batch.push_back(delivery),
                None => return,
            }
        }
        while batch.len() < limits::MESSAGE_BATCH
            && let Ok(delivery) = inbox.try_recv()
        {
            batch.push_back(delivery);
        }
        while core.engine.is_overloaded() {
            tokio::time::sleep(FULL).await;
        }
        let outcome = receive(core, subscribed, &batch, faults + 1 >= FAULTS).await;
        let stored = match outcome.events.is_empty() {
            true => Ok(Vec::new()),
            false => core.publish(outcome.events).await,
        };
        if stored.is_ok() {
            for delivery in batch.drain(..outcome.messages) {
                delivery.ack.give().await;
                *taken += 1;
            }
        }
        match (stored, outcome.waits_for) {
            (Ok(_), None) => (pause, faults) = (AGAIN, 0),
            (Ok(_), Some(failure)) => {
                // Another message's faults are not this one's.
                let fault = matches!(failure, Failure::Internal { .. });
                faults = if outcome.messages > 0 { 0 } else { faults } + u32::from(fault);
                tracing::info!(system = %subscribed.system, hook = %subscribed.hook, %failure, "a message waits");
                rest(&mut pause, &failure).await;
            }
            (Err(error), _) => {
                let failure = Failure::Unavailable {
                    message: error.to_string(),
                    retry_after_ms: None,
                };
                rest(&mut pause, &failure).await;
            }
        }
        // The connection is gone: the broker delivers again what it was not told about.
        if inbox.is_closed() && !batch.is_empty() && pause > AGAIN {
            return;
        }
    }
}

async fn rest(pause: &mut Duration, failure: &Failure) {
    let asked = Duration::from_millis(failure.retry_after_ms().unwrap_or(0));
    tokio::time::sleep((*pause).max(asked).min(limits::BROKER_AGAIN)).await;
    *pause = (*pause * 2).min(limits::BROKER_AGAIN);
}

/// What a batch came to.
struct Taken {
    events: Vec<Event>,
    /// So many messages from the front are dealt with.
    messages: usize,
    /// The one behind them cannot be taken now.
    waits_for: Option<Failure>,
}

/// Hands a batch to the adapter, several messages at a time, and looks at the answers in order.
async fn receive(
    core: &Core,
    subscribed: &Subscribed,
    batch: &VecDeque<Delivery>,
    faults_are_final: bool,
) -> Taken {
    let now = core.clock.now_ms();
    let system = &subscribed.system;
    let calls: Vec<BoxFuture<'_, Outcome<Reception>>> = batch
        .iter()
        .map(|delivery| inbound(&subscribed.hook, delivery, now))
        .map(|inbound| core.systems.receive(system, inbound).boxed())
        .collect();
    let mut outcomes = futures_util::stream::iter(calls).buffered(limits::MESSAGES_AT_ONCE);
    let mut taken = Taken {
        events: Vec::new(),
        messages: 0,
        waits_for: None,
    };
    for delivery in batch {
        let Some(outcome) = outcomes.next().await else {
            break;
        };
        let made = match outcome.result {
            Ok(reception) => made(system, reception.events, delivery, now),
            Err(failure) => Err(failure),
        };
        match made {
            Ok(events) => taken.events.extend(events),
            Err(failure) if waits(&failure, faults_are_final && taken.messages == 0) => {
                taken.waits_for = Some(failure);
                return taken;
            }
            Err(failure) => {
                tracing::warn!(%system, hook = %subscribed.hook, %failure, "a message was refused; an event {REFUSED} keeps it");
                taken
                    .events
                    .push(refused(subscribed, delivery, &failure, now));
            }
        }
        taken.messages += 1;
    }
    taken
}

fn made(
    system: &str,
    events: Vec<MadeEvent>,
    delivery: &Delivery,
    now: Millis,
) -> Result<Vec<Event>, Failure> {
    if delivery.payload.len() > limits::MESSAGE_BYTES {
        return Err(Failure::Rejected {
            code: "too-large".into(),
            message: format!(
                "the message has {} bytes, expected at most {}",
                delivery.payload.len(),
                limits::MESSAGE_BYTES
            ),
        });
    }
    made::stored(system, events, now).map_err(|(index, error)| Failure::Rejected {
        code: "event".into(),
        message: format!("event {index}: {error}"),
    })
}

fn inbound(hook: &str, delivery: &Delivery, now: Millis) -> Inbound {
    Inbound {
        hook: hook.to_owned(),
        method: MESSAGE.to_owned(),
        url: delivery.topic.clone(),
        query: Vec::new(),
        headers: delivery.headers.clone(),
        body: match delivery.payload.len() {
            0..=limits::MESSAGE_BYTES => delivery.payload.clone(),
            // Refused afterwards; no guest sees it.
            _ => bytes::Bytes::new(),
        },
        received_ms: now,
    }
}

/// Whether trying again can help. A fault of the adapter is tried a few times only: it must not block for ever.
fn waits(failure: &Failure, faults_are_final: bool) -> bool {
    match failure {
        Failure::Unavailable { .. } | Failure::RateLimited { .. } | Failure::NotOffered { .. } => {
            true
        }
        Failure::Internal { .. } => !faults_are_final,
        _ => false,
    }
}

/// The event that keeps a refused message.
fn refused(subscribed: &Subscribed, delivery: &Delivery, failure: &Failure, now: Millis) -> Event {
    let kept = &delivery.payload[..delivery.payload.len().min(KEPT)];
    let (name, body) = match std::str::from_utf8(kept) {
        Ok(text) => ("body", text.to_owned()),
        Err(_) => (
            "body_base64",
            base64::engine::general_purpose::STANDARD.encode(kept),
        ),
    };
    let mut data = serde_json::json!({
        "hook": subscribed.hook,
        "topic": delivery.topic,
        "failure": failure.to_string(),
        "bytes": delivery.payload.len(),
    });
    data[name] = body.into();
    let id = delivery
        .headers
        .iter()
        .find(|(name, _)| name == "message-id");
    Event {
        id: id.map_or_else(
            || new_id(now),
            |(_, id)| format!("refused/{}", id.chars().take(100).collect::<String>()),
        ),
        source: made::source(&subscribed.system),
        kind: REFUSED.to_owned(),
        subject: Some(subscribed.hook.clone()),
        time: rfc3339(now),
        data: serde_json::value::to_raw_value(&data)
            .unwrap_or_else(|_| serde_json::value::RawValue::NULL.to_owned()),
        hops: 0,
        cause: None,
        root: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use tombolo_kernel::system::{BrokerPlace, BrokerProtocol, MessageSource};

    fn message() -> String {
        "no".to_owned()
    }

    #[test]
    fn what_may_pass_waits_and_what_cannot_does_not_block() {
        let table = [
            (
                Failure::Unavailable {
                    message: message(),
                    retry_after_ms: None,
                },
                true,
                true,
            ),
            (
                Failure::RateLimited {
                    message: message(),
                    retry_after_ms: None,
                },
                true,
                true,
            ),
            (Failure::Internal { message: message() }, true, false),
            (
                Failure::InvalidInput {
                    problems: Vec::new(),
                },
                false,
                false,
            ),
            (
                Failure::Rejected {
                    code: message(),
                    message: message(),
                },
                false,
                false,
            ),
            (Failure::Unauthorized { message: message() }, false, false),
        ];
        for (failure, at_first, at_last) in table {
            assert_eq!(waits(&failure, false), at_first, "{failure}");
            assert_eq!(waits(&failure, true), at_last, "{failure}");
        }
    }

    #[test]
    fn a_refused_message_is_kept_whole_with_its_reason() {
        let subscribed = Subscribed {
            system: "plant".into(),
            hook: "alarm".into(),
            place: BrokerPlace {
                protocol: BrokerProtocol::Mqtt5,
                url: "mqtt://broker:1883".parse().unwrap(),
                user: None,
                password: None,
            },
            from: MessageSource::Topic("plant/#".into()),
        };
        let (given, _ack) = mpsc::unbounded_channel();
        let mut delivery = Delivery {
            topic: "plant/p4".into(),
            headers: vec![("message-id".into(), "m-1".into())],
            payload: "not json".into(),
            ack: broker::Ack::Test(given),
        };
        let failure = Failure::InvalidInput {
            problems: Vec::new(),
        };
        let event = refused(&subscribed, &delivery, &failure, 0);
        assert!(event.check().is_ok());
        assert_eq!(
            (event.kind.as_str(), event.id.as_str()),
            (REFUSED, "refused/m-1")
        );
        assert!(
            event.data.get().contains("\"body\":\"not json\""),
            "{}",
            event.data
        );
        delivery.payload = vec![0xff_u8; limits::MESSAGE_BYTES + 1].into();
        let event = refused(&subscribed, &delivery, &failure, 0);
        assert!(
            event.check().is_ok(),
            "what is too large for an event is cut"
        );
        assert!(event.data.get().contains("1048577"));
    }
}
