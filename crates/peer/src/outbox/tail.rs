//! What is known of the lines of an outbox: from the end of the file at first, then from what is written.

use super::file::open_to_read;
use crate::day::Day;
use crate::limits;
use jiff::Timestamp;
use orgx_proto::redact::Redacted;
use serde::Deserialize;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Longest kind of a line, in characters: other programs write here, too.
const KIND_CHARS: usize = 60;

/// The file and its newest lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The file's size, in bytes.
    pub(crate) bytes: u64,
    /// Lines of `day`.
    pub(crate) today: u64,
    /// The day that they are of.
    pub(crate) day: Day,
    /// When the newest line was written, in ms since the epoch.
    pub(crate) last_at: Option<i64>,
    /// Its kind.
    pub(crate) last_kind: Option<String>,
}

/// What is read of a line.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    event: Option<String>,
}

impl Tail {
    /// What the end of the file says; nothing when there is none, or it cannot be read.
    pub(super) fn read(path: &Path, now: i64) -> Self {
        let mut tail = Self { day: Day::of(now), ..Self::default() };
        let Ok((mut file, bytes)) = open_to_read(path) else { return tail };
        let from = bytes.saturating_sub(limits::OUTBOX_TAIL_BYTES);
        let mut end = Vec::new();
        let read = file
            .seek(SeekFrom::Start(from))
            .and_then(|_| file.take(limits::OUTBOX_TAIL_BYTES).read_to_end(&mut end));
        if read.is_ok() {
            let text = String::from_utf8_lossy(&end);
            // The first one may have lost its beginning.
            for line in text.lines().skip(usize::from(from > 0)).filter(|line| !line.is_empty()) {
                tail.count(line, None);
            }
        }
        tail.bytes = bytes;
        tail
    }

    /// A line was written.
    pub(super) fn add(&mut self, line: &str, bytes: u64, now: i64) {
        if !self.day.holds(now) {
            (self.day, self.today) = (Day::of(now), 0);
        }
        self.count(line, Some(now));
        self.bytes = bytes;
    }

    /// The same as of now: yesterday's lines are not today's.
    pub(crate) fn seen_at(mut self, now: i64) -> Self {
        if !self.day.holds(now) {
            self.today = 0;
        }
        self
    }

    /// `written`: when, if we know. A line of the file that says no time may be torn, or not one.
    fn count(&mut self, line: &str, written: Option<i64>) {
        let line: Line = serde_json::from_str(line).unwrap_or(Line { timestamp: None, event: None });
        let at = line.timestamp.and_then(|at| at.parse().ok()).map(Timestamp::as_millisecond);
        let Some(at) = at.or(written) else { return };
        self.today += u64::from(self.day.holds(at));
        self.last_at = Some(at);
        self.last_kind = line.event.map(|event| Redacted::cut(&event, KIND_CHARS).into_string());
    }
}
