//! What waits for the person: folders that are asked about. Their answers, and what those who watch hear of it.

use super::actor::Actor;
use super::command::{Answer, CommandError, Reply};
use super::event::PeerEvent;
use super::snapshot::{Ask, Attention, BudgetLimit};
use orgx_proto::ids::RunId;
use orgx_proto::run::{BudgetUnit, Phase, Run, StartWhat};

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
            // Not for what is asked before a start.
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
    let (mark, folder, what) = match &ask.what {
        StartWhat::Folder { folder } => ("", Some(folder.clone()), Ask::Folder { folder: folder.clone() }),
        StartWhat::Dirty { folder, commit, changes } => {
            let (folder, commit) = (folder.clone(), commit.clone());
            ("dirty-", Some(folder.clone()), Ask::Dirty { folder, commit, changes: *changes })
        }
        StartWhat::Budget { limit, most, used } => {
            let limit = match limit {
                BudgetUnit::Tokens => BudgetLimit::Tokens,
                BudgetUnit::Cents => BudgetLimit::Cents,
                BudgetUnit::Minutes => BudgetLimit::Minutes,
            };
            ("budget-", run.folder.clone(), Ask::Budget { limit, day: true, most: *most, used: *used })
        }
    };
    Some(Attention {
        id: format!("{}@{mark}{}", run.dispatch.run_id, ask.since.wall.0),
        run_id: run.dispatch.run_id.to_string(),
        by: None,
        folder,
        remote: false,
        what,
        since: ask.since.wall.0,
        lapses_at: ask.since.wall.0.saturating_add(left),
    })
}
