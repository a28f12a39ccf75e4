//! Another program's SQLite file, read beside that program.
//!
//! Nothing of it is written, and nothing is made beside it that was not there. A database in WAL mode that nobody has
//! open has no `-wal`; to read it the usual way would make one. Such a file does not change, so it is read as it is
//! (`immutable`), and looked at again afterwards: had somebody opened it meanwhile, it is read once more, beside them.
//! There the index of the log (`-shm`) is only read, too: whoever crashed left both, and SQLite then keeps an index of its
//! own in memory. A log without an index cannot be read so, and a sentence says it.
//! PROTOCOL: SQLite's URI parameters `immutable` and `readonly_shm`.

use crate::limits;
use rusqlite::{Connection, ErrorCode, InterruptHandle, OpenFlags};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use url::Url;

/// Why a database cannot be read. The words go on from its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// There is none.
    #[error("is not there")]
    Missing,
    /// Something else is in its place.
    #[error("is no file")]
    NotAFile,
    /// Another program does not let anybody in.
    #[error("is locked by another program; try again in a moment")]
    Locked,
    /// Not SQLite.
    #[error("is not a database; OpenCode itself may say more (`opencode db path` names the file)")]
    NotADatabase,
    /// SQLite, and broken.
    #[error("is damaged; OpenCode itself may say more (`opencode db path` names the file)")]
    Damaged,
    /// SQLite, with other contents.
    #[error(
        "has no `{0}`, so it is of another OpenCode than this version knows (1.18); a newer OrgX Peer may read it"
    )]
    Foreign(&'static str),
    /// A log was left behind, and what tells where things are in it was not.
    #[error(
        "has a log beside it (`-wal`) without its index (`-shm`); start OpenCode once, which puts it in order"
    )]
    LeftLog,
    /// It took too long.
    #[error("did not answer in time; its disk may be busy")]
    Slow,
    /// The OS or SQLite will not.
    #[error("cannot be read ({0})")]
    Unreadable(String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::NotADatabase) => Self::NotADatabase,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged,
            Some(ErrorCode::OperationInterrupted) => Self::Slow,
            // Not the error's own words: they may quote what was read.
            Some(ErrorCode::CannotOpen) => Self::Unreadable("it cannot be opened".into()),
            Some(code) => Self::Unreadable(format!("SQLite says {code:?}")),
            None => Self::Unreadable("it holds what was not expected".into()),
        }
    }
}

/// Reads the database. `opened` gets what ends the reading from outside.
pub(super) fn read<T>(
    path: &Path,
    opened: impl Fn(InterruptHandle),
    read: impl Fn(&Connection) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let meta = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Trouble::Missing,
        kind => Trouble::Unreadable(kind.to_string()),
    })?;
    if !meta.is_file() {
        return Err(Trouble::NotAFile);
    }
    let look = |how| {
        let db = open(path, how)?;
        opened(db.get_interrupt_handle());
        // One state of it, whatever is written meanwhile.
        db.execute_batch("BEGIN")?;
        read(&db)
    };
    let mut found = Err(Trouble::Locked);
    // Its owner may come or go in between, and is then met the other way at the second try.
    for _ in 0..2 {
        if let Some(before) = at_rest(path) {
            found = look("immutable=1&mode=ro");
            if at_rest(path) == Some(before) {
                return found;
            }
        }
        found = look("mode=ro&readonly_shm=1");
        if !matches!(found, Err(Trouble::Unreadable(_))) {
            return found;
        }
    }
    let there = |what| beside(path, what).try_exists().ok();
    if there("-wal") == Some(true) && there("-shm") == Some(false) { Err(Trouble::LeftLog) } else { found }
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(what);
    PathBuf::from(name)
}

fn open(path: &Path, how: &str) -> Result<Connection, Trouble> {
    let nameless = || Trouble::Unreadable("its path is not absolute".into());
    let mut name = Url::from_file_path(path).map_err(|()| nameless())?;
    name.set_query(Some(how));
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(name.as_str(), flags)?;
    db.busy_timeout(limits::SESSIONS_BUSY)?;
    Ok(db)
}

