//! The process of our own server: ours, or taken over from a peer before us. Somebody always looks after it, so that
//! its end is known when it happens.

use super::super::{owner, strays};
use super::LOOK;
use super::record::Record;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// The process of our own server.
#[derive(Debug)]
pub(super) struct Process {
    pid: Option<u32>,
    /// When it began, as far as the OS tells.
    started: Option<String>,
    over: watch::Receiver<bool>,
    /// Where there are no signals.
    #[cfg_attr(unix, expect(dead_code, reason = "signals go to the whole group"))]
    kill: CancellationToken,
    _watch: AbortOnDropHandle<()>,
}

impl Process {
    /// One that we started. It is killed when this is dropped.
    pub(super) fn ours(mut child: Child) -> Self {
        let (tell, over) = watch::channel(false);
        let (pid, kill) = (child.id(), CancellationToken::new());
        let started = pid.and_then(owner::started);
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
        Self { pid, started, over, kill, _watch: AbortOnDropHandle::new(watch) }
    }

    /// One that a peer before us started.
    pub(super) fn adopted(record: Record) -> Self {
        let (tell, over) = watch::channel(!record.runs());
        let (pid, started) = (Some(record.pid), Some(record.started.clone()));
        let watch = tokio::spawn(async move {
            // Nobody tells of a process that is not our child.
            let mut look = interval(LOOK);
            while record.runs() {
                look.tick().await;
            }
            tell.send_replace(true);
        });
        Self { pid, started, over, kill: CancellationToken::new(), _watch: AbortOnDropHandle::new(watch) }
    }

    /// Ends the commands that it left running. It has ended.
    pub(super) fn end_strays(&self) {
        if let (Some(pid), Some(started)) = (self.pid, &self.started) {
            strays::end(pid, started);
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

/// How it is told to end.
#[derive(Clone, Copy)]
pub(in crate::driver::opencode) enum Signal {
    Term,
    Kill,
}

/// To the whole group: the server's children are its own to end, and ours if it does not. Not to one that has ended: its
/// number may be somebody else's by now.
#[cfg(unix)]
pub(super) fn signal(process: &Process, signal: Signal) {
    if let Some(pid) = process.pid.filter(|_| process.runs()) {
        signal_group(pid, signal);
    }
}

/// To a whole group that is known to be ours.
#[cfg(unix)]
pub(in crate::driver::opencode) fn signal_group(leader: u32, signal: Signal) {
    let Some(pid) = i32::try_from(leader).ok().and_then(rustix::process::Pid::from_raw) else { return };
    let signal = match signal {
        Signal::Term => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    let _gone = rustix::process::kill_process_group(pid, signal);
}

/// Without signals there is one way to end a child.
#[cfg(not(unix))]
pub(super) fn signal(process: &Process, _: Signal) {
    process.kill.cancel();
}
