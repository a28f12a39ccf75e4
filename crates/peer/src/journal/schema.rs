//! The journal's tables, by version. A step is never changed once released; a new one is added.

use rusqlite::{Connection, TransactionBehavior};

pub(super) const STEPS: &[&str] = &[
    "
    CREATE TABLE run (
        run_id        TEXT PRIMARY KEY,
        key           TEXT UNIQUE,              -- NULL: it failed before its key was spent
        driver        TEXT,
        session       TEXT,
        message_id    TEXT,
        folder        TEXT,
        spent_at      INTEGER,                  -- ms since the epoch, as all times here
        ended_at      INTEGER,
        failed        INTEGER,
        terminal      TEXT,                     -- the frame as it goes over the wire
        confirmed     INTEGER NOT NULL DEFAULT 0, -- a barrier covered it
        receipt       TEXT,                     -- the body as it is posted
        receipt_state TEXT                      -- waiting, delivered, not_taken, refused
    ) STRICT;
",
    "
    -- A run is queued (spent_at and terminal NULL), under way (terminal NULL), or over.
    ALTER TABLE run ADD COLUMN local INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE run ADD COLUMN arrived_at INTEGER;
    ALTER TABLE run ADD COLUMN timeout_ms INTEGER;
    ALTER TABLE run ADD COLUMN repo_path TEXT;              -- as OrgX named it
    ALTER TABLE run ADD COLUMN task TEXT;                   -- the task as JSON; NULL once the agent has it
    ALTER TABLE run ADD COLUMN after_pause INTEGER NOT NULL DEFAULT 0; -- it came while the peer finished what it had
    ALTER TABLE run ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE run ADD COLUMN steps INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE run ADD COLUMN deviations INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE run ADD COLUMN receipt_tries INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE run ADD COLUMN receipt_refusals INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX run_ended_at ON run (ended_at);
    -- Deviations that no barrier has confirmed.
    CREATE TABLE deviation (
        id     INTEGER PRIMARY KEY,
        run_id TEXT NOT NULL REFERENCES run (run_id) ON DELETE CASCADE,
        frame  TEXT NOT NULL,
        UNIQUE (run_id, frame)
    ) STRICT;
    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
",
    "
    -- What a run has used, whatever became of it: tokens, and millionths of a US dollar.
    ALTER TABLE run ADD COLUMN used_tokens INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE run ADD COLUMN used_microdollars INTEGER NOT NULL DEFAULT 0;
    -- It was stopped at its budget, and waits for the person.
    ALTER TABLE run ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
    -- The working tree before it: the commit, and how many files differed from it.
    ALTER TABLE run ADD COLUMN commit_before TEXT;
    ALTER TABLE run ADD COLUMN changes_before INTEGER;
    -- Its changes were taken back.
    ALTER TABLE run ADD COLUMN undone INTEGER NOT NULL DEFAULT 0;
",
    "
    -- Time worked, but what it is at now; that began then (NULL: when its key was spent, unless it is held).
    ALTER TABLE run ADD COLUMN worked_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE run ADD COLUMN works_since INTEGER;
    -- `held`: 0 no, 1 yes, 2 it goes on with the prompt of this id, which its agent may not have.
    ALTER TABLE run ADD COLUMN went_on TEXT;
    -- How often the person allowed as much again, as JSON.
    ALTER TABLE run ADD COLUMN more TEXT;
",
];

/// Brings a database to the newest version.
pub(super) fn prepare(db: &mut Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", "ON")?;
    // Erased text is overwritten, not only unlinked.
    db.pragma_update(None, "secure_delete", "ON")?;
    db.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    db.pragma_update(None, "max_page_count", MAX_PAGES)?;
    db.busy_timeout(crate::limits::JOURNAL_BUSY)?;
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let newest = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let Ok(done) = usize::try_from(version) else {
        // No version of this program ever wrote that.
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some("its version is negative".into()),
        ));
    };
    if version > newest {
        return Err(rusqlite::Error::InvalidParameterName(
            "it was written by a newer version of this program; update it".into(),
        ));
    }
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in &STEPS[done..] {
        change.execute_batch(step)?;
    }
    change.pragma_update(None, "user_version", newest)?;
    change.commit()
}

/// What the write-ahead log is cut back to, in bytes.
const WAL_BYTES: i64 = 4 * 1024 * 1024;
/// The file's bound: [`crate::limits::JOURNAL_BYTES`] in pages of 4 KiB.
const MAX_PAGES: i64 = (crate::limits::JOURNAL_BYTES / 4096) as i64;
