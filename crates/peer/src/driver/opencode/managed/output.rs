//! What our own server says on its terminal.
//!
//! It goes into a file that only this user can read, not into a pipe to us: a server whose terminal is gone would end
//! with us, and it is to outlive us. That file may hold what nobody should see, so nothing shows it; what people see is
//! a copy, made line by line: masked, cut, bounded. Both files stay within bounds while the server runs, whoever uses
//! it.

use crate::driver::lines::Lines;
use crate::limits;
use orgx_proto::redact::{MASK, Redacted};
use secrecy::{ExposeSecret, SecretString};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

/// Longest line that is looked at, in bytes, and the most that is copied of one, in characters.
const LINE_BYTES: usize = 8 * 1024;
const LINE_CHARS: usize = 300;

/// What the server says on its terminal goes here, and nowhere else.
pub(super) fn output_file(path: &Path) -> std::io::Result<(File, File)> {
    let file = private().append(true).create(true).open(path)?;
    file.set_len(0)?;
    Ok((file.try_clone()?, file))
}

/// The beginning of what it said.
pub(super) fn beginning(path: &Path) -> String {
    let mut text = Vec::new();
    let _absent = File::open(path).map(|file| file.take(limits::AGENT_LOG_BURST).read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

fn private() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "the mode is Unix's"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Copies what a server says, until it is dropped; then once more, and the raw file goes.
#[derive(Debug)]
pub(super) struct Copying {
    _task: AbortOnDropHandle<()>,
    last: Copy,
}

impl Copying {
    pub(super) fn start(copy: Copy) -> Self {
        let last = copy.clone();
        let task = tokio::spawn(async move {
            let mut copy = copy;
            let mut look = interval(limits::AGENT_LOG_EVERY);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                look.tick().await;
                // A state folder on a network disk may take its time.
                let copied = tokio::task::spawn_blocking(move || {
                    copy.more();
                    copy
                });
                let Ok(same) = copied.await else { return };
                copy = same;
            }
        });
        Self { _task: AbortOnDropHandle::new(task), last }
    }

    /// The server has ended: what it said last, and the raw file is removed.
    pub(super) fn finish(mut self) {
        // Where the task was is not known here; it empties the file with what it has read.
        self.last.more();
        let _absent = std::fs::remove_file(&self.last.raw);
    }
}

/// From the raw file into the log.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    raw: PathBuf,
    log: PathBuf,
    /// Masked wherever it stands.
    secret: SecretString,
}

impl Copy {
    pub(super) fn new(raw: PathBuf, log: PathBuf, secret: SecretString) -> Self {
        Self { raw, log, secret }
    }

    /// Copies what is there, and empties the file under the one who writes it (who always writes at its end).
    pub(super) fn more(&mut self) {
        if let Err(error) = self.try_more()
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "what OpenCode's server said could not be copied");
        }
    }

    fn try_more(&mut self) -> std::io::Result<()> {
        let mut raw = OpenOptions::new().read(true).write(true).open(&self.raw)?;
        let there = raw.metadata()?.len();
        if there == 0 {
            return Ok(());
        }
        let mut text = Vec::new();
        (&mut raw).take(limits::AGENT_LOG_BURST).read_to_end(&mut text)?;
        // A line that is being written is left for the next time, if the file has room for it.
        let whole = match text.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if there < limits::MANAGED_OUTPUT_BYTES => return Ok(()),
            None => text.len(),
        };
        let whole = if there > text.len() as u64 { text.len() } else { whole };
        let mut lines = Vec::new();
        let mut cut = Lines::bounded(LINE_BYTES);
        cut.push(&text[..whole], |line| lines.push(self.line(line)));
        cut.finish(|line| lines.push(self.line(line)));
        let rest = text.split_off(whole);
        if there > (whole + rest.len()) as u64 {
            lines.push(format!("[{} more bytes left out]", there - (whole + rest.len()) as u64));
        }
        raw.set_len(0)?;
        if !rest.is_empty() {
            let mut end = OpenOptions::new().append(true).open(&self.raw)?;
            end.write_all(&rest)?;
        }
        append(&self.log, &lines)
    }

    fn line(&self, line: &[u8]) -> String {
        let text = String::from_utf8_lossy(line).replace(self.secret.expose_secret(), MASK);
        Redacted::cut(&without_colours(&text), LINE_CHARS).into_string()
    }
}

