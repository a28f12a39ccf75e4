//! One run on a real OpenCode 1.x: the `server` dialect. Facts: opencode.md 2.

mod asks;
mod begin;
mod follow;
mod hold;
mod resume;

use super::client::Client;
use super::feed::Feeds;
use super::stop_on_drop::StopOnDrop;
use crate::driver::{Detected, Probed, RunIo};
use crate::http::CallError;
use orgx_proto::agent::{AgentEnd, Failure, PromptPlace};
use orgx_proto::dispatch::Start;
use orgx_proto::ids::SessionHandle;
use orgx_proto::redact::Redacted;
use rand::RngExt;
use std::time::SystemTime;

/// What is known of this server.
pub(super) async fn detect(client: &Client) -> Detected {
    let Ok(health) = client.health().await else { return Detected::default() };
    let version = health.version.unwrap_or_default();
    let connected = client.connected_providers().await.unwrap_or_default();
    let signed_in = if connected == 0 { ", signed in to no model provider" } else { "" };
    Detected {
        installed: true,
        authenticated: connected > 0,
        subscription_active: connected > 0,
        words: format!("OpenCode {version} at {} ({}){signed_in}", client.origin(), client.found),
        version: Some(version),
        probed: Probed { session_alive: true, queue_depth: 0 },
    }
}

/// Runs one task to its end.
pub(super) async fn run(client: &Client, feeds: &Feeds, mut start: Start, io: &RunIo) -> AgentEnd {
    let Some(folder) = start.folder.clone() else {
        return AgentEnd::Failed(Failure::lasting(
            "the task names no folder, and no default folder is set on this computer",
        ));
    };
    if looks_encoded(&folder) {
        return AgentEnd::Failed(Failure::lasting(
            "OpenCode cannot work in a folder whose name has a percent sign before two hex digits; rename it",
        ));
    }
    // From here on OpenCode may work, or has for long: whatever way this ends without its own word, it is told to stop.
    let (mut run, message_id, mut stop) = if let Some(resume) = &start.resume {
        let stop = resume.place.session.as_ref().map(|session| tell_to_stop(client, session.as_str()));
        let found = tokio::select! {
            found = resume::find(client, feeds, &start, resume, folder) => found,
            () = io.stopped() => None,
        };
        let Some((run, message_id)) = found else { return AgentEnd::Failed(Failure::peer_restarted()) };
        if !run.prompted && io.may_prompt().await.is_err() {
            return AgentEnd::Failed(Failure::peer_restarted());
        }
        let stop = stop.unwrap_or_else(|| tell_to_stop(client, &run.session));
        (run, message_id, stop)
    } else {
        let (run, message_id) = match begin::begin(client, feeds, &start, folder).await {
            Ok(begun) => begun,
            Err(failure) => return AgentEnd::Failed(failure),
        };
        let session = SessionHandle::new(run.session.clone());
        let place = PromptPlace { session: Some(session), message_id: Some(message_id.clone()) };
        if io.spend(place).await.is_err() {
            return AgentEnd::Failed(Failure::recoverable("stopped before it began"));
        }
        let stop = tell_to_stop(client, &run.session);
        (run, message_id, stop)
    };
    io.started(SessionHandle::new(run.session.clone())).await;
    if !run.prompted && start.session.is_some() {
        run.pass_over_old_asks().await;
    }
    if !run.prompted && start.resume.as_ref().is_some_and(|resume| resume.began.is_some()) {
        (start.model, start.agent) = run.as_before().await;
    }
    if !run.prompted
        && let Err(error) = prompt(client, &run.session, &message_id, &start).await
    {
        return AgentEnd::Failed(failed("OpenCode did not take the prompt", &error));
    }
    io.prompted().await;
    let (end, idle) = run.follow(io).await;
    if idle {
        stop.disarm();
    }
    end
}

fn tell_to_stop(client: &Client, session: &str) -> StopOnDrop {
    let (client, session) = (client.clone(), session.to_owned());
    StopOnDrop::new(async move {
        let _gone = client.abort(&session).await;
    })
}

/// Prompts once. When no answer came the message itself is asked after, so that nothing is ever prompted twice.
async fn prompt(client: &Client, session: &str, message_id: &str, start: &Start) -> Result<(), CallError> {
    let (model, agent) = (start.model.as_deref(), start.agent.as_deref());
    match client.prompt(session, message_id, &start.prompt, model, agent).await {
        Err(CallError::Unreachable(why)) => match client.has_message(session, message_id).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(CallError::Unreachable(why)),
        },
        other => other,
    }
}

fn failed(what: &str, error: &CallError) -> Failure {
    let recoverable = !matches!(error, CallError::Status { status: 400..=499, .. });
    let reason = Redacted::without_paths(&format!("{what}: {error}"));
    Failure { reason, recoverable }
}

/// PROTOCOL: 1.18.33 decodes folders once too often, so that it would work in `/w/a b` when told of `/w/a%20b`.
pub(super) fn looks_encoded(folder: &str) -> bool {
    folder.as_bytes().windows(3).any(|at| at[0] == b'%' && at[1..].iter().all(u8::is_ascii_hexdigit))
}

/// An id in OpenCode's own ascending form: `msg_`, 12 hex digits of the time, 14 random ones. In a session that is gone
/// on with it comes after the newest there is, whatever the clock says: OpenCode goes by the order of ids.
fn message_id(newest: Option<&str>) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const TIME: u64 = 0xffff_ffff_ffff;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let newest = newest.and_then(|id| u64::from_str_radix(id.get(4..16)?, 16).ok()).unwrap_or_default();
    let time = ((now << 12 | 1) & TIME).max((newest + 1) & TIME);
    let mut rng = rand::rng();
    let random: String = (0..14).map(|_| char::from(DIGITS[rng.random_range(0..DIGITS.len())])).collect();
    format!("msg_{time:012x}{random}")
}

#[cfg(test)]
mod odd_servers;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_opencode_would_take_for_another_one_is_known() {
        for (folder, looks) in [
            ("/w/a b", false),
            ("/w/100% more", false),
            ("/w/100%", false),
            ("/w/a%20b", true),
            ("/w/%2F..", true),
        ] {
            assert_eq!(looks_encoded(folder), looks, "{folder}");
        }
    }

    #[test]
    fn our_message_ids_have_opencodes_own_form() {
        let id = message_id(None);
        assert_eq!(id.len(), "msg_1f9065978001JiD098wOgq28O8".len());
        assert!(id.starts_with("msg_") && id[4..16].bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(message_id(Some(&id)) > id);
        let ahead = "msg_f00000000000AAAAAAAAAAAAAA";
        assert!(message_id(Some(ahead)).as_str() > ahead, "a clock that was ahead");
        assert!(message_id(Some("msg_odd")).starts_with("msg_"));
    }
}
