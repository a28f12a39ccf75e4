//! The tasks that wait for their turn, in the order they came.

use crate::ids::RunId;
use crate::limits;
use crate::message::Dispatch;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Does the peer take tasks?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseState {
    /// It does.
    #[default]
    Open,
    /// It finishes what it has, running and waiting, and starts nothing that comes later.
    Draining,
    /// It starts nothing.
    Paused,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    order: VecDeque<RunId>,
    bytes: usize,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn has_room_for(&self, dispatch: &Dispatch) -> bool {
        self.order.len() < limits::QUEUED_DISPATCHES
            && self.bytes + dispatch.text_bytes() <= limits::QUEUED_BYTES
    }

    pub(super) fn push(&mut self, dispatch: &Dispatch) {
        self.bytes += dispatch.text_bytes();
        self.order.push_back(dispatch.run_id.clone());
    }

    pub(super) fn remove(&mut self, dispatch: &Dispatch) {
        if let Some(at) = self.order.iter().position(|queued| *queued == dispatch.run_id) {
            self.order.remove(at);
            self.bytes = self.bytes.saturating_sub(dispatch.text_bytes());
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &RunId> {
        self.order.iter()
    }
}
