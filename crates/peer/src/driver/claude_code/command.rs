//! What `claude` is called with.

use super::tracker::Session;
use crate::config::ClaudeConfig;
use crate::driver::program::{RUN_ID, beside, without_ours};
use orgx_proto::dispatch::Start;
use orgx_proto::ids::SessionHandle;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;
use uuid::Uuid;

/// Variables by which a Claude Code tells what it starts that it is inside of one. A peer that was itself started by one
/// starts new ones, not inner ones. PROTOCOL: seen with 2.1.328.
const INSIDE: [&str; 10] = [
    "CLAUDECODE",
    "CLAUDE_PID",
    "CLAUDE_CODE_CHILD_NOTES_DIR",
    "CLAUDE_CODE_CHILD_SESSION",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_EXECPATH",
    "CLAUDE_CODE_MESSAGING_SOCKET",
    "CLAUDE_CODE_MESSAGING_TOKEN",
    "CLAUDE_CODE_SESSION_ATTENDED",
    "CLAUDE_CODE_SESSION_ID",
];

/// One task, in the words of `claude`.
#[derive(Debug)]
pub(super) struct Order {
    config: ClaudeConfig,
    pub(super) folder: String,
    pub(super) session: SessionHandle,
    /// Was the session there before the run?
    pub(super) kind: Session,
    model: Option<String>,
    agent: Option<String>,
    run_id: String,
}

impl Order {
    /// What of a task `claude` can be told; a sentence when it cannot be told all that matters.
    pub(super) fn of(start: &Start, config: ClaudeConfig) -> Result<Self, String> {
        let folder = start.folder.clone();
        let folder =
            folder.ok_or("the task names no folder, and no default folder is set on this computer")?;
        if !start.permission.is_empty() {
            // PROTOCOL: the rules are in OpenCode's words.
            return Err(
                "this task limits what the agent may do, in rules that Claude Code cannot be held to".into(),
            );
        }
        if start.ask_before_commands {
            return Err(
                "the person wants to be asked before commands, and Claude Code can ask nobody here".into()
            );
        }
        let resumed = start.resume.as_ref().and_then(|resume| resume.place.session.as_ref());
        let (session, kind) = match (&start.session, resumed) {
            (Some(session), _) => (session.clone(), Session::GoneOnWith),
            (None, Some(session)) => (session.clone(), Session::New),
            (None, None) => (SessionHandle::new(Uuid::new_v4().to_string()), Session::New),
        };
        // PROTOCOL: `--resume` takes a name, too, and looks for one that fits.
        if Uuid::parse_str(session.as_str()).is_err() {
            return Err("the session that this task goes on with is none of Claude Code's".into());
        }
        Ok(Self {
            config,
            folder,
            session,
            kind,
            model: start.model.as_deref().map(model).transpose()?,
            agent: start.agent.clone(),
            run_id: start.run_id.as_str().to_owned(),
        })
    }

    pub(super) fn environment(&self) -> &[(String, String)] {
        &self.config.environment
    }

    /// The command; `again`: the run goes on in its session. No shell is between us and it, so nothing needs quoting;
    /// `--name=value` takes any value.
    pub(super) fn command(&self, program: &Path, again: bool) -> Command {
        let mut command = Command::new(program);
        command.args(["-p", "--output-format=stream-json", "--verbose"]);
        let flag = if again || self.kind == Session::GoneOnWith { "--resume" } else { "--session-id" };
        command.arg(format!("{flag}={}", self.session));
        command.args(self.config.permission_mode.map(|mode| format!("--permission-mode={mode}")));
        command.args(self.config.plugin_dir.as_ref().map(|dir| format!("--plugin-dir={}", dir.display())));
        command.args(self.model.as_ref().map(|model| format!("--model={model}")));
        command.args(self.agent.as_ref().map(|agent| format!("--agent={agent}")));
        without_ours(&mut command);
        beside(&mut command, program);
        for name in INSIDE {
            command.env_remove(name);
        }
        command
            .envs(self.config.environment.iter().cloned())
            // What it leaves running is known by it.
            .env(RUN_ID, &self.run_id)
            .env("PWD", &self.folder)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// `anthropic/claude-x` is `claude-x` here; a model of another provider cannot be run.
fn model(named: &str) -> Result<String, String> {
    match named.split_once('/') {
        Some(("anthropic", model)) => Ok(model.to_owned()),
        Some((provider, _)) => {
            Err(format!("the task names a model of {provider}, which Claude Code cannot run"))
        }
        None => Ok(named.to_owned()),
    }
}
