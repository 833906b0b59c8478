//! Watches the demo's run over the API of the host, tells each step as it happens, and gets the task answered.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tombolo_flow::trace::{StepStatus, StepTrace};
use tombolo_kernel::clock::{Clock, MachineClock};
use tombolo_store::{RunStatus, TaskRow};

use super::ask::{self, Decision};
use super::plant::Alarm;
use super::{Cast, Stage};
use crate::event::EventView;
use crate::out::{self, Tone};
use crate::run::{self, Detail};
use crate::{client, text, when};

/// Between two looks at a run.
const LOOK: Duration = Duration::from_millis(25);
/// How long a chapter of the story may take that waits for no person.
const PATIENCE: Duration = Duration::from_secs(60);
/// The flow that the story is about.
const FLOW: &str = "spare-part";

/// The run that the alarm started, and what has been told of it.
pub(super) struct Watch {
    alarm: Alarm,
    sent_ms: u64,
    run: String,
    told: BTreeSet<String>,
}

impl Watch {
    /// Sends the alarm and finds its run.
    pub(super) async fn begin(
        cast: &Cast,
        stage: &mut Stage,
        alarm: Alarm,
    ) -> anyhow::Result<Self> {
        let sent_ms = MachineClock.now_ms();
        let mut watch = Self {
            alarm,
            sent_ms,
            run: String::new(),
            told: BTreeSet::new(),
        };
        let alarm = &watch.alarm;
        watch.tell(
            sent_ms,
            &format!(
                "{} sends alarm {}: severity {}, needs {} of {}",
                alarm.device, alarm.id, alarm.severity, alarm.needed, alarm.part
            ),
        )?;
        let status = cast.plant.send(alarm).await?;
        if !(200..300).contains(&status) {
            bail!(
                "the host answered the signed alarm with {status}; see {}",
                stage.host()?.log().display()
            );
        }
        let event = events_of(cast, &watch.alarm)
            .await?
            .pop()
            .context("the alarm was accepted, but is not in the log")?;
        watch.run = format!("{}.{FLOW}", event.seq);
        let stored = format!(
            "the host verifies the signature, stores event {}, answers {status}; run {} begins",
            event.seq, watch.run
        );
        watch.tell(event.stored_ms, &stored)?;
        Ok(watch)
    }

    /// The run's id.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// What started it.
    pub(super) fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    /// Tells the steps until a task waits for an answer.
    pub(super) async fn until_it_waits(
        &mut self,
        cast: &Cast,
        stage: &mut Stage,
    ) -> anyhow::Result<TaskRow> {
        let until = Instant::now() + PATIENCE;
        loop {
            stage.host()?.still_there()?;
            // The task first: a run that is read after its task has told every step before the question.
            let task = self.open_task(cast).await?;
            if let Some(detail) = run::find(&cast.client, &self.run).await? {
                self.tell_news(&detail)?;
                if detail.run.status.is_final() {
                    bail!(
                        "run {} is {} before it asked anybody",
                        self.run,
                        run::status_word(detail.run.status).0
                    );
                }
            }
            if let Some(task) = task {
                let message = format!("task for {}: {}", task.role, task.question);
                self.tell(task.asked_ms, &message)?;
                return Ok(task);
            }
            if Instant::now() > until {
                bail!(
                    "run {} asked nobody within {} s; see {}",
                    self.run,
                    PATIENCE.as_secs(),
                    stage.host()?.log().display()
                );
            }
            sleep(LOOK).await;
        }
    }

    /// Gets the task answered: on the terminal, by itself, or by someone elsewhere in the meantime.
    pub(super) async fn decide(
        &self,
        cast: &Cast,
        task: &TaskRow,
        yes: bool,
    ) -> anyhow::Result<()> {
        let decision = if yes || !ask::can_ask() {
            Some(ask::by_itself(&task.options, yes))
        } else {
            tokio::select! {
                decision = ask::on_the_terminal(&task.question, &task.options) => {
                    Some(decision.context("the terminal was closed before an answer")?)
                }
                closed = self.until_closed(cast) => closed.map(|()| None)?,
            }
        };
        let Some(Decision { answer, comment }) = decision else {
            return self.tell(MachineClock.now_ms(), "answered elsewhere");
        };
        let by = std::env::var("USER").unwrap_or_else(|_| "demo".into());
        let body = json!({ "answer": answer, "by": by, "comment": comment });
        let path = format!("/api/tasks/{}/answer", client::encoded(&task.id));
        let answered: TaskRow = client::into(cast.client.post(&path, &body).await?, &path)?;
        let at_ms = answered.closed.map_or(self.sent_ms, |closed| closed.at_ms);
        self.tell(at_ms, &format!("answered `{answer}` {comment}"))
    }

