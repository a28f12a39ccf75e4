//! OpenCode's own database. Facts: opencode.md 6.
//!
//! Only what is needed is read of it, and nothing is taken for granted: a table or column without which there is no list
//! is named ([`Trouble::Foreign`]); one that can be done without is left out, and a sentence says so.

use super::file::{self, Trouble};
use super::state::Last;
use super::{Session, SessionTokens};
use crate::config::Environment;
use crate::limits;
use orgx_proto::redact::Redacted;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, InterruptHandle, Row};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Longest path, in bytes; a session elsewhere is nowhere.
const PATH_BYTES: usize = 4_096;

// SQLite counts with a sign.
const LISTED: i64 = limits::LISTED_SESSIONS as i64;
const SUBAGENTS: i64 = limits::KNOWN_SUBAGENTS as i64;

/// Which sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct Which {
    /// Archived ones and those of subagents, too.
    pub(super) all: bool,
    /// Only those of this folder, by any of its names; of every folder when there is none.
    pub(super) folder: Vec<String>,
    /// Only this one.
    pub(super) id: Option<String>,
}

/// A session as the database has it: what it is doing is not in there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stored {
    pub(super) session: Session,
    pub(super) last: Last,
}

/// What was found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// Newest activity first, at most [`limits::LISTED_SESSIONS`].
    pub(super) sessions: Vec<Stored>,
    /// Subagents' sessions and their parents'.
    pub(super) parents: HashMap<String, String>,
    /// Are there more?
    pub(super) more: bool,
    /// What could not be read, though the list could.
    pub(super) lacks: Option<&'static str>,
}

/// Where OpenCode keeps it; `None` where it has none (or there is no home folder).
/// PROTOCOL: opencode.md 6, `OPENCODE_DB` is absolute, below the data folder, or `:memory:`.
pub(super) fn path(env: &Environment) -> Option<PathBuf> {
    let data = env.path("XDG_DATA_HOME").or_else(|| Some(env.home()?.join(".local/share")));
    let data = data.map(|data| data.join("opencode"));
    match env.path("OPENCODE_DB") {
        Some(named) if named.as_os_str() == ":memory:" => None,
        Some(named) if named.is_absolute() => Some(named),
        Some(named) => Some(data?.join(named)),
        None => Some(data?.join("opencode.db")),
    }
}

/// The sessions in it.
pub(super) fn read(path: &Path, which: &Which, opened: impl Fn(InterruptHandle)) -> Result<Found, Trouble> {
    file::read(path, opened, |db| sessions(db, which))
}

fn sessions(db: &Connection, which: &Which) -> Result<Found, Trouble> {
    let has = columns(db, "session")?;
    if has.is_empty() {
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
        // One that OpenCode is just about to fill holds nothing yet.
        return if tables == 0 { Ok(Found::default()) } else { Err(Trouble::Foreign("session")) };
    }
    for needed in ["id", "title", "directory", "time_created", "time_updated"] {
        if !has.contains(needed) {
            return Err(Trouble::Foreign(match needed {
                "id" => "session.id",
                "title" => "session.title",
                "directory" => "session.directory",
                "time_created" => "session.time_created",
                _ => "session.time_updated",
            }));
        }
    }
    let messages = columns(db, "message")?;
    let messages = ["session_id", "time_created", "data"].iter().all(|name| messages.contains(*name));
    let counts = NUMBERS.iter().all(|name| has.contains(*name));
    let mut found = Found {
        lacks: match (messages, counts) {
            (true, true) => None,
            (true, false) => Some("OpenCode's database lacks cost or tokens; what is missing is shown as 0"),
            (false, _) => Some(
                "OpenCode's database lacks messages that can be read; what sessions do is known from its servers only",
            ),
        },
        ..Found::default()
    };
    let mut rows = db.prepare(&select(&has, which))?;
    let folder = |at| which.folder.get(at).or(which.folder.first());
    let mut rows = rows.query(rusqlite::params![folder(0), folder(1), which.id, LISTED + 1])?;
    while let Some(row) = rows.next()? {
        if found.sessions.len() == limits::LISTED_SESSIONS {
            found.more = true;
            break;
        }
        // One that makes no sense is no reason to hide the others.
        let Some(mut session) = session(row) else { continue };
        let last = if messages { last(db, &session.id)? } else { Last::Nothing };
        if let Last::Prompted { at } | Last::Unfinished { at } | Last::Finished { at, .. } = last {
            session.updated_at = session.updated_at.max(at);
        }
        found.sessions.push(Stored { session, last });
    }
    if has.contains("parent_id") {
        let newest = "SELECT id, parent_id FROM session WHERE parent_id IS NOT NULL ORDER BY time_updated DESC LIMIT ?1";
        let mut rows = db.prepare(newest)?;
        let mut rows = rows.query([SUBAGENTS])?;
        while let Some(row) = rows.next()? {
            found.parents.extend(text(row, 0).zip(text(row, 1)));
        }
    }
    Ok(found)
}

const NUMBERS: [&str; 6] =
    ["cost", "tokens_input", "tokens_output", "tokens_reasoning", "tokens_cache_read", "tokens_cache_write"];

