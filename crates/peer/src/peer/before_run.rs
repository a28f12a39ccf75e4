//! What a run is given before its driver has it: the model and agent of its folder, the person's own settings, and a look
//! at its working tree.

use crate::config::{ProjectConfig, RunsConfig};
use crate::limits;
use crate::worktree::{self, Tree};
use orgx_proto::dispatch::Start;
use orgx_proto::ids::DriverId;
use orgx_proto::message::{is_agent, is_model};
use std::path::Path;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// The settings that a run starts by.
#[derive(Clone, Debug, Default)]
pub(super) struct BeforeRun {
    projects: Vec<ProjectConfig>,
    ask_before_commands: bool,
}

impl BeforeRun {
    pub(super) fn new(runs: &RunsConfig) -> Self {
        Self { projects: runs.projects.clone(), ask_before_commands: runs.ask_before_commands }
    }

    /// The start with what the person's settings add: the model and agent of the folder, where the task names none.
    pub(super) async fn complete(self, mut start: Start) -> Start {
        start.ask_before_commands = self.ask_before_commands;
        if (start.model.is_some() && start.agent.is_some()) || self.projects.is_empty() {
            return start;
        }
        let Some(folder) = start.folder.clone() else { return start };
        let projects = self.projects;
        let look = tokio::task::spawn_blocking(move || project_of(Path::new(&folder), &projects).cloned());
        // A disk that hangs holds nobody up for long.
        let project = timeout(limits::FOLDER_CHECK, look).await.ok().and_then(Result::ok).flatten();
        if let Some(ProjectConfig { model, agent, .. }) = project {
            let model = model.filter(|model| is_model(model));
            if start.driver == DriverId::claude_code() {
                // What is set for a folder is in OpenCode's words: of other providers' models and of OpenCode's agents
                // Claude Code knows nothing.
                start.model = start.model.or(model.filter(|model| model.starts_with("anthropic/")));
            } else {
                start.model = start.model.or(model);
                start.agent = start.agent.or(agent.filter(|agent| is_agent(agent)));
            }
        }
        start
    }

    /// Looks at the working tree of a run that is prompted for the first time, beside its start.
    pub(super) fn look(start: &Start) -> Option<AbortOnDropHandle<Option<Tree>>> {
        let folder = start.folder.clone().filter(|_| start.resume.is_none())?;
        let look = async move { worktree::look(Path::new(&folder)).await };
        Some(AbortOnDropHandle::new(tokio::spawn(look)))
    }
}

/// The deepest project that holds the folder, after symlinks; of two for one folder, the later in the file.
fn project_of<'a>(folder: &Path, projects: &'a [ProjectConfig]) -> Option<&'a ProjectConfig> {
    let real = |project: &'a ProjectConfig| Some((project.path.canonicalize().ok()?, project));
    let holding = projects.iter().filter_map(real).filter(|(path, _)| folder.starts_with(path));
    holding.max_by_key(|(path, _)| path.components().count()).map(|(_, project)| project)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgx_proto::ids::{DispatchKey, RunId};

    fn start(folder: &Path) -> Start {
        Start {
            run_id: RunId::new("r"),
            key: DispatchKey::new("k"),
            driver: DriverId::opencode(),
            title: String::new(),
            prompt: String::new(),
            model: None,
            agent: None,
            session: None,
            permission: Vec::new(),
            ask_before_commands: false,
            folder: folder.to_str().map(Into::into),
            resume: None,
            restored: false,
        }
    }

    #[tokio::test]
    async fn the_deepest_project_that_holds_the_folder_fills_in_what_the_task_does_not_name() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("real");
        std::fs::create_dir_all(root.join("w/api/src")).expect("a folder");
        std::fs::create_dir_all(root.join("w/api-2")).expect("a folder");
        std::fs::create_dir_all(root.join("w/claude")).expect("a folder");
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.join("w/api"), root.join("link")).expect("a link");
        let project = |path: &str, model: Option<&str>, agent: Option<&str>| ProjectConfig {
            path: root.join(path),
            model: model.map(Into::into),
            agent: agent.map(Into::into),
        };
        let before = BeforeRun {
            projects: vec![
                project(if cfg!(unix) { "link" } else { "w/api" }, Some("a/api"), None),
                project("w", Some("a/w"), Some("plan")),
                project("gone", Some("a/gone"), None),
                project("w/api-2", Some("no model"), Some("build")),
                project("w/claude", Some("anthropic/claude-x"), Some("build")),
            ],
            ask_before_commands: true,
        };
        for (folder, model, agent) in [
            ("w/api/src", Some("a/api"), None),
            ("w/api", Some("a/api"), None),
            ("w", Some("a/w"), Some("plan")),
            ("w/api-2", None, Some("build")),
            (".", None, None),
        ] {
            let folder = root.join(folder).canonicalize().expect("a folder");
            let given = before.clone().complete(start(&folder)).await;
            assert_eq!(
                (given.model.as_deref(), given.agent.as_deref()),
                (model, agent),
                "{}",
                folder.display()
            );
            assert!(given.ask_before_commands);
        }
        let of_claude = |start: Start| Start { driver: DriverId::claude_code(), ..start };
        for (folder, model) in [("w/api", None), ("w/claude", Some("anthropic/claude-x"))] {
            let given = before.clone().complete(of_claude(start(&root.join(folder)))).await;
            assert_eq!((given.model.as_deref(), given.agent), (model, None), "{folder}");
        }
        let named = Start { model: Some("b/c".into()), ..start(&root.join("w")) };
        let given = before.complete(named).await;
        assert_eq!(
            (given.model.as_deref(), given.agent.as_deref()),
            (Some("b/c"), Some("plan")),
            "each for itself"
        );
    }
}
