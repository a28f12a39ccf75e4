//! One run's life: queued, needs you, starting, running, cancelling, then completed or failed, once.
//!
//! A run turns what its agent says into frames and outbox records. That it ends once is the
//! dispatcher's promise: it takes the run away with its terminal.

mod account;
mod asks;
mod start_ask;

pub use account::{Account, Balance, Held, Hold, Standing};
pub(crate) use asks::count;
pub use asks::{Asks, OpenAsk, Unfit, Verdict};
pub use start_ask::{BudgetUnit, StartAsk, StartKind, StartQuestion, StartWhat};

use crate::agent::PromptPlace;
use crate::agent::{Action, ActionKind, AgentEvent, Failure, Totals};
use crate::delivery::Outgoing;
use crate::dispatch::{Effect, LeftSpent, Origin, Spent, deadline_after};
use crate::ids::SessionHandle;
use crate::limits;
use crate::message::{
    Completed, Deviation, Dispatch, Failed, Frame, OutcomeKind, Severity, SourceSubType, Started, Step,
    StepKind,
};
use crate::redact::Redacted;
use crate::skill_rules::Match;
use crate::time::{Millis, Now, Timestamp};
use crate::work_graph::{Entry, Record, Subject, utf16_len};

/// A run that has not ended.
#[derive(Clone, Debug)]
pub struct Run {
    /// What OrgX asked for. Its text is erased once the agent has it.
    pub dispatch: Dispatch,
    /// Where in its life it is.
    pub phase: Phase,
    /// The folder it works in, as the person's computer knows it, once that is known.
    pub folder: Option<String>,
    /// May it work there?
    pub folder_check: FolderCheck,
    /// When its dispatch came.
    pub arrived: Now,
    /// Did it come while the peer was finishing what it had?
    pub after_pause: bool,
    /// Was it with a peer before us?
    pub restored: bool,
    /// Its key is spent since then, and its prompt went there.
    pub spent: Option<(Timestamp, PromptPlace)>,
    /// What the person is asked before it starts, while it needs them: the first of `questions`.
    pub ask: Option<StartAsk>,
    /// All that stands in the way of its start, in the order it is asked in.
    pub questions: Vec<StartQuestion>,
    /// What the person allowed for this run.
    pub allowed: Vec<StartKind>,
    /// What its agent asks the person.
    pub asks: Asks,
    /// What it has used, and whether it is held at a budget.
    pub account: Account,
    /// What it has, once its session is open.
    pub live: Option<Live>,
}

/// May a run work in its folder?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderCheck {
    /// It is still being looked at.
    Awaited,
    /// It may.
    Passed,
    /// The person allowed it for this run.
    Allowed,
}

/// What a run has once its session is open.
#[derive(Clone, Debug)]
pub struct Live {
    /// Who the outbox says it is.
    pub subject: Subject,
    /// When the session could be prompted.
    pub started_at: Timestamp,
    /// When the agent first answered.
    pub first_response_at: Option<Timestamp>,
    /// Steps so far.
    pub steps: u64,
    /// Deviations so far.
    pub deviations: u64,
}

/// Where in its life a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for its turn, until then at the latest.
    Queued {
        /// When it is failed.
        until: Millis,
    },
    /// Waiting for the person: may it start?
    NeedsYou {
        /// When no answer is a no.
        until: Millis,
    },
    /// Its driver makes a session.
    Starting {
        /// When it is failed.
        until: Millis,
    },
    /// The agent works.
    Running {
        /// When its time is up.
        until: Millis,
    },
    /// The agent was asked to stop.
    Cancelling {
        /// Why.
        why: Stopped,
        /// When the run ends without the agent.
        until: Millis,
    },
}

impl Phase {
    /// Is it still to be started?
    pub fn waits(self) -> bool {
        matches!(self, Self::Queued { .. } | Self::NeedsYou { .. })
    }
}