fn columns(db: &Connection, table: &str) -> Result<HashSet<String>, Trouble> {
    let mut rows = db.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = rows.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// What is not there is NULL.
fn select(has: &HashSet<String>, which: &Which) -> String {
    let plain = |name: &str| if has.contains(name) { name.to_owned() } else { "NULL".to_owned() };
    let inside = |name: &str, path: &str| {
        if has.contains(name) {
            format!("CASE WHEN json_valid({name}) THEN json_extract({name}, '{path}') END")
        } else {
            "NULL".to_owned()
        }
    };
    let mut fields: Vec<String> = [
        "id",
        "directory",
        "project_id",
        "parent_id",
        "agent",
        "time_created",
        "time_updated",
        "time_archived",
    ]
    .map(plain)
    .into();
    // A title may be a whole prompt.
    fields.push(format!("substr(title, 1, {})", 2 * limits::TITLE_CHARS));
    fields.push(inside("model", "$.providerID"));
    fields.push(inside("model", "$.id"));
    fields.push(inside("metadata", "$.orgx_run_id"));
    fields.extend(NUMBERS.map(plain));
    let mut filters = vec![format!("length(directory) <= {PATH_BYTES}")];
    filters.push("(?1 IS NULL OR directory IN (?1, ?2))".to_owned());
    filters.push("(?3 IS NULL OR id = ?3)".to_owned());
    if !which.all {
        let wanted = ["parent_id", "time_archived"].into_iter().filter(|name| has.contains(*name));
        filters.extend(wanted.map(|name| format!("{name} IS NULL")));
    }
    format!(
        "SELECT {} FROM session WHERE {} ORDER BY time_updated DESC LIMIT ?4",
        fields.join(", "),
        filters.join(" AND ")
    )
}

fn session(row: &Row<'_>) -> Option<Session> {
    let count = |at| u64::try_from(whole(row, at).unwrap_or_default()).unwrap_or_default();
    Some(Session {
        id: text(row, 0)?,
        directory: text(row, 1)?,
        project_id: text(row, 2).unwrap_or_default(),
        parent_id: text(row, 3),
        agent: text(row, 4).map(|agent| Redacted::new(&agent).into_string()),
        created_at: whole(row, 5)?,
        updated_at: whole(row, 6)?,
        archived: whole(row, 7).is_some(),
        title: Redacted::cut(&text(row, 8).unwrap_or_default(), limits::TITLE_CHARS).into_string(),
        model: text(row, 9)
            .zip(text(row, 10))
            .map(|(provider, model)| Redacted::new(&format!("{provider}/{model}")).into_string()),
        run_id: text(row, 11),
        cost: number(row, 12).unwrap_or_default(),
        tokens: SessionTokens {
            input: count(13),
            output: count(14),
            reasoning: count(15),
            cache_read: count(16),
            cache_write: count(17),
        },
        ..Session::default()
    })
}

/// How far its newest message is. OpenCode's own ids ascend, ours need not: the time tells the order.
fn last(db: &Connection, session: &str) -> Result<Last, Trouble> {
    let newest = "SELECT time_created, json_extract(data, '$.role'), json_extract(data, '$.time.completed'),
           json_extract(data, '$.error') IS NOT NULL, json_extract(data, '$.finish')
         FROM message WHERE session_id = ?1 AND json_valid(data) ORDER BY time_created DESC, rowid DESC LIMIT 8";
    let mut rows = db.prepare_cached(newest)?;
    let mut rows = rows.query([session])?;
    let mut prompted = None;
    while let Some(row) = rows.next()? {
        let Some(at) = whole(row, 0) else { continue };
        let completed = whole(row, 2).or_else(|| (whole(row, 3) == Some(1)).then_some(at));
        match (text(row, 1).as_deref(), completed, prompted) {
            (Some("user"), _, None) => prompted = Some(at),
            // What is not finished goes on when the person says something more.
            (Some("assistant"), None, _) => return Ok(Last::Unfinished { at: prompted.unwrap_or(at) }),
            (Some("assistant"), Some(at), None) => {
                return Ok(Last::Finished { at, calls: text(row, 4).as_deref() == Some("tool-calls") });
            }
            (Some("assistant"), Some(_), Some(_)) => break,
            _ => {}
        }
    }
    Ok(prompted.map_or(Last::Nothing, |at| Last::Prompted { at }))
}

fn text(row: &Row<'_>, at: usize) -> Option<String> {
    match row.get_ref(at).ok()? {
        ValueRef::Text(text) => String::from_utf8(text.to_vec()).ok().filter(|text| !text.is_empty()),
        _ => None,
    }
}

fn whole(row: &Row<'_>, at: usize) -> Option<i64> {
    match row.get_ref(at).ok()? {
        ValueRef::Integer(number) => Some(number),
        ValueRef::Real(number) if number.is_finite() => Some(number as i64),
        _ => None,
    }
}

fn number(row: &Row<'_>, at: usize) -> Option<f64> {
    match row.get_ref(at).ok()? {
        ValueRef::Integer(number) => Some(number as f64),
        ValueRef::Real(number) if number.is_finite() => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
