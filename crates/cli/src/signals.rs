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
            let hangup = (!is_hangup_ignored()).then(SignalKind::hangup);
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

/// Was it ignored when the program began, as `nohup` does? Whoever did so wants the program to outlive the terminal, and
/// listening would end that. We never ignore it ourselves, so the answer stays the same.
#[cfg(target_os = "linux")]
fn is_hangup_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// Elsewhere the OS tells only whoever calls it without Rust's guarantees.
#[cfg(all(unix, not(target_os = "linux")))]
fn is_hangup_ignored() -> bool {
    false
}

/// `SigIgn` is a mask of signals; SIGHUP, number 1, is its lowest bit.
#[cfg(target_os = "linux")]
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Resolves when somebody wants the program to end from now on.
pub(crate) async fn asked_to_stop() {
    Stop::listen().asked().await;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_the_os_tells_whether_a_hangup_is_ignored() {
        for (status, ignored) in [
            ("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n", true),
            ("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n", false),
            ("SigIgn:\tnonsense\n", false),
            ("", false),
        ] {
            assert_eq!(ignores_hangup(status), ignored, "{status}");
        }
    }
}
