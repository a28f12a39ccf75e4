//! How runs are run.

use super::ConfigError;
use super::file;
use orgx_proto::limits;
use orgx_proto::redact::Redacted;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How runs are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunsConfig {
    /// Runs at once.
    pub concurrent: usize,
    /// Runs at once in one folder.
    pub per_folder: usize,
    /// Where a task works that names no folder.
    pub default_folder: Option<PathBuf>,
    /// Where tasks may work; empty: anywhere.
    pub allowed_folders: Vec<PathBuf>,
    /// Does a task of OrgX in another folder wait for the person, instead of failing at once?
    pub ask_for_folders: bool,
    /// Does a task of OrgX wait for the person when its folder has uncommitted changes?
    pub ask_when_dirty: bool,
    /// Is the person asked before an agent runs a command?
    pub ask_before_commands: bool,
    /// What holds in some folders and what is below them.
    pub projects: Vec<ProjectConfig>,
}

/// What holds in a folder and below it, for tasks that do not say. Of several the deepest holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectConfig {
    /// The folder.
    pub path: PathBuf,
    /// `provider/model`.
    pub model: Option<String>,
    /// The agent ("build", "plan").
    pub agent: Option<String>,
}

/// What may be used before the person is asked. `None`: as much as it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetConfig {
    /// Tokens, as a receipt counts them.
    pub tokens: Option<u64>,
    /// US cents, as the agent counts them.
    pub cents: Option<u64>,
    /// Minutes of work.
    pub minutes: Option<u64>,
}

/// When `opencode run` is used instead of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CliUse {
    /// Never.
    Never,
    /// When there is no server, and none may or can be started.
    #[default]
    Fallback,
    /// Always.
    Always,
}

pub(super) fn runs(file: file::Runs, projects: Vec<file::Project>) -> Result<RunsConfig, ConfigError> {
    let positive = |name: &str, value: Option<usize>, default: usize| match value.unwrap_or(default) {
        0 => Err(ConfigError::Invalid { name: format!("runs.{name}"), why: "it must be at least 1".into() }),
        n => Ok(n),
    };
    for folder in file.allowed_folders.iter().chain(&file.default_folder) {
        absolute(folder, "a folder in [runs]")?;
    }
    for project in &projects {
        absolute(&project.path, "a path in [[project]]")?;
    }
    Ok(RunsConfig {
        concurrent: positive("concurrent", file.concurrent, limits::CONCURRENT_RUNS)?,
        per_folder: positive("per_folder", file.per_folder, 1)?,
        default_folder: file.default_folder,
        allowed_folders: file.allowed_folders,
        ask_for_folders: file.ask_for_folders.unwrap_or(false),
        ask_when_dirty: file.ask_when_dirty.unwrap_or(false),
        ask_before_commands: file.ask_before_commands.unwrap_or(false),
        projects: projects
            .into_iter()
            .map(|project| ProjectConfig { path: project.path, model: project.model, agent: project.agent })
            .collect(),
    })
}

/// A budget of nothing would start nothing, without a word why.
pub(super) fn positive_budgets(budget: &file::Budget) -> Result<(), ConfigError> {
    for (whose, budget) in [("run", budget.run), ("day", budget.day)] {
        let limits = [("tokens", budget.tokens), ("cents", budget.cents), ("minutes", budget.minutes)];
        if let Some((limit, _)) = limits.iter().find(|(_, most)| *most == Some(0)) {
            let why = "it must be at least 1; leave it out to have no such budget".into();
            return Err(ConfigError::Invalid { name: format!("budget.{whose}.{limit}"), why });
        }
    }
    Ok(())
}

fn absolute(folder: &Path, name: &str) -> Result<(), ConfigError> {
    if folder.is_absolute() {
        return Ok(());
    }
    let folder = Redacted::cut(&folder.to_string_lossy(), file::SHOWN_CHARS);
    let why = format!("{folder} is not an absolute path");
    Err(ConfigError::Invalid { name: name.into(), why })
}
