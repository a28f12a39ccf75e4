//! The journal: what must survive a crash. SQLite in WAL mode, on a thread of its own.
//!
//! Invariants:
//! - A dispatch is in the journal, whole, before it waits; its text goes once its agent has it for sure.
//! - A key is in the journal, committed and synced, before its agent is prompted.
//! - A deviation is in the journal before it is sent, and until a barrier confirms it.
//! - A terminal is in the journal, committed and synced, before it is sent; it is never changed afterwards.
//! - A run whose key was not spent frees it with its end.
//! - A damaged journal is set aside, and the peer goes on with a new one.
//!
//! Jobs that wait together are committed together; the disk is waited for only when one of them is a spent key or a
//! terminal. The file is bounded: runs that are over go after 90 days or beyond 10,000.

mod file;
mod history;
mod memory;
mod schema;
mod trees;
mod write;

pub(crate) use history::{Tally, Which};
pub(crate) use memory::{Memory, OwedReceipt};
pub(crate) use trees::Prompted;

use crate::limits;
use crate::peer::{ReceiptState, RunRecord};
use crate::worktree::Tree;
use orgx_proto::budget::More;
use orgx_proto::delivery::Outgoing;
use orgx_proto::dispatch::{Ended, Past, PauseState, Spent};
use orgx_proto::ids::RunId;
use orgx_proto::message::Dispatch;
use orgx_proto::run::{Balance, Held};
use orgx_proto::time::Timestamp;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be opened or read.
    #[error("the journal cannot be used ({path}): {why}; check the disk, or move the file away to start anew", path = .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Something could not be written.
    #[error("the journal cannot be written: {0}")]
    Write(String),
}

/// How a receipt fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReceiptProgress {
    pub(crate) state: ReceiptState,
    pub(crate) tries: u32,
    pub(crate) refusals: u32,
}

/// A handle to the journal's thread.
#[derive(Debug)]
pub(crate) struct Journal {
    jobs: mpsc::Sender<Job>,
    thread: std::thread::JoinHandle<()>,
    /// What became of a journal that was damaged while in use; taken by the one who tells it.
    notice: Arc<Mutex<Option<String>>>,
}

/// How a job is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It changes nothing.
    Read,
    /// It is committed, and outlives a kill.
    Write,
    /// The disk is waited for, too: it outlives a power cut.
    Synced,
}

type Work = Box<dyn Fn(&Connection) -> rusqlite::Result<()> + Send>;

/// Something to write or to look up. May be done twice: a damaged journal is replaced, and the job done again.
struct Job {
    kind: Kind,
    work: Work,
    done: oneshot::Sender<Result<(), JournalError>>,
}

