//! Finds a run again that a peer before us began: by its session and by the id that its prompt has or would have.
//! Design, promise 4.

use super::super::client::Client;
use super::super::feed::Feeds;
use super::follow::Run;
use crate::http::CallError;
use crate::limits;
use orgx_proto::dispatch::{Resume, Start};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A prompt that was on its way when its peer died becomes a message within this time, if it ever does.
const PROMPT_LANDS: Duration = Duration::from_millis(500);
/// How often that is waited for.
const LOOKS: u32 = 4;

/// The run and its message id; `None` when it cannot be found, or cannot be prompted any more. A server that is busy is
/// not one that has lost the run: it is asked for as long as a feed may be away.
pub(super) async fn find<'a>(
    client: &'a Client,
    feeds: &Feeds,
    start: &Start,
    resume: &Resume,
    folder: String,
) -> Option<(Run<'a>, String)> {
    let end = Instant::now() + limits::FEED_LOST;
    loop {
        match look_up(client, feeds, start, resume, folder.clone()).await {
            Ok(found) => return found,
            Err(error) if Instant::now() >= end => {
                tracing::warn!(%error, "a run of before cannot be looked up");
                return None;
            }
            Err(_) => sleep(PROMPT_LANDS).await,
        }
    }
}

async fn look_up<'a>(
    client: &'a Client,
    feeds: &Feeds,
    start: &Start,
    resume: &Resume,
    folder: String,
) -> Result<Option<(Run<'a>, String)>, CallError> {
    let Some(message_id) = resume.place.message_id.clone() else { return Ok(None) };
    let Some((session, is_its_own)) = session(client, start, resume, &folder).await? else { return Ok(None) };
    // Before anything is asked: what happens from here on is heard.
    let feed = feeds.open(client).await?;
    let mut run = Run::new(client, &feed, session, folder);
    if !is_its_own {
        run.goes_on_after(resume.began.as_ref().unwrap_or(&message_id));
    }
    // What came before its prompt says nothing of its end.
    run.tracker.goes_on(&message_id);
    run.held = resume.held;
    run.prompted = has_prompt(&run, &message_id, resume.prompted).await?;
    // The agent had it, and has it no more.
    let lost = !run.prompted && resume.prompted;
    Ok((!lost).then_some((run, message_id)))
}

/// The run's session, and whether it was made for it.
async fn session(
    client: &Client,
    start: &Start,
    resume: &Resume,
    folder: &str,
) -> Result<Option<(String, bool)>, CallError> {
    if let Some(session) = &resume.place.session {
        match client.session(session.as_str()).await {
            Ok(found) => {
                // One that it went on with is named after another run, or after none.
                let made_for = found.pointer("/metadata/orgx_run_id").and_then(Value::as_str);
                let is_its_own = made_for == Some(start.run_id.as_str());
                return Ok(Some((session.as_str().to_owned(), is_its_own)));
            }
            Err(CallError::Status { status: 404, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let made = client.find_session(folder, start.run_id.as_str()).await?;
    Ok(made.map(|session| (session, true)))
}

/// Does the session have our prompt? A POST that was cut off may still be on its way, so that a `no` is asked again.
async fn has_prompt(run: &Run<'_>, message_id: &str, known: bool) -> Result<bool, CallError> {
    let mut busy = false;
    for look in 0..LOOKS {
        if look > 0 {
            sleep(PROMPT_LANDS).await;
        }
        busy = run.client.statuses(&run.folder).await?.contains_key(&run.session);
        if run.client.has_message(&run.session, message_id).await? {
            return Ok(true);
        }
        if known {
            return Ok(false);
        }
    }
    if busy {
        // Only our prompt can have made it so: it is just being taken, and never to be sent again.
        return Err(CallError::Nonsense("is busy with a prompt that cannot be seen yet"));
    }
    Ok(false)
}
