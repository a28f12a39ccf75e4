//! A running `orgx-peer run`.

use crate::process;
use rustix::process::Signal;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The program. Dropping it asks it to stop, and kills it when it does not.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    log: PathBuf,
}

impl Peer {
    /// Starts `command`, and appends what it says on stderr to `log`.
    pub fn start(mut command: Command, log: PathBuf) -> Self {
        let file = std::fs::File::options().create(true).append(true).open(&log).expect("a log file");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn();
        Self { child: child.expect("orgx-peer starts"), log }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.child.id().and_then(|pid| pid.try_into().ok()).expect("it runs")
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGKILL: it has no last word. Returns once it is gone.
    pub async fn kill(mut self) {
        self.child.start_kill().expect("it can be killed");
        self.child.wait().await.expect("its exit status");
    }

    /// How it ends by itself.
    pub async fn ended(mut self) -> ExitStatus {
        let ended = timeout(crate::WAIT, self.child.wait()).await;
        ended.expect("orgx-peer did not end by itself").expect("its exit status")
    }

    /// SIGTERM, and how it ended.
    pub async fn stop(mut self) -> ExitStatus {
        process::send(self.pid(), Signal::TERM);
        let ended = timeout(Duration::from_secs(30), self.child.wait()).await;
        ended.expect("orgx-peer did not stop within 30 s of SIGTERM").expect("its exit status")
    }

    /// SIGTERM, and it must have gone well.
    pub async fn stop_well(self) {
        let log = self.log.clone();
        let status = self.stop().await;
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        assert_eq!(status.code(), Some(0), "orgx-peer ended with {status}:\n{}", said());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Only a story that failed comes here with a peer that runs. Its own server must end with it.
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            process::send(pid, Signal::TERM);
            let end = Instant::now() + Duration::from_secs(8);
            while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(50));
            }
            let _ended = self.child.start_kill();
        }
    }
}
