//! What the agents of runs ask the person: permissions and questions.

use super::Dispatcher;
use super::effect::Effect;
use crate::agent::AgentAsk;
use crate::ids::{AskId, RunId};
use crate::time::Now;

impl Dispatcher {
    /// A run's agent asks something.
    pub fn asked(&mut self, run_id: &RunId, ask: AgentAsk, now: Now) -> Vec<Effect> {
        let _ = (run_id, ask, now);
        Vec::new()
    }

    /// It does not ask that any more.
    pub fn ask_gone(&mut self, run_id: &RunId, ask: &AskId) -> Vec<Effect> {
        let _ = (run_id, ask);
        Vec::new()
    }
}
