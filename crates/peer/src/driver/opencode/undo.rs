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
const TOO_LONG_AGO: &str = "OpenCode does not list the session as far back as this run's prompt, so what came after it is not \
                            known and nothing was taken back; use /undo in OpenCode itself";
const NOT_THIS_RUN: &str = "what is taken back in this session is not this run alone, or was taken back in OpenCode itself, so \
                            nothing was done again; do again the oldest run that was taken back, or use /redo in OpenCode";
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
    let messages = client.all_messages(&run.session).await?;
    if went_on(&messages, &run.message_id, already) {
        return Err(Stopped::Because(WENT_ON));
    }
    let Some(first) = first_prompt(&messages, &run.message_id) else {
        return Err(Stopped::Because(TOO_LONG_AGO));
    };
    let session = client.revert(&run.session, first).await?;
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
    let Some(since) = session.pointer("/revert/messageID").and_then(Value::as_str) else {
        return Err(Stopped::Because(FINAL));
    };
    // `unrevert` brings back whatever is taken back, the person's own too.
    let messages = client.all_messages(&run.session).await?;
    if first_prompt(&messages, &run.message_id) != Some(since) {
        return Err(Stopped::Because(NOT_THIS_RUN));
    }
    client.unrevert(&run.session).await?;
    Ok(())
}

/// Was the session prompted after this message, but for what is taken back already? OpenCode's ids ascend. An answer
/// tells it too, where its prompt is not listed.
fn went_on(messages: &[Value], after: &str, taken_back: Option<&str>) -> bool {
    let holds = |id: &str| id > after && taken_back.is_none_or(|from| id < from);
    let own: Vec<&str> = messages.iter().filter(|message| is_synthetic(message)).filter_map(id).collect();
    let answered = |message: &Value| {
        let parent = message.pointer("/info/parentID").and_then(Value::as_str);
        parent.is_some_and(|parent| holds(parent) && !own.contains(&parent))
    };
    prompts(messages).any(|(id, _)| holds(id)) || messages.iter().any(answered)
}

/// The run's own first prompt: one that was held at its budget is known by the prompt that let it go on. `None`: it is not
/// listed.
fn first_prompt<'a>(messages: &'a [Value], known: &str) -> Option<&'a str> {
    let mut prompts: Vec<(&str, &Value)> = prompts(messages).filter(|(id, _)| *id <= known).collect();
    if prompts.last().is_none_or(|(id, _)| *id != known) {
        return None;
    }
    let goes_on = |message: &Value| {
        message.pointer("/parts/0/text").and_then(Value::as_str) == Some(orgx_proto::prompt::GO_ON)
    };
    while prompts.last().is_some_and(|(_, message)| goes_on(message)) {
        prompts.pop();
    }
    prompts.last().map(|(id, _)| *id)
}

fn id(message: &Value) -> Option<&str> {
    message.pointer("/info/id").and_then(Value::as_str)
}

