//! What is written, as plain functions on the database. Each can be done twice: a journal that was replaced is
//! written anew.

use super::{OwedReceipt, ReceiptProgress};
use crate::peer::ReceiptState;
use orgx_proto::budget::More;
use orgx_proto::delivery::Outgoing;
use orgx_proto::dispatch::{Ended, Past, PastEnd, Spent};
use orgx_proto::ids::{DispatchKey, RunId};
use orgx_proto::message::{Dispatch, Scope, Task};
use orgx_proto::run::{Balance, Held};
use orgx_proto::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result, params};

/// A dispatch waits for its turn.
pub(super) fn queue(db: &Connection, dispatch: &Dispatch, at: Timestamp, after_pause: bool) -> Result<()> {
    // A run that failed before its key was spent may be dispatched again: what its row said is over, and it comes last.
    db.execute("DELETE FROM run WHERE run_id = ?1 AND terminal IS NOT NULL", [dispatch.run_id.as_str()])?;
    db.execute(
        "INSERT INTO run (run_id, key, driver, local, arrived_at, timeout_ms, repo_path, task, after_pause)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (run_id) DO UPDATE SET key = excluded.key, driver = excluded.driver, local = excluded.local,
           arrived_at = excluded.arrived_at, timeout_ms = excluded.timeout_ms, repo_path = excluded.repo_path,
           task = excluded.task, after_pause = excluded.after_pause",
        params![
            dispatch.run_id.as_str(),
            dispatch.key.as_str(),
            dispatch.task.driver.as_str(),
            dispatch.local,
            at.0,
            millis(dispatch.timeout),
            dispatch.task.repo_path,
            serde_json::to_string(&dispatch.task).unwrap_or_default(),
            after_pause,
        ],
    )
    .map(drop)
}

/// A key is spent. The text of a task is kept only for an agent that can be asked whether it has it.
pub(super) fn spend(db: &Connection, spent: &Spent) -> Result<()> {
    db.execute(
        "INSERT INTO run (run_id, key, driver, session, message_id, folder, spent_at, local, arrived_at, timeout_ms,
           repo_path) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (run_id) DO UPDATE SET key = excluded.key, driver = excluded.driver,
           session = excluded.session, message_id = excluded.message_id, folder = excluded.folder,
           spent_at = excluded.spent_at, task = iif(excluded.message_id IS NULL, NULL, task),
           ended_at = NULL, failed = NULL, terminal = NULL, confirmed = 0, receipt = NULL, receipt_state = NULL",
        params![
            spent.run_id.as_str(),
            spent.key.as_str(),
            spent.driver.as_str(),
            spent.session.as_ref().map(|session| session.as_str().to_owned()),
            spent.message_id,
            spent.folder,
            spent.at.0,
            spent.origin.local,
            spent.origin.arrived.0,
            millis(spent.origin.timeout),
            spent.origin.repo_path,
        ],
    )
    .map(drop)
}

/// What a run has used, and whether it is held.
pub(super) fn account(db: &Connection, run_id: &RunId, balance: &Balance) -> Result<()> {
    db.execute(
        "UPDATE run SET used_tokens = ?2, used_microdollars = ?3, worked_ms = ?4, works_since = ?5, held = ?6,
           went_on = ?7, more = ?8 WHERE run_id = ?1",
        params![
            run_id.as_str(),
            whole(balance.used.tokens),
            whole(balance.used.microdollars),
            millis(balance.used.worked),
            balance.works_since.map(|since| since.0),
            match balance.held {
                Held::No => 0,
                Held::Yes => 1,
                Held::GoesOn => 2,
            },
            balance.went_on,
            serde_json::to_string(&balance.more).unwrap_or_default(),
        ],
    )
    .map(drop)
}

/// How much more the person allows on the day that began then.
pub(super) fn day_more(db: &Connection, day: i64, more: More) -> Result<()> {
    let value = serde_json::to_string(&(day, more)).unwrap_or_default();
    db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES ('day_more', ?1)", [value]).map(drop)
}

/// The text of a task is gone for good. Where OrgX files it stays, so that what its agent asks can be asked there, too.
pub(super) fn erase(db: &Connection, run_id: &RunId) -> Result<()> {
    let task = db.query_row("SELECT task FROM run WHERE run_id = ?1", [run_id.as_str()], |row| row.get(0));
    let task: Option<String> = task.optional()?.flatten();
    let scope = task.and_then(|task| serde_json::from_str::<Task>(&task).ok()).map(|task| task.scope);
    let kept = scope.filter(|scope| *scope != Scope::default()).map(|scope| {
        let task = Task { scope, ..Task::default() };
        serde_json::to_string(&task).unwrap_or_default()
    });
    db.execute("UPDATE run SET task = ?2 WHERE run_id = ?1", params![run_id.as_str(), kept]).map(drop)
}

/// A deviation that is about to be sent.
pub(super) fn deviation(db: &Connection, frame: &Outgoing) -> Result<()> {
    db.execute("INSERT OR IGNORE INTO run (run_id) VALUES (?1)", [frame.run_id.as_str()])?;
    db.execute(
        "INSERT OR IGNORE INTO deviation (run_id, frame) VALUES (?1, ?2)",
        [frame.run_id.as_str(), &frame.json],
    )
    .map(drop)
}

/// A barrier confirmed these deviations.
pub(super) fn forget(db: &Connection, frames: &[Outgoing]) -> Result<()> {
    for frame in frames {
        db.execute(
            "DELETE FROM deviation WHERE run_id = ?1 AND frame = ?2",
            [frame.run_id.as_str(), &frame.json],
        )?;
    }
    Ok(())
}

