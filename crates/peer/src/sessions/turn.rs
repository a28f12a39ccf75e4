//! One look at a time.
//!
//! What a look has read hangs as long as its disk does, each on a thread of its own, and whoever waits is told after a few
//! seconds. Who asks again meanwhile would leave one more behind every time. So a look begins when the one before has
//! ended, with all that it reads; while something still hangs there is none.

use crate::limits;
use std::sync::{Arc, Weak};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

/// Who may look. Clones are the same turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn(Arc<Mutex<Weak<()>>>);

/// A look that is under way.
pub(super) struct Mine {
    // Before the turn itself: fields are dropped in their order.
    reads: Arc<()>,
    _turn: OwnedMutexGuard<Weak<()>>,
}

impl Turn {
    /// Waits for a look that is under way; `None` when it takes too long, and at once when something that an earlier one
    /// read hangs.
    pub(super) async fn take(&self) -> Option<Mine> {
        let mut turn = timeout(limits::SESSIONS_TURN, Arc::clone(&self.0).lock_owned()).await.ok()?;
        if turn.strong_count() > 0 {
            return None;
        }
        let reads = Arc::new(());
        *turn = Arc::downgrade(&reads);
        Some(Mine { reads, _turn: turn })
    }
}

impl Mine {
    /// Does this on a thread where it may hang. The look has not ended before it has.
    pub(super) fn read<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let held = Arc::clone(&self.reads);
        spawn_blocking(move || {
            let done = work();
            drop(held);
            done
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn nothing_is_read_while_what_was_read_before_hangs() {
        let turn = Turn::default();
        let first = turn.take().await.expect("nobody looks");
        let (go, gate) = mpsc::channel::<()>();
        let hangs = first.read(move || gate.recv());
        drop(first);
        for _ in 0..100 {
            assert!(turn.clone().take().await.is_none(), "it still hangs");
        }
        go.send(()).expect("it waits");
        assert_eq!(hangs.await.expect("it ends"), Ok(()));
        assert!(turn.take().await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_one_waits_for_a_look_that_is_under_way_but_not_for_ever() {
        let turn = Turn::default();
        let first = turn.take().await.expect("nobody looks");
        assert!(turn.take().await.is_none(), "it takes too long");
        let next = tokio::spawn({
            let turn = turn.clone();
            async move { turn.take().await.is_some() }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert!(next.await.expect("it ends"));
    }
}
