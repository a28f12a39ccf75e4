//! What the servers that run say of their sessions.
//!
//! What a session does is asked by folder, and a server opens a folder that it is asked about. So a server is only asked
//! about folders of sessions that it may be working on: those that changed since it began. One that does not answer, or
//! not in time, says nothing; its process is then taken for what it may be.

use super::state::Status;
use super::{Session, SessionTokens};
use crate::driver::opencode::survey::{Doings, Seen};
use crate::limits;
use orgx_proto::redact::Redacted;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, HashSet};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Two clocks that tell of the same moment differ by at most this, in ms.
const SLACK_MS: i64 = 2_000;

/// A session that a server may be working on.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) id: String,
    pub(super) folder: String,
    /// When something last happened in it, in ms since the epoch.
    pub(super) heard: i64,
}

/// A server, and when it began, in ms since the epoch, if the OS tells.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) seen: Seen,
    pub(super) began: Option<i64>,
}

/// What all servers said.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Sessions that are not idle, and the port of the server that has each.
    pub(super) doing: HashMap<String, (Status, u16)>,
    /// Those of them that wait for an answer.
    pub(super) asking: HashSet<String>,
    /// Sessions that they know.
    pub(super) sessions: Vec<Session>,
    /// The ports of those that answered.
    pub(super) answering: HashSet<u16>,
}

/// Asks all of them at once.
pub(super) async fn hear(servers: Vec<Server>, candidates: &[Candidate]) -> Heard {
    let mut asked = JoinSet::new();
    for server in servers.into_iter().take(limits::SESSIONS_SERVERS) {
        let candidates = candidates.to_vec();
        asked.spawn(async move {
            let port = server.seen.port();
            // One that is late counts as one that says nothing.
            let said = timeout(limits::SESSIONS_ASK, ask(server, candidates)).await.ok().flatten();
            (port, said)
        });
    }
    let mut heard = Heard::default();
    while let Some(said) = asked.join_next().await {
        let Ok((port, Some((sessions, doings)))) = said else { continue };
        heard.answering.insert(port);
        heard.sessions.extend(sessions);
        for doing in doings {
            take_in(&mut heard, &doing, port);
        }
    }
    heard
}

/// `None` when it does not answer, or not to all that matters.
async fn ask(server: Server, mut candidates: Vec<Candidate>) -> Option<(Vec<Session>, Vec<Doings>)> {
    if !server.seen.answers().await {
        return None;
    }
    // A server with a database of its own has sessions that ours does not know; without this list it still tells what
    // the others do.
    let listed = server.seen.sessions(limits::LISTED_SESSIONS).await.unwrap_or_default();
    let sessions: Vec<Session> = listed.iter().filter_map(session).collect();
    let known: HashSet<String> = candidates.iter().map(|candidate| candidate.id.clone()).collect();
    let others = sessions.iter().filter(|session| !known.contains(&session.id));
    candidates.extend(others.map(|session| Candidate {
        id: session.id.clone(),
        folder: session.directory.clone(),
        heard: session.updated_at,
    }));
    let mut asked = JoinSet::new();
    for folder in folders(candidates, server.began) {
        let seen = server.seen.clone();
        asked.spawn(async move { seen.doings(&folder).await.ok() });
    }
    let mut doings = Vec::new();
    while let Some(doing) = asked.join_next().await {
        doings.push(doing.ok().flatten()?);
    }
    Some((sessions, doings))
}

/// The folders that a server of this age is asked about.
fn folders(mut candidates: Vec<Candidate>, began: Option<i64>) -> BTreeSet<String> {
    candidates
        .retain(|candidate| began.is_none_or(|began| candidate.heard.saturating_add(SLACK_MS) >= began));
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.heard));
    let mut folders = BTreeSet::new();
    for candidate in candidates {
        if folders.len() == limits::SESSIONS_FOLDERS {
            break;
        }
        folders.insert(candidate.folder);
    }
    folders
}

/// PROTOCOL: opencode.md 2.2, an abort leaves its asks behind: only those of sessions that are busy count.
fn take_in(heard: &mut Heard, doings: &Doings, port: u16) {
    for (id, status) in &doings.statuses {
        let word = |name: &str| status.get(name).and_then(Value::as_str);
        let status = match word("type") {
            Some("busy") => Status::Busy,
            Some("retry") => Status::Retry(word("message").map(|why| Redacted::new(why).into_string())),
            _ => continue,
        };
        heard.doing.insert(id.clone(), (status, port));
    }
    let asking = doings.asks.iter().filter_map(|ask| ask.get("sessionID")?.as_str());
    heard.asking.extend(asking.filter(|id| doings.statuses.contains_key(*id)).map(ToOwned::to_owned));
}

