//! One run, whole: what the journal has of it, and what is in memory.

use super::actor::Actor;
use super::command::{CommandError, Reply};
use super::history::RunDetail;
use crate::limits;
use orgx_proto::ids::RunId;
use tokio::time::timeout;

impl Actor {
    pub(super) async fn detail(&mut self, run_id: &str, exact: bool) -> Result<Reply, CommandError> {
        let run = self.named(run_id, exact).await?;
        let id = RunId::new(run.run_id.clone());
        let receipt = if run.state.is_over() && !run.local { self.last_word(&id).await } else { None };
        let receipt = receipt.and_then(|json| serde_json::from_str(&json).ok());
        let mut detail = RunDetail { run, receipt, ..RunDetail::default() };
        self.timelines.tell(&id, &mut detail);
        Ok(Reply::Detail(Box::new(detail)))
    }

    /// What OrgX is told of its end: as it was or will be posted, else as the journal has it.
    async fn last_word(&self, run_id: &RunId) -> Option<String> {
        let known = self.receipts.body(run_id).or_else(|| self.timelines.receipt(run_id));
        if let Some(body) = known {
            return Some(body.to_owned());
        }
        let asked = self.journal.last_word(run_id.clone());
        timeout(limits::LOOK_UP, asked).await.ok().and_then(Result::ok).flatten()
    }
}
