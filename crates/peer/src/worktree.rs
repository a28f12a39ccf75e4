//! What a folder's working tree looks like before a run: asked of the `git` program.
//!
//! Promises: nothing is changed, locked, fetched or asked for; no hook, filter, pager or file system monitor of the
//! repository runs; what takes too long, or says too much, is given up. No git and no repository: nothing is known.

use crate::limits;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

/// A working tree, as far as the folder goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    /// The commit, cut short; `None`: there is none yet.
    pub(crate) commit: Option<String>,
    /// Files that differ from it, those that git does not know included; past [`limits::TREE_BYTES`] of their names
    /// there are more.
    pub(crate) changes: u64,
}

/// How much of a commit's id is kept.
const COMMIT_CHARS: usize = 12;

/// What the folder is set to, over what its repository says.
const SETTINGS: &[&str] = &[
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.untrackedCache=keep",
    "status.showUntrackedFiles=normal",
    "credential.helper=",
];

/// The folder's tree; `None` when there is none, or it takes longer than [`limits::TREE_LOOK`].
pub(crate) async fn look(folder: &Path) -> Option<Tree> {
    look_with("git".as_ref(), folder, limits::TREE_LOOK).await
}

async fn look_with(git: &Path, folder: &Path, within: Duration) -> Option<Tree> {
    match timeout(within, ask(git, folder)).await {
        Ok(tree) => tree,
        Err(_) => {
            tracing::debug!("git took too long to say what the working tree looks like");
            None
        }
    }
}

async fn ask(git: &Path, folder: &Path) -> Option<Tree> {
    let mut settings: Vec<String> = SETTINGS.iter().map(|setting| (*setting).to_owned()).collect();
    for filter in filters(git, folder).await? {
        for end in ["clean=", "process=", "required=false"] {
            settings.push(format!("{filter}.{end}"));
        }
    }
    let status =
        ["status", "--porcelain=v2", "--branch", "-z", "--no-renames", "--ignore-submodules=all", "--", "."];
    let (said, code) = run(git, folder, &settings, &status).await?;
    // With no code there is more, and nobody waits for it.
    code.is_none_or(|code| code == 0).then(|| read(&said))
}

/// The filters that git's settings name for this folder; `None`: not all of them could be switched off.
async fn filters(git: &Path, folder: &Path) -> Option<BTreeSet<String>> {
    let (said, code) =
        run(git, folder, &[], &["config", "-z", "--name-only", "--get-regexp", r"^filter\."]).await?;
    match code {
        Some(0) => {}
        // There is none.
        Some(1) => return Some(BTreeSet::new()),
        _ => return None,
    }
    let mut filters = BTreeSet::new();
    for name in said.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        // `filter.x = y` names no filter.
        let Some((filter, _)) = std::str::from_utf8(name).ok()?.rsplit_once('.') else { continue };
        if filter == "filter" {
            continue;
        }
        // A setting ends at the first `=` when it is given as an argument.
        if filter.contains('=') {
            return None;
        }
        filters.insert(filter.to_owned());
    }
    (filters.len() <= limits::TREE_FILTERS).then_some(filters)
}

/// What git said, and its exit code; none when it said more than is read.
async fn run(
    git: &Path,
    folder: &Path,
    settings: &[String],
    arguments: &[&str],
) -> Option<(Vec<u8>, Option<i32>)> {
    let mut command = Command::new(git);
    for setting in settings {
        command.args(["-c", setting]);
    }
    command.args(arguments).current_dir(folder);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        // What the peer itself was started with says nothing of this folder; and no key goes to a child.
        if name.starts_with("GIT_") || name.starts_with("ORGX_") {
            command.env_remove(&*name);
        }
    }
    command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_LAZY_FETCH", "1");
    command.env("GIT_CEILING_DIRECTORIES", "").env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn().ok()?;
    let mut said = Vec::new();
    child.stdout.take()?.take(limits::TREE_BYTES).read_to_end(&mut said).await.ok()?;
    if said.len() as u64 == limits::TREE_BYTES {
        // There is more: nobody waits for it.
        let _gone = child.start_kill();
        return Some((said, None));
    }
    let code = child.wait().await.ok()?.code()?;
    Some((said, Some(code)))
}

