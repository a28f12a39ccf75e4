//! Logs: on stderr, and in files of the OS's place, one a day, a week of them, none larger than a bound. Third-party
//! targets are capped: at debug some print headers.

use crate::desktop::OsError;
use orgx_peer::Environment;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt};

const FILTER: &str = "warn,orgx_tray=info,orgx_peer=info,orgx_proto=info,orgx_sandbox=warn";
/// Days that are kept.
const FILES: usize = 7;
/// Bytes that are written at most in a day.
const BYTES: u64 = 20 * 1024 * 1024;
const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// The folder of the logs, as each OS has it.
pub(crate) fn folder(env: &Environment) -> PathBuf {
    let home = env.home().unwrap_or_default();
    if cfg!(target_os = "macos") {
        return home.join("Library/Logs/OrgX Peer");
    }
    if cfg!(windows) {
        return dirs::data_local_dir().unwrap_or(home).join("OrgX Peer").join("Logs");
    }
    let state = env.path("XDG_STATE_HOME").unwrap_or_else(|| home.join(".local/state"));
    state.join("orgx-peer").join("logs")
}

/// Starts logging; what is returned writes the last lines when it is dropped. Without a folder there is stderr.
pub(crate) fn start(folder: &Path) -> Option<WorkerGuard> {
    let (file, guard, failed) = match to_files(folder) {
        Ok((file, guard)) => (Some(file), Some(guard), None),
        Err(error) => (None, None, Some(error)),
    };
    let writer = match file {
        Some(file) => BoxMakeWriter::new(io::stderr.and(file)),
        None => BoxMakeWriter::new(io::stderr),
    };
    let _already = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(FILTER))
        .with_target(false)
        .with_ansi(false)
        .with_writer(writer)
        .try_init();
    if let Some(error) = failed {
        tracing::warn!(%error, "there are no log files");
    }
    guard
}

fn to_files(folder: &Path) -> Result<(NonBlocking, WorkerGuard), OsError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(OsError::of)?;
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("orgx-tray")
        .filename_suffix("log")
        .max_log_files(FILES)
        .build(folder)
        .map_err(OsError::of)?;
    Ok(tracing_appender::non_blocking(Bounded::new(files, BYTES)))
}

/// Lets so many bytes through in a day.
struct Bounded<W> {
    inner: W,
    bytes: u64,
    written: u64,
    since: std::time::Instant,
}

impl<W: Write> Bounded<W> {
    fn new(inner: W, bytes: u64) -> Self {
        Self { inner, bytes, written: 0, since: std::time::Instant::now() }
    }
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.since.elapsed() >= DAY {
            self.since = std::time::Instant::now();
            self.written = 0;
        }
        let before = self.written;
        self.written = before.saturating_add(line.len() as u64);
        if self.written <= self.bytes {
            self.inner.write_all(line)?;
        } else if before <= self.bytes {
            self.inner.write_all(b"the log is full for today\n")?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_so_many_bytes_and_says_when_they_are_used_up() {
        let mut bounded = Bounded::new(Vec::new(), 10);
        for line in [b"12345\n".as_slice(), b"123\n", b"1\n", b"2\n"] {
            assert_eq!(bounded.write(line).ok(), Some(line.len()));
        }
        assert_eq!(bounded.inner, b"12345\n123\nthe log is full for today\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn logs_are_in_the_state_folder_of_the_person() {
        let env = Environment::of([("HOME", "/home/me")]);
        assert_eq!(folder(&env), PathBuf::from("/home/me/.local/state/orgx-peer/logs"));
        assert_eq!(folder(&env.with("XDG_STATE_HOME", "/s")), PathBuf::from("/s/orgx-peer/logs"));
    }
}
