//! Takes back what a run changed, or does it again: OpenCode's own revert.
//!
//! PROTOCOL: OpenCode 1.18 keeps snapshots of a folder only in a git repository and when `snapshot` is not switched off.
//! `revert` puts every file back that a step of the session changed since the message, commands included, whatever was
//! written into it since; `unrevert` brings all back as it was before the `revert`, but does not delete again what a
//! run had deleted. The next prompt of the session makes a revert final. An unknown message is answered with 200, and
//! no `revert` in the session.

use super::OpenCode;
use super::client::Client;
use super::locate::Located;
use super::managed::Managed;
use crate::http::CallError;
use crate::journal::Prompted;
use serde_json::Value;

/// There is nothing to put back.
const NO_SNAPSHOT: &str = "OpenCode has no snapshot of before this run, so nothing was taken back: the run changed no \
                           file, or the folder is not a git repository, or `snapshot` is off in OpenCode's configuration";
const WENT_ON: &str = "the session went on after this run, and its later work would be taken back with it; take the later \
                       run back first, or use /undo in OpenCode itself";
const GONE: &str =
    "OpenCode does not know this run's prompt any more, so nothing was changed; look at `git status`";
const FINAL: &str = "there is nothing to do again: the session went on since, which made it final";
const NO_SERVER: &str = "only OpenCode's server can take a run back, and there is none; start `opencode serve`, or let OrgX \
                         Peer start it ([opencode] start_when_needed in config.toml)";
const BUSY: &str = "OpenCode is at work in this session; wait until it is done, or cancel it";

impl OpenCode {
    /// Takes back what a run changed (`undone`), or does it again. An error is a sentence for the person.
    pub(crate) async fn undo(&self, run: &Prompted, undone: bool) -> Result<(), String> {
        let lease = self.managed.lease();
        let client = match self.find_or_start_server().await? {
            Located::Server(client) => client,
            Located::Daemon(_) => return Err("the agent's daemon cannot take anything back".to_owned()),
            Located::Cli(_) => return Err(NO_SERVER.to_owned()),
        };
        // Our own server must not end as idle meanwhile.
        let _lease = Managed::is_ours(&client).then_some(lease);
        let result = if undone { take_back(&client, run).await } else { bring_back(&client, run).await };
        result.map_err(|stopped| match stopped {
            Stopped::Because(why) => why.to_owned(),
            Stopped::Call(CallError::Status { status: 404, .. }) => GONE.to_owned(),
            Stopped::Call(CallError::Status { status: 409, .. }) => BUSY.to_owned(),
            Stopped::Call(error) => format!("OpenCode did not do it: {error}"),
        })
    }
}

