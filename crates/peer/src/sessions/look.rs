//! One look at everything that knows of sessions, put together.

use super::database::{self, Found, Stored, Which};
use super::file::Trouble;
use super::live::{self, Candidate, Heard, Server};
use super::processes::{self, Process};
use super::state::{self, Facts, Last, Status, Worker};
use super::turn::{Mine, Turn};
use super::work::{self, Job};
use super::{OpenSession, Session, Sessions, open, runs};
use crate::config::{Environment, OpenCodeConfig};
use crate::driver::opencode::survey::{self, Seen};
use crate::limits;
use crate::paths::Paths;
use orgx_proto::redact::Redacted;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::timeout;

/// Where to look.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// The environment, which says where OpenCode's database is.
    pub(crate) env: Environment,
    pub(crate) opencode: OpenCodeConfig,
    pub(crate) paths: Paths,
    /// Our own server, if this process has one.
    pub(crate) own: Option<Seen>,
    /// Who looks now.
    pub(crate) turn: Turn,
}

/// Why there is no look.
const NOT_ENDED: &str = "the last look at OpenCode's sessions has not ended: a disk or a server may not answer; try again in a moment";

impl Look {
    /// OpenCode's database. What OpenCode is started with wins over what we were.
    fn database(&self) -> Option<PathBuf> {
        let given = self.opencode.environment.iter();
        let env = given.fold(self.env.clone(), |env, (name, value)| env.with(name, value));
        database::path(&env)
    }
}

/// The sessions. Takes [`limits::SESSIONS_READ`] and [`limits::SESSIONS_ASK`] at most, whatever hangs, after waiting for the
/// look before, [`limits::SESSIONS_TURN`] at most.
pub(crate) async fn look(at: Look, all: bool, folder: Option<PathBuf>) -> Sessions {
    let Some(mine) = at.turn.take().await else {
        return Sessions {
            trouble: Some(format!("{}.", NOT_ENDED.replacen('t', "T", 1))),
            ..Sessions::default()
        };
    };
    let program = at.opencode.program.clone();
    let folder = match folder {
        Some(folder) => names(&mine, folder).await,
        None => Vec::new(),
    };
    let which = Which { all, folder, id: None };
    let mut all = survey(&at, &mine, which.clone()).await;
    all.add_unknown(&which);
    let sessions = all.told(now_ms(), which.all, program.as_deref());
    Sessions { trouble: all.trouble(), sessions }
}

/// How a person opens this session: with `join`, in the server that works on it, if one does; else in a program of its
/// own. `live` is whether a run of ours is under way in it. The error is a sentence without its end.
pub(crate) async fn find_one(
    at: Look,
    session: &str,
    folder: Option<&str>,
    join: bool,
    live: bool,
) -> Result<OpenSession, String> {
    let Some(program) = at.opencode.program.clone() else {
        return Err(
            "there is no `opencode` program on this computer; install OpenCode, or name it in config.toml \
                    ([opencode] program)"
                .into(),
        );
    };
    if !open::is_id(session) {
        return Err("its session is not one that `opencode` can open".into());
    }
    let mine = at.turn.take().await.ok_or(NOT_ENDED)?;
    let which = Which { all: true, id: Some(session.to_owned()), ..Which::default() };
    let all = survey(&at, &mine, which).await;
    let known = all.found.sessions.iter().map(|stored| &stored.session).chain(&all.heard.sessions);
    let known = known.into_iter().find(|known| known.id == session);
    let doing = all.heard.doing.get(session).map(|(_, port)| *port);
    if known.is_none() && doing.is_none() && matches!(all.trouble, None | Some(Trouble::Missing)) {
        return Err("its session is gone: OpenCode does not have it any more".into());
    }
    let folder = known.map(|known| known.directory.as_str()).or(folder);
    let folder = folder.map(PathBuf::from).ok_or("the folder of its session is not known")?;
    if !is_folder(&mine, folder.clone()).await {
        return Err("the folder of its session is gone, or does not answer".into());
    }
    let opened =
        open::open(session, &folder, &program).ok_or("its session is not one that `opencode` can open")?;
    let opened = OpenSession { environment: at.opencode.environment.clone(), ..opened };
    if !join {
        return match doing {
            Some(_) => Err("the agent works on it; `orgx-peer runs attach` joins it".into()),
            None => Ok(opened),
        };
    }
    let mut servers = all.servers.iter().filter(|server| all.heard.answering.contains(&server.seen.port()));
    let server = match doing {
        Some(port) => servers.find(|server| server.seen.port() == port),
        // Between two steps, or held: the first one that knows it, ours before others.
        None if live => first_that_knows(servers.by_ref(), session).await,
        None => None,
    };
    Ok(server.map_or(opened.clone(), |server| attach(opened, &server.seen, session)))
}

