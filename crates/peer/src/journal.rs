//! The journal: what must survive a crash. SQLite in WAL mode, on a thread of its own.
//!
//! Invariants:
//! - A key is in the journal, committed and synced, before its agent is prompted.
//! - A terminal is in the journal, committed and synced, before it is sent; it is never changed afterwards.
//! - A run that failed before its key was spent leaves no trace once its terminal is confirmed.
//! - No prompt, title or description is ever written.

mod schema;

use crate::paths::make_private_dir;
use crate::peer::ReceiptState;
use orgx_proto::delivery::{Class, Outgoing};
use orgx_proto::dispatch::{Ended, Past, PastEnd, Spent};
use orgx_proto::ids::{DispatchKey, RunId};
use orgx_proto::limits;
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
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

/// What the journal remembers at start.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Keys whose runs ended, oldest first.
    pub(crate) past: Vec<Past>,
    /// Runs whose agent may have been prompted and that have no end.
    pub(crate) unfinished: Vec<Unfinished>,
    /// Terminals that no barrier has confirmed, oldest first.
    pub(crate) unconfirmed: Vec<Outgoing>,
    /// Receipts that OrgX has not taken, with their runs.
    pub(crate) receipts: Vec<(RunId, String)>,
}

/// A run that a crash cut off.
#[derive(Debug)]
pub(crate) struct Unfinished {
    pub(crate) run_id: RunId,
    pub(crate) key: DispatchKey,
}

/// A handle to the journal's thread.
#[derive(Debug)]
pub(crate) struct Journal {
    jobs: mpsc::Sender<Job>,
}

type Job = Box<dyn FnOnce(&Connection) + Send>;

impl Journal {
    /// Opens or makes the journal, and reads what it remembers.
    pub(crate) fn open(path: &Path) -> Result<(Self, Memory), JournalError> {
        let problem = |why: String| JournalError::Open { path: path.to_owned(), why };
        make_private_dir(path.parent().unwrap_or(Path::new(".")))
            .map_err(|error| problem(error.to_string()))?;
        create_private(path).map_err(|error| problem(error.to_string()))?;
        let mut db = Connection::open(path).map_err(|error| problem(error.to_string()))?;
        schema::prepare(&mut db).map_err(|error| problem(error.to_string()))?;
        let memory = remember(&db).map_err(|error| problem(error.to_string()))?;
        let (jobs, queue) = mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || {
                while let Ok(job) = queue.recv() {
                    job(&db);
                }
            })
            .map_err(|error| problem(error.to_string()))?;
        Ok((Self { jobs }, memory))
    }

    /// A key is spent; returns once that is on disk.
    pub(crate) async fn spend(&self, spent: Spent) -> Result<(), JournalError> {
        self.run(move |db| {
            db.execute(
                "INSERT OR REPLACE INTO run (run_id, key, driver, session, message_id, folder, spent_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    spent.run_id.as_str(),
                    spent.key.as_str(),
                    spent.driver.as_str(),
                    spent.session.as_ref().map(|session| session.as_str().to_owned()),
                    spent.message_id,
                    spent.folder,
                    spent.at.0
                ],
            )
        })
        .await
    }

    /// A run ended; returns once that is on disk.
    pub(crate) async fn end(&self, ended: Ended) -> Result<(), JournalError> {
        let receipt = ended.receipt.map(|receipt| receipt.to_json());
        let state = receipt.as_ref().map(|_| ReceiptState::Waiting.as_str());
        self.run(move |db| {
            db.execute(
                "INSERT INTO run (run_id, key, ended_at, failed, terminal, receipt, receipt_state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (run_id) DO UPDATE SET ended_at = excluded.ended_at, failed = excluded.failed,
                   terminal = excluded.terminal, receipt = excluded.receipt, receipt_state = excluded.receipt_state,
                   confirmed = 0",
                params![
                    ended.run_id.as_str(),
                    ended.key.as_ref().map(DispatchKey::as_str),
                    ended.at.0,
                    ended.failed,
                    &*ended.terminal.json,
                    receipt,
                    state
                ],
            )
        })
        .await
    }

    /// A barrier confirmed this run's terminal.
    pub(crate) async fn confirm(&self, run_id: RunId) -> Result<(), JournalError> {
        self.run(move |db| {
            db.execute("UPDATE run SET confirmed = 1 WHERE run_id = ?1", [run_id.as_str()])?;
            db.execute("DELETE FROM run WHERE run_id = ?1 AND key IS NULL", [run_id.as_str()])
        })
        .await
    }

    /// A receipt fared like this.
    pub(crate) async fn receipt(&self, run_id: RunId, state: ReceiptState) -> Result<(), JournalError> {
        self.run(move |db| {
            db.execute(
                "UPDATE run SET receipt_state = ?2 WHERE run_id = ?1",
                [run_id.as_str(), state.as_str()],
            )
        })
        .await
    }

    async fn run(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<(), JournalError> {
        let (answer, result) = oneshot::channel();
        let gone = || JournalError::Write("its thread is gone".into());
        self.jobs
            .send(Box::new(move |db| {
                let _unheard = answer.send(job(db).map(drop));
            }))
            .map_err(|_| gone())?;
        result.await.map_err(|_| gone())?.map_err(|error| JournalError::Write(error.to_string()))
    }
}

fn remember(db: &Connection) -> rusqlite::Result<Memory> {
    let mut memory = Memory::default();
    let mut rows = db.prepare(
        "SELECT run_id, key, ended_at, failed, terminal, confirmed, receipt, receipt_state FROM run
         ORDER BY ended_at IS NULL, ended_at, rowid",
    )?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let run_id = RunId::new(row.get::<_, String>(0)?);
        let key: Option<DispatchKey> = row.get::<_, Option<String>>(1)?.map(DispatchKey::new);
        let Some(terminal) = row.get::<_, Option<String>>(4)? else {
            if let Some(key) = key {
                memory.unfinished.push(Unfinished { run_id, key });
            }
            continue;
        };
        let terminal = Outgoing { run_id: run_id.clone(), class: Class::Terminal, json: terminal.into() };
        if !row.get::<_, bool>(5)? {
            memory.unconfirmed.push(terminal.clone());
        }
        if let (Some(receipt), Some("waiting")) =
            (row.get::<_, Option<String>>(6)?, row.get::<_, Option<String>>(7)?.as_deref())
        {
            memory.receipts.push((run_id.clone(), receipt));
        }
        if let Some(key) = key {
            let failed: bool = row.get(3)?;
            let end = if failed { PastEnd::Failed(terminal) } else { PastEnd::Completed };
            memory.past.push(Past { key, run_id, end });
        }
    }
    let surplus = memory.past.len().saturating_sub(limits::KEPT_RUNS);
    memory.past.drain(..surplus);
    Ok(memory)
}

/// SQLite makes its file with the umask's mode: make it ours first.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests;
