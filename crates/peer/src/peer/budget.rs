//! Budgets, as the actor keeps them: what the configuration says, and what of them is journaled.

use super::actor::Actor;
use crate::config::{BudgetConfig, Config};
use orgx_proto::agent::{AgentEnd, Failure};
use orgx_proto::budget::{Budget, Budgets, More};
use orgx_proto::dispatch::Effect;
use orgx_proto::ids::RunId;
use orgx_proto::run::Balance;
use tokio::sync::oneshot;

/// Why a run does not go on whose second prompt cannot be journaled: a crash would prompt it twice.
const NOT_JOURNALED: &str = "this computer's journal cannot be written, so the task did not go on";

/// What the configuration allows.
pub(super) fn budgets(config: &Config) -> Budgets {
    let budget =
        |from: &BudgetConfig| Budget { tokens: from.tokens, cents: from.cents, minutes: from.minutes };
    Budgets { run: budget(&config.run_budget), day: budget(&config.day_budget) }
}

impl Actor {
    /// A run has used something, or is held, or goes on. Nothing is lost by a crash but what its agent has not told yet.
    pub(super) async fn keep_account(&mut self, run_id: RunId, balance: Balance) {
        let kept = self.journal.account(run_id, balance).await;
        self.journaled(kept, "What a run uses would not survive a crash").await;
    }

    /// The person allows more for today.
    pub(super) async fn keep_day_more(&mut self, more: More) {
        let kept = self.journal.day_more(self.day_start(), more).await;
        self.journaled(kept, "What you allow for today would not survive a crash").await;
    }

    /// A run that was held is about to be prompted again. Design, promise 1: written down first, or not done.
    pub(super) async fn let_go_on(&mut self, run_id: &RunId, message_id: &str, grant: oneshot::Sender<bool>) {
        let balance =
            self.dispatcher.goes_on(run_id, message_id).into_iter().flatten().find_map(
                |effect| match effect {
                    Effect::Account(_, balance) => Some(*balance),
                    _ => None,
                },
            );
        let mut granted = false;
        if let Some(balance) = balance {
            let kept = self.journal.account(run_id.clone(), balance).await;
            granted = self.journaled(kept, "A task did not go on").await;
            if !granted {
                let end = AgentEnd::Failed(Failure::recoverable(NOT_JOURNALED));
                let effects = self.dispatcher.ended(run_id, &end, self.clock.now());
                self.carry_out(effects).await;
            }
        }
        // A run that is gone needs no answer.
        let _gone = grant.send(granted);
    }
}
