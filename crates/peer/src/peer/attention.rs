//! What waits for the person, before a run starts or while its agent works: their answers, and what those who watch
//! hear of it.

use super::actor::Actor;
use super::command::{Answer, CommandError, Reply};
use super::event::PeerEvent;
use super::snapshot::Attention;
use super::waiting::{Waiting, of_run};
use orgx_proto::dispatch::Effect;
use orgx_proto::ids::{AskId, RunId};
use orgx_proto::run::{Run, Verdict};

impl Actor {
    /// What waits for the person, oldest first.
    pub(super) fn attention(&self) -> Vec<Attention> {
        self.waiting().into_iter().map(|waiting| waiting.shown).collect()
    }

    fn waiting(&self) -> Vec<Waiting> {
        let mut all: Vec<Waiting> = self.dispatcher.runs().flat_map(of_run).collect();
        all.sort_by(|a, b| (a.shown.since, &a.shown.id).cmp(&(b.shown.since, &b.shown.id)));
        all
    }

    /// Tells of questions that are new, and of those that nobody asks any more.
    pub(super) fn notice_attention(&mut self) {
        // Most of the time there is nothing to look at.
        if self.asked.is_empty() && !self.dispatcher.runs().any(Run::needs_you) {
            return;
        }
        let now = self.attention();
        let before = std::mem::take(&mut self.asked);
        for gone in before.iter().filter(|(id, _)| now.iter().all(|ask| ask.id != *id)) {
            tracing::info!(run_id = %gone.1, "the person is not waited for any more");
            self.tell(PeerEvent::Answered { id: gone.0.clone() });
        }
        for new in now.iter().filter(|ask| before.iter().all(|(id, _)| *id != ask.id)) {
            tracing::info!(run_id = %new.run_id, "waiting for the person");
            self.tell(PeerEvent::Attention { attention: new.clone() });
        }
        self.watch_remote(&now);
        self.asked = now.into_iter().map(|ask| (ask.id, RunId::new(ask.run_id))).collect();
    }

    pub(super) async fn answer(&mut self, id: &str, answer: Answer) -> Result<Reply, CommandError> {
        let asked = self.waiting().into_iter().find(|waiting| waiting.shown.id == id);
        let Waiting { run_id, ask, .. } = asked.ok_or(CommandError::NotWaiting)?;
        // What the person says is between them and the agent.
        tracing::info!(%run_id, answer = word(&answer), "the person answers");
        let effects = match ask {
            Some(ask) => self.answer_agent(&run_id, &ask, answer)?,
            None => self.answer_peer(&run_id, &answer)?,
        };
        self.carry_out(effects).await;
        Ok(Reply::Done)
    }

    fn answer_agent(
        &mut self,
        run_id: &RunId,
        ask: &AskId,
        answer: Answer,
    ) -> Result<Vec<Effect>, CommandError> {
        let verdict = match answer {
            Answer::Allow => Verdict::Once,
            Answer::AllowForRun => Verdict::ForRun,
            Answer::Deny { reason } => Verdict::No(reason),
            Answer::Answers { answers } => Verdict::Answers(answers),
        };
        let answered = self.dispatcher.answer(run_id, ask, verdict, self.clock.now());
        let answered = answered.ok_or(CommandError::NotWaiting)?;
        answered.map_err(|unfit| CommandError::Invalid { why: unfit.to_string() })
    }

    fn answer_peer(&mut self, run_id: &RunId, answer: &Answer) -> Result<Vec<Effect>, CommandError> {
        let now = self.clock.now();
        let effects = match answer {
            Answer::Allow => {
                let more = self.dispatcher.allow_more(run_id, now);
                more.or_else(|| self.dispatcher.allow(run_id, now))
            }
            Answer::Deny { .. } => {
                let stop = self.dispatcher.stop_at_budget(run_id, now);
                stop.or_else(|| self.dispatcher.deny(run_id, now))
            }
            Answer::AllowForRun | Answer::Answers { .. } => {
                let why = "this is asked before the task starts: allow it, or deny it";
                return Err(CommandError::Invalid { why: why.into() });
            }
        };
        effects.ok_or(CommandError::NotWaiting)
    }
}

fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Allow => "allow",
        Answer::AllowForRun => "allow for the run",
        Answer::Deny { .. } => "deny",
        Answer::Answers { .. } => "answers",
    }
}
