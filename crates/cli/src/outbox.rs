//! `orgx-peer outbox`: where the local trail is, and its last lines.

use crate::args::{OutboxCommand, OutboxOptions, PeerOptions, TailOptions};
use crate::find::{Refusal, find};
use crate::show::table::Cell;
use crate::show::table::table;
use crate::show::text::{clean, count, cut};
use crate::show::when::Now;
use crate::show::{Style, Tone, say};
use crate::signals::Stop;
use crate::words;
use orgx_peer::{Draft, Environment};
use serde_json::Value;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How often a followed file is looked at. Other programs write and rotate it, so that nobody could tell us.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How much of a file's end is read for its last lines, in bytes.
const TAIL_BYTES: u64 = 4 * 1024 * 1024;

pub(crate) async fn outbox(options: &OutboxOptions) -> ExitCode {
    let result = match &options.command {
        OutboxCommand::Path(peer) => path(peer).await.map(|path| {
            say(&path.display().to_string());
        }),
        OutboxCommand::Tail(tail) => show_tail(tail).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => refusal.end(false),
    }
}

/// The running peer's own; without one, where it would be.
async fn path(peer: &PeerOptions) -> Result<PathBuf, Refusal> {
    let off = || Refusal::new("off", "the outbox is switched off in config.toml ([outbox] enabled = false)");
    match find(peer).await {
        Ok(found) => found.peer.snapshot().outbox.map(|outbox| outbox.path.into()).ok_or_else(off),
        Err(refusal) if refusal.is_not_running() => {
            let draft = Draft::read(&Environment::of_process());
            let path =
                draft.and_then(|draft| draft.outbox).map_err(|error| Refusal::usage(error.to_string()))?;
            path.ok_or_else(off)
        }
        Err(refusal) => Err(refusal),
    }
}

async fn show_tail(options: &TailOptions) -> Result<(), Refusal> {
    let path = path(&options.peer).await?;
    let unreadable = |error: std::io::Error| {
        Refusal::new("outbox", format!("{} cannot be read ({error})", path.display()))
    };
    let mut tail = Tail::new(path.clone());
    let mut lines = tail.read().map_err(unreadable)?;
    let skipped = lines.len().saturating_sub(options.lines);
    lines.drain(..skipped);
    if lines.is_empty() && !options.follow && !options.json {
        say(&format!("Nothing yet in {}.", path.display()));
        return Ok(());
    }
    let style = Style::of_stdout();
    let show = |lines: &[String]| match (lines.is_empty(), options.json) {
        (true, _) => true,
        (false, true) => say(&lines.join("\n")),
        (false, false) => say(&render(lines, &Now::here(), style)),
    };
    let mut heard = show(&lines);
    let mut stop = Stop::listen();
    while options.follow && heard {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.asked() => break,
        }
        heard = show(&tail.read().map_err(unreadable)?);
    }
    Ok(())
}

/// Reads what was added to a file since the last time, also when it was rotated away or cut in between.
struct Tail {
    path: PathBuf,
    read: u64,
    /// Tells the file from another one in its place.
    identity: Option<u64>,
    partial: Vec<u8>,
}

impl Tail {
    fn new(path: PathBuf) -> Self {
        Self { path, read: 0, identity: None, partial: Vec::new() }
    }

    /// Whole lines; none while there is no file.
    fn read(&mut self) -> std::io::Result<Vec<String>> {
        let mut file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(std::io::Error::other("it is not a file"));
        }
        let identity = Some(identity(&meta));
        if identity != self.identity || meta.len() < self.read {
            // The end of another file is not read from its start when that is long.
            *self = Self {
                identity,
                read: meta.len().saturating_sub(TAIL_BYTES),
                ..Self::new(self.path.clone())
            };
        }
        let from_middle = self.read > 0 && self.partial.is_empty();
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        self.read += file.take(TAIL_BYTES).read_to_end(&mut bytes)? as u64;
        self.partial.extend_from_slice(&bytes);
        let Some(end) = self.partial.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
        let rest = self.partial.split_off(end + 1);
        let whole = std::mem::replace(&mut self.partial, rest);
        let text = String::from_utf8_lossy(&whole);
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        // A line that was begun before what was read is no JSON, and is left out.
        Ok(lines
            .enumerate()
            .filter(|(at, line)| *at > 0 || !from_middle || line.starts_with('{'))
            .map(|(_, line)| line.to_owned())
            .collect())
    }
}

