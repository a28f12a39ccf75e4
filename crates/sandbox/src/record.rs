//! An append-only record that many can read and await.
//!
//! Numbers are given while the record is held, so within one record they rise with the position.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::wait::{Timeout, WAIT};

static SEQUENCE: AtomicU64 = AtomicU64::new(1);

/// An entry that can say in one short line what it is.
pub(crate) trait Line {
    /// That line.
    fn line(&self) -> String;
}

/// Everything of one kind that arrived, in order.
#[derive(Debug)]
pub(crate) struct Record<T> {
    entries: watch::Sender<Vec<T>>,
}

impl<T> Default for Record<T> {
    fn default() -> Self {
        Self { entries: watch::Sender::new(Vec::new()) }
    }
}

impl<T: Clone + Line> Record<T> {
    /// Adds what `make` builds from the next number of the process-wide sequence.
    pub(crate) fn push(&self, make: impl FnOnce(u64) -> T) {
        self.entries.send_modify(|entries| entries.push(make(SEQUENCE.fetch_add(1, Ordering::Relaxed))));
    }

    /// A copy of everything so far.
    pub(crate) fn all(&self) -> Vec<T> {
        self.entries.borrow().clone()
    }

    /// How many there are so far.
    pub(crate) fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// The results of `pick` over everything so far, without copying the rest.
    pub(crate) fn pick<R>(&self, pick: impl FnMut(&T) -> Option<R>) -> Vec<R> {
        self.entries.borrow().iter().filter_map(pick).collect()
    }

    /// Waits until `pred` holds for everything so far, and returns a copy of it.
    pub(crate) async fn until(
        &self,
        what: &str,
        mut pred: impl FnMut(&[T]) -> bool,
    ) -> Result<Vec<T>, Timeout> {
        let mut entries = self.entries.subscribe();
        // The sender is ours, so the only way not to get there is the clock.
        match tokio::time::timeout(WAIT, entries.wait_for(|entries| pred(entries))).await {
            Ok(Ok(entries)) => Ok(entries.clone()),
            Ok(Err(_)) | Err(_) => {
                Err(Timeout { what: what.to_owned(), arrived: self.pick(|entry| Some(entry.line())) })
            }
        }
    }
}