/// When it was written last, and its size, if it is in WAL mode and nobody has it open.
fn at_rest(path: &Path) -> Option<(SystemTime, u64)> {
    /// PROTOCOL: the SQLite file format, "file format version numbers"; 2 is WAL.
    const VERSIONS: usize = 18;
    // Before the file itself is touched: to close a file that this process has open elsewhere drops its locks.
    if !matches!(beside(path, "-wal").try_exists(), Ok(false)) {
        return None;
    }
    let mut file = std::fs::File::open(path).ok()?;
    let mut head = [0; 20];
    file.read_exact(&mut head).ok()?;
    if head[VERSIONS..] != [2, 2] {
        return None;
    }
    let meta = file.metadata().ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry"));
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn count(path: &Path) -> Result<i64, Trouble> {
        read(path, |_| {}, |db| Ok(db.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?))
    }

    #[test]
    fn a_database_is_read_beside_its_owner_and_alone_and_nothing_is_left_beside_it() {
        let dir = tempfile::Builder::new().prefix("100% a?b#c").tempdir().expect("a folder");
        let path = dir.path().join("x.db");
        let owner = Connection::open(&path).expect("a database");
        owner
            .execute_batch("PRAGMA journal_mode=wal; CREATE TABLE t(a); INSERT INTO t VALUES (1)")
            .expect("sql");
        assert_eq!(count(&path), Ok(1), "what is only in the log is seen");
        owner.execute_batch("INSERT INTO t VALUES (2)").expect("the owner goes on");
        assert_eq!(count(&path), Ok(2));
        drop(owner);
        assert_eq!(names(dir.path()), ["x.db"]);
        assert_eq!(count(&path), Ok(2));
        assert_eq!(names(dir.path()), ["x.db"], "reading it alone makes nothing beside it");
    }

    #[test]
    fn what_a_crash_left_beside_it_is_read_or_told_and_stays_as_it_was() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, left) = (dir.path().join("x.db"), dir.path().join("left.db"));
        let owner = Connection::open(&path).expect("a database");
        owner
            .execute_batch("PRAGMA journal_mode=wal; CREATE TABLE t(a); INSERT INTO t VALUES (1)")
            .expect("sql");
        for what in ["", "-wal", "-shm"] {
            std::fs::copy(beside(&path, what), beside(&left, what)).expect("a copy");
        }
        drop(owner);
        let contents = |what: &str| std::fs::read(beside(&left, what)).ok();
        let all = || ["", "-wal", "-shm"].map(contents);
        let before = all();
        assert_eq!(count(&left), Ok(1), "what is only in the log is seen");
        assert!(all() == before, "nothing of it was written");
        std::fs::remove_file(beside(&left, "-shm")).expect("it was there");
        let before = all();
        assert_eq!(count(&left), Err(Trouble::LeftLog));
        assert!(all() == before, "no index was made");
        drop(Connection::open(&left).and_then(|db| db.execute_batch("INSERT INTO t VALUES (2)")));
        assert_eq!(count(&left), Ok(2), "its owner put it in order");
        assert_eq!(names(dir.path()), ["left.db", "x.db"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_written_is_no_obstacle() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x.db");
        let owner = Connection::open(&path).expect("a database");
        owner.execute_batch("PRAGMA journal_mode=wal; CREATE TABLE t(a)").expect("sql");
        drop(owner);
        let mode =
            |mode| std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(mode)).expect("a mode");
        mode(0o500);
        let found = count(&path);
        mode(0o700);
        assert_eq!(found, Ok(0));
    }

    #[test]
    fn everything_that_can_be_in_its_place_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x.db");
        assert_eq!(count(&path), Err(Trouble::Missing));
        assert_eq!(count(dir.path()), Err(Trouble::NotAFile));
        std::fs::write(&path, "this is no database, however long it may go on").expect("a file");
        assert_eq!(count(&path), Err(Trouble::NotADatabase));
        std::fs::remove_file(&path).expect("it was there");
        let owner = Connection::open(&path).expect("a database");
        owner.execute_batch("CREATE TABLE t(a); BEGIN EXCLUSIVE").expect("sql");
        assert_eq!(count(&path), Err(Trouble::Locked));
        owner.execute_batch("COMMIT").expect("sql");
        assert_eq!(count(&path), Ok(0));
    }

    #[test]
    fn a_reading_that_takes_too_long_is_ended_from_outside() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x.db");
        Connection::open(&path).and_then(|db| db.execute_batch("CREATE TABLE t(a)")).expect("a database");
        let endless =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        let stop = |handle: InterruptHandle| {
            std::thread::spawn(move || {
                // Nothing tells when a statement has begun: it is interrupted until it has ended.
                for _ in 0..400 {
                    handle.interrupt();
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            });
        };
        let found = read(&path, stop, |db| Ok(db.query_row(endless, [], |row| row.get::<_, i64>(0))?));
        assert_eq!(found, Err(Trouble::Slow));
    }
}
