//! What the servers that run say of their sessions.
//!
//! What a session does is asked by folder, and a server opens a folder that it is asked about. So a server is only asked
//! about folders of sessions that it may be working on: those that changed since it began. One that does not answer, or
//! not in time, says nothing; its process is then taken for what it may be. A folder that fails costs only that folder's
//! word: what the server says of the others counts.

use super::state::Status;
use super::{Session, SessionTokens};
use crate::driver::opencode::survey::{Doings, Seen};
use crate::limits;
use orgx_proto::redact::Redacted;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, HashSet};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

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
    /// Folders of which one that answered said nothing, or not in time.
    pub(super) silent: HashSet<(u16, String)>,
}

/// Asks all of them at once.
pub(super) async fn hear(servers: Vec<Server>, candidates: &[Candidate]) -> Heard {
    let mut asked = JoinSet::new();
    // One that is late counts as one that says nothing.
    let until = Instant::now() + limits::SESSIONS_ASK;
    for server in servers.into_iter().take(limits::SESSIONS_SERVERS) {
        let candidates = candidates.to_vec();
        asked.spawn(async move {
            let port = server.seen.port();
            (port, ask(server, candidates, until).await)
        });
    }
    let mut heard = Heard::default();
    while let Some(said) = asked.join_next().await {
        let Ok((port, Some(said))) = said else { continue };
        heard.answering.insert(port);
        heard.sessions.extend(said.sessions);
        heard.silent.extend(said.silent.into_iter().map(|folder| (port, folder)));
        for doing in said.doings {
            take_in(&mut heard, &doing, port);
        }
    }
    heard
}

/// What one server said.
struct Said {
    sessions: Vec<Session>,
    doings: Vec<Doings>,
    /// Folders of which it did not say anything.
    silent: Vec<String>,
}

/// `None` when it does not answer, or says nothing of any folder.
async fn ask(server: Server, mut candidates: Vec<Candidate>, until: Instant) -> Option<Said> {
    if timeout_at(until, server.seen.answers()).await != Ok(true) {
        return None;
    }
    // A server with a database of its own has sessions that ours does not know; without this list it still tells what
    // the others do.
    let listed = timeout_at(until, server.seen.sessions(limits::LISTED_SESSIONS)).await;
    let listed = listed.ok().and_then(Result::ok).unwrap_or_default();
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
        asked.spawn(async move {
            let doings = timeout_at(until, seen.doings(&folder)).await;
            (folder, doings.ok().and_then(Result::ok))
        });
    }
    let mut said = Said { sessions, doings: Vec::new(), silent: Vec::new() };
    while let Some(doings) = asked.join_next().await {
        match doings.ok()? {
            (_, Some(doings)) => said.doings.push(doings),
            (folder, None) => said.silent.push(folder),
        }
    }
    (!said.doings.is_empty() || said.silent.is_empty()).then_some(said)
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    /// A server that works on `ses_1`, which asks, in `/good`; `/gone` fails, and `/hangs` never answers.
    async fn server() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream));
            }
        });
        Server { seen: Seen::at(port), began: None }
    }

    async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head);
        let asked = head.split(' ').nth(1).unwrap_or_default();
        let (path, folder) = asked.split_once("?directory=").unwrap_or((asked, ""));
        let (status, body) = match (path, folder) {
            (_, "%2Fhangs") => std::future::pending().await,
            (_, "%2Fgone") => ("500 Internal Server Error", json!({})),
            ("/global/health", _) => ("200 OK", json!({ "healthy": true, "version": "1.18.33" })),
            ("/session/status", _) => ("200 OK", json!({ "ses_1": { "type": "busy" } })),
            ("/permission", _) => ("200 OK", json!([{ "id": "per_1", "sessionID": "ses_1" }])),
            _ => ("200 OK", json!([])),
        };
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.shutdown().await
    }

    fn candidate(id: &str, folder: &str) -> Candidate {
        Candidate { id: id.into(), folder: folder.into(), heard: 1 }
    }

    #[tokio::test]
    async fn a_folder_that_fails_or_hangs_does_not_silence_its_server() {
        let server = server().await;
        let port = server.seen.port();
        let candidates =
            [candidate("ses_1", "/good"), candidate("ses_2", "/gone"), candidate("ses_3", "/hangs")];
        let heard = hear(vec![server.clone()], &candidates).await;
        assert_eq!(heard.answering, HashSet::from([port]));
        assert_eq!(heard.doing, HashMap::from([("ses_1".to_owned(), (Status::Busy, port))]));
        assert_eq!(heard.asking, HashSet::from(["ses_1".to_owned()]));
        let silent = ["/gone", "/hangs"].map(|folder| (port, folder.to_owned()));
        assert_eq!(heard.silent, HashSet::from(silent));
        let nothing = hear(vec![server], &candidates[1..2]).await;
        assert!(nothing.answering.is_empty(), "one that says nothing of any folder says nothing");
    }

    #[tokio::test]
    async fn no_more_servers_are_asked_than_the_limit() {
        let mut servers = Vec::new();
        for _ in 0..=limits::SESSIONS_SERVERS {
            servers.push(server().await);
        }
        let first = servers.iter().take(limits::SESSIONS_SERVERS).map(|server| server.seen.port());
        let first: HashSet<u16> = first.collect();
        assert_eq!(hear(servers, &[]).await.answering, first);
    }

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