/// Why a run was stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// OrgX or the person cancelled it.
    Cancelled,
    /// It used up its `timeout_seconds`.
    TimedOut,
    /// The agent never got to a session.
    NeverStarted,
    /// The peer is quitting.
    PeerStopped,
    /// It is at its budget, and nobody wants it to go on.
    Budget,
}

impl Run {
    /// A run whose dispatch just came.
    pub fn new(dispatch: Dispatch, now: Now) -> Self {
        let until = now.mono + dispatch.timeout;
        Self {
            dispatch,
            phase: Phase::Queued { until },
            folder: None,
            folder_check: FolderCheck::Awaited,
            arrived: now,
            after_pause: false,
            restored: false,
            spent: None,
            ask: None,
            questions: Vec::new(),
            allowed: Vec::new(),
            asks: Asks::default(),
            account: Account::default(),
            live: None,
        }
    }

    /// Does it wait for the person? Its agent may go on with something else meanwhile.
    pub fn needs_you(&self) -> bool {
        matches!(self.phase, Phase::NeedsYou { .. }) || !self.asks.is_empty() || self.hold().is_some()
    }

    /// The session is open and the key is spent: tells OrgX and the outbox, and erases the task's text.
    pub fn start(&mut self, session: &SessionHandle, now: Now, source_client: &'static str) -> Vec<Effect> {
        // Taken up from a peer before us: the outbox has it already, and OrgX may not have heard.
        if let Some(live) = &self.live {
            let started_at = live.started_at;
            if matches!(self.phase, Phase::Starting { .. }) {
                // Its time may be over; that it ended in time is still to be seen.
                let until = deadline_after(started_at, self.dispatch.timeout, now);
                self.phase = Phase::Running { until: until.max(now.mono + limits::RESUME_GRACE) };
            }
            return vec![Effect::Send(self.started_frame(session, started_at))];
        }
        // Where the session was there before the prompt, a peer after us would say the same time.
        let started_at = match &self.spent {
            Some((at, place)) if place.session.is_some() => *at,
            _ => now.wall,
        };
        let live = self.begin(session, started_at, source_client);
        let task = std::mem::take(&mut self.dispatch.task);
        self.dispatch.task.driver = task.driver;
        self.dispatch.task.repo_path = task.repo_path;
        self.dispatch.task.scope = task.scope;
        let entry = Entry::Started {
            at: started_at,
            title_chars: utf16_len(&task.title),
            description_chars: task.description.as_deref().map_or(0, utf16_len),
            skills: task.skill_ids.len(),
        };
        let effects = vec![
            Effect::Record(Box::new(Record::new(&live.subject, &entry, now.wall))),
            Effect::Send(self.started_frame(session, started_at)),
        ];
        // A run that is being cancelled stays so; OrgX still learns that it had started.
        if matches!(self.phase, Phase::Starting { .. }) {
            self.phase = Phase::Running { until: now.mono + self.dispatch.timeout };
        }
        self.live = Some(live);
        effects
    }

    /// A peer before us spent its key.
    pub(crate) fn resume(&mut self, spent: &LeftSpent, now: Now, source_client: &'static str) {
        self.restored = true;
        self.account = Account::restore(&spent.balance, spent.at, self.dispatch.timeout, now);
        self.folder.clone_from(&spent.folder);
        self.folder_check = FolderCheck::Passed;
        self.spent = Some((spent.at, spent.place.clone()));
        if let Some(session) = &spent.place.session {
            self.live = Some(self.begin(session, spent.at, source_client));
        }
    }

    /// Its spent key, for the journal.
    pub(crate) fn spent_as(&self) -> Option<Spent> {
        let (at, place) = self.spent.as_ref()?;
        Some(Spent {
            run_id: self.dispatch.run_id.clone(),
            key: self.dispatch.key.clone(),
            driver: self.dispatch.task.driver.clone(),
            session: place.session.clone(),
            message_id: place.message_id.clone(),
            folder: self.folder.clone(),
            at: *at,
            origin: Origin {
                local: self.dispatch.local,
                arrived: self.arrived.wall,
                timeout: self.dispatch.timeout,
                repo_path: self.dispatch.task.repo_path.clone(),
            },
        })
    }