/// Without the sequences that colour a terminal.
pub(in crate::driver) fn without_colours(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::with_capacity(text.len());
    while let Some(at) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..at]);
        rest = rest[at + 2..].trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        rest = rest.strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest);
    }
    plain.push_str(rest);
    plain
}

/// Appends to the log; one that is full becomes the old one.
fn append(log: &Path, lines: &[String]) -> std::io::Result<()> {
    if std::fs::metadata(log).is_ok_and(|meta| meta.len() > limits::AGENT_LOG_BYTES) {
        std::fs::rename(log, old(log))?;
    }
    let mut file = private().append(true).create(true).open(log)?;
    file.seek(SeekFrom::End(0))?;
    let mut text = lines.join("\n");
    text.push('\n');
    file.write_all(text.as_bytes())
}

/// Where the log of before stands.
fn old(log: &Path) -> PathBuf {
    log.with_extension("old.log")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        _dir: tempfile::TempDir,
        raw: PathBuf,
        log: PathBuf,
        server: File,
        copy: Copy,
    }

    impl World {
        fn new() -> Self {
            let dir = tempfile::tempdir().expect("a folder");
            let (raw, log) = (dir.path().join("raw.log"), dir.path().join("seen.log"));
            let (server, _errors) = output_file(&raw).expect("a file");
            let copy = Copy::new(raw.clone(), log.clone(), SecretString::from("hunter2hunter2".to_owned()));
            Self { _dir: dir, raw, log, server, copy }
        }

        fn says(&mut self, text: &str) -> String {
            self.server.write_all(text.as_bytes()).expect("written");
            self.copy.more();
            std::fs::read_to_string(&self.log).unwrap_or_default()
        }
    }

    #[test]
    fn what_people_see_is_masked_plain_and_whole_lines() {
        let mut world = World::new();
        assert_eq!(world.says("\u{1b}[91m\u{1b}[1mError: \u{1b}[0mno\nhal"), "Error: no\n");
        assert_eq!(world.says("f a line\n"), "Error: no\nhalf a line\n");
        let seen = world.says("password hunter2hunter2 key sk-abcdefghijk oxk_abc\n");
        assert_eq!(seen.lines().last(), Some("password [redacted] key [redacted] [redacted]"));
        assert_eq!(std::fs::metadata(&world.raw).expect("a file").len(), 0, "emptied under who writes it");
        #[cfg(unix)]
        for file in [&world.raw, &world.log] {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(file).expect("a file").permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_flood_is_left_out_with_a_word_and_both_files_stay_within_bounds() {
        let mut world = World::new();
        let flood = "a line of a flood\n".repeat(40_000);
        let seen = world.says(&flood);
        let left_out = flood.len() as u64 - limits::AGENT_LOG_BURST;
        assert!(
            seen.ends_with(&format!("[{left_out} more bytes left out]\n")),
            "{}",
            &seen[seen.len() - 99..]
        );
        for _ in 0..20 {
            world.says(&flood);
            assert_eq!(std::fs::metadata(&world.raw).expect("a file").len(), 0);
            let log = std::fs::metadata(&world.log).expect("a file").len();
            assert!(log <= limits::AGENT_LOG_BYTES + limits::AGENT_LOG_BURST + 200, "{log}");
        }
        assert!(old(&world.log).exists());
        // A line without an end does not grow for ever, either.
        let endless = "x".repeat(usize::try_from(limits::MANAGED_OUTPUT_BYTES).expect("small") + 10);
        world.says(&endless);
        assert_eq!(std::fs::metadata(&world.raw).expect("a file").len(), 0);
    }
}