enum Stopped {
    Because(&'static str),
    Call(CallError),
}

impl From<CallError> for Stopped {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

async fn take_back(client: &Client, run: &Prompted) -> Result<(), Stopped> {
    let session = client.session(&run.session).await?;
    if session.get("directory").and_then(Value::as_str).is_some_and(|dir| dir != run.folder) {
        return Err(Stopped::Because(GONE));
    }
    if !client.has_message(&run.session, &run.message_id).await? {
        return Err(Stopped::Because(GONE));
    }
    // What is taken back already is not there any more.
    let already = session.pointer("/revert/messageID").and_then(Value::as_str);
    let messages = client.messages(&run.session).await?;
    if went_on(&messages, &run.message_id, already) {
        return Err(Stopped::Because(WENT_ON));
    }
    let session = client.revert(&run.session, first_prompt(&messages, &run.message_id)).await?;
    if session.pointer("/revert/messageID").is_none() {
        return Err(Stopped::Because(GONE));
    }
    if session.pointer("/revert/snapshot").is_none() {
        // It only hides the messages then: they are shown again.
        client.unrevert(&run.session).await?;
        return Err(Stopped::Because(NO_SNAPSHOT));
    }
    Ok(())
}

async fn bring_back(client: &Client, run: &Prompted) -> Result<(), Stopped> {
    let session = client.session(&run.session).await?;
    if session.pointer("/revert/messageID").is_none() {
        return Err(Stopped::Because(FINAL));
    }
    client.unrevert(&run.session).await?;
    Ok(())
}

/// Was the session prompted after this message, but for what is taken back already? OpenCode's ids ascend.
fn went_on(messages: &[Value], after: &str, taken_back: Option<&str>) -> bool {
    prompts(messages).any(|(id, _)| id > after && taken_back.is_none_or(|from| id < from))
}

/// The run's own first prompt: one that was held at its budget is known by the prompt that let it go on.
fn first_prompt<'a>(messages: &'a [Value], known: &'a str) -> &'a str {
    let mut prompts: Vec<(&str, &Value)> = prompts(messages).filter(|(id, _)| *id <= known).collect();
    let goes_on = |message: &Value| {
        message.pointer("/parts/0/text").and_then(Value::as_str) == Some(orgx_proto::prompt::GO_ON)
    };
    while prompts.len() > 1 && prompts.last().is_some_and(|(_, message)| goes_on(message)) {
        prompts.pop();
    }
    prompts.last().map_or(known, |(id, _)| id)
}

/// The prompts of a session, oldest first, but for OpenCode's own.
fn prompts(messages: &[Value]) -> impl Iterator<Item = (&str, &Value)> {
    messages
        .iter()
        .filter(|message| message.pointer("/info/role").and_then(Value::as_str) == Some("user"))
        .filter(|message| !is_synthetic(message))
        .filter_map(|message| Some((message.pointer("/info/id")?.as_str()?, message)))
}

/// OpenCode's own prompts, as after a compaction: part of the run.
fn is_synthetic(message: &Value) -> bool {
    let parts = message.get("parts").and_then(Value::as_array);
    let own = |part: &Value| {
        part.get("synthetic").and_then(Value::as_bool) == Some(true)
            || part.get("type").and_then(Value::as_str) == Some("compaction")
    };
    parts.is_some_and(|parts| !parts.is_empty() && parts.iter().all(own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_that_was_held_is_taken_back_from_its_first_prompt_on() {
        let user = |id: &str, text: &str| json!({"info": {"id": id, "role": "user"}, "parts": [{"type": "text", "text": text}]});
        let go_on = orgx_proto::prompt::GO_ON;
        let messages =
            [user("msg_1", "earlier"), user("msg_2", "work"), user("msg_3", go_on), user("msg_4", go_on)];
        for (known, first) in [("msg_4", "msg_2"), ("msg_3", "msg_2"), ("msg_2", "msg_2"), ("msg_0", "msg_0")]
        {
            assert_eq!(first_prompt(&messages, known), first);
        }
        assert_eq!(
            first_prompt(&messages[2..], "msg_4"),
            "msg_3",
            "what came before is too long ago to be listed"
        );
    }

    #[test]
    fn a_session_that_was_prompted_since_is_known() {
        let user =
            |id: &str| json!({"info": {"id": id, "role": "user"}, "parts": [{"type": "text", "text": "x"}]});
        let answer = |id: &str| json!({"info": {"id": id, "role": "assistant"}, "parts": []});
        let own = json!({"info": {"id": "msg_4", "role": "user"},
                         "parts": [{"type": "text", "synthetic": true}, {"type": "compaction"}]});
        for (messages, taken_back, went) in [
            (vec![user("msg_1"), user("msg_2"), answer("msg_3")], None, false),
            (vec![user("msg_2"), answer("msg_3"), own.clone()], None, false),
            (vec![user("msg_2"), answer("msg_3"), user("msg_5")], None, true),
            (vec![user("msg_2"), answer("msg_3"), user("msg_5")], Some("msg_5"), false),
            (vec![user("msg_2"), user("msg_4"), user("msg_5")], Some("msg_5"), true),
        ] {
            assert_eq!(went_on(&messages, "msg_2", taken_back), went, "{messages:?} {taken_back:?}");
        }
    }
}
