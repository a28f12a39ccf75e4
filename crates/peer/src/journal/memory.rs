//! What a journal remembers when a peer starts.

use super::ReceiptProgress;
use crate::peer::ReceiptState;
use orgx_proto::agent::PromptPlace;
use orgx_proto::delivery::{Class, Outgoing};
use orgx_proto::dispatch::{Left, LeftSpent, Past, PastEnd, PauseState};
use orgx_proto::ids::{DispatchKey, DriverId, RunId, SessionHandle};
use orgx_proto::limits;
use orgx_proto::message::{Dispatch, Task};
use orgx_proto::run::{Balance, Held};
use orgx_proto::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result, Row};
use std::time::Duration;

/// What a peer before us left.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Keys whose runs ended, oldest first.
    pub(crate) past: Vec<Past>,
    /// Dispatches that wait and runs that were cut off, in the order they came.
    pub(crate) left: Vec<Left>,
    /// Deviations and terminals that no barrier has confirmed; a run's deviations before its terminal.
    pub(crate) unconfirmed: Vec<Outgoing>,
    /// Receipts that OrgX has not taken.
    pub(crate) receipts: Vec<OwedReceipt>,
    /// What the person wanted.
    pub(crate) pause: PauseState,
    /// What became of an older journal, for people.
    pub(crate) notice: Option<String>,
}

/// A receipt that OrgX has not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwedReceipt {
    pub(crate) run_id: RunId,
    pub(crate) body: String,
    pub(crate) progress: ReceiptProgress,
}

pub(super) fn remember(db: &Connection) -> Result<Memory> {
    // A column whose name is damaged is found now, and not when it is written to.
    super::history::runs(db, &super::Which::All, 0)?;
    let mut memory = Memory { pause: pause(db)?, ..Memory::default() };
    ended(db, &mut memory)?;
    let mut rows = db.prepare(
        "SELECT run_id, key, driver, local, arrived_at, timeout_ms, repo_path, task, session, message_id, folder,
           spent_at, cancelled, after_pause, used_tokens, used_microdollars, worked_ms, works_since, held, went_on, more
         FROM run WHERE terminal IS NULL AND key IS NOT NULL ORDER BY rowid",
    )?;
    let rows = rows.query_map([], left)?;
    memory.left = rows.filter_map(sensible).collect();
    Ok(memory)
}

fn ended(db: &Connection, memory: &mut Memory) -> Result<()> {
    let mut deviations = db.prepare("SELECT run_id, frame FROM deviation ORDER BY id")?;
    let deviations = deviations.query_map([], |row| {
        let run_id = RunId::new(row.get::<_, String>(0)?);
        Ok(Outgoing { run_id, class: Class::Deviation, json: row.get::<_, String>(1)?.into() })
    })?;
    memory.unconfirmed.extend(deviations.filter_map(sensible));
    let mut rows = db.prepare(
        "SELECT run_id, key, failed, terminal, confirmed, receipt, receipt_state, receipt_tries, receipt_refusals
         FROM run WHERE terminal IS NOT NULL ORDER BY ended_at, rowid",
    )?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        // One row that makes no sense is no reason to forget the others.
        if let Err(error) = one_ended(row, memory) {
            tracing::warn!(%error, "a row of the journal makes no sense; it is passed over");
        }
    }
    let surplus = memory.past.len().saturating_sub(limits::KEPT_RUNS);
    memory.past.drain(..surplus);
    Ok(())
}

