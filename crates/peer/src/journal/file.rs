//! The journal's file: opened, checked, kept within its bounds, and set aside when it is damaged.

use super::memory::{Memory, remember};
use super::{JournalError, schema};
use crate::limits;
use crate::paths::make_private_dir;
use orgx_proto::limits::KEPT_RUNS;
use rusqlite::{Connection, ErrorCode};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Opens or makes the journal. A damaged one is set aside, and what became of it is said in the memory's notice.
pub(super) fn open(path: &Path) -> Result<(Connection, Memory), JournalError> {
    let problem = |why: String| JournalError::Open { path: path.to_owned(), why };
    make_private_dir(path.parent().unwrap_or(Path::new("."))).map_err(|error| problem(error.to_string()))?;
    let first = read(path);
    match first {
        Err(error) if is_damage(&error) || is_strange(&error) => {
            let notice = set_aside(path).map_err(|error| problem(error.to_string()))?;
            let (db, memory) = read(path).map_err(|error| problem(error.to_string()))?;
            Ok((db, Memory { notice: Some(notice), ..memory }))
        }
        other => other.map_err(|error| problem(error.to_string())),
    }
}

fn read(path: &Path) -> rusqlite::Result<(Connection, Memory)> {
    create_private(path).map_err(|error| {
        rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
            Some(error.to_string()),
        )
    })?;
    let mut db = Connection::open(path)?;
    schema::prepare(&mut db)?;
    let found: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some(found),
        ));
    }
    tidy(&mut db, now_ms())?;
    let memory = remember(&db)?;
    Ok((db, memory))
}

/// Forgets runs that are over and owe nothing: older than 90 days, or beyond the newest 10,000; gives the room back.
pub(super) fn tidy(db: &mut Connection, now: i64) -> rusqlite::Result<()> {
    // A clock that is years ahead must not make the peer forget its keys: the newest run bounds what "now" may be.
    let newest: Option<i64> = db.query_row("SELECT max(ended_at) FROM run", [], |row| row.get(0))?;
    let Some(newest) = newest else { return Ok(()) };
    let age = i64::try_from(limits::JOURNAL_AGE.as_millis()).unwrap_or(i64::MAX);
    let oldest = now.min(newest).saturating_sub(age);
    let settled = "terminal IS NOT NULL AND confirmed = 1 AND coalesce(receipt_state, '') <> 'waiting'
         AND run_id NOT IN (SELECT run_id FROM deviation)";
    let change = db.transaction()?;
    change.execute(&format!("DELETE FROM run WHERE ended_at < ?1 AND {settled}"), [oldest])?;
    change.execute(
        &format!(
            "DELETE FROM run WHERE {settled} AND run_id IN
               (SELECT run_id FROM run WHERE terminal IS NOT NULL ORDER BY ended_at DESC, rowid DESC LIMIT -1 OFFSET ?1)"
        ),
        [i64::try_from(KEPT_RUNS).unwrap_or(i64::MAX)],
    )?;
    change.commit()?;
    let pages = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (free, all) = (pages("freelist_count")?, pages("page_count")?);
    if free > limits::JOURNAL_FREE_PAGES && free * 2 > all {
        db.execute_batch("VACUUM")?;
    }
    Ok(())
}

/// Moves a damaged journal out of the way; what to tell the person.
pub(super) fn set_aside(path: &Path) -> std::io::Result<String> {
    let stem = path.with_extension("");
    let time = jiff_time();
    let mut aside = PathBuf::from(format!("{}.corrupt-{time}", stem.display()));
    let mut number = 1;
    while aside.exists() {
        number += 1;
        aside = PathBuf::from(format!("{}.corrupt-{time}-{number}", stem.display()));
    }
    std::fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        let (from, to) = (with_suffix(path, suffix), with_suffix(&aside, suffix));
        if from.exists() {
            std::fs::rename(from, to)?;
        }
    }
    let name = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(format!(
        "The journal was damaged and has been set aside as {name} in the state folder; a new one was begun. OrgX may \
         ask again for tasks that had already run here."
    ))
}

/// Is the file no database, or a broken one?
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        // A column or a table is missing.
        || matches!(error, rusqlite::Error::SqlInputError { .. })
        || ["no such table", "no such column", "has no column named"]
            .iter()
            .any(|words| error.to_string().contains(words))
}

/// The file can be written and says of itself that it cannot, or has a format or a schema that nobody wrote.
fn is_strange(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(rusqlite::ffi::SQLITE_READONLY | rusqlite::ffi::SQLITE_ERROR))
}

pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// `20261120T101112Z`.
fn jiff_time() -> String {
    let text = orgx_proto::time::Timestamp(now_ms()).to_string();
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    format!("{}Z", digits.split('.').next().unwrap_or_default())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// SQLite makes its file with the umask's mode: make it ours first.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
