//! Finds a run again that a peer before us began: by its session and by the id that its prompt has or would have.
//! Design, promise 4.

use super::super::client::Client;
use super::super::feed::Feeds;
use super::Run;
use crate::http::CallError;
use orgx_proto::dispatch::{Resume, Start};
use std::time::Duration;
use tokio::time::sleep;

/// A prompt that was on its way when its peer died becomes a message within this time, if it ever does.
const PROMPT_LANDS: Duration = Duration::from_millis(500);
/// How often that is waited for.
const LOOKS: u32 = 4;

/// The run and its message id; `None` when it cannot be found, or cannot be prompted any more.
pub(super) async fn find<'a>(
    client: &'a Client,
    feeds: &Feeds,
    start: &Start,
    resume: &Resume,
    folder: String,
) -> Option<(Run<'a>, String)> {
    let message_id = resume.place.message_id.clone()?;
    let session = session(client, start, resume, &folder).await?;
    // Before anything is asked: what happens from here on is heard.
    let feed = feeds.open(client).await.ok()?;
    let mut run = Run::new(client, &feed, session, folder);
    run.prompted = match has_prompt(&run, &message_id, resume.prompted).await {
        Ok(prompted) => prompted,
        Err(error) => {
            tracing::warn!(%error, "a run of before cannot be looked up");
            return None;
        }
    };
    if !run.prompted && resume.prompted {
        // The agent had it, and has it no more.
        return None;
    }
    Some((run, message_id))
}

async fn session(client: &Client, start: &Start, resume: &Resume, folder: &str) -> Option<String> {
    if let Some(session) = &resume.place.session
        && client.session(session.as_str()).await.is_ok()
    {
        return Some(session.as_str().to_owned());
    }
    client.find_session(folder, start.run_id.as_str()).await.ok().flatten()
}

/// Does the session have our prompt? A POST that was cut off may still be on its way, so that a `no` is asked again.
async fn has_prompt(run: &Run<'_>, message_id: &str, known: bool) -> Result<bool, CallError> {
    for look in 0..LOOKS {
        if run.client.has_message(&run.session, message_id).await? {
            return Ok(true);
        }
        if known {
            return Ok(false);
        }
        // Busy without a message that can be seen: it is just being taken.
        let busy = run.client.statuses(&run.folder).await?.contains_key(&run.session);
        if busy || look + 1 < LOOKS {
            sleep(PROMPT_LANDS).await;
        }
        if busy && run.client.has_message(&run.session, message_id).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