/// A run ended.
pub(super) fn end(db: &Connection, ended: &Ended) -> Result<()> {
    let receipt = ended.receipt.as_ref().map(orgx_proto::receipt::Receipt::to_json);
    let state = receipt.as_ref().map(|_| ReceiptState::Waiting.as_str());
    // What was never spent frees its key.
    db.execute(
        "INSERT INTO run (run_id, key, ended_at, failed, terminal, receipt, receipt_state, local, confirmed, steps,
           deviations, arrived_at, used_tokens, used_microdollars, worked_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10, ?3, ?11, ?12, ?13)
         ON CONFLICT (run_id) DO UPDATE SET key = excluded.key, ended_at = excluded.ended_at,
           failed = excluded.failed, terminal = excluded.terminal, receipt = excluded.receipt,
           receipt_state = excluded.receipt_state, receipt_tries = 0, receipt_refusals = 0, task = NULL,
           confirmed = excluded.confirmed, steps = excluded.steps, deviations = excluded.deviations,
           used_tokens = excluded.used_tokens, used_microdollars = excluded.used_microdollars,
           worked_ms = excluded.worked_ms, works_since = NULL, held = 0
         -- A failure from before the key was spent says nothing of a run whose key is.
         WHERE excluded.key IS NOT NULL OR spent_at IS NULL OR terminal IS NOT NULL",
        params![
            ended.run_id.as_str(),
            ended.key.as_ref().map(DispatchKey::as_str),
            ended.at.0,
            ended.failed,
            &*ended.terminal.json,
            receipt,
            state,
            ended.local,
            whole(ended.steps),
            whole(ended.deviations),
            whole(ended.used.tokens),
            whole(ended.used.microdollars),
            millis(ended.used.worked),
        ],
    )
    .map(drop)
}

/// A terminal that is still to be confirmed, of a run that this journal does not know.
pub(super) fn owe(db: &Connection, terminal: &Outgoing) -> Result<()> {
    let failed = terminal.json.contains("\"task.failed\"");
    db.execute(
        "INSERT INTO run (run_id, failed, terminal, ended_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (run_id) DO UPDATE SET failed = excluded.failed, terminal = excluded.terminal, confirmed = 0",
        params![terminal.run_id.as_str(), failed, &*terminal.json, super::file::now_ms()],
    )
    .map(drop)
}

/// A receipt that is still to be taken, likewise. Its terminal may be confirmed already.
pub(super) fn owe_receipt(db: &Connection, owed: &OwedReceipt) -> Result<()> {
    db.execute(
        "INSERT INTO run (run_id, failed, terminal, ended_at, confirmed, receipt, receipt_state, receipt_tries,
           receipt_refusals) VALUES (?1, 0, '', ?2, 1, ?3, ?4, ?5, ?6)
         ON CONFLICT (run_id) DO UPDATE SET receipt = excluded.receipt, receipt_state = excluded.receipt_state,
           receipt_tries = excluded.receipt_tries, receipt_refusals = excluded.receipt_refusals",
        params![
            owed.run_id.as_str(),
            super::file::now_ms(),
            owed.body,
            owed.progress.state.as_str(),
            owed.progress.tries,
            owed.progress.refusals
        ],
    )
    .map(drop)
}

/// A barrier confirmed this terminal. A run that failed before its key was spent may have another one by now.
pub(super) fn confirm(db: &Connection, terminal: &Outgoing) -> Result<()> {
    db.execute(
        "UPDATE run SET confirmed = 1 WHERE run_id = ?1 AND terminal = ?2",
        [terminal.run_id.as_str(), &terminal.json],
    )
    .map(drop)
}

/// A receipt fared like this.
pub(super) fn receipt(db: &Connection, run_id: &RunId, progress: ReceiptProgress) -> Result<()> {
    db.execute(
        "UPDATE run SET receipt_state = ?2, receipt_tries = ?3, receipt_refusals = ?4 WHERE run_id = ?1",
        params![run_id.as_str(), progress.state.as_str(), progress.tries, progress.refusals],
    )
    .map(drop)
}

/// The person's wish, kept over a restart.
pub(super) fn pause(db: &Connection, state: &str) -> Result<()> {
    db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES ('pause', ?1)", [state])?;
    if state == "open" {
        db.execute("UPDATE run SET after_pause = 0 WHERE after_pause", [])?;
    }
    Ok(())
}

/// OrgX or the person cancelled a run that is under way.
pub(super) fn cancelled(db: &Connection, run_id: &RunId) -> Result<()> {
    db.execute("UPDATE run SET cancelled = 1 WHERE run_id = ?1", [run_id.as_str()]).map(drop)
}

/// Runs that are over, as their keys are remembered.
pub(super) fn past(db: &Connection, past: &[Past]) -> Result<()> {
    let mut add = db.prepare(
        "INSERT INTO run (run_id, key, failed, terminal, ended_at, confirmed) VALUES (?1, ?2, ?3, ?4, ?5, 1)
         ON CONFLICT DO NOTHING",
    )?;
    for run in past {
        let (failed, terminal) = match &run.end {
            PastEnd::Completed => (false, ""),
            PastEnd::Failed(terminal) => (true, &*terminal.json),
        };
        let now = super::file::now_ms();
        add.execute(params![run.run_id.as_str(), run.key.as_str(), failed, terminal, now])?;
    }
    Ok(())
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn millis(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