#[cfg(unix)]
fn identity(meta: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> u64 {
    0
}

fn render(lines: &[String], now: &Now, style: Style) -> String {
    let rows = lines.iter().map(|line| match serde_json::from_str(line) {
        Ok(record) => row(&record, now),
        Err(_) => {
            let what = "a line that is not JSON".into();
            vec![Cell::default(), Cell::default(), Cell::toned("?", Tone::Care), what]
        }
    });
    table(&rows.collect::<Vec<_>>(), 0, style)
}

fn row(record: &Value, now: &Now) -> Vec<Cell> {
    let text = |at: &str| record.pointer(at).and_then(Value::as_str).map(clean).unwrap_or_default();
    let number = |at: &str| record.pointer(at).and_then(Value::as_u64);
    let time = text("/timestamp").parse::<jiff::Timestamp>().map(|at| now.at(at.as_millisecond()));
    let event = text("/event");
    let tool = text("/summary/tool_name");
    let (word, tone, what) = match event.as_str() {
        "task_started" => ("started", Tone::Well, Cell::path(text("/cwd"))),
        "task_step" => {
            let reference = text("/summary/evidence_ref");
            let space = if tool.is_empty() { "" } else { " " };
            ("step", Tone::Mute, Cell::path(format!("{tool}{space}{reference}")))
        }
        "task_deviation" => ("deviation", Tone::Care, text("/summary/skill_id").into()),
        "task_completed" => {
            let tokens = number("/summary/tokens_used").map(|n| format!("{} tokens", count(n)));
            ("completed", Tone::Well, tokens.unwrap_or_default().into())
        }
        "task_failed" => {
            let again = record.pointer("/summary/recoverable").and_then(Value::as_bool) == Some(true);
            ("failed", Tone::Bad, if again { "may be tried again" } else { "final" }.into())
        }
        // Other OrgX tools write here, too.
        other => (other, Tone::Mute, text("/source_client").into()),
    };
    vec![
        Cell::toned(time.unwrap_or_default(), Tone::Mute),
        cut(&text("/run_id"), words::ID).into(),
        Cell::toned(cut(word, 20), tone),
        what,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::now;
    use std::io::Write;

    #[test]
    fn the_last_lines_line_up() {
        let line = |event: &str, summary: &str| {
            format!(
                r#"{{"source_client":"opencode","event":"{event}","cwd":"/home/me/code/shop","timestamp":"2026-11-20T09:41:00.000Z","summary":{summary},"run_id":"run_01jdk3x7c2m9q4w8e5r6t7y8u9"}}"#
            )
        };
        let lines = [
            line("task_started", r#"{"task_title_chars":12}"#),
            line("task_step", r#"{"step_kind":"tool_call","tool_name":"bash","evidence_ref":"call_3"}"#),
            line(
                "task_step",
                r#"{"step_kind":"file_edit","evidence_ref":"src/customers/onboarding/experiments/http/client.py"}"#,
            ),
            line("task_deviation", r#"{"skill_id":"careful-retries"}"#),
            line("task_completed", r#"{"tokens_used":18412}"#),
            line("task_failed", r#"{"recoverable":true}"#),
            line("session_idle", "{}"),
            "torn".to_owned(),
        ];
        let text = render(&lines, &now(), Style::Plain);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_is_added_is_read_once_and_a_rotated_file_from_its_start() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("events.jsonl");
        let mut tail = Tail::new(path.clone());
        assert_eq!(tail.read().expect("no file yet"), [""; 0]);
        std::fs::write(&path, "{\"a\":1}\n{\"b\":").expect("a file");
        assert_eq!(tail.read().expect("lines"), ["{\"a\":1}"]);
        let add = |text: &str| {
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&path).expect("a file");
            file.write_all(text.as_bytes()).expect("written");
        };
        add("2}\n");
        assert_eq!(tail.read().expect("lines"), ["{\"b\":2}"]);
        assert_eq!(tail.read().expect("lines"), [""; 0]);
        std::fs::rename(&path, dir.path().join("events.1.jsonl")).expect("rotated");
        assert_eq!(tail.read().expect("no file"), [""; 0]);
        add("{\"c\":3}\n");
        assert_eq!(tail.read().expect("lines"), ["{\"c\":3}"]);
    }
}
