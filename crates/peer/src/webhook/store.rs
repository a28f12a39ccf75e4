//! The store of sessions and their events: SQLite in WAL mode, on a thread of its own.
//!
//! Invariants:
//! - an event is in the store, committed and synced, before its sender hears that it was taken;
//! - of the same thing told twice one event is in the store ([`orgx_proto::lifecycle::Known`] decides);
//! - events have numbers without gaps, in the order in which they were taken; a sink remembers the last that it has;
//! - the file is bounded: by number, by age, and by its size.
//!
//! Jobs that wait together are committed together: the disk is waited for once for all of them.

mod file;
mod look;
mod schema;
mod take;
#[cfg(test)]
mod tests;

pub(super) use look::Watched;
pub(super) use take::{Process, Taken, Told};

use super::view::{LifecycleSession, LifecycleView};
use crate::limits;
use orgx_proto::ids::RunId;
use orgx_proto::lifecycle::{End, Event};
use orgx_proto::time::Timestamp;
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Instant;
use tokio::sync::{mpsc as channel, oneshot, watch};

/// Why something could not be stored or looked up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of session events cannot be used: {0}")]
pub(super) struct StoreError(pub(super) String);

/// What becomes of titles of before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Titles {
    /// They stay.
    Kept,
    /// They are not allowed any more.
    Forgotten,
}

/// An event, with its number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Numbered {
    pub(crate) number: i64,
    pub(crate) event: Event,
}

/// What the store tells of by itself.
#[derive(Clone, Debug)]
pub(super) struct Tell {
    /// Sessions and counts, for those who look on.
    pub(super) view: watch::Sender<LifecycleView>,
    /// The number of the newest event, for the sinks.
    pub(super) newest: watch::Sender<i64>,
    /// Each session that began or ended; what finds no room is not told.
    pub(super) sessions: channel::Sender<LifecycleSession>,
}

/// A handle to the store's thread. The thread ends with the last of them, once all is written.
#[derive(Clone, Debug)]
pub(super) struct Store {
    jobs: mpsc::Sender<Box<dyn Job>>,
}

/// Something to write or to look up, and who waits for it.
trait Job: Send {
    fn writes(&self) -> bool;
    /// May be done twice: a transaction that failed is done again, job by job.
    fn work(&mut self, db: &Connection, fresh: &mut Vec<LifecycleSession>) -> rusqlite::Result<()>;
    fn finish(self: Box<Self>, result: Result<(), StoreError>);
}

struct Call<T, F> {
    writes: bool,
    work: F,
    out: Option<T>,
    done: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F> Job for Call<T, F>
where
    F: FnMut(&Connection, &mut Vec<LifecycleSession>) -> rusqlite::Result<T> + Send,
{
    fn writes(&self) -> bool {
        self.writes
    }

    fn work(&mut self, db: &Connection, fresh: &mut Vec<LifecycleSession>) -> rusqlite::Result<()> {
        self.out = Some((self.work)(db, fresh)?);
        Ok(())
    }

    fn finish(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { out, done, .. } = *self;
        let nothing = || StoreError("it said nothing".into());
        // The asker may be gone.
        let _unheard = done.send(result.and_then(|()| out.ok_or_else(nothing)));
    }
}

impl Store {
    /// Opens or makes it; a damaged one is set aside, and what became of it is told.
    pub(super) fn open(
        path: &Path,
        titles: Titles,
        tell: Tell,
    ) -> Result<(Self, Option<String>), StoreError> {
        let (db, notice) = file::open(path)?;
        if titles == Titles::Forgotten {
            take::forget_titles(&db).map_err(|error| StoreError(file::words(&error)))?;
        }
        let (jobs, queue) = mpsc::channel();
        let mut keeper = Keeper { path: path.to_owned(), db, tell, since_tidy: 0, shown: Instant::now() };
        std::thread::Builder::new()
            .name("lifecycle".into())
            .spawn(move || keeper.serve(&queue))
            .map_err(|error| StoreError(error.to_string()))?;
        Ok((Self { jobs }, notice))
    }

    /// Something was told of a session; returns once it is on disk, if it is new.
    pub(super) async fn take(&self, told: Told) -> Result<Taken, StoreError> {
        self.write(move |db, fresh| take::take(db, &told, fresh)).await
    }

    /// A run of ours is over: so is the session that it has.
    pub(super) async fn end_run(&self, run: RunId, end: End, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |db, fresh| take::end_run(db, &run, &end, at, fresh)).await
    }