async fn first_that_knows<'a>(
    servers: impl Iterator<Item = &'a Server>,
    session: &str,
) -> Option<&'a Server> {
    for server in servers {
        if timeout(limits::SESSIONS_ASK, server.seen.knows(session)).await == Ok(true) {
            return Some(server);
        }
    }
    None
}

/// PROTOCOL: `opencode attach --help` (1.18): url, --session, --dir; user and password by the environment.
fn attach(opened: OpenSession, server: &Seen, session: &str) -> OpenSession {
    let folder = opened.folder.to_string_lossy().into_owned();
    let login = server
        .login()
        .map(|(user, password)| [("OPENCODE_SERVER_USERNAME", user), ("OPENCODE_SERVER_PASSWORD", password)]);
    let login = login.into_iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let arguments =
        ["attach".to_owned(), server.url(), "--session".into(), session.into(), "--dir".into(), folder];
    let environment = opened.environment.into_iter().chain(login).collect();
    OpenSession { arguments: arguments.into(), environment, ..opened }
}

/// A folder's names: as it was given, and its own. One that does not answer has only the first.
async fn names(mine: &Mine, folder: PathBuf) -> Vec<String> {
    let given = folder.clone();
    let own = mine.read(move || folder.canonicalize());
    let own = timeout(limits::FOLDER_CHECK, own).await.ok().and_then(|own| own.ok()?.ok());
    std::iter::once(given).chain(own).map(|name| name.to_string_lossy().into_owned()).collect()
}

async fn is_folder(mine: &Mine, folder: PathBuf) -> bool {
    let look = mine.read(move || folder.is_dir());
    timeout(limits::FOLDER_CHECK, look).await.is_ok_and(Result::unwrap_or_default)
}

/// Everything that was found out.
struct Surveyed {
    found: Found,
    trouble: Option<Trouble>,
    /// Where the sessions are from, by its own name.
    database: Option<PathBuf>,
    processes: Option<Vec<Process>>,
    servers: Vec<Server>,
    heard: Heard,
    runs: HashMap<String, String>,
}

async fn survey(at: &Look, mine: &Mine, which: Which) -> Surveyed {
    let (config, paths, own) = (at.opencode.clone(), at.paths.clone(), at.own.clone());
    let database = at.database();
    let named = database.clone();
    let seen = mine.read(move || {
        let processes = processes::all();
        let ports: Vec<u16> = processes.iter().flatten().flat_map(|process| process.ports.clone()).collect();
        let servers = survey::servers(&config, &paths, own, &ports);
        let database = named.and_then(|path| path.canonicalize().ok());
        (processes, servers, runs::of_sessions(&paths), database)
    });
    let (stored, seen) = tokio::join!(stored(mine, database, which), timeout(limits::SESSIONS_READ, seen));
    let (found, trouble) = match stored {
        Ok(found) => (found, None),
        Err(trouble) => (Found::default(), Some(trouble)),
    };
    let (processes, servers, runs, database) = seen.ok().and_then(Result::ok).unwrap_or_default();
    let began = |port: u16| {
        let mut all = processes.iter().flatten();
        all.find(|process| process.ports.contains(&port)).map(|process| process.started_at)
    };
    let servers: Vec<Server> =
        servers.into_iter().map(|seen| Server { began: began(seen.port()), seen }).collect();
    let now = now_ms();
    let candidates: Vec<Candidate> =
        found.sessions.iter().filter(|stored| may_work(stored, now)).map(candidate).collect();
    let heard = live::hear(servers.clone(), &candidates).await;
    Surveyed { found, trouble, database, processes, servers, heard, runs }
}

