//! Where events go for other programs. Each sink remembers, in the store, the last event that it has.

pub(super) mod buffer;
pub(super) mod forward;

use super::store::{Numbered, Store};
use crate::limits;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// The events that come after `number`, as soon as there are any; `None` once the store is closed. How many are missing
/// in between is in the first part: they were taken out before this sink had them.
async fn next(store: &Store, newest: &mut watch::Receiver<i64>, number: i64) -> Option<(i64, Vec<Numbered>)> {
    loop {
        newest.mark_unchanged();
        match store.after(number, limits::SINK_BATCH).await {
            Ok(events) => {
                if let Some(first) = events.first() {
                    return Some((first.number - number - 1, events));
                }
                newest.changed().await.ok()?;
            }
            Err(error) => {
                tracing::warn!(%error, "session events cannot be read");
                sleep(RETRY).await;
            }
        }
    }
}

/// When a store that cannot be read is tried again.
const RETRY: Duration = limits::WEBHOOK_RETRY;
