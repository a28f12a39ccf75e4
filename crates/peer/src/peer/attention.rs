//! What waits for the person: folders that are asked about. Their answers, and what those who watch hear of it.

use super::actor::Actor;
use super::command::{Answer, CommandError, Reply};
use super::event::PeerEvent;
use super::snapshot::{Ask, Attention};
use orgx_proto::ids::RunId;
use orgx_proto::run::{Phase, Run};

impl Actor {
    /// What waits for the person, oldest first.
    pub(super) fn attention(&self) -> Vec<Attention> {
        let mut all: Vec<Attention> = self.dispatcher.runs().filter_map(attention).collect();
        all.sort_by(|a, b| (a.since, &a.run_id).cmp(&(b.since, &b.run_id)));
        all
    }

    /// Tells of questions that are new, and of those that nobody asks any more.
    pub(super) fn notice_attention(&mut self) {
        let asking = |run: &Run| matches!(run.phase, Phase::NeedsYou { .. });
        // Most of the time there is nothing to look at.
        if self.asked.is_empty() && !self.dispatcher.runs().any(asking) {
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
        self.asked = now.into_iter().map(|ask| (ask.id, RunId::new(ask.run_id))).collect();
    }

    pub(super) async fn answer(&mut self, id: &str, answer: Answer) -> Result<Reply, CommandError> {
        let now = self.clock.now();
        let asked = self.attention().into_iter().find(|ask| ask.id == id);
        let run_id = RunId::new(asked.ok_or(CommandError::NotWaiting)?.run_id);
        tracing::info!(%run_id, ?answer, "the person answers");
        let effects = match answer {
            Answer::Allow => self.dispatcher.allow(&run_id, now),
            Answer::Deny { .. } => self.dispatcher.deny(&run_id, now),
            // Not for a folder.
            Answer::AllowForRun | Answer::Answers { .. } => None,
        };
        self.carry_out(effects.ok_or(CommandError::NotWaiting)?).await;
        Ok(Reply::Done)
    }
}

/// What a run asks, if it does. Its id changes with the question, so that no answer is for another one.
fn attention(run: &Run) -> Option<Attention> {
    let (Phase::NeedsYou { until }, Some(ask)) = (run.phase, &run.ask) else { return None };
    let left = i64::try_from((until - ask.since.mono).as_millis()).unwrap_or(i64::MAX);
    Some(Attention {
        id: format!("{}@{}", run.dispatch.run_id, ask.since.wall.0),
        run_id: run.dispatch.run_id.to_string(),
        by: None,
        folder: Some(ask.folder.clone()),
        remote: false,
        what: Ask::Folder { folder: ask.folder.clone() },
        since: ask.since.wall.0,
        lapses_at: ask.since.wall.0.saturating_add(left),
    })
}
