//! What people ask the journal: which runs there were, and how each ended.

use crate::peer::{ReceiptState, ReceiptView, RunRecord, RunState};
use orgx_proto::budget::{More, Used};
use orgx_proto::ids::RunId;
use rusqlite::{Connection, OptionalExtension, Result, Row};
use serde_json::Value;
use std::time::Duration;

/// Which runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The newest.
    All,
    /// Those that have a receipt.
    WithReceipt,
    /// Those whose id starts so.
    Named(String),
}

/// Counts of runs that are over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Runs that completed.
    pub(crate) done: u64,
    /// Runs that failed.
    pub(crate) failed: u64,
    /// Tokens of those that completed.
    pub(crate) tokens: u64,
    /// US cents, likewise.
    pub(crate) cost_cents: u64,
    /// What all of them used, by their budgets' count.
    pub(crate) used: Used,
    /// How much more the person has allowed that day.
    pub(crate) more: More,
    /// Receipts that OrgX has, of all time.
    pub(crate) delivered: u64,
}

/// What ended since then, and the receipts of all time.
pub(super) fn tally(db: &Connection, since: i64) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut ended =
        db.prepare("SELECT failed, terminal, used_tokens, used_microdollars, worked_ms FROM run WHERE ended_at >= ?1 AND terminal IS NOT NULL")?;
    let mut rows = ended.query([since])?;
    while let Some(row) = rows.next()? {
        tally.used = tally.used.plus(used(row, 2));
        if row.get::<_, Option<bool>>(0).unwrap_or_default().unwrap_or_default() {
            tally.failed += 1;
            continue;
        }
        let terminal: Value =
            serde_json::from_str(&row.get::<_, String>(1).unwrap_or_default()).unwrap_or_default();
        let number = |name: &str| terminal.get(name).and_then(Value::as_u64).unwrap_or_default();
        tally.done += 1;
        tally.tokens = tally.tokens.saturating_add(number("tokens_used"));
        tally.cost_cents = tally.cost_cents.saturating_add(number("cost_estimate_cents"));
    }
    tally.more = day_more(db, since)?;
    let delivered: i64 =
        db.query_row("SELECT count(*) FROM run WHERE receipt_state = 'delivered'", [], |row| row.get(0))?;
    tally.delivered = u64::try_from(delivered).unwrap_or_default();
    Ok(tally)
}

/// Three columns from `at`; what makes no sense is nothing.
pub(super) fn used(row: &Row<'_>, at: usize) -> Used {
    let count = |at| u64::try_from(row.get::<_, i64>(at).unwrap_or_default()).unwrap_or_default();
    Used { tokens: count(at), microdollars: count(at + 1), worked: Duration::from_millis(count(at + 2)) }
}

/// What the person allowed on the day that began then.
fn day_more(db: &Connection, day: i64) -> Result<More> {
    let kept =
        db.query_row("SELECT value FROM setting WHERE name = 'day_more'", [], |row| row.get::<_, String>(0));
    let kept = kept.optional()?.and_then(|text| serde_json::from_str::<(i64, More)>(&text).ok());
    Ok(kept.filter(|(of, _)| *of == day).map(|(_, more)| more).unwrap_or_default())
}

/// What OrgX is told of this run's end.
pub(super) fn last_word(db: &Connection, run_id: &RunId) -> Result<Option<String>> {
    let word = "SELECT coalesce(receipt, terminal) FROM run WHERE run_id = ?1";
    db.query_row(word, [run_id.as_str()], |row| row.get(0)).optional().map(Option::flatten)
}

/// At most `limit` of them, newest first.
pub(super) fn runs(db: &Connection, which: &Which, limit: usize) -> Result<Vec<RunRecord>> {
    let (filter, name) = match which {
        Which::All => ("?1 = ''", String::new()),
        Which::WithReceipt => ("?1 = '' AND receipt_state IS NOT NULL", String::new()),
        Which::Named(start) => ("substr(run_id, 1, length(?1)) = ?1", start.clone()),
    };
    let mut rows = db.prepare(&format!(
        "SELECT run_id, local, driver, folder, session, arrived_at, spent_at, ended_at, failed, steps, deviations,
           terminal, confirmed, receipt_state, receipt_tries, commit_before, changes_before, undone, message_id
         FROM run WHERE {filter} ORDER BY coalesce(arrived_at, spent_at, ended_at) DESC, rowid DESC LIMIT ?2"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // One row that makes no sense is no reason to hide the others.
    Ok(rows.query_map(rusqlite::params![name, limit], record)?.filter_map(super::memory::sensible).collect())
}

fn record(row: &Row<'_>) -> Result<RunRecord> {
    let count =
        |at: usize| Ok::<_, rusqlite::Error>(u64::try_from(row.get::<_, i64>(at)?).unwrap_or_default());
    let terminal: Option<String> = row.get(11)?;
    let terminal: Option<Value> = terminal.map(|text| serde_json::from_str(&text).unwrap_or_default());
    let failed: bool = row.get::<_, Option<bool>>(8)?.unwrap_or_default();
    let started_at: Option<i64> = row.get(6)?;
    let state = match (&terminal, started_at) {
        (Some(_), _) if failed => RunState::Failed,
        (Some(_), _) => RunState::Completed,
        (None, Some(_)) => RunState::Running,
        (None, None) => RunState::Queued,
    };
    let terminal_is_there = terminal.is_some();
    let number = |name: &str| terminal.as_ref()?.get(name)?.as_u64();
    let receipt = match row.get::<_, Option<String>>(13)?.as_deref() {
        Some("waiting") => Some(ReceiptState::Waiting),
        Some("delivered") => Some(ReceiptState::Delivered),
        Some("not_taken") => Some(ReceiptState::NotTaken),
        Some("refused") => Some(ReceiptState::Refused),
        _ => None,
    };
    let tries = u32::try_from(count(14)?).unwrap_or(u32::MAX);
    Ok(RunRecord {
        run_id: row.get(0)?,
        state,
        local: row.get(1)?,
        driver: row.get(2)?,
        folder: row.get(3)?,
        session: row.get(4)?,
        arrived_at: row.get(5)?,
        started_at,
        ended_at: row.get(7)?,
        steps: count(9)?,
        deviations: count(10)?,
        tokens_used: number("tokens_used"),
        cost_cents: number("cost_estimate_cents"),
        reason: terminal.as_ref().and_then(|end| end.get("reason")?.as_str().map(ToOwned::to_owned)),
        confirmed: row.get(12)?,
        receipt: receipt.map(|state| ReceiptView { state, tries, next_at: None, why: None }),
        commit_before: row.get(15)?,
        changes_before: row.get::<_, Option<i64>>(16)?.and_then(|count| u64::try_from(count).ok()),
        undone: row.get(17)?,
        can_undo: terminal_is_there
            && row.get::<_, Option<String>>(2)?.as_deref() == Some("opencode")
            && row.get::<_, Option<String>>(3)?.is_some()
            && row.get::<_, Option<String>>(4)?.is_some()
            && row.get::<_, Option<String>>(18)?.is_some(),
        title: None,
    })
}