fn one_ended(row: &Row<'_>, memory: &mut Memory) -> Result<()> {
    let run_id = RunId::new(row.get::<_, String>(0)?);
    let key = row.get::<_, Option<String>>(1)?.map(DispatchKey::new);
    let failed: bool = row.get(2)?;
    let json: String = row.get(3)?;
    let confirmed: bool = row.get(4)?;
    let terminal = Outgoing { run_id: run_id.clone(), class: Class::Terminal, json: json.into() };
    let receipt: Option<String> = row.get(5)?;
    let progress =
        ReceiptProgress { state: ReceiptState::Waiting, tries: row.get(7)?, refusals: row.get(8)? };
    if let (Some(body), Some("waiting")) = (receipt, row.get::<_, Option<String>>(6)?.as_deref()) {
        memory.receipts.push(OwedReceipt { run_id: run_id.clone(), body, progress });
    }
    if !confirmed {
        memory.unconfirmed.push(terminal.clone());
    }
    if let Some(key) = key {
        let end = if failed { PastEnd::Failed(terminal) } else { PastEnd::Completed };
        memory.past.push(Past { key, run_id, end });
    }
    Ok(())
}

/// A row, or nothing and a word in the log.
pub(super) fn sensible<T>(row: Result<T>) -> Option<T> {
    row.inspect_err(|error| tracing::warn!(%error, "a row of the journal makes no sense; it is passed over"))
        .ok()
}

fn left(row: &Row<'_>) -> Result<Left> {
    let spent_at: Option<i64> = row.get(11)?;
    let text: Option<String> = row.get(7)?;
    let task = text.as_deref().and_then(|text| serde_json::from_str::<Task>(text).ok());
    let prompted = task.as_ref().is_none_or(|task| task.title.trim().is_empty());
    if prompted && spent_at.is_none() {
        // Nobody knows any more what was to be done; OrgX may give it again.
        return Err(rusqlite::Error::InvalidColumnType(7, "task".into(), rusqlite::types::Type::Text));
    }
    let mut task = task.unwrap_or_default();
    if prompted {
        task = Task { scope: task.scope, ..Task::default() };
        task.repo_path = row.get(6)?;
        task.driver = DriverId::new(row.get::<_, Option<String>>(2)?.unwrap_or_default());
    }
    let spent = match spent_at {
        None => None,
        Some(at) => Some(LeftSpent {
            at: Timestamp(at),
            place: PromptPlace {
                session: row.get::<_, Option<String>>(8)?.map(SessionHandle::new),
                message_id: row.get(9)?,
            },
            folder: row.get(10)?,
            prompted,
            balance: balance(row)?,
        }),
    };
    let timeout = row.get::<_, Option<i64>>(5)?.and_then(|ms| u64::try_from(ms).ok());
    let timeout = timeout.map_or(limits::DEFAULT_TIMEOUT, Duration::from_millis).min(limits::MAX_TIMEOUT);
    let arrived = row.get::<_, Option<i64>>(4)?.or(spent_at).unwrap_or_default();
    Ok(Left {
        dispatch: Dispatch {
            run_id: RunId::new(row.get::<_, String>(0)?),
            key: DispatchKey::new(row.get::<_, String>(1)?),
            timeout,
            task,
            local: row.get(3)?,
        },
        arrived: Timestamp(arrived),
        spent,
        cancelled: row.get(12)?,
        after_pause: row.get(13)?,
    })
}

fn balance(row: &Row<'_>) -> Result<Balance> {
    let more: Option<String> = row.get(20)?;
    Ok(Balance {
        used: super::history::used(row, 14),
        works_since: row.get::<_, Option<i64>>(17)?.map(Timestamp),
        held: match row.get::<_, i64>(18)? {
            1 => Held::Yes,
            2 => Held::GoesOn,
            _ => Held::No,
        },
        went_on: row.get(19)?,
        more: more.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
    })
}

fn pause(db: &Connection) -> Result<PauseState> {
    let state = |row: &Row<'_>| {
        Ok(match row.get_ref(0)?.as_str() {
            Ok("paused") => PauseState::Paused,
            Ok("draining") => PauseState::Draining,
            _ => PauseState::Open,
        })
    };
    let kept = db.query_row("SELECT value FROM setting WHERE name = 'pause'", [], state).optional()?;
    Ok(kept.unwrap_or_default())
}
