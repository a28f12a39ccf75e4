//! The store's tables, by version. A step is never changed once released; a new one is added.

use crate::limits;
use rusqlite::{Connection, TransactionBehavior};

pub(super) const STEPS: &[&str] = &["
    CREATE TABLE session (
        harness     TEXT NOT NULL,
        id          TEXT NOT NULL,
        known       TEXT NOT NULL,    -- what was told since it began last, as JSON
        open        INTEGER NOT NULL,
        run_id      TEXT,             -- the run of ours that has it
        phase       TEXT NOT NULL,
        cwd         TEXT,
        title       TEXT,             -- only where titles are kept
        started_at  INTEGER,          -- ms since the epoch, as all times here
        ended_at    INTEGER,
        exit_status INTEGER,
        outcome     TEXT,
        pid         INTEGER,
        pid_started TEXT,             -- tells the process from a later one with its number
        touched     INTEGER NOT NULL, -- the number of its newest event
        PRIMARY KEY (harness, id)
    ) STRICT;
    CREATE INDEX session_touched ON session (touched);
    CREATE INDEX session_open ON session (touched) WHERE open = 1;
    CREATE INDEX session_run ON session (run_id) WHERE open = 1 AND run_id IS NOT NULL;
    CREATE TABLE event (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id     TEXT NOT NULL UNIQUE,
        at     INTEGER NOT NULL,
        body   TEXT NOT NULL          -- as it is written to a buffer file
    ) STRICT;
    -- The last event that each sink has.
    CREATE TABLE sink (name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
"];

/// Brings a database to the newest version.
pub(super) fn prepare(db: &mut Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "secure_delete", "ON")?;
    db.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    db.pragma_update(None, "max_page_count", MAX_PAGES)?;
    db.busy_timeout(limits::JOURNAL_BUSY)?;
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let newest = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if version > newest {
        return Err(rusqlite::Error::InvalidParameterName(
            "it was written by a newer version of this program; update it".into(),
        ));
    }
    let done = usize::try_from(version).unwrap_or_default();
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in &STEPS[done..] {
        change.execute_batch(step)?;
    }
    change.pragma_update(None, "user_version", newest)?;
    change.commit()
}

/// What the write-ahead log is cut back to, in bytes.
const WAL_BYTES: i64 = 4 * 1024 * 1024;
/// The file's bound: [`limits::LIFECYCLE_BYTES`] in pages of 4 KiB.
const MAX_PAGES: i64 = (limits::LIFECYCLE_BYTES / 4096) as i64;
