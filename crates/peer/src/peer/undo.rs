//! Taking back what a run changed, and doing it again.

use super::actor::{Actor, Signal};
use super::command::{CommandError, Reply};
use crate::journal::Prompted;
use crate::limits;
use orgx_proto::dispatch::meet;
use orgx_proto::ids::RunId;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Who waits for it.
type Asker = oneshot::Sender<Result<Reply, CommandError>>;

/// What became of it.
#[derive(Debug)]
pub(super) struct Undone {
    run_id: RunId,
    folder: String,
    taken_back: bool,
    result: Result<(), String>,
    asker: Asker,
}

impl Actor {
    /// Begins it; the answer comes once OpenCode has done it, which may have to be started first.
    pub(super) async fn undo(&mut self, run_id: &str, exact: bool, undone: bool, asker: Asker) {
        let (run_id, prompted) = match self.may_undo(run_id, exact, undone).await {
            Ok(found) => found,
            Err(error) => {
                let _gone = asker.send(Err(error));
                return;
            }
        };
        tracing::info!(%run_id, undone, "the person wants a run's changes taken back, or done again");
        // A task that comes now waits until it is done.
        self.dispatcher.close_folder(&prompted.folder);
        let driver = Arc::clone(&self.driver);
        self.in_background(async move {
            let work = timeout(limits::UNDO_WITHIN, driver.undo(&prompted, undone));
            let late = |_| Err("OpenCode did not answer in time; look at `git status`".to_owned());
            let result = work.await.unwrap_or_else(late);
            Signal::Undone(Box::new(Undone {
                run_id,
                folder: prompted.folder,
                taken_back: undone,
                result,
                asker,
            }))
        });
    }

    pub(super) async fn on_undone(&mut self, done: Undone) {
        let Undone { run_id, folder, taken_back, result, asker } = done;
        let effects = self.dispatcher.open_folder(&folder, self.clock.now());
        self.carry_out(effects).await;
        let answer = match result {
            Ok(()) => {
                let kept = self.journal.undone(run_id, taken_back).await;
                self.journaled(kept, "That a run was taken back is not written down").await;
                Ok(Reply::Done)
            }
            Err(why) => {
                tracing::info!(%run_id, "it could not be done");
                Err(CommandError::Invalid { why })
            }
        };
        self.publish_now();
        let _gone = asker.send(answer);
    }

    async fn may_undo(
        &mut self,
        run_id: &str,
        exact: bool,
        undone: bool,
    ) -> Result<(RunId, Prompted), CommandError> {
        let record = self.named(run_id, exact).await?;
        let invalid = |why: &str| Err(CommandError::Invalid { why: format!("run {} {why}", record.run_id) });
        if !record.state.is_over() {
            return invalid("has not ended; cancel it first");
        }
        if record.undone == undone {
            return invalid(if undone { "was taken back already" } else { "was not taken back" });
        }
        let run_id = RunId::new(record.run_id.clone());
        let asked = timeout(limits::LOOK_UP, self.journal.prompted(run_id.clone())).await;
        let prompted = match asked {
            Ok(Ok(prompted)) => prompted,
            Ok(Err(error)) => return Err(CommandError::Journal { why: error.to_string() }),
            Err(_) => {
                let why = "the journal does not answer; is the disk well?".to_owned();
                return Err(CommandError::Journal { why });
            }
        };
        let Some(prompted) = prompted.filter(|_| record.can_undo) else {
            return invalid("cannot be taken back: it never had a prompt in an OpenCode that can do so");
        };
        let at_work = self.dispatcher.runs().filter(|run| !run.phase.waits());
        if at_work.filter_map(|run| run.folder.as_deref()).any(|busy| meet(busy, &prompted.folder)) {
            return invalid("cannot be taken back while another run is active in its folder");
        }
        if self.dispatcher.is_closed(&prompted.folder) {
            return invalid("has to wait: something is being taken back in its folder");
        }
        Ok((run_id, prompted))
    }
}