/// PROTOCOL: git-status(1), "Porcelain Format Version 2" with `-z`.
fn read(said: &[u8]) -> Tree {
    let mut tree = Tree { commit: None, changes: 0 };
    for entry in said.split(|byte| *byte == 0) {
        if let Some(commit) = entry.strip_prefix(b"# branch.oid ") {
            let commit: String = commit.iter().take(COMMIT_CHARS).map(|byte| char::from(*byte)).collect();
            tree.commit = Some(commit).filter(|commit| commit.bytes().all(|byte| byte.is_ascii_hexdigit()));
        } else if matches!(entry, [b'1' | b'2' | b'u' | b'?', b' ', ..]) {
            tree.changes += 1;
        }
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(folder: &Path, arguments: &[&str]) {
        let mut command = std::process::Command::new("git");
        command.args([
            "-c",
            "user.email=t@example.com",
            "-c",
            "user.name=t",
            "-c",
            "init.defaultBranch=main",
        ]);
        let done = command.args(arguments).current_dir(folder).output().expect("git");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    #[tokio::test]
    async fn a_tree_is_a_commit_and_what_differs_from_it() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("real");
        assert_eq!(look(&root).await, None, "no repository");
        git(&root, &["init", "-q"]);
        assert_eq!(look(&root).await, Some(Tree { commit: None, changes: 0 }));
        for file in ["a", "b", "c d"] {
            std::fs::write(root.join(file), "x").expect("a file");
        }
        assert_eq!(look(&root).await, Some(Tree { commit: None, changes: 3 }));
        git(&root, &["add", "-A"]);
        git(&root, &["commit", "-q", "-m", "first"]);
        let tree = look(&root).await.expect("a tree");
        assert_eq!((tree.commit.as_ref().map(String::len), tree.changes), (Some(COMMIT_CHARS), 0));
        std::fs::write(root.join("a"), "y").expect("a file");
        std::fs::remove_file(root.join("b")).expect("a file");
        std::fs::create_dir(root.join("sub")).expect("a folder");
        std::fs::write(root.join("sub/new\nline"), "x").expect("a file");
        assert_eq!(look(&root).await.map(|tree| tree.changes), Some(3));
        assert_eq!(look(&root.join("sub")).await.map(|tree| tree.changes), Some(1), "of its folder only");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nothing_of_the_repository_is_run_and_nothing_is_waited_for() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("real");
        git(&root, &["init", "-q"]);
        let program = |name: &str, script: &str| {
            let path = root.join(".git").join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a program");
            path
        };
        let mark = root.join("ran");
        let trap = program("trap", &format!("touch '{}'", mark.display()));
        git(&root, &["config", "core.fsmonitor", &trap.display().to_string()]);
        git(&root, &["config", "core.pager", &trap.display().to_string()]);
        git(&root, &["config", "pager.status", "true"]);
        git(&root, &["config", "core.fsmonitor", "false"]);
        for file in ["a", "b"] {
            std::fs::write(root.join(file), "x").expect("a file");
        }
        git(&root, &["add", "-A"]);
        git(&root, &["config", "core.fsmonitor", &trap.display().to_string()]);
        std::fs::write(root.join(".gitattributes"), "a filter=one.x\nb filter=two\n").expect("a file");
        git(&root, &["config", "filter.one.x.clean", &trap.display().to_string()]);
        git(&root, &["config", "filter.one.x.required", "true"]);
        git(&root, &["config", "filter.two.process", &trap.display().to_string()]);
        for file in ["a", "b"] {
            std::fs::write(root.join(file), "y").expect("a file");
        }
        assert_eq!(look(&root).await.map(|tree| tree.changes), Some(3));
        assert!(!mark.exists(), "something of the repository ran");

        let slow = program("slow", "exec sleep 100");
        assert_eq!(look_with(&slow, &root, Duration::from_millis(50)).await, None);
        let endless = program(
            "endless",
            "[ \"$1\" = config ] && exit 1; while :; do printf '? x\\0? x\\0? x\\0? x\\0? x\\0? x\\0? x\\0? x\\0'; done",
        );
        let tree = look_with(&endless, &root, limits::TREE_LOOK * 10).await.expect("as much as is read");
        assert_eq!(tree.changes, limits::TREE_BYTES / 4);
        assert_eq!(look_with(&root.join("no-such-git"), &root, limits::TREE_LOOK).await, None);
        assert_eq!(look(&root.join("no-such-folder")).await, None);
    }

    #[tokio::test]
    async fn more_filters_than_are_switched_off_are_not_run_either() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("real");
        git(&root, &["init", "-q"]);
        let config = std::fs::read_to_string(root.join(".git/config")).expect("settings");
        let set = |filters: &str| {
            std::fs::write(root.join(".git/config"), format!("{config}{filters}")).expect("it");
        };
        let few = filters("git".as_ref(), &root).await.expect("few").len();
        let many = |most: usize| -> String {
            (few..most).map(|n| format!("[filter \"f{n}\"]\nclean = x\n")).collect()
        };
        set(&many(limits::TREE_FILTERS));
        assert!(look(&root).await.is_some());
        set(&many(limits::TREE_FILTERS + 1));
        assert_eq!(look(&root).await, None);
        set("[filter \"a=b\"]\nclean = x\n");
        assert_eq!(look(&root).await, None);
    }
}
