//! The connection in a sentence: what happened, what it means, what to do.

use super::publish::capitalized;
use crate::http;
use orgx_proto::connection::{State, Trouble};
use orgx_proto::time::Millis;

/// For people; `now` tells how long a wait still is.
pub(super) fn connection(state: &State, host: &str, now: Millis) -> String {
    match state {
        State::Idle => "Not connected".to_owned(),
        State::Connecting => format!("Connecting to {host}"),
        State::Open => format!("Connected to {host}"),
        State::Waiting { why, until } => {
            format!("{} Trying again in {}.", trouble(why, host), wait((*until - now).as_secs()))
        }
    }
}

fn trouble(why: &Trouble, host: &str) -> String {
    match why {
        Trouble::KeyRejected => {
            format!("{host} does not know this key: get a new one from OrgX and put it into ORGX_API_KEY.")
        }
        Trouble::KeyForbidden => {
            "This key may not receive tasks: it needs the gateway:drive scope for this workspace.".to_owned()
        }
        Trouble::VersionUnsupported => {
            format!("{host} no longer speaks this program's protocol: update OrgX Peer.")
        }
        Trouble::ClosedByOrgX => format!("Disconnected by {host}."),
        Trouble::Refused(404) => {
            format!("{host} has no gateway for tasks (HTTP 404): check ORGX_BASE_URL.")
        }
        Trouble::WebPage => format!("{}.", capitalized(http::SIGN_IN)),
        Trouble::Refused(status) => format!("{host} refused the connection (HTTP {status})."),
        Trouble::Unreachable(why) => format!("{host} cannot be reached: {why}."),
        Trouble::Lost { code: 1006, reason } if reason.as_str().is_empty() => {
            format!("The connection to {host} was lost.")
        }
        // No code came, so it was our side that saw why.
        Trouble::Lost { code: 1006, reason } => format!("The connection to {host} was lost: {reason}."),
        Trouble::Lost { code, reason } => format!("The connection to {host} was lost ({code} {reason})."),
        Trouble::Silent => {
            format!("{host} stopped answering. The network may have changed, or be very slow.")
        }
    }
}

fn wait(seconds: u64) -> String {
    match seconds {
        0..=1 => "a moment".to_owned(),
        2..=89 => format!("{seconds} s"),
        _ => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgx_proto::redact::Redacted;

    #[test]
    fn every_state_has_its_sentence() {
        let waiting = |why, seconds: u64| State::Waiting { why, until: Millis(seconds * 1000) };
        let lost = |code, reason| Trouble::Lost { code, reason: Redacted::new(reason) };
        let all: Vec<String> = [
            State::Idle,
            State::Connecting,
            State::Open,
            waiting(Trouble::KeyRejected, 300),
            waiting(Trouble::KeyForbidden, 300),
            waiting(Trouble::VersionUnsupported, 299),
            waiting(Trouble::ClosedByOrgX, 360),
            waiting(Trouble::Refused(503), 7),
            waiting(Trouble::Refused(404), 7),
            waiting(Trouble::WebPage, 7),
            waiting(Trouble::Unreachable(Redacted::new("the connection was refused")), 1),
            waiting(lost(1006, ""), 0),
            waiting(lost(1006, "OrgX sent a frame of more than 1 MiB"), 3),
            waiting(lost(1012, "restarting"), 30),
            waiting(Trouble::Silent, 89),
        ]
        .iter()
        .map(|state| connection(state, "useorgx.com", Millis(0)))
        .collect();
        insta::assert_snapshot!(all.join("\n"), @"
        Not connected
        Connecting to useorgx.com
        Connected to useorgx.com
        useorgx.com does not know this key: get a new one from OrgX and put it into ORGX_API_KEY. Trying again in 5 min.
        This key may not receive tasks: it needs the gateway:drive scope for this workspace. Trying again in 5 min.
        useorgx.com no longer speaks this program's protocol: update OrgX Peer. Trying again in 5 min.
        Disconnected by useorgx.com. Trying again in 6 min.
        useorgx.com refused the connection (HTTP 503). Trying again in 7 s.
        useorgx.com has no gateway for tasks (HTTP 404): check ORGX_BASE_URL. Trying again in 7 s.
        A web page answered instead of OrgX: this network may want you to sign in first; open a browser, or check ORGX_BASE_URL. Trying again in 7 s.
        useorgx.com cannot be reached: the connection was refused. Trying again in a moment.
        The connection to useorgx.com was lost. Trying again in a moment.
        The connection to useorgx.com was lost: OrgX sent a frame of more than 1 MiB. Trying again in 3 s.
        The connection to useorgx.com was lost (1012 restarting). Trying again in 30 s.
        useorgx.com stopped answering. The network may have changed, or be very slow. Trying again in 89 s.
        ");
    }
}
