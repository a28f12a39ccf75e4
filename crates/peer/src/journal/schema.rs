//! The journal's tables, by version. A step is never changed once released; a new one is added.

use rusqlite::{Connection, TransactionBehavior};

const STEPS: &[&str] = &["
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
"];

/// Brings a database to the newest version.
pub(super) fn prepare(db: &mut Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit is on disk when it returns. There are two a run, so that costs nothing that anybody sees.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", "ON")?;
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    let version: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let newest = u32::try_from(STEPS.len()).unwrap_or(u32::MAX);
    if version > newest {
        return Err(rusqlite::Error::InvalidParameterName(
            "it was written by a newer version of this program; update it".into(),
        ));
    }
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in &STEPS[version as usize..] {
        change.execute_batch(step)?;
    }
    change.pragma_update(None, "user_version", newest)?;
    change.commit()
}
