//! Remote attention: what waits for the person is asked at OrgX, too, when they have switched that on.
//!
//! Decisions are [`orgx_proto::attention`]'s; here its actions are done. An answer from OrgX goes the way of one that is
//! given on this computer. Nothing of a run ever waits for anything here.

mod words;

use super::actor::{Actor, Signal};
use super::command::{Answer, CommandError, Reply};
use super::snapshot::Attention;
use crate::config::Config;
use orgx_proto::attention::{Action, NotGiven, Poll, Said};
use orgx_proto::connection::{Event, FallBack, State, Version, Versions};
use orgx_proto::delivery::Outgoing;
use orgx_proto::ids::DecisionId;
use orgx_proto::message::{Frame, Resolve};
use orgx_proto::receipt::Answer as Came;
use orgx_proto::time::Now;
use std::sync::Arc;

/// What came of a call; the text is the question's key.
#[derive(Debug)]
pub(super) enum RemoteSignal {
    Created(String, Result<DecisionId, Came>),
    Polled(String, Result<Poll, Came>),
    Posted(u64, Came),
}

/// What the socket is to speak.
pub(super) fn version(config: &Config) -> Version {
    if config.remote_attention { Version::V3 } else { Version::V1 }
}

impl Actor {
    /// What waits for the person has changed, maybe: OrgX is asked what is new, and told what is over.
    pub(super) fn watch_remote(&mut self, open: &[Attention]) {
        if !self.config.remote_attention {
            return;
        }
        let now = self.clock.now();
        for id in self.remote.known() {
            if open.iter().all(|attention| attention.id != id) {
                let actions = self.remote.gone(&id, now);
                self.start_remote(actions);
            }
        }
        for attention in open.iter().filter(|attention| !self.remote.knows(&attention.id)).collect::<Vec<_>>()
        {
            if let Some(item) = self.remote_item(attention, now) {
                let actions = self.remote.appeared(item, now);
                self.start_remote(actions);
            }
        }
    }

    /// What waits for the person, with what can be answered at OrgX, too.
    pub(super) fn shown_attention(&self) -> Vec<Attention> {
        let mut all = self.attention();
        for attention in &mut all {
            attention.remote = self.remote.has(&attention.id);
        }
        all
    }

    /// The person answers on this computer.
    pub(super) async fn answer_here(&mut self, id: &str, answer: Answer) -> Result<Reply, CommandError> {
        self.remote.answered_here(id);
        let reply = self.answer(id, answer).await;
        if reply.is_err() {
            self.remote.still_asked(id);
        }
        reply
    }

    /// Time passed: what is to be asked, asked after or told goes out.
    pub(super) fn ask_orgx(&mut self, now: Now) {
        let actions = self.remote.tick(now);
        self.start_remote(actions);
    }

    pub(super) async fn on_remote(&mut self, signal: RemoteSignal) {
        let now = self.clock.now();
        let actions = match signal {
            RemoteSignal::Created(key, result) => {
                match &result {
                    Ok(decision) => tracing::info!(%decision, "asked at OrgX, too"),
                    Err(answer) => tracing::info!(?answer, "could not be asked at OrgX"),
                }
                self.remote.created(&key, result, now, rand::random())
            }
            RemoteSignal::Polled(key, result) => self.remote.polled(&key, result, now, rand::random()),
            RemoteSignal::Posted(number, answer) => {
                self.remote.posted(number, answer, now, rand::random());
                Vec::new()
            }
        };
        self.carry_out_remote(actions).await;
        self.ask_orgx(self.clock.now());
        self.touch();
    }

    /// An answer was pushed. With remote attention off it is for nobody.
    pub(super) async fn on_resolve(&mut self, resolve: Resolve) {
        let Resolve { decision_id, run_id, .. } = &resolve;
        if !self.config.remote_attention {
            tracing::warn!(%run_id, %decision_id, "OrgX sent an answer though remote attention is off; ignored");
            return;
        }
        tracing::info!(%run_id, %decision_id, "an answer came from OrgX");
        let actions = self.remote.resolved(resolve, self.clock.now());
        self.carry_out_remote(actions).await;
        self.touch();
    }

    /// OrgX does not speak v3: tasks matter more.
    pub(super) fn fall_back(&mut self) {
        match self.versions.refused(self.clock.now().mono) {
            FallBack::No => return,
            FallBack::Quiet => tracing::info!("OrgX still refuses orgx.v3"),
            FallBack::Tell => self.warn(
                "This OrgX does not push answers (it refuses orgx.v3): it is asked for them every 2 seconds instead, \
                 and everything else goes on as before."
                    .to_owned(),
            ),
        }
        if matches!(self.connection.state(), State::Waiting { .. }) {
            self.connect(Event::Hurry);
        }
    }

    /// The person switched it on or off: the socket speaks accordingly.
    pub(super) fn switch_remote(&mut self, on: bool) {
        let now = self.clock.now();
        if !on {
            for id in self.remote.known() {
                let actions = self.remote.gone(&id, now);
                self.start_remote(actions);
            }
        }
        self.config.remote_attention = on;
        self.versions = Versions::new(version(&self.config));
        // As after a sleep: what the old socket may not have delivered goes over the new one.
        self.connect(Event::Woke);
        let open = self.attention();
        self.watch_remote(&open);
        self.touch();
    }

    async fn carry_out_remote(&mut self, actions: Vec<Action>) {
        for (item, said) in self.start_remote(actions) {
            tracing::info!(item, "answered at OrgX");
            let given = match self.answer(&item, answer_of(said)).await {
                Ok(_) => Ok(()),
                Err(CommandError::Invalid { .. }) => Err(NotGiven::Unfit),
                Err(_) => Err(NotGiven::NotWaiting),
            };
            let actions = self.remote.applied(&item, given, self.clock.now());
            self.start_remote(actions);
            let open = self.attention();
            self.watch_remote(&open);
        }
    }

    /// Does everything but give answers; returns those.
    fn start_remote(&mut self, actions: Vec<Action>) -> Vec<(String, Said)> {
        let mut answers = Vec::new();
        for action in actions {
            let api = Arc::clone(&self.api);
            let signal = |signal| Signal::Remote(signal);
            match action {
                Action::Answer { item, said } => answers.push((item, said)),
                Action::Warn(words) => self.warn(words),
                Action::Say(frame) => {
                    if self.versions.offered() == Version::V3 {
                        self.delivery.push(Outgoing::from(&Frame::Continuation(frame)));
                    }
                }
                Action::Create { key, body } => {
                    self.in_background(async move {
                        let created = api.ask(&key, body).await;
                        signal(RemoteSignal::Created(key, created))
                    });
                }
                Action::Poll { key, decision } => {
                    self.in_background(async move {
                        let polled = api.asked(&decision).await;
                        signal(RemoteSignal::Polled(key, polled))
                    });
                }
                Action::Post { number, decision, key, body } => {
                    self.in_background(async move {
                        let came = api.continued(&decision, &key, body).await;
                        signal(RemoteSignal::Posted(number, came))
                    });
                }
            }
        }
        answers
    }
}

fn answer_of(said: Said) -> Answer {
    match said {
        Said::Allow => Answer::Allow,
        Said::AllowForRun => Answer::AllowForRun,
        Said::Deny(reason) => Answer::Deny { reason },
        Said::Answers(answers) => Answer::Answers { answers },
    }
}
