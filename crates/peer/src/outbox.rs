//! The Work Graph outbox: a JSONL file that other OrgX tools read, and rotate.
//!
//! Promises: one write per line; folder 0700, file 0600; the file is opened again when another program renamed it;
//! a symlink or a file of another owner is refused; a full or read-only disk is told, and never stops a run. Lines
//! are written on a thread of their own, so that a slow disk is nobody's problem but the outbox's.

pub(crate) mod file;
mod tail;

pub(crate) use tail::Tail;

use crate::limits;
use file::{is_still_there, open};
use orgx_proto::work_graph::Record;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::SystemTime;
use tokio::sync::{oneshot, watch};

/// How the outbox fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxHealth {
    /// Lines written since start.
    pub written: u64,
    /// Lines that could not be written.
    pub lost: u64,
    /// What is wrong now, for people.
    pub trouble: Option<String>,
}

/// A handle to the outbox's thread.
#[derive(Debug)]
pub(crate) struct Outbox {
    lines: mpsc::SyncSender<Job>,
    state: watch::Receiver<State>,
    /// Lines that found the queue full.
    refused: u64,
    /// Lines over the bound.
    too_long: u64,
}

/// What the thread tells.
#[derive(Clone, Debug, Default)]
struct State {
    health: OutboxHealth,
    tail: Tail,
}

enum Job {
    Line(String),
    Flush(oneshot::Sender<()>),
}

impl Outbox {
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let (lines, jobs) = mpsc::sync_channel(limits::OUTBOX_QUEUE);
        let (tell, state) = watch::channel(State::default());
        std::thread::Builder::new().name("outbox".into()).spawn(move || write_all(path, &jobs, &tell))?;
        Ok(Self { lines, state, refused: 0, too_long: 0 })
    }

    /// Appends a record, soon.
    pub(crate) fn append(&mut self, record: &Record) {
        self.append_line(record.to_line());
    }

    fn append_line(&mut self, line: String) {
        if line.len() > limits::OUTBOX_LINE_BYTES {
            self.too_long += 1;
        } else if self.lines.try_send(Job::Line(line)).is_err() {
            self.refused += 1;
        }
    }

    /// Returns once everything appended so far is written, or could not be.
    pub(crate) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.lines.try_send(Job::Flush(done)).is_ok() {
            let _gone = flushed.await;
        }
    }

    /// Its file and newest lines.
    pub(crate) fn tail(&self) -> Tail {
        self.state.borrow().tail.clone()
    }

    /// Resolves when there is something new to tell.
    pub(crate) async fn changed(&mut self) {
        if self.state.changed().await.is_err() {
            // Its thread is gone, and says nothing more.
            std::future::pending::<()>().await;
        }
    }

    /// How it fares.
    pub(crate) fn health(&self) -> OutboxHealth {
        let mut health = self.state.borrow().health.clone();
        health.lost += self.refused + self.too_long;
        let dropped = if self.refused > 0 {
            Some("the disk is too slow for the local trail: some of its lines were dropped")
        } else if self.too_long > 0 {
            Some("a line of more than 64 KiB was left out of the local trail")
        } else {
            None
        };
        if health.trouble.is_none() {
            health.trouble = dropped.map(ToOwned::to_owned);
        }
        health
    }
}

fn write_all(path: PathBuf, jobs: &mpsc::Receiver<Job>, tell: &watch::Sender<State>) {
    let tail = Tail::read(&path, wall());
    tell.send_modify(|state| state.tail = tail);
    let mut trail = Trail { path, file: None, torn: false };
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Flush(done) => {
                let _gone = done.send(());
            }
            Job::Line(line) => {
                let result = trail.append(&line);
                tell.send_modify(|State { health, tail }| {
                    health.trouble = result.as_ref().err().map(trouble);
                    match result {
                        Ok(()) => {
                            health.written += 1;
                            tail.add(&line, trail.bytes(), wall());
                        }
                        Err(_) => health.lost += 1,
                    }
                });
            }
        }
    }
}

struct Trail {
    path: PathBuf,
    file: Option<File>,
    /// Did the last write end in the middle of a line?
    torn: bool,
}

impl Trail {
    fn append(&mut self, line: &str) -> io::Result<()> {
        if self.file.as_ref().is_none_or(|file| !is_still_there(file, &self.path)) {
            self.file = None;
            let mut file = open(&self.path)?;
            self.torn = ends_torn(&mut file);
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let whole = if self.torn { format!("\n{line}") } else { line.to_owned() };
        match file.write(whole.as_bytes()) {
            Ok(written) if written == whole.len() => {
                self.torn = false;
                Ok(())
            }
            Ok(written) => {
                self.torn |= written > 0;
                Err(io::ErrorKind::StorageFull.into())
            }
            Err(error) => {
                self.file = None;
                Err(error)
            }
        }
    }
}

impl Trail {
    /// The file's size; other programs write to it, too.
    fn bytes(&self) -> u64 {
        self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |meta| meta.len())
    }
}

fn wall() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// Does the file end in the middle of a line, as a full disk or a crash leaves it?
fn ends_torn(file: &mut File) -> bool {
    let mut last = [b'\n'];
    // An empty file has no last byte.
    let read = file.seek(io::SeekFrom::End(-1)).and_then(|_| file.read_exact(&mut last));
    read.is_ok() && last != [b'\n']
}

fn trouble(error: &io::Error) -> String {
    let what = match error.kind() {
        _ if is_symlink(error) => "its file is a symlink, which is not followed",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full",
        io::ErrorKind::ReadOnlyFilesystem => "its disk is read-only",
        io::ErrorKind::PermissionDenied => "its file or folder does not belong to this user",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "its folder is not a folder",
        io::ErrorKind::IsADirectory => "there is a folder in its file's place",
        _ => return format!("the local trail stopped; runs go on ({error})"),
    };
    format!("the local trail stopped: {what}; runs go on")
}

/// What opening a symlink says that is not to be followed.
#[cfg(unix)]
fn is_symlink(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_symlink(_: &io::Error) -> bool {
    false
}

#[cfg(test)]
mod tests;