/// The prompts of a session, oldest first, but for OpenCode's own.
fn prompts(messages: &[Value]) -> impl Iterator<Item = (&str, &Value)> {
    messages
        .iter()
        .filter(|message| message.pointer("/info/role").and_then(Value::as_str) == Some("user"))
        .filter(|message| !is_synthetic(message))
        .filter_map(|message| Some((id(message)?, message)))
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
    use std::sync::{Arc, Mutex};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn a_run_that_was_held_is_taken_back_from_its_first_prompt_on() {
        let user = |id: &str, text: &str| json!({"info": {"id": id, "role": "user"}, "parts": [{"type": "text", "text": text}]});
        let go_on = orgx_proto::prompt::GO_ON;
        let messages =
            [user("msg_1", "earlier"), user("msg_2", "work"), user("msg_3", go_on), user("msg_4", go_on)];
        for (known, first) in [("msg_4", "msg_2"), ("msg_3", "msg_2"), ("msg_2", "msg_2")] {
            assert_eq!(first_prompt(&messages, known), Some(first));
        }
        for (listed, known) in
            [(&messages[2..], "msg_4"), (&messages[2..], "msg_2"), (&messages[..], "msg_0")]
        {
            assert_eq!(first_prompt(listed, known), None, "what came before is too long ago to be listed");
        }
    }

    #[test]
    fn a_session_that_was_prompted_since_is_known() {
        let user =
            |id: &str| json!({"info": {"id": id, "role": "user"}, "parts": [{"type": "text", "text": "x"}]});
        let answer = |id: &str| json!({"info": {"id": id, "role": "assistant"}, "parts": []});
        let of = |id: &str, prompt: &str| json!({"info": {"id": id, "role": "assistant", "parentID": prompt}, "parts": []});
        let own = json!({"info": {"id": "msg_4", "role": "user"},
                         "parts": [{"type": "text", "synthetic": true}, {"type": "compaction"}]});
        for (messages, taken_back, went) in [
            (vec![user("msg_1"), user("msg_2"), answer("msg_3")], None, false),
            (vec![user("msg_2"), answer("msg_3"), own.clone()], None, false),
            (vec![user("msg_2"), answer("msg_3"), user("msg_5")], None, true),
            (vec![user("msg_2"), answer("msg_3"), user("msg_5")], Some("msg_5"), false),
            (vec![user("msg_2"), user("msg_4"), user("msg_5")], Some("msg_5"), true),
            // Its prompt is not listed any more.
            (vec![of("msg_7", "msg_5")], None, true),
            (vec![of("msg_7", "msg_5")], Some("msg_5"), false),
            (vec![of("msg_3", "msg_2"), of("msg_7", "msg_2")], None, false),
            (vec![user("msg_2"), own.clone(), of("msg_5", "msg_4")], None, false),
        ] {
            assert_eq!(went_on(&messages, "msg_2", taken_back), went, "{messages:?} {taken_back:?}");
        }
    }

    /// Answers each call; what was asked is kept.
    async fn server(session: Value, messages: Value) -> (Client, Arc<Mutex<Vec<String>>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}/", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut text = [0; 4_096];
                let read = stream.read(&mut text).await.expect("a request");
                let text = String::from_utf8_lossy(&text[..read]).into_owned();
                let what = text.split([' ', '?']).take(2).collect::<Vec<_>>().join(" ");
                let body = if what.ends_with("/message") { &messages } else { &session }.to_string();
                seen.lock().expect("it").push(what);
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
                let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.expect("it listens");
            }
        });
        (Client::new(origin.parse().expect("an address"), None, "test").expect("a client"), asked)
    }

    fn run() -> Prompted {
        Prompted { folder: "/w".into(), session: "ses_1".into(), message_id: "msg_2".into() }
    }

    #[tokio::test]
    async fn a_run_whose_prompt_is_not_listed_is_not_taken_back() {
        let session = json!({"id": "ses_1", "directory": "/w"});
        for (prompt, why) in [("msg_2", TOO_LONG_AGO), ("msg_5", WENT_ON)] {
            let messages =
                json!([{"info": {"id": "msg_7", "role": "assistant", "parentID": prompt}, "parts": []}]);
            let (client, asked) = server(session.clone(), messages).await;
            let stopped = take_back(&client, &run()).await;
            assert!(matches!(stopped, Err(Stopped::Because(said)) if said == why), "{prompt}");
            let asked = asked.lock().expect("it").clone();
            assert!(!asked.is_empty() && asked.iter().all(|what| what.starts_with("GET ")), "{asked:?}");
        }
    }

    #[tokio::test]
    async fn only_what_was_taken_back_of_this_run_is_brought_back() {
        let user =
            |id: &str| json!({"info": {"id": id, "role": "user"}, "parts": [{"type": "text", "text": "x"}]});
        for (since, done) in [("msg_2", true), ("msg_1", false), ("msg_3", false)] {
            let session = json!({"id": "ses_1", "directory": "/w", "revert": {"messageID": since}});
            let messages = json!([user("msg_1"), user("msg_2"), user("msg_3")]);
            let (client, asked) = server(session, messages).await;
            let brought = bring_back(&client, &run()).await;
            match brought {
                Ok(()) => assert!(done, "{since}"),
                Err(stopped) => {
                    assert!(!done && matches!(stopped, Stopped::Because(NOT_THIS_RUN)), "{since}");
                }
            }
            let unreverted = asked.lock().expect("it").contains(&"POST /session/ses_1/unrevert".to_owned());
            assert_eq!(unreverted, done, "{since}");
        }
    }
}
