//! What the store knows.

use super::Numbered;
use super::take::Process;
use crate::limits;
use crate::webhook::view::LifecycleSession;
use orgx_proto::ids::{RunId, SessionHandle};
use orgx_proto::lifecycle::{Harness, Subject};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

/// An open session whose process is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::webhook) struct Watched {
    pub(in crate::webhook) subject: Subject,
    pub(in crate::webhook) process: Process,
    pub(in crate::webhook) cwd: Option<String>,
}

/// The number of the newest event, even if it was taken out; 0 before the first.
pub(super) fn last(db: &Connection) -> Result<i64> {
    db.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'event'")?
        .query_row([], |row| row.get(0))
        .optional()
        .map(Option::unwrap_or_default)
}

pub(super) fn after(db: &Connection, number: i64, limit: usize) -> Result<Vec<Numbered>> {
    let mut query =
        db.prepare_cached("SELECT number, body FROM event WHERE number > ?1 ORDER BY number LIMIT ?2")?;
    let rows = query.query_map(params![number, bound(limit)], numbered)?;
    rows.filter_map(Result::transpose).collect()
}

pub(super) fn newest(db: &Connection, limit: usize) -> Result<Vec<Numbered>> {
    let mut query = db.prepare_cached("SELECT number, body FROM event ORDER BY number DESC LIMIT ?1")?;
    let rows = query.query_map([bound(limit)], numbered)?;
    let mut newest: Vec<Numbered> = rows.filter_map(Result::transpose).collect::<Result<_>>()?;
    newest.reverse();
    Ok(newest)
}

/// One that cannot be read is none.
fn numbered(row: &Row<'_>) -> Result<Option<Numbered>> {
    let (number, body): (i64, String) = (row.get(0)?, row.get(1)?);
    Ok(serde_json::from_str(&body).ok().map(|event| Numbered { number, event }))
}

fn bound(limit: usize) -> i64 {
    i64::try_from(limit.min(limits::LIFECYCLE_LISTED)).unwrap_or(i64::MAX)
}

pub(super) fn number_of(db: &Connection, id: &str) -> Result<Option<i64>> {
    db.query_row("SELECT number FROM event WHERE id = ?1", [id], |row| row.get(0)).optional()
}

pub(super) fn cursor(db: &Connection, sink: &str) -> Result<i64> {
    let number = db.query_row("SELECT number FROM sink WHERE name = ?1", [sink], |row| row.get(0));
    number.optional().map(Option::unwrap_or_default)
}

pub(super) fn watched(db: &Connection) -> Result<Vec<Watched>> {
    let mut query = db.prepare_cached(
        "SELECT harness, id, pid, pid_started, cwd FROM session
         WHERE open = 1 AND pid IS NOT NULL AND run_id IS NULL",
    )?;
    let rows = query.query_map([], |row| {
        let Some(subject) = subject(row)? else { return Ok(None) };
        let started = row.get::<_, Option<String>>(3)?.unwrap_or_default();
        Ok(Some(Watched { subject, process: Process { pid: row.get(2)?, started }, cwd: row.get(4)? }))
    })?;
    rows.filter_map(Result::transpose).collect()
}

/// The process of an open session.
pub(super) fn process(db: &Connection, subject: &Subject) -> Result<Option<Process>> {
    db.prepare_cached("SELECT pid, pid_started FROM session WHERE harness = ?1 AND id = ?2 AND open = 1")?
        .query_row(params![subject.harness.as_str(), subject.session.as_str()], |row| {
            let started = row.get::<_, Option<String>>(1)?.unwrap_or_default();
            Ok(row.get::<_, Option<u32>>(0)?.map(|pid| Process { pid, started }))
        })
        .optional()
        .map(Option::flatten)
}

/// Runs of ours that have a session.
pub(super) fn runs(db: &Connection) -> Result<Vec<RunId>> {
    let mut query = db.prepare("SELECT run_id FROM session WHERE open = 1 AND run_id IS NOT NULL")?;
    let rows = query.query_map([], |row| row.get(0).map(|id: String| RunId::new(id)))?;
    rows.collect()
}

/// The open sessions that this run has, with their folders.
pub(super) fn of_run(db: &Connection, run: &RunId) -> Result<Vec<(Subject, Option<String>)>> {
    let mut query =
        db.prepare_cached("SELECT harness, id, cwd FROM session WHERE open = 1 AND run_id = ?1")?;
    let rows = query.query_map([run.as_str()], |row| Ok(subject(row)?.zip(Some(row.get(2)?))))?;
    rows.filter_map(Result::transpose).collect()
}

#[cfg(test)]
pub(super) fn is_open(db: &Connection, subject: &Subject) -> Result<bool> {
    let key = (subject.harness.as_str(), subject.session.as_str());
    Ok(session(db, key)?.is_some_and(|session| !session.phase.is_terminal()))
}

fn subject(row: &Row<'_>) -> Result<Option<Subject>> {
    let (harness, id): (String, String) = (row.get(0)?, row.get(1)?);
    Ok(Harness::named(&harness).map(|harness| Subject { harness, session: SessionHandle::new(id) }))
}

const SHOWN: &str =
    "SELECT harness, id, phase, cwd, title, started_at, ended_at, exit_status, outcome, run_id FROM session";

/// The newest sessions, newest first.
pub(super) fn sessions(db: &Connection) -> Result<Vec<LifecycleSession>> {
    let mut query = db.prepare_cached(&format!("{SHOWN} ORDER BY touched DESC LIMIT ?1"))?;
    let limit = i64::try_from(limits::WEBHOOK_SESSIONS).unwrap_or(i64::MAX);
    let rows = query.query_map([limit], shown)?;
    rows.filter_map(Result::transpose).collect()
}

/// One session.
pub(super) fn session(db: &Connection, key: (&str, &str)) -> Result<Option<LifecycleSession>> {
    db.prepare_cached(&format!("{SHOWN} WHERE harness = ?1 AND id = ?2"))?
        .query_row(key, shown)
        .optional()
        .map(Option::flatten)
}

fn shown(row: &Row<'_>) -> Result<Option<LifecycleSession>> {
    let Some(subject) = subject(row)? else { return Ok(None) };
    let named = |text: String| serde_json::Value::String(text);
    Ok(Some(LifecycleSession {
        session_id: subject.session.to_string(),
        harness: subject.harness,
        phase: serde_json::from_value(named(row.get(2)?)).unwrap_or_default(),
        cwd: row.get(3)?,
        title: row.get(4)?,
        started_at: row.get(5)?,
        ended_at: row.get(6)?,
        exit_status: row.get(7)?,
        outcome: row.get::<_, Option<String>>(8)?.and_then(|text| serde_json::from_value(named(text)).ok()),
        run_id: row.get(9)?,
    }))
}
