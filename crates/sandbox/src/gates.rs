//! Named gates: a script stops at one until a test opens it. An opened gate stays open.

use std::collections::HashSet;

use tokio::sync::watch;

/// The gates of one server.
#[derive(Debug)]
pub(crate) struct Gates {
    open: watch::Sender<HashSet<String>>,
}

impl Default for Gates {
    fn default() -> Self {
        Self { open: watch::Sender::new(HashSet::new()) }
    }
}

impl Gates {
    /// Opens a gate for everyone who waits at it, now and later.
    pub(crate) fn open(&self, name: &str) {
        self.open.send_modify(|open| {
            open.insert(name.to_owned());
        });
    }

    /// Returns once the gate is open.
    pub(crate) async fn pass(&self, name: &str) {
        // Only a dropped sender could end this early, and it is ours.
        let _ = self.open.subscribe().wait_for(|open| open.contains(name)).await;
    }
}
