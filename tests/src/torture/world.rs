//! Where a round is played: an OrgX, an agent of one kind, and folders.

use super::Setting;
use super::plan::{Dialect, Plan, rules};
use crate::Stage;
use crate::opencode::{Server, mortal, path_with, shared};
use crate::process;
use crate::proxy::Proxy;
use orgx_sandbox::daemon::Daemon;
use orgx_sandbox::model::Asked;
use orgx_sandbox::opencode::OpenCodeHome;
use rustix::process::Signal;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::process::Command;

/// The stage and who acts on it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) stage: Stage,
    pub(super) agent: Agent,
    pub(super) folders: Vec<PathBuf>,
}

#[derive(Debug)]
pub(super) enum Agent {
    Daemon(Daemon),
    OpenCode {
        server: Arc<Server>,
        way: Proxy,
    },
    /// The peer starts its own.
    Managed {
        home: OpenCodeHome,
        program: PathBuf,
    },
}

impl World {
    pub(super) async fn set(setting: Setting) -> Self {
        let stage = Stage::set().await;
        stage.gateway.set_skills(rules());
        let folders = ["first", "second", "third"].map(|name| stage.project(name)).to_vec();
        let config = "[opencode]\nuse_running = false\n";
        let (agent, more) = match setting {
            Setting::Daemon => {
                let daemon = Daemon::start().await.expect("a daemon");
                daemon.write_state_file(&stage.home()).expect("a state file");
                (Agent::Daemon(daemon), "start_when_needed = false\n")
            }
            Setting::OpenCode => {
                let server = shared().await;
                let way = Proxy::to(server.port).await;
                (Agent::OpenCode { server, way }, "")
            }
            Setting::Managed => {
                let home = OpenCodeHome::create(stage.root(), &stage.model.base_url()).expect("a home");
                (Agent::Managed { home, program: mortal(stage.root()) }, "")
            }
        };
        std::fs::write(stage.config().join("config.toml"), format!("{config}{more}")).expect("a file");
        Self { stage, agent, folders }
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.agent {
            Agent::Daemon(_) => Dialect::Daemon,
            Agent::OpenCode { .. } | Agent::Managed { .. } => Dialect::Server,
        }
    }

    /// Starts the peer.
    pub(super) fn command(&self) -> Command {
        let mut command = self.stage.command();
        match &self.agent {
            Agent::Daemon(_) => {}
            Agent::OpenCode { server, way } => {
                command.env("OPENCODE_SERVER_URL", format!("http://127.0.0.1:{}", way.port));
                command.envs(server.password.as_ref().map(|password| ("OPENCODE_SERVER_PASSWORD", password)));
            }
            Agent::Managed { home, program } => {
                command.envs(home.env()).env("PATH", path_with(program.parent()));
            }
        }
        command
    }

    /// Tells the agent what it will do.
    pub(super) fn script(&self, plan: &Plan) {
        match &self.agent {
            Agent::Daemon(daemon) => daemon.script(&plan.run_id, plan.lines()),
            _ => self.stage.model.script(&plan.run_id, plan.turns()),
        }
    }

    pub(super) fn open(&self, gate: &str) {
        match &self.agent {
            Agent::Daemon(daemon) => daemon.open(gate),
            _ => self.stage.model.open(gate),
        }
    }

    /// How many prompts the agent has had.
    pub(super) fn prompted(&self) -> usize {
        match &self.agent {
            Agent::Daemon(daemon) => daemon.prompts().len(),
            _ => self.stage.model.requests().iter().filter(|asked| is_first(asked)).count(),
        }
    }

    /// Returns once it has had that many.
    pub(super) async fn prompted_times(&self, times: usize) {
        match &self.agent {
            Agent::Daemon(daemon) => {
                let _late = daemon.wait_request("a prompt", |_| daemon.prompts().len() >= times).await;
            }
            _ => {
                let count = |all: &[Asked]| all.iter().filter(|asked| is_first(asked)).count() >= times;
                let _late = self.stage.model.wait_request("a prompt", count).await;
            }
        }
    }

