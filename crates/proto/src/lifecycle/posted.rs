//! What a sender posts, read and checked.

use super::{End, Happened, Harness, Subject};
use crate::ids::SessionHandle;
use crate::limits;
use crate::redact::Redacted;
use crate::time::Timestamp;
use serde_json::{Map, Number, Value};

/// One post.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    /// Which session.
    pub subject: Subject,
    /// What it tells of.
    pub hook: Hook,
    /// The folder; `None`: not told, or empty.
    pub cwd: Option<String>,
    /// How long the session took.
    pub duration_seconds: Option<Number>,
    /// The exit status of its process.
    pub exit_status: Option<i64>,
    /// What it came to. Masked and cut.
    pub summary: String,
    /// Its model.
    pub model: String,
    /// When, if the sender said a time that can be.
    pub timestamp: Option<Timestamp>,
    /// Its title. Masked and cut; whoever keeps it has been allowed to.
    pub title: Option<String>,
    /// The agent's process.
    pub pid: Option<u32>,
}

/// What a post tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// A beginning.
    Start,
    /// An end.
    Stop,
}

/// Why a post is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No JSON, or no object. PROTOCOL: contract F1, the reference's words.
    #[error("Invalid JSON payload")]
    NotJson,
    /// A field is missing or makes no sense.
    #[error("{field} {why}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it must be.
        why: String,
    },
}

/// Beyond it a time "now" is a clock that was never set right: a day, in ms.
const AHEAD_MS: i64 = 24 * 60 * 60 * 1_000;

impl Posted {
    /// Reads a body. Fields that are not known mean nothing.
    ///
    /// # Errors
    /// When it is not JSON, not an object, or a field of it cannot be used.
    pub fn read(body: &[u8], now: Timestamp) -> Result<Self, Refused> {
        let Ok(Value::Object(object)) = serde_json::from_slice(body) else { return Err(Refused::NotJson) };
        let fields = Fields(&object);
        let session = fields.id("session_id", limits::ID_BYTES)?;
        let harness = match fields.text("harness", limits::NAME_BYTES)? {
            None => Harness::default(),
            Some(name) => Harness::named(name)
                .ok_or_else(|| refused("harness", "must be \"opencode\" or \"claude-code\""))?,
        };
        let hook = match fields.text("hook_type", limits::NAME_BYTES)? {
            Some("start") => Hook::Start,
            None | Some("stop") => Hook::Stop,
            Some(_) => return Err(refused("hook_type", "must be \"start\" or \"stop\"")),
        };
        let shown = |text: &str, chars| Redacted::line(text, chars).into_string();
        let long = usize::MAX;
        Ok(Self {
            subject: Subject { harness, session: SessionHandle::new(session) },
            hook,
            cwd: fields.text("cwd", limits::PATH_BYTES)?.filter(|cwd| !cwd.is_empty()).map(ToOwned::to_owned),
            duration_seconds: fields.duration("duration_seconds")?,
            exit_status: fields.whole("exit_status")?,
            summary: shown(
                fields.text("summary", long)?.unwrap_or_default(),
                limits::LIFECYCLE_SUMMARY_CHARS,
            ),
            model: fields.text("model", limits::NAME_BYTES)?.unwrap_or_default().to_owned(),
            timestamp: fields.text("timestamp", long)?.and_then(|text| time(text, now)),
            title: fields
                .text("title", long)?
                .map(|title| shown(title, limits::LIFECYCLE_TITLE_CHARS))
                .filter(|title| !title.trim().is_empty()),
            pid: fields.pid("pid")?,
        })
    }

    /// What happened, when it was told at `now`.
    pub fn happened(&self, now: Timestamp) -> Happened {
        let end = match self.hook {
            Hook::Start => None,
            Hook::Stop => Some(End::of_status(self.exit_status)),
        };
        Happened {
            subject: self.subject.clone(),
            at: self.timestamp.unwrap_or(now),
            end,
            cwd: self.cwd.clone(),
            duration_seconds: self.duration_seconds.clone(),
            summary: self.summary.clone(),
            model: self.model.clone(),
        }
    }
}

/// A time that is told counts when it is one, with its offset, and does not lie ahead: a session that ended has ended.
fn time(text: &str, now: Timestamp) -> Option<Timestamp> {
    let told = text.trim().parse::<jiff::Timestamp>().ok()?.as_millisecond();
    (0..=now.0.saturating_add(AHEAD_MS)).contains(&told).then_some(Timestamp(told))
}

fn refused(field: &'static str, why: impl Into<String>) -> Refused {
    Refused::Field { field, why: why.into() }
}

/// The object's fields; a `null` is a field that is not there.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn value(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &'static str, bytes: usize) -> Result<Option<&'a str>, Refused> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= bytes => Ok(Some(text)),
            Some(Value::String(_)) => Err(refused(name, format!("is longer than {bytes} bytes"))),
            Some(_) => Err(refused(name, "must be a string")),
        }
    }

    fn id(&self, name: &'static str, bytes: usize) -> Result<&'a str, Refused> {
        match self.text(name, bytes)? {
            None => Err(refused(name, "is required")),
            Some(id) if id.trim().is_empty() => Err(refused(name, "must not be empty")),
            Some(id) if id.chars().any(char::is_control) => Err(refused(name, "must be one line of text")),
            Some(id) => Ok(id),
        }
    }

    fn duration(&self, name: &'static str) -> Result<Option<Number>, Refused> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Number(number)) if number.as_f64().is_some_and(|number| number >= 0.0) => {
                Ok(Some(number.clone()))
            }
            Some(_) => Err(refused(name, "must be a number of seconds, not below 0")),
        }
    }

    fn whole(&self, name: &'static str) -> Result<Option<i64>, Refused> {
        let whole = || refused(name, "must be a whole number");
        self.value(name).map(|value| value.as_i64().ok_or_else(whole)).transpose()
    }

    fn pid(&self, name: &'static str) -> Result<Option<u32>, Refused> {
        let Some(pid) = self.whole(name)? else { return Ok(None) };
        let pid = u32::try_from(pid).ok().filter(|pid| (1..=i32::MAX.unsigned_abs()).contains(pid));
        pid.map(Some).ok_or_else(|| refused(name, "must be the number of a process"))
    }
}
