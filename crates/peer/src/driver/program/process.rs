//! The process of one task's program, and all that it starts: a group of its own, ended whole.

use super::{LOOK, Signal, Strays, signal_group};
use crate::driver::opencode::owner;
use orgx_proto::ids::RunId;
use std::process::ExitStatus;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::sleep;

/// One program. What is left of its group is killed when this is dropped.
#[derive(Debug)]
pub(in crate::driver) struct Process {
    child: Child,
    pid: u32,
    /// What it may leave running, as far as the OS tells.
    strays: Option<Strays>,
    told: bool,
    /// While it is not, its number is nobody else's.
    reaped: bool,
}

impl Process {
    /// That command has the run's id in its environment.
    pub(in crate::driver) fn start(mut command: Command, run_id: &RunId) -> std::io::Result<Self> {
        command.kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn()?;
        let pid = child.id().unwrap_or_default();
        let strays = owner::started(pid).map(|started| Strays::of_run(run_id, pid, &started));
        Ok(Self { child, pid, strays, told: false, reaped: false })
    }

    pub(in crate::driver) fn pid(&self) -> u32 {
        self.pid
    }

    pub(in crate::driver) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    pub(in crate::driver) fn take_output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// Resolves once it has ended; it is not reaped yet, so that its group can still be named.
    pub(in crate::driver) async fn over(&mut self) {
        while !self.is_over() {
            sleep(LOOK).await;
        }
    }

    /// Was it asked to end?
    pub(in crate::driver) fn was_told(&self) -> bool {
        self.told
    }

    /// Asks it and all it started to end.
    pub(in crate::driver) fn terminate(&mut self) {
        self.told = true;
        signal_group(self.pid, Signal::Term);
    }

    /// Ends what is left of it and of all it started.
    pub(in crate::driver) fn kill(&mut self) {
        signal_group(self.pid, Signal::Kill);
        #[cfg(not(unix))]
        let _gone = self.child.start_kill();
    }

    /// How it ended; whatever is left of it is ended, too.
    pub(in crate::driver) async fn reap(&mut self) -> ExitStatus {
        signal_group(self.pid, Signal::Kill);
        let status = self.child.wait().await.unwrap_or_default();
        self.reaped = true;
        // One that ended by itself has seen to its commands.
        if self.told || status.code().is_none() {
            // Looked for even where nobody waits for it any more.
            if let Some(strays) = self.strays.clone() {
                strays.end_elsewhere().await;
            }
        }
        status
    }

    #[cfg(unix)]
    fn is_over(&mut self) -> bool {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return true };
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(pid), look), Ok(None))
    }

    #[cfg(not(unix))]
    fn is_over(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.reaped {
            signal_group(self.pid, Signal::Kill);
            if let Some(strays) = &self.strays {
                strays.end();
            }
        }
    }
}
