//! What comes before a prompt: a session of the run's own, or the one that the task goes on with, and the rules that hold
//! in it. Design, promise 5.

use super::super::client::Client;
use super::super::feed::Feeds;
use super::follow::Run;
use super::{failed, message_id};
use crate::http::CallError;
use crate::limits;
use orgx_proto::agent::{Failure, PermissionRule};
use orgx_proto::dispatch::Start;
use orgx_proto::ids::SessionHandle;
use orgx_proto::limits::SESSION_RULES;
use orgx_proto::permission::{ask_before_commands, denials, narrow, of_subagents};
use serde_json::Value;

/// The agent that OpenCode takes when nobody names one.
const DEFAULT_AGENT: &str = "build";

/// A session that can be prompted, and the id that the prompt will have.
pub(super) async fn begin<'a>(
    client: &'a Client,
    feeds: &Feeds,
    start: &Start,
    folder: String,
) -> Result<(Run<'a>, String), Failure> {
    let made = |error: CallError| failed("OpenCode could not make a session", &error);
    let feed = feeds.open(client).await.map_err(made)?;
    if let Some(session) = &start.session {
        let newest = go_on_with(client, start, session, &folder).await?;
        let message_id = message_id(newest.as_deref());
        let mut run = Run::new(client, &feed, session.as_str().to_owned(), folder);
        run.goes_on_after(&message_id);
        return Ok((run, message_id));
    }
    // A peer before us may have got as far as its session.
    let kept = if start.restored {
        client.find_session(&folder, start.run_id.as_str()).await.map_err(made)?
    } else {
        None
    };
    let session = match kept {
        Some(session) => session,
        None => {
            let rules = session_rules(client, start, &folder, &[]).await?;
            let run_id = start.run_id.as_str();
            client.create_session(&folder, &start.title, run_id, &rules).await.map_err(made)?
        }
    };
    Ok((Run::new(client, &feed, session, folder), message_id(None)))
}

/// Makes sure that the task can go on with this session, and holds it to the rules. Returns its newest message's id.
async fn go_on_with(
    client: &Client,
    start: &Start,
    handle: &SessionHandle,
    folder: &str,
) -> Result<Option<String>, Failure> {
    let asked = |error: CallError| failed("OpenCode could not be asked about the task's session", &error);
    let no_such = || Failure::lasting("the session that the task goes on with is not on this computer");
    if !is_session_id(handle.as_str()) {
        return Err(no_such());
    }
    let session = match client.session(handle.as_str()).await {
        Err(CallError::Status { status: 404, .. }) => return Err(no_such()),
        session => session.map_err(asked)?,
    };
    if session.get("directory").and_then(Value::as_str) != Some(folder) {
        return Err(Failure::lasting(
            "the session that the task goes on with works in another folder than the task",
        ));
    }
    if session.get("parentID").and_then(Value::as_str).is_some() {
        return Err(Failure::lasting("the session that the task goes on with is a subagent's"));
    }
    // A prompt now would steer the work that is under way.
    if client.statuses(folder).await.map_err(asked)?.contains_key(handle.as_str()) {
        return Err(Failure::recoverable(
            "the session that the task goes on with is at work on something else; try again when it is done",
        ));
    }
    let has: Vec<PermissionRule> = match session.get("permission") {
        None | Some(Value::Null) => Vec::new(),
        Some(rules) => serde_json::from_value(rules.clone()).map_err(|_| {
            Failure::lasting("the rules of the session that the task goes on with are not understood")
        })?,
    };
    let is_ours = session.pointer("/metadata/orgx_run_id").is_some();
    if !start.permission.is_empty() && !is_ours {
        return Err(Failure::lasting(
            "the task brings permission rules, and they would stay with a session that is the person's own",
        ));
    }
    let rules = session_rules(client, start, folder, &has).await?;
    // A session keeps its rules: the same ones need not be there twice.
    if !rules.is_empty() && !has.ends_with(&rules) {
        if !is_ours {
            return Err(Failure::lasting(
                "the person wants to be asked before commands, and that would stay with a session that is the \
                 person's own",
            ));
        }
        // First, so that a try which fails here is made anew in whole.
        add_to_subagents(client, handle.as_str(), &of_subagents(&rules)).await?;
        client.add_rules(handle.as_str(), &rules).await.map_err(asked)?;
    }
    let messages = client.messages(handle.as_str()).await.map_err(asked)?;
    let ids = messages.iter().filter_map(|message| message.pointer("/info/id")?.as_str());
    Ok(ids.max().map(ToOwned::to_owned))
}

