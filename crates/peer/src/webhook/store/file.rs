//! The store's file: opened, kept within its bounds, and set aside when it is damaged.

use super::{StoreError, schema};
use crate::limits;
use crate::paths::make_private_dir;
use rusqlite::{Connection, ErrorCode};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Opens or makes it. What became of a damaged one is in the second part.
pub(super) fn open(path: &Path) -> Result<(Connection, Option<String>), StoreError> {
    let io = |error: std::io::Error| StoreError(error.to_string());
    make_private_dir(path.parent().unwrap_or(Path::new("."))).map_err(io)?;
    match read(path) {
        Err(error) if is_damage(&error) => {
            let name = set_aside(path).map_err(io)?;
            let db = read(path).map_err(|error| StoreError(words(&error)))?;
            let notice = format!(
                "The store of session events was damaged and has been set aside as {name} in the state folder; a new \
                 one was begun. Sessions of before may be told of again."
            );
            Ok((db, Some(notice)))
        }
        other => Ok((other.map_err(|error| StoreError(words(&error)))?, None)),
    }
}

fn read(path: &Path) -> rusqlite::Result<Connection> {
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
        let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        return Err(rusqlite::Error::SqliteFailure(corrupt, Some(found)));
    }
    tidy(&db)?;
    Ok(db)
}

/// Takes out what is too old or too much. What a sink is owed stays longer.
pub(super) fn tidy(db: &Connection) -> rusqlite::Result<()> {
    let change = db.unchecked_transaction()?;
    let last = super::look::last(&change)?;
    let owed: Option<i64> = change.query_row("SELECT min(number) FROM sink", [], |row| row.get(0))?;
    let kept = last - limits::LIFECYCLE_EVENTS;
    // A clock that is years ahead must not empty the store: the newest event bounds what "now" may be.
    let newest: i64 = change
        .query_row("SELECT coalesce(max(at), 0) FROM event", [], |row| row.get(0))
        .map(|at: i64| at.min(now_ms()))?;
    let oldest = newest - i64::try_from(limits::LIFECYCLE_AGE.as_millis()).unwrap_or(i64::MAX);
    change.execute(
        "DELETE FROM event WHERE (number <= ?1 OR at < ?2) AND number <= ?3",
        [kept, oldest, owed.unwrap_or(i64::MAX)],
    )?;
    change.execute("DELETE FROM event WHERE number <= ?1", [last - limits::LIFECYCLE_OWED_EVENTS])?;
    for open in [0, 1] {
        change.execute(
            "DELETE FROM session WHERE open = ?1 AND touched <= (
                SELECT touched FROM session WHERE open = ?1 ORDER BY touched DESC LIMIT 1 OFFSET ?2)",
            [open, limits::LIFECYCLE_SESSIONS],
        )?;
    }
    change.execute("DELETE FROM session WHERE open = 0 AND ended_at < ?1", [oldest])?;
    change.commit()?;
    // Where summaries are long the file may be full before there are so many.
    let pages = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (used, most) = (pages("page_count")? - pages("freelist_count")?, pages("max_page_count")?);
    if used > most / 4 * 3 {
        db.execute("DELETE FROM event WHERE number <= (SELECT min(number) + (max(number) - min(number)) / 2 FROM event)", [])?;
    }
    Ok(())
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        || matches!(error, rusqlite::Error::SqlInputError { .. })
}

fn set_aside(path: &Path) -> std::io::Result<String> {
    let stem = path.with_extension("");
    let aside = (1..=u32::MAX)
        .map(|number| PathBuf::from(format!("{}.corrupt-{number}.sqlite", stem.display())))
        .find(|aside| !aside.exists())
        .unwrap_or_default();
    std::fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        let with = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        if with(path).exists() {
            std::fs::rename(with(path), with(&aside))?;
        }
    }
    Ok(aside.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

/// SQLite makes its file with the umask's mode: make it ours first.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// For people: what SQLite says is for its authors.
pub(super) fn words(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            "the disk is full, or it has reached its 256 MiB; free some space".into()
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
