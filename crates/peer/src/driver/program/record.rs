//! Which program belongs to which run, for a peer after us: one that we leave behind must not work on unseen.

use super::{Strays, end_process};
use crate::driver::opencode::owner;
use crate::paths::{short_hash, write_private};
use orgx_proto::ids::RunId;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::{Mutex as Lock, PoisonError};
use tokio::sync::Mutex;

/// What is written down of one process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    run_id: RunId,
    pid: u32,
    /// When it began, in the OS's own count: a pid is used again, a pid with its start is not.
    started: String,
}

impl Record {
    fn runs(&self) -> bool {
        owner::started(self.pid).as_ref() == Some(&self.started)
    }
}

/// Where they are written down: files that begin with this path.
#[derive(Debug)]
pub(in crate::driver) struct Records {
    begin: PathBuf,
    left: Lock<HashSet<RunId>>,
    /// Held while they are being ended.
    ending: Arc<Mutex<()>>,
}

/// Removes the record: its process has ended.
#[derive(Debug)]
pub(in crate::driver) struct Kept(PathBuf);

impl Drop for Kept {
    fn drop(&mut self) {
        let _absent = std::fs::remove_file(&self.0);
    }
}

impl Records {
    pub(in crate::driver) fn new(begin: PathBuf) -> Self {
        Self { begin, left: Lock::default(), ending: Arc::default() }
    }

    /// Writes it down. Where the OS does not tell processes apart there is nothing to write.
    pub(in crate::driver) fn keep(&self, run_id: &RunId, pid: u32) -> io::Result<Kept> {
        let file = self.file(run_id);
        if let Some(started) = owner::started(pid) {
            let record = Record { run_id: run_id.clone(), pid, started };
            write_private(&file, &serde_json::to_vec(&record)?)?;
        }
        Ok(Kept(file))
    }

    /// Ends, in the background, what still runs of those that were written down.
    pub(in crate::driver) fn take_up(&self) {
        let found: Vec<(PathBuf, Option<Record>)> =
            self.files().into_iter().map(|file| (file.clone(), read(&file))).collect();
        let runs = found.iter().filter_map(|(_, record)| Some(record.as_ref()?.run_id.clone()));
        self.left.lock().unwrap_or_else(PoisonError::into_inner).extend(runs);
        let Ok(ending) = Arc::clone(&self.ending).try_lock_owned() else { return };
        tokio::spawn(async move {
            for (file, record) in found {
                let ended = record.clone();
                if let Some(record) = record.filter(Record::runs) {
                    tracing::info!(run_id = %record.run_id, "ending the agent that the last start left running");
                    end_process(record.pid, || record.runs()).await;
                }
                if let Some(record) = ended {
                    Strays::of_run(&record.run_id, record.pid, &record.started).end_elsewhere().await;
                }
                drop(Kept(file));
            }
            drop(ending);
        });
    }

    /// Was it one of those? Resolves once they are gone.
    pub(in crate::driver) async fn was_left(&self, run_id: &RunId) -> bool {
        let was = self.left.lock().unwrap_or_else(PoisonError::into_inner).contains(run_id);
        if was {
            drop(self.ending.lock().await);
        }
        was
    }

    fn file(&self, run_id: &RunId) -> PathBuf {
        let mut name = self.begin.clone().into_os_string();
        name.push(format!("-{}.json", short_hash(run_id.as_str())));
        name.into()
    }

    fn files(&self) -> Vec<PathBuf> {
        let (Some(folder), Some(begin)) = (self.begin.parent(), self.begin.file_name()) else {
            return Vec::new();
        };
        let begin = format!("{}-", begin.to_string_lossy());
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let is_ours = |path: &PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.starts_with(&begin) && path.extension().is_some_and(|extension| extension == "json")
        };
        entries.map(|entry| entry.path()).filter(is_ours).collect()
    }
}

/// One that makes no sense is none.
fn read(file: &Path) -> Option<Record> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok().filter(|record: &Record| record.pid > 1)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};

    /// It does not heed TERM, and is returned once it does not.
    #[allow(clippy::expect_used, reason = "a test that cannot be set up fails")]
    fn stubborn() -> Child {
        let mut command = Command::new("sh");
        let command = command.args(["-c", "trap '' TERM; echo; while :; do sleep 1; done"]).process_group(0);
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().expect("sh");
        let mut line = [0];
        std::io::Read::read_exact(child.stdout.as_mut().expect("piped"), &mut line).expect("it is set up");
        child
    }

    #[tokio::test]
    async fn what_was_left_running_is_ended_and_a_stranger_with_its_number_is_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let (mut left, mut stranger) = (stubborn(), stubborn());
        let before = Records::new(dir.path().join("cli-t"));
        let run = RunId::new("left");
        std::mem::forget(before.keep(&run, left.id()).expect("written"));
        let mode = std::fs::metadata(before.file(&run)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let reused =
            Record { run_id: RunId::new("reused"), pid: stranger.id(), started: "another boot:1".into() };
        std::fs::write(before.file(&reused.run_id), serde_json::to_vec(&reused).expect("JSON"))
            .expect("a file");
        std::fs::write(dir.path().join("cli-t-x.json"), "{\"pid\":").expect("a file");
        let other_tenant = dir.path().join("cli-other-1.json");
        std::fs::write(&other_tenant, "{}").expect("a file");

        let records = Records::new(dir.path().join("cli-t"));
        records.take_up();
        assert!(records.was_left(&run).await);
        assert!(records.was_left(&reused.run_id).await);
        assert!(!records.was_left(&RunId::new("other")).await);
        assert!(left.try_wait().expect("ours").is_some(), "KILL after TERM");
        assert!(stranger.try_wait().expect("ours").is_none(), "another program was ended");
        assert!(records.files().is_empty() && other_tenant.exists());
        stranger.kill().expect("ours");
        let _status = stranger.wait();
    }
}
