//! When the task is to look up by itself.

use tokio::time::Instant;

/// Moments; `None`: never.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// The window may have its next state.
    pub(super) show: Option<Instant>,
    /// The policy of notifications has something to do.
    pub(super) notify: Option<Instant>,
    /// The tray's times are old.
    pub(super) tray: Option<Instant>,
    /// The peer is started again.
    pub(super) restart: Option<Instant>,
    /// The open run is read again.
    pub(super) detail: Option<Instant>,
    /// The sessions are read again.
    pub(super) sessions: Option<Instant>,
    /// Cancelled runs were waited for long enough.
    pub(super) give_up: Option<Instant>,
    /// An own peer that stops was waited for long enough.
    pub(super) stopped: Option<Instant>,
    /// What has to be done before the program ends was waited for long enough.
    pub(super) end: Option<Instant>,
}

impl Timers {
    pub(super) fn next(&self) -> Option<Instant> {
        let shown = [self.show, self.notify, self.tray, self.detail, self.sessions];
        let peer = [self.restart, self.give_up, self.stopped, self.end];
        shown.into_iter().chain(peer).flatten().min()
    }
}

/// Has it come? Then it is over.
pub(super) fn is_due(timer: &mut Option<Instant>) -> bool {
    let due = timer.is_some_and(|at| at <= Instant::now());
    if due {
        *timer = None;
    }
    due
}

pub(super) async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
