//! The peer's journal as a stranger reads it: a copy, best made while no peer lives.

use rusqlite::{Connection, OpenFlags};
use std::collections::HashMap;
use std::path::Path;

/// What the journal says of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Whole, and not prompted.
    Queued,
    /// Its agent may have been prompted; it has no end.
    Spent,
    /// It has its terminal.
    Ended,
}

/// Every run in the journals below this folder. None, when there is no journal yet.
pub fn read(state: &Path) -> Result<HashMap<String, Kept>, String> {
    let copy = tempfile::TempDir::with_prefix("orgx-journal-").map_err(|error| error.to_string())?;
    let mut journals = Vec::new();
    for entry in std::fs::read_dir(state).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // The shared-memory file is made anew.
        if name.starts_with("journal-") && !name.ends_with("-shm") {
            std::fs::copy(entry.path(), copy.path().join(&name)).map_err(|error| error.to_string())?;
            if name.ends_with(".sqlite") {
                journals.push(copy.path().join(name));
            }
        }
    }
    let mut kept = HashMap::new();
    for journal in journals {
        runs(&journal, &mut kept).map_err(|error| format!("the journal of a killed peer: {error}"))?;
    }
    Ok(kept)
}

fn runs(journal: &Path, kept: &mut HashMap<String, Kept>) -> rusqlite::Result<()> {
    let db = Connection::open_with_flags(journal, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let whole: String = db.query_row("PRAGMA quick_check", [], |row| row.get(0))?;
    if whole != "ok" {
        return Err(rusqlite::Error::InvalidParameterName(whole));
    }
    // A peer that was killed in its first moment has no table yet.
    let columns: Vec<String> = db
        .prepare("SELECT name FROM pragma_table_info('run')")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if columns.is_empty() {
        return Ok(());
    }
    let mut rows = db.prepare("SELECT run_id, spent_at IS NOT NULL, terminal IS NOT NULL FROM run")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let state = match (row.get(1)?, row.get(2)?) {
            (_, true) => Kept::Ended,
            (true, false) => Kept::Spent,
            (false, false) => Kept::Queued,
        };
        kept.insert(row.get(0)?, state);
    }
    Ok(())
}
