//! What a journal would keep of a dispatcher's effects, as plain values: what a restart begins with.

use orgx_proto::agent::PromptPlace;
use orgx_proto::dispatch::{Effect, Ended, Left, LeftSpent, Past, PastEnd, Spent};
use orgx_proto::ids::RunId;
use orgx_proto::message::{Dispatch, Task};
use orgx_proto::run::Balance;
use orgx_proto::time::Timestamp;

/// The rows, in the order they came.
#[derive(Default)]
pub(super) struct Kept {
    rows: Vec<Row>,
    /// Runs that ended with a spent key, oldest first.
    past: Vec<Past>,
}

struct Row {
    dispatch: Dispatch,
    arrived: Timestamp,
    spent: Option<Spent>,
    has_text: bool,
    cancelled: bool,
    after_pause: bool,
}

impl Kept {
    pub(super) fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Queue { dispatch, at, after_pause } => {
                let dispatch = Dispatch::clone(dispatch);
                self.rows.retain(|row| row.dispatch.run_id != dispatch.run_id);
                self.rows.push(Row {
                    dispatch,
                    arrived: *at,
                    spent: None,
                    has_text: true,
                    cancelled: false,
                    after_pause: *after_pause,
                });
            }
            Effect::Spend(spent) => {
                if let Some(row) = self.row(&spent.run_id) {
                    // Without an id that can be asked for, nobody could tell whether the agent has the text.
                    row.has_text &= spent.message_id.is_some();
                    row.spent = Some(Spent::clone(spent));
                }
            }
            Effect::Erase(run_id) => {
                if let Some(row) = self.row(run_id) {
                    row.has_text = false;
                }
            }
            Effect::Cancelled(run_id) => {
                if let Some(row) = self.row(run_id) {
                    row.cancelled = true;
                }
            }
            Effect::End(ended) => self.end(ended),
            _ => {}
        }
    }

    fn end(&mut self, ended: &Ended) {
        self.rows.retain(|row| row.dispatch.run_id != ended.run_id);
        if let Some(key) = ended.key.clone() {
            let terminal = ended.terminal.clone();
            let end = if ended.failed { PastEnd::Failed(terminal) } else { PastEnd::Completed };
            self.past.push(Past { key, run_id: ended.run_id.clone(), end });
        }
    }

    fn row(&mut self, run_id: &RunId) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.dispatch.run_id == *run_id)
    }

    /// A damaged journal was replaced by one that knows only what is told it now.
    pub(super) fn begin_anew(&mut self, effects: &[Effect]) {
        self.rows.clear();
        for effect in effects {
            self.take(effect);
        }
    }

    /// The person let the peer go on.
    pub(super) fn resumed(&mut self) {
        for row in &mut self.rows {
            row.after_pause = false;
        }
    }

    /// The runs that have not ended.
    pub(super) fn runs(&self) -> impl Iterator<Item = &RunId> {
        self.rows.iter().map(|row| &row.dispatch.run_id)
    }

    pub(super) fn past(&self) -> Vec<Past> {
        self.past.clone()
    }

    pub(super) fn left(&self) -> Vec<Left> {
        self.rows.iter().map(left).collect()
    }
}

fn left(row: &Row) -> Left {
    let mut dispatch = row.dispatch.clone();
    if !row.has_text {
        let Task { repo_path, driver, .. } = dispatch.task;
        dispatch.task = Task { repo_path, driver, ..Task::default() };
    }
    let spent = row.spent.as_ref().map(|spent| LeftSpent {
        at: spent.at,
        place: PromptPlace { session: spent.session.clone(), message_id: spent.message_id.clone() },
        folder: spent.folder.clone(),
        prompted: !row.has_text,
        balance: Balance::default(),
    });
    Left { dispatch, arrived: row.arrived, spent, cancelled: row.cancelled, after_pause: row.after_pause }
}