/// Could a server be working on it?
fn may_work(stored: &Stored, now: i64) -> bool {
    stored.last.open_since().is_some() || now.saturating_sub(stored.session.updated_at) < state::READY_MS
}

fn candidate(stored: &Stored) -> Candidate {
    let Session { id, directory, updated_at, .. } = &stored.session;
    Candidate { id: id.clone(), folder: directory.clone(), heard: *updated_at }
}

/// What the database holds. A disk that hangs is left behind, and what it was read for is ended.
async fn stored(mine: &Mine, path: Option<PathBuf>, which: Which) -> Result<Found, Trouble> {
    let Some(path) = path else { return Err(Trouble::Missing) };
    let open = Arc::new(Mutex::new(None));
    let opened = Arc::clone(&open);
    let read = mine.read(move || {
        database::read(&path, &which, |handle| {
            opened.lock().unwrap_or_else(PoisonError::into_inner).replace(handle);
        })
    });
    match timeout(limits::SESSIONS_READ, read).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => Err(Trouble::Unreadable("this is a bug in OrgX Peer".into())),
        Err(_) => {
            if let Some(handle) = open.lock().unwrap_or_else(PoisonError::into_inner).take() {
                handle.interrupt();
            }
            Err(Trouble::Slow)
        }
    }
}

impl Surveyed {
    /// Takes in what servers know and our database does not: they may have one of their own.
    fn add_unknown(&mut self, which: &Which) {
        let known: HashSet<&str> =
            self.found.sessions.iter().map(|stored| stored.session.id.as_str()).collect();
        let mut unknown: HashMap<&str, &Session> = HashMap::new();
        for session in &self.heard.sessions {
            if let Some(parent) = &session.parent_id {
                self.found.parents.entry(session.id.clone()).or_insert_with(|| parent.clone());
            }
            let wanted = (which.all || (session.parent_id.is_none() && !session.archived))
                && (which.folder.is_empty() || which.folder.contains(&session.directory));
            // Past its bound the list is not filled up from elsewhere.
            if wanted && !self.found.more && !known.contains(session.id.as_str()) {
                unknown.insert(&session.id, session);
            }
        }
        let unknown = unknown.into_values().map(|session| {
            let last = Last::Finished { at: session.updated_at, calls: false };
            Stored { session: session.clone(), last }
        });
        let unknown: Vec<Stored> = unknown.collect();
        self.found.sessions.extend(unknown);
        self.found.sessions.sort_by(|a, b| {
            let order = |stored: &Stored| std::cmp::Reverse(stored.session.updated_at);
            order(a).cmp(&order(b)).then_with(|| a.session.id.cmp(&b.session.id))
        });
        self.found.more |= self.found.sessions.len() > limits::LISTED_SESSIONS;
        self.found.sessions.truncate(limits::LISTED_SESSIONS);
    }

