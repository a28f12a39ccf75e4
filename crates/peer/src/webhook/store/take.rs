//! What is told of a session, taken.

use super::look::{self, Watched};
use crate::webhook::view::LifecycleSession;
use orgx_proto::ids::RunId;
use orgx_proto::lifecycle::{End, Event, Happened, Ids, Known, Phase, Subject, Teller, Verdict};
use orgx_proto::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result, params};

/// Something that was told.
#[derive(Clone, Debug)]
pub(in crate::webhook) struct Told {
    pub(in crate::webhook) teller: Teller,
    pub(in crate::webhook) happened: Happened,
    /// Its title, where titles are kept.
    pub(in crate::webhook) title: Option<String>,
    /// The agent's process, as it was when this was told.
    pub(in crate::webhook) process: Option<Process>,
    /// When it came.
    pub(in crate::webhook) at: Timestamp,
}

/// A process, told from a later one with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::webhook) struct Process {
    pub(in crate::webhook) pid: u32,
    /// When it began; empty: it was gone already.
    pub(in crate::webhook) started: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::webhook) struct Taken {
    /// The event that tells it; none when it is not the teller's to tell.
    pub(in crate::webhook) event: Option<String>,
    /// Is it an event now that was none before?
    pub(in crate::webhook) is_new: bool,
}

/// Asks what is known of the session, and writes down what is new.
pub(super) fn take(db: &Connection, told: &Told, fresh: &mut Vec<LifecycleSession>) -> Result<Taken> {
    let Subject { harness, session } = &told.happened.subject;
    let key = (harness.as_str(), session.as_str());
    let known: Option<String> = db
        .prepare_cached("SELECT known FROM session WHERE harness = ?1 AND id = ?2")?
        .query_row(key, |row| row.get(0))
        .optional()?;
    // What cannot be read is forgotten.
    let mut known: Known = known.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    let before = known.clone();
    let ids = ids();
    let id = ids.event.clone();
    let phase = told.happened.phase();
    match known.take(&told.teller, phase, &id) {
        Verdict::Repeat(event) => {
            if known != before {
                keep_known(db, key, &known)?;
            }
            if phase == Phase::Started && known.run().is_none() {
                // The agent goes on in another process.
                keep_process(db, key, told.process.as_ref())?;
            }
            Ok(Taken { event, is_new: false })
        }
        Verdict::New => {
            let event = Event::new(&told.happened, ids, told.at);
            let line = event.to_line();
            db.prepare_cached("INSERT INTO event (id, at, body) VALUES (?1, ?2, ?3)")?
                .execute(params![id, told.at.0, line])?;
            keep_session(db, told, &known, db.last_insert_rowid())?;
            fresh.extend(look::session(db, key)?);
            Ok(Taken { event: Some(id), is_new: true })
        }
    }
}

fn keep_session(db: &Connection, told: &Told, known: &Known, number: i64) -> Result<()> {
    let Happened { subject, at, end, cwd, .. } = &told.happened;
    let known_json = serde_json::to_string(known).unwrap_or_default();
    let run = known.run().map(RunId::as_str);
    let key = (subject.harness.as_str(), subject.session.as_str());
    match end {
        // A new beginning forgets how it ended before.
        None => db
            .prepare_cached(
                "INSERT INTO session (harness, id, known, open, run_id, phase, cwd, title, started_at, pid, pid_started, touched)
                 VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT (harness, id) DO UPDATE SET known = ?3, open = 1, run_id = ?4, phase = ?5,
                    cwd = coalesce(?6, cwd), title = coalesce(?7, title), started_at = ?8, ended_at = NULL,
                    exit_status = NULL, outcome = NULL, pid = ?9, pid_started = ?10, touched = ?11",
            )?
            .execute(params![
                key.0,
                key.1,
                known_json,
                run,
                told.happened.phase().as_str(),
                cwd,
                told.title,
                at.0,
                told.process.as_ref().map(|process| process.pid),
                told.process.as_ref().map(|process| process.started.as_str()),
                number,
            ])?,
        Some(end) => db
            .prepare_cached(
                "INSERT INTO session (harness, id, known, open, phase, cwd, title, ended_at, exit_status, outcome, touched)
                 VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT (harness, id) DO UPDATE SET known = ?3, open = 0, phase = ?4, cwd = coalesce(?5, cwd),
                    title = coalesce(?6, title), ended_at = ?7, exit_status = ?8, outcome = ?9, pid = NULL,
                    pid_started = NULL, touched = ?10",
            )?
            .execute(params![
                key.0,
                key.1,
                known_json,
                end.phase().as_str(),
                cwd,
                told.title,
                at.0,
                end.exit_status(),
                outcome(end),
                number,
            ])?,
    };
    Ok(())
}