/// Puts rules into the sessions of a session's subagents, down to the last: an agent may go on with one of them, and
/// OpenCode hands a parent's rules on only when it makes one.
async fn add_to_subagents(client: &Client, session: &str, rules: &[PermissionRule]) -> Result<(), Failure> {
    if rules.is_empty() {
        return Ok(());
    }
    let failed =
        |error: CallError| failed("OpenCode could not hold the session's subagents to the rules", &error);
    let mut parents = vec![session.to_owned()];
    let mut held = 0;
    while let Some(parent) = parents.pop() {
        for child in client.children(&parent).await.map_err(failed)? {
            let id = child.get("id").and_then(Value::as_str).filter(|id| is_session_id(id));
            let Some(id) = id.filter(|_| held < limits::SUBAGENTS) else {
                return Err(Failure::lasting(
                    "the session that the task goes on with has more subagents than can be held to its rules; \
                     begin a new one",
                ));
            };
            held += 1;
            let has: Option<Vec<PermissionRule>> =
                child.get("permission").and_then(|rules| serde_json::from_value(rules.clone()).ok());
            if !has.is_some_and(|has| has.ends_with(rules)) {
                client.add_rules(id, rules).await.map_err(failed)?;
            }
            parents.push(id.to_owned());
        }
    }
    Ok(())
}

/// The rules for the run's session: what its dispatch takes away, and the person's own setting, held to what the person
/// allows; `has` are those that the session has.
async fn session_rules(
    client: &Client,
    start: &Start,
    folder: &str,
    has: &[PermissionRule],
) -> Result<Vec<PermissionRule>, Failure> {
    if start.permission.is_empty() && !start.ask_before_commands {
        return Ok(Vec::new());
    }
    let mut person = match agents_rules(client, start.agent.as_deref(), folder).await {
        Some(rules) => rules,
        // To ask could be wider than what the person set.
        None if start.ask_before_commands => {
            return Err(Failure::recoverable(
                "the person wants to be asked before commands, and OpenCode did not say which rules it has",
            ));
        }
        None => {
            tracing::warn!(run_id = %start.run_id, "OpenCode's own rules cannot be read; all that the task asks about or denies is denied");
            return Ok(denials(&start.permission));
        }
    };
    person.extend_from_slice(has);
    let mut rules = narrow(&person, &start.permission);
    if start.ask_before_commands {
        person.extend_from_slice(&rules);
        rules.extend(narrow(&person, &[ask_before_commands()]));
    }
    Ok(rules)
}

/// All rules that hold for the agent that will be prompted: built in, the person's for all agents, and for this one.
async fn agents_rules(client: &Client, agent: Option<&str>, folder: &str) -> Option<Vec<PermissionRule>> {
    let default = match agent {
        Some(_) => None,
        None => {
            let config = client.config(folder).await.ok()?;
            config.get("default_agent").and_then(Value::as_str).map(ToOwned::to_owned)
        }
    };
    let name = agent.or(default.as_deref()).unwrap_or(DEFAULT_AGENT);
    let agents = client.agents(folder).await.ok()?;
    let found = agents.iter().find(|found| found.get("name").and_then(Value::as_str) == Some(name))?;
    let rules: Vec<PermissionRule> = serde_json::from_value(found.get("permission")?.clone()).ok()?;
    (rules.len() <= SESSION_RULES).then_some(rules)
}

/// PROTOCOL: an id that is none is answered with 500; and it becomes part of a path.
fn is_session_id(id: &str) -> bool {
    id.len() > 4
        && id.starts_with("ses")
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