    fn begin(&self, session: &SessionHandle, started_at: Timestamp, source_client: &'static str) -> Live {
        Live {
            subject: Subject {
                run_id: self.dispatch.run_id.clone(),
                session: session.clone(),
                key: self.dispatch.key.clone(),
                cwd: self.dispatch.task.repo_path.clone(),
                source_client,
            },
            started_at,
            first_response_at: None,
            steps: 0,
            deviations: 0,
        }
    }

    fn started_frame(&self, session: &SessionHandle, started_at: Timestamp) -> Outgoing {
        Outgoing::from(&Frame::Started(Started {
            run_id: self.dispatch.run_id.clone(),
            started_at,
            session_handle: Some(session.clone()),
        }))
    }

    /// The agent did or said something; `matches` are the skill rules it breaks that this run has not reported yet.
    ///
    /// PROTOCOL: contract C5, the order is record, step, then record and deviation for each rule.
    pub fn observe(&mut self, event: &AgentEvent, matches: &[Match], now: Timestamp) -> Vec<Effect> {
        let Some(live) = &mut self.live else { return Vec::new() };
        match event {
            AgentEvent::Chat => {
                live.first_response_at.get_or_insert(now);
                Vec::new()
            }
            AgentEvent::Remark(text) => live.step(StepKind::Chat, text.clone(), None, "peer", None, now),
            AgentEvent::Action(action) => live.act(action, matches, now),
        }
    }

    /// The run is over by itself: its terminal and the outbox's word for it.
    pub fn complete(&self, totals: &Totals, now: Timestamp) -> (Frame, Option<Record>) {
        let started_at = self.live.as_ref().map_or(now, |live| live.started_at);
        let first_response = self.live.as_ref().and_then(|live| live.first_response_at);
        let frame = Frame::Completed(Completed {
            run_id: self.dispatch.run_id.clone(),
            outcome_kind: OutcomeKind::Shipped,
            started_at,
            first_response_at: first_response.unwrap_or(started_at),
            completed_at: now,
            tokens_used: totals.tokens_used,
            provider: totals.provider,
            source_sub_type: SourceSubType::Subscription,
            source_driver: self.dispatch.task.driver.clone(),
            cost_estimate_cents: cents(totals.cost_cents),
        });
        let entry = Entry::Completed {
            tokens_used: totals.tokens_used,
            first_response_seen: first_response.is_some(),
        };
        (frame, self.record(&entry, now))
    }

    /// The run is over and not by itself.
    pub fn fail(&self, failure: &Failure, now: Timestamp) -> (Frame, Option<Record>) {
        let frame = Frame::Failed(Failed {
            run_id: self.dispatch.run_id.clone(),
            reason: failure.reason.clone(),
            recoverable: failure.recoverable,
        });
        let entry = Entry::Failed {
            recoverable: failure.recoverable,
            reason_chars: utf16_len(failure.reason.as_str()),
        };
        (frame, self.record(&entry, now))
    }

    /// What is told when the run was stopped from outside.
    pub fn failure_of(&self, why: Stopped) -> Failure {
        match why {
            Stopped::Cancelled => Failure::lasting("cancelled"),
            Stopped::TimedOut => {
                Failure::recoverable(&format!("timed out after {} s", seconds(self.dispatch.timeout)))
            }
            Stopped::NeverStarted => Failure::recoverable(&format!(
                "the agent did not start within {} s",
                limits::START_WITHIN.as_secs()
            )),
            Stopped::PeerStopped => Failure::recoverable("peer stopped"),
            Stopped::Budget => Failure::recoverable(&match &self.account.stopped_at {
                Some(reached) => format!("stopped at {}: {reached}", reached.whose()),
                None => "stopped at its budget".to_owned(),
            }),
        }
    }

