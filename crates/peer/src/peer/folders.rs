//! The folders of tasks: looked at in the background, and what is in question about them.

use super::actor::{Actor, Signal};
use crate::folder::{self, Refused};
use crate::limits;
use crate::worktree::{self, Tree};
use orgx_proto::agent::Failure;
use orgx_proto::ids::RunId;
use orgx_proto::run::{StartKind, StartQuestion, StartWhat};
use std::path::{Path, PathBuf};

/// What was found of a task's folder.
#[derive(Debug)]
pub(super) struct Looked {
    folder: Result<Option<PathBuf>, Refused>,
    /// Its working tree, when the person wants to be asked about changes.
    tree: Option<Tree>,
}

/// What OrgX is told of a task whose folder has changes that nobody let it work beside.
const NOT_COMMITTED: &str = "the task's folder has changes that are not committed, and the person did not let the task \
                             start beside them";

impl Actor {
    pub(super) fn check_folder(&mut self, run_id: RunId, repo_path: Option<String>) {
        self.folder_check += 1;
        let number = self.folder_check;
        self.folder_checks.insert(run_id.clone(), number);
        let runs = self.config.runs.clone();
        let is_orgxs = self.dispatcher.run(&run_id).is_some_and(|run| !run.dispatch.local);
        let asks_about_changes = runs.ask_when_dirty && is_orgxs;
        // The one that the person allowed for this run, if it is one that they were asked about.
        let allowed = self.dispatcher.run(&run_id).filter(|run| run.allowed(StartKind::Folder));
        let allowed = allowed.and_then(|run| run.folder.clone());
        let look = move || folder::resolve(repo_path.as_deref(), &runs);
        self.in_background(async move {
            let looked = tokio::time::timeout(limits::FOLDER_CHECK, tokio::task::spawn_blocking(look)).await;
            let folder = match looked {
                Ok(Ok(folder)) => folder,
                _ => Err(Refused::Unusable(Failure::recoverable(
                    "the task's folder does not answer on this computer",
                ))),
            };
            let tree = match may_look(&folder, allowed.as_deref()) {
                Some(folder) if asks_about_changes => worktree::look(folder).await,
                _ => None,
            };
            Signal::Folder(run_id, number, Looked { folder, tree })
        });
    }

    pub(super) async fn on_folder(&mut self, run_id: RunId, number: u64, looked: Looked) {
        if self.folder_checks.get(&run_id) != Some(&number) {
            return;
        }
        self.folder_checks.remove(&run_id);
        let now = self.clock.now();
        let allowed = self.dispatcher.run(&run_id).is_some_and(|run| run.allowed(StartKind::Folder));
        let asks = self.config.runs.ask_for_folders || allowed;
        let (folder, refused) = match looked.folder {
            Ok(folder) => (folder, None),
            Err(Refused::NotAllowed(folder, refused)) if asks => (Some(folder), Some(refused)),
            Err(Refused::NotAllowed(_, failure) | Refused::Unusable(failure)) => {
                let effects = self.dispatcher.folder(&run_id, Err(failure), now);
                return self.carry_out(effects).await;
            }
        };
        let mut questions = Vec::new();
        if let (Some(folder), Some(refused)) = (&folder, refused) {
            questions.push(StartQuestion { what: StartWhat::Folder { folder: text(folder) }, refused });
        }
        if let (Some(folder), Some(tree)) = (&folder, looked.tree.filter(|tree| tree.changes > 0)) {
            let Tree { commit, changes } = tree;
            let what = StartWhat::Dirty { folder: text(folder), commit, changes };
            questions.push(StartQuestion { what, refused: Failure::recoverable(NOT_COMMITTED) });
        }
        let effects = self.dispatcher.looked(&run_id, folder.as_deref().map(text), questions, now);
        self.carry_out(effects).await;
    }
}

/// The folder whose tree git may be asked about: none that the person has not allowed.
fn may_look<'a>(folder: &'a Result<Option<PathBuf>, Refused>, allowed: Option<&str>) -> Option<&'a Path> {
    match folder {
        Ok(folder) => folder.as_deref(),
        Err(Refused::NotAllowed(folder, _)) => {
            Some(folder.as_path()).filter(|it| allowed == Some(&*text(it)))
        }
        Err(Refused::Unusable(_)) => None,
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_a_folder_is_looked_at_only_once_the_person_allowed_it() {
        let refused = || Err(Refused::NotAllowed("/w".into(), Failure::recoverable("no")));
        for (folder, allowed, looks) in [
            (Ok(Some("/w".into())), None, true),
            (Ok(None), None, false),
            (refused(), None, false),
            (refused(), Some("/other"), false),
            (refused(), Some("/w"), true),
            (Err(Refused::Unusable(Failure::recoverable("no"))), Some("/w"), false),
        ] {
            assert_eq!(may_look(&folder, allowed).is_some(), looks, "{folder:?} {allowed:?}");
        }
    }
}
