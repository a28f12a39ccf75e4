//! A running `orgx-tray`.

use super::desk::Desk;
use crate::{process, programs};
use rustix::process::Signal;
use std::process::Stdio;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The program, started as a login does. Dropping it kills it.
#[derive(Debug)]
pub struct App {
    child: Child,
}

impl App {
    pub(super) fn start(desk: &Desk, environment: Vec<(String, String)>, args: &[&str]) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(desk.log_file()).expect("a log");
        // The harness's end is the app's.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--"]).arg(programs::tray().expect("a story asked for it"));
        command.args(args).env_clear().envs(environment).current_dir(desk.root());
        let output = log.try_clone().expect("the log");
        command.stdin(Stdio::null()).stdout(output).stderr(log).kill_on_drop(true);
        Self { child: command.spawn().expect("orgx-tray starts") }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.child.id().and_then(|pid| pid.try_into().ok()).expect("it runs")
    }

    /// Does it run?
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The exit code with which it ends by itself.
    pub async fn ended(mut self) -> Option<i32> {
        let ended = timeout(crate::WAIT, self.child.wait()).await;
        ended.expect("orgx-tray did not end by itself").expect("its exit status").code()
    }

    /// SIGTERM, as a logout sends it, and the exit code.
    pub async fn stop(self) -> Option<i32> {
        process::send(self.pid(), Signal::TERM);
        self.ended().await
    }
}