fn outcome(end: &End) -> Option<String> {
    serde_json::to_value(end.outcome()).ok().and_then(|value| value.as_str().map(ToOwned::to_owned))
}

fn keep_known(db: &Connection, key: (&str, &str), known: &Known) -> Result<()> {
    let json = serde_json::to_string(known).unwrap_or_default();
    let run = known.run().map(RunId::as_str);
    db.prepare_cached("UPDATE session SET known = ?3, run_id = ?4 WHERE harness = ?1 AND id = ?2")?
        .execute(params![key.0, key.1, json, run])?;
    Ok(())
}

fn keep_process(db: &Connection, key: (&str, &str), process: Option<&Process>) -> Result<()> {
    if let Some(Process { pid, started }) = process {
        db.prepare_cached(
            "UPDATE session SET pid = ?3, pid_started = ?4 WHERE harness = ?1 AND id = ?2 AND open = 1",
        )?
        .execute(params![key.0, key.1, pid, started])?;
    }
    Ok(())
}

/// A run of ours is over, and with it the session that it has. One that never had a session has none.
pub(super) fn end_run(
    db: &Connection,
    run: &RunId,
    end: &End,
    at: Timestamp,
    fresh: &mut Vec<LifecycleSession>,
) -> Result<()> {
    let subjects = look::of_run(db, run)?;
    for (subject, cwd) in subjects {
        let happened = Happened { cwd, ..Happened::new(subject, at, Some(end.clone())) };
        let teller = Teller::Run(run.clone());
        take(db, &Told { teller, happened, title: None, process: None, at }, fresh)?;
    }
    Ok(())
}

/// A process is gone. A session that was told of again meanwhile has another one, or none.
pub(super) fn process_gone(
    db: &Connection,
    watched: &Watched,
    at: Timestamp,
    fresh: &mut Vec<LifecycleSession>,
) -> Result<()> {
    if look::process(db, &watched.subject)?.as_ref() != Some(&watched.process) {
        return Ok(());
    }
    let end = Some(End::process_gone());
    let happened = Happened { cwd: watched.cwd.clone(), ..Happened::new(watched.subject.clone(), at, end) };
    take(db, &Told { teller: Teller::Outside, happened, title: None, process: None, at }, fresh)?;
    Ok(())
}

pub(super) fn sinks(db: &Connection, names: &[String]) -> Result<()> {
    let kept: Vec<String> =
        db.prepare("SELECT name FROM sink")?.query_map([], |row| row.get(0))?.collect::<Result<_>>()?;
    for gone in kept.iter().filter(|name| !names.contains(name)) {
        db.execute("DELETE FROM sink WHERE name = ?1", [gone])?;
    }
    let last = look::last(db)?;
    for name in names {
        db.execute(
            "INSERT INTO sink (name, number) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![name, last],
        )?;
    }
    Ok(())
}

/// Titles are not kept any more.
pub(super) fn forget_titles(db: &Connection) -> Result<()> {
    db.execute("UPDATE session SET title = NULL WHERE title IS NOT NULL", []).map(drop)
}

pub(super) fn delivered(db: &Connection, sink: &str, number: i64) -> Result<()> {
    db.prepare_cached("UPDATE sink SET number = max(number, ?2) WHERE name = ?1")?
        .execute(params![sink, number])?;
    Ok(())
}

/// PROTOCOL: contract F4, 16 hex digits of a random UUID.
fn ids() -> Ids {
    let digits = || uuid::Uuid::new_v4().simple().to_string()[..16].to_owned();
    Ids { event: format!("evt_{}", digits()), trace: format!("trc_{}", digits()) }
}
