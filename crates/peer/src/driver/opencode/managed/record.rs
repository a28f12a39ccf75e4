//! `managed.json`: which `opencode serve` is ours, for a peer after us. Design, promise 4.

use super::super::owner;
use crate::driver::program::Strays;
use crate::paths::write_private;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What is written down of our own server. The password lets a peer after us speak to it; the file is 0600.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) pid: u32,
    /// When the process began, in the OS's own count: a pid is used again, a pid with its start is not.
    pub(super) started: String,
    pub(super) port: u16,
    pub(super) password: String,
}

impl Record {
    /// The record in this file; one that makes no sense is none.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read(path).ok()?;
        serde_json::from_slice(&text).ok().filter(|record: &Self| record.pid > 1 && record.port > 0)
    }

    pub(super) fn write(&self, path: &Path) {
        let text = serde_json::to_vec(self).unwrap_or_default();
        if let Err(error) = write_private(path, &text) {
            tracing::warn!(%error, "our own OpenCode server could not be written down; a crash would leave it running");
        }
    }

    pub(super) fn remove(path: &Path) {
        let _absent = std::fs::remove_file(path);
    }

    /// What it may leave running.
    pub(super) fn strays(&self) -> Strays {
        Strays::of_server(&self.password, self.pid, &self.started)
    }

    /// Does the process that was written down still run?
    pub(super) fn runs(&self) -> bool {
        owner::started(self.pid).as_ref() == Some(&self.started)
    }
}
