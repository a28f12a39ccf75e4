//! The lifecycle receiver, when it is on.

use super::{Check, Name, Running};
use crate::config::{Draft, LifecycleConfig};
use crate::webhook::{LifecycleState, LifecycleView};

/// Nothing is said of one that is off.
pub(super) fn check(draft: &Draft, running: Option<&Running>) -> Option<Check> {
    let running = running.map(|running| &running.snapshot.lifecycle);
    // What the environment of this terminal says is not what the running peer was told.
    if let Some(view) = running {
        return (view.state != LifecycleState::Off).then(|| of_running(view));
    }
    let config = draft.lifecycle.as_ref().ok().filter(|config| config.enabled)?;
    Some(of_settings(config))
}

fn of_running(view: &LifecycleView) -> Check {
    let means = "Sessions that begin and end are not seen; tasks go on";
    match (view.state, &view.url) {
        (LifecycleState::Listening, Some(url)) => {
            let trouble = view.buffer.as_ref().and_then(|buffer| buffer.trouble.clone());
            let waits = view.forward.as_ref().and_then(|forward| {
                forward.waits.as_ref().map(|waits| format!("{} is waited for: {waits}", forward.to))
            });
            match trouble.map(|trouble| format!("the buffer file is not written: {trouble}")).or(waits) {
                Some(trouble) => Check::warn(
                    Name::Lifecycle,
                    format!("listens at {url}; {trouble}"),
                    "Another program does not get all events of sessions now; they are kept for it",
                    "Correct it, or change it in [lifecycle] of config.toml",
                ),
                None if view.unsigned => Check::warn(
                    Name::Lifecycle,
                    format!("listens at {url}, and takes posts that nobody signed"),
                    "Any program of any user on this computer can make up sessions",
                    "Take allow_unsigned out of [lifecycle] in config.toml, unless you need it",
                ),
                None => Check::ok(Name::Lifecycle, format!("listens at {url}")),
            }
        }
        (_, _) => Check::warn(
            Name::Lifecycle,
            view.words.clone().unwrap_or_else(|| "it does not listen yet".to_owned()),
            means,
            "It tries again by itself; when that does not help, restart the peer",
        ),
    }
}

fn of_settings(config: &LifecycleConfig) -> Check {
    let port = match config.port {
        0 => "any free port".to_owned(),
        port => format!("port {port}"),
    };
    Check::ok(Name::Lifecycle, format!("on, at {port}, once the peer runs"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;
    use crate::webhook::{BufferView, ForwardView};

    #[test]
    fn a_receiver_is_told_of_with_what_is_wrong_about_it() {
        let well = LifecycleView {
            state: LifecycleState::Listening,
            url: Some("http://127.0.0.1:4800/webhook/opencode".into()),
            ..LifecycleView::default()
        };
        let buffer = BufferView { trouble: Some("the disk is full".into()), ..BufferView::default() };
        let forward = ForwardView {
            to: "https://o.example".into(),
            waits: Some("it answered 401: is the secret right?".into()),
            ..ForwardView::default()
        };
        for (view, outcome, words) in [
            (well.clone(), Outcome::Ok, "listens at http://127.0.0.1:4800/webhook/opencode"),
            (LifecycleView { unsigned: true, ..well.clone() }, Outcome::Warn, "nobody signed"),
            (
                LifecycleView { buffer: Some(buffer), ..well.clone() },
                Outcome::Warn,
                "not written: the disk is full",
            ),
            (
                LifecycleView { forward: Some(forward), ..well },
                Outcome::Warn,
                "https://o.example is waited for: it answered 401",
            ),
            (
                LifecycleView {
                    state: LifecycleState::Failed,
                    words: Some("another peer".into()),
                    ..LifecycleView::default()
                },
                Outcome::Warn,
                "another peer",
            ),
        ] {
            let check = of_running(&view);
            assert_eq!(check.outcome, outcome, "{check:?}");
            assert!(check.finding.contains(words), "{check:?}");
        }
        let on = LifecycleConfig { enabled: true, ..LifecycleConfig::default() };
        assert_eq!(of_settings(&on).finding, "on, at port 4800, once the peer runs");
    }
}
