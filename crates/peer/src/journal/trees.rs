//! Working trees: what one looked like before a run, and whether a run's changes were taken back.

use crate::worktree::Tree;
use orgx_proto::ids::RunId;
use rusqlite::{Connection, OptionalExtension, Result, params};

/// The prompt of a run that is over, by which its agent can take its changes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prompted {
    pub(crate) folder: String,
    pub(crate) session: String,
    pub(crate) message_id: String,
}

/// A run's folder looked so before it.
pub(super) fn tree(db: &Connection, run_id: &RunId, tree: &Tree) -> Result<()> {
    db.execute(
        "UPDATE run SET commit_before = ?2, changes_before = ?3 WHERE run_id = ?1",
        params![run_id.as_str(), tree.commit, i64::try_from(tree.changes).unwrap_or(i64::MAX)],
    )
    .map(drop)
}

/// A run's changes were taken back, or everything that was taken back in its session is there again.
pub(super) fn undone(db: &Connection, run_id: &RunId, undone: bool) -> Result<()> {
    let change = if undone {
        "UPDATE run SET undone = 1 WHERE run_id = ?1"
    } else {
        "UPDATE run SET undone = 0 WHERE session = (SELECT session FROM run WHERE run_id = ?1)"
    };
    db.execute(change, [run_id.as_str()]).map(drop)
}

/// Where the prompt of a run that is over went; `None` when that cannot be known.
pub(super) fn prompted(db: &Connection, run_id: &RunId) -> Result<Option<Prompted>> {
    let find = "SELECT folder, session, message_id FROM run WHERE run_id = ?1 AND terminal IS NOT NULL
                AND folder IS NOT NULL AND session IS NOT NULL AND message_id IS NOT NULL";
    db.query_row(find, [run_id.as_str()], |row| {
        Ok(Prompted { folder: row.get(0)?, session: row.get(1)?, message_id: row.get(2)? })
    })
    .optional()
}