/// A session as a server tells of it. PROTOCOL: opencode.md 2, "Sessions".
fn session(value: &Value) -> Option<Session> {
    let text = |path: &str| value.pointer(path).and_then(Value::as_str).map(ToOwned::to_owned);
    let safe = |path: &str| text(path).map(|text| Redacted::new(&text).into_string());
    let count = |path: &str| value.pointer(path).and_then(Value::as_f64).unwrap_or_default() as u64;
    let time = |path: &str| value.pointer(path).and_then(Value::as_f64).map(|ms| ms as i64);
    Some(Session {
        id: text("/id")?,
        title: Redacted::cut(&text("/title").unwrap_or_default(), limits::TITLE_CHARS).into_string(),
        directory: text("/directory")?,
        project_id: text("/projectID").unwrap_or_default(),
        parent_id: text("/parentID"),
        agent: safe("/agent"),
        model: safe("/model/providerID")
            .zip(safe("/model/id"))
            .map(|(provider, id)| format!("{provider}/{id}")),
        cost: value.get("cost").and_then(Value::as_f64).unwrap_or_default(),
        tokens: SessionTokens {
            input: count("/tokens/input"),
            output: count("/tokens/output"),
            reasoning: count("/tokens/reasoning"),
            cache_read: count("/tokens/cache/read"),
            cache_write: count("/tokens/cache/write"),
        },
        created_at: time("/time/created")?,
        updated_at: time("/time/updated")?,
        archived: time("/time/archived").is_some(),
        run_id: text("/metadata/orgx_run_id"),
        ..Session::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_server_is_asked_about_what_changed_since_it_began_and_no_more() {
        let candidate =
            |n: usize, heard| Candidate { id: format!("ses_{n}"), folder: format!("/{n}"), heard };
        let some = vec![candidate(1, 10_000), candidate(2, 7_999), candidate(1, 90_000)];
        assert_eq!(folders(some.clone(), Some(10_000)), BTreeSet::from(["/1".to_owned()]));
        assert_eq!(folders(some, None).len(), 2, "where nobody tells when it began, about all");
        let most = limits::SESSIONS_FOLDERS;
        let many = (0..most + 10).map(|n| candidate(n, n as i64)).collect();
        let asked = folders(many, None);
        assert_eq!(asked.len(), most);
        assert!(asked.contains(&format!("/{}", most + 9)) && !asked.contains("/9"), "the newest");
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_given_up_in_time() {
        let listeners: Vec<_> =
            (0..4).map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
        let servers = listeners.iter().map(|listener| {
            let port = listener.local_addr().expect("its address").port();
            Server { seen: Seen::at(port), began: None }
        });
        // Which one gives up first is not what matters: together they take no longer than one.
        let heard = timeout(limits::SESSIONS_ASK * 2, hear(servers.collect(), &[])).await.expect("in time");
        assert!(heard.answering.is_empty() && heard.doing.is_empty());
    }

    #[test]
    fn an_ask_counts_while_its_session_is_busy() {
        let mut heard = Heard::default();
        let statuses = json!({
            "ses_busy": { "type": "busy" }, "ses_new": { "type": "dancing" },
            "ses_retry": { "type": "retry", "attempt": 2, "message": "refused: Bearer oxk_abcdef123", "next": 1 },
        });
        let asks = ["ses_busy", "ses_gone"].map(|id| json!({ "id": "per_1", "sessionID": id }));
        let doings =
            Doings { statuses: statuses.as_object().expect("an object").clone(), asks: asks.to_vec() };
        take_in(&mut heard, &doings, 4096);
        let why = Some("refused: Bearer [redacted]".to_owned());
        let expected = [("ses_busy", Status::Busy), ("ses_retry", Status::Retry(why))];
        let expected = expected.map(|(id, status)| (id.to_owned(), (status, 4096)));
        assert_eq!(heard.doing, HashMap::from(expected));
        assert_eq!(heard.asking, HashSet::from(["ses_busy".to_owned()]));
    }

    #[test]
    fn a_session_is_read_as_a_server_tells_it() {
        let told = json!({
            "id": "ses_1", "projectID": "p", "directory": "/a", "cost": 0.5, "title": "T", "parentID": "ses_0",
            "tokens": { "input": 1, "output": 2, "reasoning": 3, "cache": { "read": 4, "write": 5 } },
            "time": { "created": 6, "updated": 7.0, "archived": 8 }, "agent": "build",
            "model": { "id": "m", "providerID": "fake", "variant": "default" }, "metadata": { "orgx_run_id": "run" },
        });
        let expected = Session {
            id: "ses_1".into(),
            title: "T".into(),
            directory: "/a".into(),
            project_id: "p".into(),
            parent_id: Some("ses_0".into()),
            agent: Some("build".into()),
            model: Some("fake/m".into()),
            cost: 0.5,
            tokens: SessionTokens { input: 1, output: 2, reasoning: 3, cache_read: 4, cache_write: 5 },
            created_at: 6,
            updated_at: 7,
            run_id: Some("run".into()),
            archived: true,
            ..Session::default()
        };
        assert_eq!(session(&told), Some(expected));
        assert_eq!(session(&json!({ "id": "ses_1" })), None);
    }
}