    /// A process is gone: so is its session, if it still is that process's.
    pub(super) async fn process_gone(&self, watched: Watched, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |db, fresh| take::process_gone(db, &watched, at, fresh)).await
    }

    /// Open sessions whose process is known.
    pub(super) async fn watched(&self) -> Result<Vec<Watched>, StoreError> {
        self.read(look::watched).await
    }

    /// Runs of ours that have a session.
    pub(super) async fn runs(&self) -> Result<Vec<RunId>, StoreError> {
        self.read(look::runs).await
    }

    /// The first `limit` events after this number.
    pub(super) async fn after(&self, number: i64, limit: usize) -> Result<Vec<Numbered>, StoreError> {
        self.read(move |db| look::after(db, number, limit)).await
    }

    /// The newest events, oldest first.
    pub(super) async fn newest(&self, limit: usize) -> Result<Vec<Numbered>, StoreError> {
        self.read(move |db| look::newest(db, limit)).await
    }

    /// Is this session under way?
    #[cfg(test)]
    pub(super) async fn is_open(&self, subject: orgx_proto::lifecycle::Subject) -> Result<bool, StoreError> {
        self.read(move |db| look::is_open(db, &subject)).await
    }

    /// The number of this event.
    pub(super) async fn number_of(&self, id: String) -> Result<Option<i64>, StoreError> {
        self.read(move |db| look::number_of(db, &id)).await
    }

    /// Only these sinks are owed anything. A new one begins with what comes now.
    pub(super) async fn sinks(&self, names: Vec<String>) -> Result<(), StoreError> {
        self.write(move |db, _| take::sinks(db, &names)).await
    }

    /// The last event that this sink has.
    pub(super) async fn cursor(&self, sink: String) -> Result<i64, StoreError> {
        self.read(move |db| look::cursor(db, &sink)).await
    }

    /// This sink has all up to this event.
    pub(super) async fn delivered(&self, sink: String, number: i64) -> Result<(), StoreError> {
        self.write(move |db, _| take::delivered(db, &sink, number)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.call(false, move |db, _| work(db)).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection, &mut Vec<LifecycleSession>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.call(true, work).await
    }

    async fn call<T: Send + 'static>(
        &self,
        writes: bool,
        work: impl FnMut(&Connection, &mut Vec<LifecycleSession>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = || StoreError("it is closed".into());
        let (done, result) = oneshot::channel();
        self.jobs.send(Box::new(Call { writes, work, out: None, done })).map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

/// The thread's side.
struct Keeper {
    path: PathBuf,
    db: Connection,
    tell: Tell,
    since_tidy: u32,
    shown: Instant,
}

impl Keeper {
    fn serve(&mut self, queue: &mpsc::Receiver<Box<dyn Job>>) {
        self.show();
        let mut stale = false;
        loop {
            let wait = if stale { limits::WEBHOOK_SHOW_EVERY } else { limits::JOURNAL_TIDY_EVERY };
            match queue.recv_timeout(wait) {
                Ok(first) => {
                    let mut batch = vec![first];
                    batch.extend(queue.try_iter().take(limits::LIFECYCLE_BATCH - 1));
                    stale |= self.commit(batch);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.show(),
            }
            if stale && self.shown.elapsed() >= limits::WEBHOOK_SHOW_EVERY {
                self.show();
                stale = false;
            }
            if self.since_tidy >= limits::LIFECYCLE_TIDY_EVERY {
                self.since_tidy = 0;
                if let Err(error) = file::tidy(&self.db) {
                    tracing::warn!(%error, "old session events could not be taken out of their store");
                }
            }
        }
    }

    /// Is anything new?
    fn commit(&mut self, batch: Vec<Box<dyn Job>>) -> bool {
        let (mut writes, looks): (Vec<_>, Vec<_>) = batch.into_iter().partition(|job| job.writes());
        for mut look in looks {
            let result = look.work(&self.db, &mut Vec::new());
            look.finish(result.map_err(|error| self.words(&error)));
        }
        if writes.is_empty() {
            return false;
        }
        let mut fresh = Vec::new();
        let results = self.try_commit(&mut writes, &mut fresh);
        let (told, taken) = (writes.len(), fresh.len());
        tracing::trace!(told, taken, "session events are committed");
        // Sinks first: whoever hears that an event was taken may look for it there.
        if taken > 0 {
            self.since_tidy = self.since_tidy.saturating_add(u32::try_from(taken).unwrap_or(u32::MAX));
            if let Ok(newest) = look::last(&self.db) {
                self.tell.newest.send_replace(newest);
            }
        }
        for (job, result) in writes.into_iter().zip(results) {
            let result = result.map_err(|error| self.words(&error));
            job.finish(result);
        }
        self.tell.view.send_if_modified(|view| {
            view.accepted += taken as u64;
            false
        });
        for session in fresh {
            // Who has no time for events has the snapshot.
            let _full = self.tell.sessions.try_send(session);
        }
        true
    }

    /// All jobs in one transaction; one that fails takes no other one along.
    fn try_commit(
        &mut self,
        batch: &mut [Box<dyn Job>],
        fresh: &mut Vec<LifecycleSession>,
    ) -> Vec<rusqlite::Result<()>> {
        let before = fresh.len();
        match self.transact(batch, fresh) {
            Ok(results) => results,
            Err(error) => {
                fresh.truncate(before);
                match batch {
                    [_] => vec![Err(error)],
                    // A full disk ends the whole transaction: each for itself, then.
                    _ => batch.chunks_mut(1).flat_map(|job| self.try_commit(job, fresh)).collect(),
                }
            }
        }
    }

    fn transact(
        &mut self,
        batch: &mut [Box<dyn Job>],
        fresh: &mut Vec<LifecycleSession>,
    ) -> rusqlite::Result<Vec<rusqlite::Result<()>>> {
        let mut change = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut results = Vec::new();
        for job in batch {
            let before = fresh.len();
            let result = change.savepoint().and_then(|point| {
                job.work(&point, fresh)?;
                point.commit()
            });
            if result.is_err() {
                fresh.truncate(before);
            }
            // Some errors end the transaction, and what was done in it.
            if change.is_autocommit() {
                return Err(result.err().unwrap_or(rusqlite::Error::InvalidQuery));
            }
            results.push(result);
        }
        change.commit()?;
        Ok(results)
    }

    /// The newest sessions, for those who look on.
    fn show(&mut self) {
        self.shown = Instant::now();
        match look::sessions(&self.db) {
            Ok(sessions) => self.tell.view.send_modify(|view| view.sessions = sessions),
            Err(error) => tracing::warn!(%error, "sessions cannot be listed"),
        }
    }

    fn words(&self, error: &rusqlite::Error) -> StoreError {
        tracing::warn!(%error, path = %self.path.display(), "session events");
        StoreError(file::words(error))
    }
}