impl Journal {
    /// Opens or makes the journal, and reads what it remembers.
    pub(crate) fn open(path: &Path) -> Result<(Self, Memory), JournalError> {
        let (db, memory) = file::open(path)?;
        let (jobs, queue) = mpsc::channel::<Job>();
        let notice = Arc::<Mutex<Option<String>>>::default();
        let mut writer =
            Writer { path: path.to_owned(), db, notice: Arc::clone(&notice), tidied: Instant::now() };
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.serve(&queue))
            .map_err(|error| JournalError::Open { path: path.to_owned(), why: error.to_string() })?;
        Ok((Self { jobs, thread, notice }, memory))
    }

    /// A dispatch waits for its turn.
    pub(crate) async fn queue(
        &self,
        dispatch: Dispatch,
        at: Timestamp,
        after_pause: bool,
    ) -> Result<(), JournalError> {
        self.run(Kind::Write, move |db| write::queue(db, &dispatch, at, after_pause)).await
    }

    /// A key is spent; returns once that is on disk.
    pub(crate) async fn spend(&self, spent: Spent) -> Result<(), JournalError> {
        self.run(Kind::Synced, move |db| write::spend(db, &spent)).await
    }

    /// What a run has used, and whether it is held; on disk first, when it is about to be prompted to go on.
    pub(crate) async fn account(&self, run_id: RunId, balance: Balance) -> Result<(), JournalError> {
        let kind = if balance.held == Held::GoesOn { Kind::Synced } else { Kind::Write };
        self.run(kind, move |db| write::account(db, &run_id, &balance)).await
    }

    /// How much more the person allows on the day that began then (ms since the epoch).
    pub(crate) async fn day_more(&self, day: i64, more: More) -> Result<(), JournalError> {
        self.run(Kind::Write, move |db| write::day_more(db, day, more)).await
    }

    /// The agent has the prompt: its text goes.
    pub(crate) async fn erase(&self, run_id: RunId) -> Result<(), JournalError> {
        self.run(Kind::Write, move |db| write::erase(db, &run_id)).await
    }

    /// A run's folder looked so before it.
    pub(crate) async fn tree(&self, run_id: RunId, tree: Tree) -> Result<(), JournalError> {
        self.run(Kind::Write, move |db| trees::tree(db, &run_id, &tree)).await
    }

    /// A run's changes were taken back, or, `undone` false, are there again.
    pub(crate) async fn undone(&self, run_id: RunId, undone: bool) -> Result<(), JournalError> {
        self.run(Kind::Write, move |db| trees::undone(db, &run_id, undone)).await
    }

    /// Where the prompt of a run that is over went.
    pub(crate) async fn prompted(&self, run_id: RunId) -> Result<Option<Prompted>, JournalError> {
        self.look(move |db| trees::prompted(db, &run_id)).await
    }

    /// A deviation is about to be sent.
    pub(crate) async fn keep(&self, frame: Outgoing) -> Result<(), JournalError> {
        self.run(Kind::Write, move |db| write::deviation(db, &frame)).await
    }

    /// OrgX or the person cancelled the run.
    pub(crate) async fn cancelled(&self, run_id: RunId) -> Result<(), JournalError> {
        self.run(Kind::Write, move |db| write::cancelled(db, &run_id)).await
    }

    /// Runs that are over, for a journal that knows nothing of them.
    pub(crate) async fn past(&self, past: Vec<Past>) -> Result<(), JournalError> {
        self.run(Kind::Synced, move |db| write::past(db, &past)).await
    }

    /// A terminal of before, in a journal that knows nothing of its run.
    pub(crate) async fn owe(&self, terminal: Outgoing) -> Result<(), JournalError> {
        self.run(Kind::Synced, move |db| write::owe(db, &terminal)).await
    }

    /// A receipt of before, likewise.
    pub(crate) async fn owe_receipt(&self, owed: OwedReceipt) -> Result<(), JournalError> {
        self.run(Kind::Synced, move |db| write::owe_receipt(db, &owed)).await
    }

    /// A barrier confirmed these deviations.
    pub(crate) async fn forget(&self, frames: Vec<Outgoing>) -> Result<(), JournalError> {
        self.run(Kind::Write, move |db| write::forget(db, &frames)).await
    }

    /// A run ended; returns once that is on disk.
    pub(crate) async fn end(&self, ended: Ended) -> Result<(), JournalError> {
        self.run(Kind::Synced, move |db| write::end(db, &ended)).await
    }

    /// A barrier confirmed this terminal.
    pub(crate) async fn confirm(&self, terminal: Outgoing) -> Result<(), JournalError> {
        self.run(Kind::Write, move |db| write::confirm(db, &terminal)).await
    }

    /// A receipt fared like this.
    pub(crate) async fn receipt(&self, run_id: RunId, progress: ReceiptProgress) -> Result<(), JournalError> {
        self.run(Kind::Write, move |db| write::receipt(db, &run_id, progress)).await
    }

    /// The person paused the peer, or let it go on.
    pub(crate) async fn pause(&self, state: PauseState) -> Result<(), JournalError> {
        let value = match state {
            PauseState::Open => "open",
            PauseState::Draining => "draining",
            PauseState::Paused => "paused",
        };
        self.run(Kind::Write, move |db| write::pause(db, value)).await
    }

    /// At most `limit` runs, newest first.
    pub(crate) async fn runs(&self, which: Which, limit: usize) -> Result<Vec<RunRecord>, JournalError> {
        self.look(move |db| history::runs(db, &which, limit)).await
    }

    /// What ended since `since` (ms since the epoch), and the receipts of all time.
    pub(crate) async fn tally(&self, since: i64) -> Result<Tally, JournalError> {
        self.look(move |db| history::tally(db, since)).await
    }

    /// What OrgX is told of a run's end: its receipt, or its terminal when it failed.
    pub(crate) async fn last_word(&self, run_id: RunId) -> Result<Option<String>, JournalError> {
        self.look(move |db| history::last_word(db, &run_id)).await
    }

    /// What became of a journal that was damaged while in use. Whoever takes it writes down again what it lost.
    pub(crate) fn take_notice(&self) -> Option<String> {
        self.notice.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Writes what waits, and closes the file.
    pub(crate) async fn close(self) {
        let Self { jobs, thread, .. } = self;
        drop(jobs);
        let _closed = tokio::task::spawn_blocking(move || thread.join()).await;
    }

    /// Something to look up.
    async fn look<T: Default + Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, JournalError> {
        let found = Arc::<Mutex<T>>::default();
        let here = Arc::clone(&found);
        self.run(Kind::Read, move |db| {
            *here.lock().unwrap_or_else(PoisonError::into_inner) = work(db)?;
            Ok(())
        })
        .await?;
        let found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(found)
    }

    async fn run(
        &self,
        kind: Kind,
        work: impl Fn(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), JournalError> {
        let (done, result) = oneshot::channel();
        let gone = || JournalError::Write("its thread is gone".into());
        self.jobs.send(Job { kind, work: Box::new(work), done }).map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

/// The thread's side.
struct Writer {
    path: PathBuf,
    db: Connection,
    notice: Arc<Mutex<Option<String>>>,
    tidied: Instant,
}

impl Writer {
    fn serve(&mut self, queue: &mpsc::Receiver<Job>) {
        // Text that was erased stays in the write-ahead log until that is emptied: done when there is a quiet moment.
        let mut dirty = false;
        loop {
            match queue.recv_timeout(if dirty { limits::JOURNAL_QUIET } else { limits::JOURNAL_TIDY_EVERY }) {
                Ok(first) => {
                    let mut batch = vec![first];
                    batch.extend(queue.try_iter().take(limits::JOURNAL_BATCH - 1));
                    self.commit(batch);
                    dirty = true;
                }
                Err(RecvTimeoutError::Timeout) => {
                    let emptied = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
                    if let Err(error) = emptied {
                        tracing::debug!(%error, "the journal's log was not emptied");
                    }
                    dirty = false;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.tidied.elapsed() >= limits::JOURNAL_TIDY_EVERY {
                self.tidied = Instant::now();
                if let Err(error) = file::tidy(&mut self.db, file::now_ms()) {
                    tracing::warn!(%error, "old runs could not be taken out of the journal");
                }
            }
        }
    }

    fn commit(&mut self, batch: Vec<Job>) {
        // A look needs no right to write, and waits for nobody who has it.
        let (looks, batch): (Vec<Job>, Vec<Job>) = batch.into_iter().partition(|job| job.kind == Kind::Read);
        for look in looks {
            let result = (look.work)(&self.db);
            let _unheard = look.done.send(result.map_err(|error| JournalError::Write(words(&error))));
        }
        if batch.is_empty() {
            return;
        }
        let mut results = self.try_commit(&batch);
        if results.iter().any(|result| result.as_ref().is_err_and(file::is_damage)) && self.replace() {
            results = self.try_commit(&batch);
        }
        for (job, result) in batch.into_iter().zip(results) {
            // The asker may be gone.
            let _unheard = job.done.send(result.map_err(|error| JournalError::Write(words(&error))));
        }
    }

    /// All jobs in one transaction; one that fails takes no other one along.
    fn try_commit(&mut self, batch: &[Job]) -> Vec<rusqlite::Result<()>> {
        match self.transact(batch) {
            Ok(results) => results,
            Err(error) => match batch {
                [_] => vec![Err(error)],
                // A full disk ends the whole transaction: each for itself, then.
                _ => batch.chunks(1).flat_map(|job| self.try_commit(job)).collect(),
            },
        }
    }

    fn transact(&mut self, batch: &[Job]) -> rusqlite::Result<Vec<rusqlite::Result<()>>> {
        let level = if batch.iter().any(|job| job.kind == Kind::Synced) { "FULL" } else { "NORMAL" };
        self.db.pragma_update(None, "synchronous", level)?;
        let mut change = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut results = Vec::new();
        for job in batch {
            let result = change.savepoint().and_then(|point| {
                (job.work)(&point)?;
                point.commit()
            });
            // Some errors end the transaction, and what was done in it.
            if change.is_autocommit() {
                return Err(result.err().unwrap_or(rusqlite::Error::InvalidQuery));
            }
            results.push(result);
        }
        change.commit()?;
        Ok(results)
    }

    /// Sets a damaged journal aside and begins a new one.
    fn replace(&mut self) -> bool {
        // The old file's handle must be closed before the file is moved; until then the database is nowhere.
        let Ok(nowhere) = Connection::open_in_memory() else { return false };
        self.db = nowhere;
        let replaced = file::set_aside(&self.path)
            .map_err(|error| error.to_string())
            .and_then(|notice| Ok((file::open(&self.path).map_err(|error| error.to_string())?, notice)));
        match replaced {
            Ok(((db, _), notice)) => {
                self.db = db;
                *self.notice.lock().unwrap_or_else(PoisonError::into_inner) = Some(notice);
                true
            }
            Err(why) => {
                tracing::error!(%why, "the damaged journal could not be replaced");
                false
            }
        }
    }
}

/// For people: what SQLite says is for its authors.
fn words(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            "the disk is full, or the journal has reached its 512 MiB; free some space".into()
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            "the state folder is read-only; make it writable".into()
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds it; close what has it open".into()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