    /// Tells the remaining steps until the run is over.
    pub(super) async fn until_it_ends(
        &mut self,
        cast: &Cast,
        stage: &mut Stage,
    ) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            stage.host()?.still_there()?;
            let detail = run::find(&cast.client, &self.run)
                .await?
                .context("the run is gone")?;
            self.tell_news(&detail)?;
            match detail.run.status {
                RunStatus::Done => {
                    return self.tell(detail.run.updated_ms, &format!("run {} is done", self.run));
                }
                RunStatus::Dead => bail!(
                    "run {} failed for good; `tombolo run show {}` tells why",
                    self.run,
                    self.run
                ),
                _ if Instant::now() > until => bail!(
                    "run {} does not end within {} s",
                    self.run,
                    PATIENCE.as_secs()
                ),
                _ => sleep(LOOK).await,
            }
        }
    }

    async fn until_closed(&self, cast: &Cast) -> anyhow::Result<()> {
        while self.open_task(cast).await?.is_some() {
            sleep(LOOK * 10).await;
        }
        Ok(())
    }

    async fn open_task(&self, cast: &Cast) -> anyhow::Result<Option<TaskRow>> {
        let tasks: Vec<TaskRow> = cast.client.read("/api/tasks?open=true").await?;
        Ok(tasks.into_iter().find(|task| task.run == self.run))
    }

    fn tell_news(&mut self, detail: &Detail) -> anyhow::Result<()> {
        for step in run::flat(&detail.trace.steps) {
            let Some(ended) = step.ended_ms else { continue };
            if let Some(words) = words(step, &self.alarm)
                && self.told.insert(step.id.clone())
            {
                self.tell(ended, &words)?;
            }
        }
        Ok(())
    }

    /// One line: the time of day, the time since the alarm, what happened.
    fn tell(&self, at_ms: u64, words: &str) -> anyhow::Result<()> {
        let since = format!("+{}", when::duration(at_ms.saturating_sub(self.sent_ms)));
        let time = out::tone(
            format!("{}  {since:>9}", when::time_of_day(at_ms)),
            Tone::Dim,
        );
        Ok(out::line(format!("  {time}  {}", text::harmless(words)))?)
    }
}

/// What a finished step means, in the story's words; steps that only steer mean nothing.
fn words(step: &StepTrace, alarm: &Alarm) -> Option<String> {
    if step.status == StepStatus::Failed {
        let failure = step
            .attempts
            .iter()
            .rev()
            .find_map(|attempt| attempt.failure.as_ref());
        let why = failure.map_or_else(String::new, |failure| format!(": {failure}"));
        return Some(format!("{} {} failed{why}", step.kind, step.what));
    }
    let result: Value = serde_json::from_str(&step.result).unwrap_or_default();
    let number = |name: &str| result.get(name)?.as_i64();
    Some(match step.id.as_str() {
        "stock" => match number("on_hand") {
            Some(on_hand) if on_hand < i64::from(alarm.needed) => format!(
                "stock read from the ERP's database: {on_hand} of {} on hand; short of {}",
                alarm.part,
                i64::from(alarm.needed) - on_hand
            ),
            Some(on_hand) => format!(
                "stock read from the ERP's database: {on_hand} of {} on hand, enough",
                alarm.part
            ),
            None => "stock read from the ERP's database".into(),
        },
        "request" => "purchase request written into the ERP's table".into(),
        "approved" => "purchase request marked as approved in the ERP".into(),
        "rejected" => "purchase request marked as rejected in the ERP".into(),
        "customer" => format!("CRM told that customer {} is affected", alarm.customer),
        _ => return None,
    })
}

/// The log's events that the alarm became: one, or the log has it twice.
pub(super) async fn events_of(cast: &Cast, alarm: &Alarm) -> anyhow::Result<Vec<EventView>> {
    let path = format!(
        "/api/events?source=%2Fsystems%2Fplant&subject={}&limit=1000",
        client::encoded(alarm.device)
    );
    let events: Vec<Value> = cast.client.read(&path).await?;
    let mut of_alarm = Vec::new();
    for event in events {
        let event: EventView = client::into(event, &path)?;
        if event.id == alarm.id {
            of_alarm.push(event);
        }
    }
    Ok(of_alarm)
}
