//! When the person or the OS wants the program to end.

/// Listens from the moment it is made, so that no signal falls between two looks.
pub(crate) struct Stop {
    #[cfg(unix)]
    signals: Vec<tokio::signal::unix::Signal>,
}

impl Stop {
    pub(crate) fn listen() -> Self {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let hangup = (!orgx_peer::is_hangup_ignored()).then(SignalKind::hangup);
            let kinds = [SignalKind::interrupt(), SignalKind::terminate()].into_iter().chain(hangup);
            Self { signals: kinds.filter_map(|kind| signal(kind).ok()).collect() }
        }
        #[cfg(not(unix))]
        Self {}
    }

    /// Resolves at Ctrl-C, SIGTERM, or when the terminal is closed (SIGHUP, unless `nohup` had it ignored); once for
    /// each.
    pub(crate) async fn asked(&mut self) {
        #[cfg(unix)]
        std::future::poll_fn(|context| {
            let asked = self.signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if asked { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        #[cfg(not(unix))]
        let _none = tokio::signal::ctrl_c().await;
    }
}

/// Resolves when somebody wants the program to end from now on.
pub(crate) async fn asked_to_stop() {
    Stop::listen().asked().await;
}