    fn record(&self, entry: &Entry<'_>, now: Timestamp) -> Option<Record> {
        self.live.as_ref().map(|live| Record::new(&live.subject, entry, now))
    }
}

impl Live {
    fn act(&mut self, action: &Action, matches: &[Match], now: Timestamp) -> Vec<Effect> {
        if action.answers {
            self.first_response_at.get_or_insert(now);
        }
        let (kind, verb) = match &action.kind {
            ActionKind::FileEdit { .. } => (StepKind::FileEdit, "edit"),
            ActionKind::ToolCall { .. } => (StepKind::ToolCall, "call"),
        };
        let name = action.kind.name();
        // PROTOCOL: contract C5, an em dash between spaces.
        let summary = Redacted::cut(&format!("{verb} {name} — {}", action.detail), limits::SUMMARY_CHARS);
        let evidence_ref = action.evidence_ref.as_deref();
        let stands_in = evidence_ref.unwrap_or(name);
        let mut effects = self.step(kind, summary, evidence_ref, stands_in, action.kind.tool(), now);
        effects.extend(self.deviate(stands_in, matches, now));
        effects
    }

    /// Each of `matches` as a record and a frame.
    pub(crate) fn deviate(&mut self, evidence_ref: &str, matches: &[Match], now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        for rule in matches {
            self.deviations += 1;
            let deviation = Deviation {
                run_id: self.subject.run_id.clone(),
                skill_id: rule.skill_id.clone(),
                evidence_kind: rule.evidence_kind.clone(),
                evidence_ref: Redacted::cut(evidence_ref, limits::REF_CHARS),
                dedupe_key: rule.dedupe_key.clone(),
                severity: Severity::Warn,
            };
            let entry = Entry::Deviation {
                skill_id: &deviation.skill_id,
                evidence_kind: &deviation.evidence_kind,
                dedupe_key: &deviation.dedupe_key,
            };
            let record = Effect::Record(Box::new(Record::new(&self.subject, &entry, now)));
            let frame = Outgoing::from(&Frame::Deviation(deviation));
            effects.extend([Effect::Keep(frame.clone()), record, Effect::Send(frame)]);
        }
        effects
    }

    fn step(
        &mut self,
        kind: StepKind,
        summary: Redacted,
        evidence_ref: Option<&str>,
        stands_in: &str,
        tool: Option<&str>,
        now: Timestamp,
    ) -> Vec<Effect> {
        self.steps += 1;
        let entry =
            Entry::Step { kind, evidence_ref: stands_in, summary_chars: utf16_len(summary.as_str()), tool };
        let record = Record::new(&self.subject, &entry, now);
        let step = Frame::Step(Step {
            run_id: self.subject.run_id.clone(),
            kind,
            summary,
            evidence_ref: evidence_ref.map(|text| Redacted::cut(text, limits::REF_CHARS)),
        });
        vec![Effect::Record(Box::new(record)), Effect::Send(Outgoing::from(&step))]
    }
}

/// When no answer is a no: after half an hour, or while what comes of it is still in time.
pub(crate) fn lapses(queued_until: Millis, now: Now) -> Millis {
    let before_end = Millis(queued_until.0.saturating_sub(limits::ASK_BEFORE_END.as_millis() as u64));
    (now.mono + limits::ASK_WITHIN).min(before_end)
}

/// Whole cents, rounded; what is no number costs nothing.
fn cents(cost: f64) -> u64 {
    if cost.is_finite() && cost > 0.0 { cost.round() as u64 } else { 0 }
}

fn seconds(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_whole_cents_and_never_nonsense() {
        for (cost, whole) in
            [(0.0, 0), (0.4, 0), (0.5, 1), (12.49, 12), (-3.0, 0), (f64::NAN, 0), (f64::INFINITY, 0)]
        {
            assert_eq!(cents(cost), whole, "{cost}");
        }
    }
}
