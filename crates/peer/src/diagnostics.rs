//! What a bug report needs, and nothing that is nobody's business: a zip of JSON and a README that says what is in it.
//!
//! Promises: no key, password, prompt, title or transcript; the home folder is `~`. What goes in is built from fields
//! that are named here; every text then passes [`Redacted`], and the secrets that are configured are looked for once
//! more, letter by letter.

mod outbox;
mod redaction;
#[cfg(test)]
mod tests;

use crate::config::{Draft, Environment};
use crate::doctor;
use crate::paths::Tenant;
use crate::peer::{Command, PeerSnapshot, Reply};
use redaction::Redaction;
use serde_json::{Value, json};
use std::io::{self, Cursor, Write};
use std::path::Path;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Runs of the journal that go in.
const RUNS: usize = 200;
/// Lines of OpenCode's server that go in.
const SERVER_LINES: usize = 200;

const README: &str = "\
Diagnostics of OrgX Peer, for a bug report. Read the files before you give
them away: they are short, and text.

What is in it
  about.json    versions of the program and of the operating system
  doctor.json   what `orgx-peer doctor` found
  status.json   what `orgx-peer status --json` says; null when no peer ran
  runs.json     the newest runs: ids, folders, times, counts, why one failed
  config.json   the settings that are in force
  outbox.json   how many lines of each kind the local trail has
  server.json   the last lines that OpenCode's server said, when this program
                had started it; masked and cut when they were written down

What is not
  Your OrgX key, passwords and anything that looks like a secret; prompts,
  titles and transcripts of tasks; the lines of the local trail; contents of
  files. Your home folder is written as ~.
";

/// One file of the zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: String,
}

/// Looks at everything. Works with and without a running peer, and without a key.
pub async fn collect(env: &Environment) -> Vec<Entry> {
    let report = doctor::examine(env).await;
    let draft = Draft::read(env);
    let redaction = Redaction::new(env, draft.as_ref().ok());
    let (status, runs, config, trail) = match &draft {
        Ok(draft) => {
            let (status, runs) = of_the_peer(draft).await;
            (status, runs, settings(draft), of_the_outbox(draft).await)
        }
        Err(error) => (Value::Null, Value::Null, json!({ "error": error.to_string() }), Value::Null),
    };
    let json = |name, value: Value| Entry { name, text: redaction.to_text(value) };
    vec![
        Entry { name: "README.txt", text: README.to_owned() },
        json("about.json", about()),
        json("doctor.json", serde_json::to_value(&report).unwrap_or_default()),
        json("status.json", status),
        json("runs.json", runs),
        json("config.json", config),
        json("outbox.json", trail),
        json("server.json", of_the_server(draft.as_ref().ok())),
    ]
}

/// The entries as one zip.
///
/// # Errors
/// Never in memory, as far as one can see.
pub fn to_zip(entries: &[Entry]) -> io::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for Entry { name, text } in entries {
        zip.start_file(*name, options)?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Writes the zip whole or not at all, readable by this user only.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, entries: &[Entry]) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    crate::paths::write_private(&path, &to_zip(entries)?)
}

async fn of_the_peer(draft: &Draft) -> (Value, Value) {
    let Some((_, peer)) = doctor::meant(draft).await else { return Default::default() };
    let runs = match peer.command(Command::Runs { limit: RUNS }).await {
        Ok(Reply::Runs { mut runs }) => {
            for run in &mut runs {
                run.title = None;
            }
            serde_json::to_value(runs).unwrap_or_default()
        }
        Ok(_) => Value::Null,
        Err(error) => json!({ "error": error.to_string() }),
    };
    (serde_json::to_value(without_words(peer.snapshot())).unwrap_or_default(), runs)
}

/// Without what tasks and agents said, and what other programs wrote.
fn without_words(mut snapshot: PeerSnapshot) -> PeerSnapshot {
    for run in &mut snapshot.runs {
        (run.title, run.last_step) = (None, None);
    }
    for run in &mut snapshot.recent {
        run.title = None;
    }
    for session in &mut snapshot.lifecycle.sessions {
        session.title = None;
    }
    if let Some(outbox) = &mut snapshot.outbox {
        outbox.last_kind = None;
    }
    snapshot
}

/// What our own OpenCode server said last.
fn of_the_server(draft: Option<&Draft>) -> Value {
    let log = draft.and_then(|draft| {
        let tenant = Tenant::new(draft.base_url.as_ref().ok()?, draft.workspace_id.as_ref().ok()?);
        std::fs::read_to_string(draft.paths.agent_log(&tenant)).ok()
    });
    let Some(log) = log else { return Value::Null };
    let lines: Vec<&str> = log.lines().collect();
    json!(lines[lines.len().saturating_sub(SERVER_LINES)..])
}

async fn of_the_outbox(draft: &Draft) -> Value {
    match draft.outbox.as_ref().ok().cloned() {
        Some(Some(path)) => {
            tokio::task::spawn_blocking(move || outbox::statistics(&path)).await.unwrap_or_default()
        }
        Some(None) => json!("switched off"),
        None => Value::Null,
    }
}

fn about() -> Value {
    json!({
        "orgx_peer": env!("CARGO_PKG_VERSION"),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "os_release": os_release(),
        "kernel": kernel(),
        "processors": std::thread::available_parallelism().map(std::num::NonZero::get).ok(),
        "built_for": if cfg!(debug_assertions) { "debugging" } else { "release" },
    })
}

fn os_release() -> Option<String> {
    let text = std::fs::read_to_string("/etc/os-release").ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches('"').to_owned())
}

#[cfg(unix)]
fn kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn kernel() -> String {
    "not asked for".to_owned()
}

/// Named one by one, so that a setting that is added is left out until somebody thinks about it.
fn settings(draft: &Draft) -> Value {
    let words = |error: &crate::config::ConfigError| json!({ "error": error.to_string() });
    json!({
        "key": if draft.key.is_ok() { "in the environment" } else { "none that can be used in the environment" },
        "workspace_id": draft.workspace_id.as_ref().map_or_else(words, |id| json!(id)),
        "base_url": draft.base_url.as_ref().map_or_else(words, |url| json!(url.as_str())),
        "plugin_id": draft.plugin_id,
        "presence": draft.presence,
        "runs": draft.runs.as_ref().map_or_else(words, |runs| json!({
            "concurrent": runs.concurrent,
            "per_folder": runs.per_folder,
            "default_folder": runs.default_folder,
            "allowed_folders": runs.allowed_folders,
        })),
        "opencode": draft.opencode.as_ref().map_or_else(words, |opencode| json!({
            "server_url": opencode.server_url.as_ref().map(url::Url::as_str),
            "has_password": opencode.password.is_some(),
            "program": opencode.program,
            "state_file": opencode.state_file,
            "start_when_needed": opencode.start_when_needed,
            "use_running": opencode.use_running,
        })),
        "outbox": draft.outbox.as_ref().map_or_else(words, |path| json!(path)),
        "state_folder": draft.paths.state,
        "config_folder": draft.paths.config,
        "warnings": draft.warnings,
    })
}