    /// How often each run of these folders was prompted, as the agent's side knows it; and what is odd about that.
    pub(super) fn prompts(&self, folders: &BTreeSet<usize>) -> (BTreeMap<String, usize>, Vec<String>) {
        let (mut prompts, mut odd) = (BTreeMap::new(), Vec::new());
        if let Agent::Daemon(daemon) = &self.agent {
            for (key, _) in daemon.prompts() {
                *prompts.entry(key.trim_start_matches("key_of_").to_owned()).or_default() += 1;
            }
            return (prompts, odd);
        }
        // The model's side: one session a run, and in it the prompt stands once.
        let mut sessions: BTreeMap<String, HashSet<Option<String>>> = BTreeMap::new();
        // A script's keyword is a run's id.
        let scripted = |asked: &&Asked| !["title", "default"].contains(&asked.keyword.as_str());
        for asked in self.stage.model.requests().iter().filter(scripted) {
            sessions.entry(asked.keyword.clone()).or_default().insert(asked.session.clone());
            let messages = asked.body["messages"].as_array().map_or(&[][..], Vec::as_slice);
            let said = messages.iter().filter(|message| {
                message["role"] == "user" && message["content"].to_string().contains(&asked.keyword)
            });
            let said = said.map(|message| message["content"].to_string().matches(&asked.keyword).count());
            let said: usize = said.sum();
            if said != 1 {
                odd.push(format!("{}: its prompt stands {said} times before the model", asked.keyword));
            }
        }
        for (run_id, sessions) in sessions {
            prompts.insert(run_id, sessions.len());
        }
        for (run_id, messages) in self.user_messages(folders) {
            let seen = prompts.entry(run_id.clone()).or_default();
            if messages > 1 {
                odd.push(format!("{run_id}: OpenCode has {messages} user messages of it"));
            }
            *seen = messages.max(*seen);
        }
        odd.dedup();
        (prompts, odd)
    }

    /// OpenCode's side: the user messages of all sessions that name a run. Read where OpenCode keeps them: a server that
    /// is caught in the start of a folder answers nobody.
    fn user_messages(&self, folders: &BTreeSet<usize>) -> BTreeMap<String, usize> {
        let mut messages = BTreeMap::new();
        let Agent::OpenCode { server, .. } = &self.agent else { return messages };
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let db =
            rusqlite::Connection::open_with_flags(server.database(), flags).expect("OpenCode's database");
        let mut rows = db
            .prepare(
                "SELECT json_extract(session.metadata, '$.orgx_run_id') AS run, count(message.id)
                 FROM session LEFT JOIN message
                   ON message.session_id = session.id AND json_extract(message.data, '$.role') = 'user'
                 WHERE session.directory = ?1 AND run IS NOT NULL GROUP BY run",
            )
            .expect("its tables");
        for folder in folders.iter().map(|at| self.folders[*at].display().to_string()) {
            let of_folder = rows.query_map([folder], |row| Ok((row.get(0)?, row.get(1)?))).expect("its rows");
            for row in of_folder {
                let (run_id, users): (String, u32) = row.expect("a row");
                *messages.entry(run_id).or_default() += users as usize;
            }
        }
        assert!(folders.is_empty() || !messages.is_empty(), "OpenCode's database knows no run");
        messages
    }

    /// Whose processes are the peer's, and its agent's.
    pub(super) fn home(&self) -> PathBuf {
        match &self.agent {
            Agent::Managed { home, .. } => home.home().to_owned(),
            _ => self.stage.home(),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // After a failure there may be a server whose peer was killed.
        for pid in process::living_in(&self.home()) {
            process::send(pid, Signal::KILL);
        }
    }
}

/// Does this ask begin a run?
fn is_first(asked: &Asked) -> bool {
    asked.turn == 0 && asked.keyword != "title"
}