    /// The list, in its order.
    fn told(&self, now: i64, all: bool, program: Option<&Path>) -> Vec<Session> {
        let asking = self.asking();
        let processes = self.processes.as_deref().unwrap_or_default();
        let jobs: Vec<Job<'_>> = self.found.sessions.iter().map(job).collect();
        let workers = work::workers(
            &jobs,
            processes,
            |pid, folder| self.tells(pid, folder),
            self.database.as_deref(),
            now,
        );
        let told = self.found.sessions.iter().map(|stored| {
            let id = stored.session.id.as_str();
            let doing = self.heard.doing.get(id);
            let server =
                doing.and_then(|(_, port)| processes.iter().find(|process| process.ports.contains(port)));
            let worker = workers.get(id).copied();
            let facts = Facts {
                status: doing.map(|(status, _)| status),
                asks: asking.contains(id),
                last: stored.last,
                worker: match (worker, &self.processes) {
                    (Some(_), _) => Worker::There,
                    (None, Some(_)) => Worker::Gone,
                    (None, None) => Worker::Unknown { heard: stored.session.updated_at },
                },
            };
            let process = server.or(worker).or_else(|| work::opened(id, processes));
            let mut session = stored.session.clone();
            session.state = state::state(&facts, now);
            session.why = match facts.status {
                Some(Status::Retry(why)) => why.clone(),
                _ => None,
            };
            session.pid = process.map(|process| process.pid);
            session.terminal = process.and_then(|process| process.terminal.clone());
            session.run_id = self.runs.get(id).cloned().or(session.run_id);
            session.run_id = session.run_id.map(|run_id| Redacted::new(&run_id).into_string());
            session.resume = program.and_then(|program| Some(session.open(program)?.command_line()));
            session
        });
        let told: Vec<Session> = told.collect();
        if all { behind_parents(told) } else { told }
    }

    /// Is it a server that says what it does in this folder?
    fn tells(&self, pid: u32, folder: &Path) -> bool {
        let processes = self.processes.iter().flatten().filter(|process| process.pid == pid);
        let said_nothing = |port: u16| {
            self.heard.silent.iter().any(|(silent, at)| *silent == port && Path::new(at) == folder)
        };
        let mut ports = processes.flat_map(|process| &process.ports);
        ports.any(|port| self.heard.answering.contains(port) && !said_nothing(*port))
    }

    /// The sessions that wait for an answer, and those whose subagents do.
    fn asking(&self) -> HashSet<&str> {
        let mut asking = HashSet::new();
        for id in &self.heard.asking {
            let mut id = Some(id.as_str());
            // One that is there already has had its parents looked at; a circle ends, too.
            while let Some(next) = id.filter(|id| asking.insert(*id)) {
                id = self.found.parents.get(next).map(String::as_str);
            }
        }
        asking
    }

    fn trouble(&self) -> Option<String> {
        let mut words = Vec::new();
        match &self.trouble {
            // OpenCode was never used here, or not yet.
            None | Some(Trouble::Missing) => {}
            Some(trouble) => words.push(format!("OpenCode's database {trouble}.")),
        }
        words.extend(self.found.lacks.map(|lacks| format!("{lacks}.")));
        if self.found.more {
            words.push(format!("Only the newest {} sessions are listed.", limits::LISTED_SESSIONS));
        }
        (!words.is_empty()).then(|| words.join(" "))
    }
}

fn job(stored: &Stored) -> Job<'_> {
    let session = &stored.session;
    Job {
        id: &session.id,
        folder: Path::new(&session.directory),
        parent: session.parent_id.as_deref(),
        created_at: session.created_at,
        updated_at: session.updated_at,
        last: stored.last,
    }
}

/// A subagent's session stands behind its parent's; one whose parent is not listed has a place of its own.
fn behind_parents(sessions: Vec<Session>) -> Vec<Session> {
    let listed: HashSet<String> = sessions.iter().map(|session| session.id.clone()).collect();
    let mut children: HashMap<String, Vec<Session>> = HashMap::new();
    let mut roots = Vec::new();
    for session in sessions {
        match session.parent_id.clone().filter(|parent| *parent != session.id && listed.contains(parent)) {
            Some(parent) => children.entry(parent).or_default().push(session),
            None => roots.push(session),
        }
    }
    let mut told = Vec::new();
    let mut next: Vec<Session> = roots.into_iter().rev().collect();
    while let Some(session) = next.pop() {
        next.extend(children.remove(&session.id).unwrap_or_default().into_iter().rev());
        told.push(session);
    }
    // A circle of parents: nobody begins it.
    told.extend(children.into_values().flatten());
    told
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    i64::try_from(now).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
