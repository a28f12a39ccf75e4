//! Sessions whose process is gone without a word: their end is inferred. The OS's word on when a process began tells it
//! from a later one with its number.

use super::store::{Store, Watched};
use crate::clock::Clock;
use crate::driver::opencode::owner;
use crate::limits;
use std::collections::HashSet;
use tokio::sync::watch;
use tokio::time::sleep;

/// Looks while there is a session to look after, and whenever one begins; for ever.
pub(super) async fn watch(store: Store, mut newest: watch::Receiver<i64>, clock: Clock) {
    // Gone at one look: its last word may still be on its way.
    let mut missed: HashSet<(String, u32)> = HashSet::new();
    loop {
        newest.mark_unchanged();
        let watched = store.watched().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "processes of sessions cannot be looked at");
            Vec::new()
        });
        let idle = watched.is_empty();
        let before = std::mem::take(&mut missed);
        for watched in watched.into_iter().filter(is_gone) {
            let key = (watched.subject.session.to_string(), watched.process.pid);
            if !before.contains(&key) {
                missed.insert(key);
                continue;
            }
            let session = watched.subject.session.clone();
            tracing::info!(%session, "a session's process is gone without a word");
            if let Err(error) = store.process_gone(watched, clock.now().wall).await {
                tracing::warn!(%error, %session, "the end of a session could not be stored");
            }
        }
        let next = async {
            if idle {
                std::future::pending::<()>().await;
            }
            sleep(limits::PROCESS_LOOK).await;
        };
        tokio::select! {
            () = next => {}
            changed = newest.changed(), if idle => if changed.is_err() {
                return;
            },
        }
    }
}

fn is_gone(watched: &Watched) -> bool {
    let Watched { process, .. } = watched;
    owner::started(process.pid).as_deref() != Some(process.started.as_str())
}
