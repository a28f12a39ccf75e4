//! The process of our own server: ours, or taken over from a peer before us. Somebody always looks after it, so that
//! its end is known when it happens.

use super::super::owner;
use super::LOOK;
use super::record::Record;
#[cfg(unix)]
use crate::driver::program::signal_group;
use crate::driver::program::{Signal, Strays};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// The process of our own server.
#[derive(Debug)]
pub(super) struct Process {
    pid: Option<u32>,
    /// Is it our child?
    #[cfg_attr(not(unix), expect(dead_code, reason = "a child is killed by its handle there"))]
    ours: bool,
    /// What it may leave running, as far as the OS tells.
    strays: Option<Strays>,
    over: watch::Receiver<bool>,
    /// Where there are no signals.
    #[cfg_attr(unix, expect(dead_code, reason = "signals go to the whole group"))]
    kill: CancellationToken,
    _watch: AbortOnDropHandle<()>,
}

impl Process {
    /// One that we started. It and its group are killed when this is dropped.
    pub(super) fn ours(mut child: Child, password: &str) -> Self {
        let (tell, over) = watch::channel(false);
        let (pid, kill) = (child.id(), CancellationToken::new());
        let strays = pid.and_then(|pid| Some(Strays::of_server(password, pid, &owner::started(pid)?)));
        let killed = kill.clone();
        let watch = tokio::spawn(async move {
            tokio::select! {
                _status = child.wait() => {}
                () = killed.cancelled() => drop(child.kill().await),
            }
            // What it leaves behind was begun for runs that are over with it. Its number is no stranger's a moment after.
            #[cfg(unix)]
            if let Some(pid) = pid {
                signal_group(pid, Signal::Kill);
            }
            tell.send_replace(true);
        });
        Self { pid, ours: true, strays, over, kill, _watch: AbortOnDropHandle::new(watch) }
    }

    /// One that a peer before us started.
    pub(super) fn adopted(record: Record) -> Self {
        let (tell, over) = watch::channel(!record.runs());
        let (pid, strays) = (Some(record.pid), Some(record.strays()));
        let watch = tokio::spawn(async move {
            // Nobody tells of a process that is not our child.
            let mut look = interval(LOOK);
            while record.runs() {
                look.tick().await;
            }
            tell.send_replace(true);
        });
        let (kill, watch) = (CancellationToken::new(), AbortOnDropHandle::new(watch));
        Self { pid, ours: false, strays, over, kill, _watch: watch }
    }

    /// Ends the commands that it left running, in the background. It has ended.
    pub(super) fn end_strays(&self) -> impl Future<Output = ()> + Send + 'static {
        // Begun at once: whoever is dropped while it waits has ended them, too.
        let ended = self.strays.clone().map(|strays| tokio::spawn(strays.end_elsewhere()));
        async move {
            if let Some(ended) = ended {
                let _ended = ended.await;
            }
        }
    }

    pub(super) fn runs(&self) -> bool {
        !*self.over.borrow()
    }

    /// Resolves once it has ended.
    pub(super) fn end(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut over = self.over.clone();
        async move {
            // Nobody looks after it any more: we have ended it.
            let _dropped = over.wait_for(|over| *over).await;
        }
    }
}

/// Whoever waited for it may not do so any more, as a run that is cancelled while it starts.
#[cfg(unix)]
impl Drop for Process {
    fn drop(&mut self) {
        if self.ours {
            signal(self, Signal::Kill);
        }
    }
}

/// To the whole group: the server's children are its own to end, and ours if it does not. Not to one that has ended: its
/// number may be somebody else's by now.
#[cfg(unix)]
pub(super) fn signal(process: &Process, signal: Signal) {
    if let Some(pid) = process.pid.filter(|_| process.runs()) {
        signal_group(pid, signal);
    }
}

/// Without signals there is one way to end a child.
#[cfg(not(unix))]
pub(super) fn signal(process: &Process, _: Signal) {
    process.kill.cancel();
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::expect_used, reason = "a test that cannot be set up fails")]
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::time::{Duration, timeout};

    #[tokio::test]
    async fn one_that_nobody_waits_for_any_more_is_ended_with_all_of_its_group() {
        let mut command = tokio::process::Command::new("sh");
        let command = command.args(["-c", "trap '' TERM; sleep 300 & echo $!; wait"]).process_group(0);
        let mut child = command.stdout(std::process::Stdio::piped()).kill_on_drop(true).spawn().expect("sh");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let inner = lines.next_line().await.expect("a line").expect("a number").parse().expect("a number");
        drop(Process::ours(child, "a password"));
        // Its output is open for as long as one of them runs.
        let end = timeout(Duration::from_secs(30), lines.next_line()).await.expect("its child runs on");
        assert!(end.expect("an end").is_none());
        let is_over = || {
            let stat = std::fs::read_to_string(format!("/proc/{inner}/stat"));
            owner::started(inner).is_none()
                || stat.map_or(true, |stat| stat.contains(") Z ") || stat.contains(") X "))
        };
        // Its files are closed a moment before it is over.
        let over = async {
            while !is_over() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(30), over).await.expect("its child runs on");
    }
}
