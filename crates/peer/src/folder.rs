//! May a task work in this folder?
//!
//! A folder must be absolute, exist, be a folder, and lie, after symlinks, in an allowed one when any are set.
//! What OrgX is told never names a local path.

use crate::config::RunsConfig;
use orgx_proto::agent::Failure;
use std::path::{Path, PathBuf};

/// Why a task may not work where it would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no such place to work in.
    Unusable(Failure),
    /// It is not among the allowed ones: the person could allow it. With what OrgX is told if not.
    NotAllowed(PathBuf, Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Unusable(failure)
    }
}

/// The folder to work in, resolved; `None` when the task names none and there is no default.
pub(crate) fn resolve(repo_path: Option<&str>, runs: &RunsConfig) -> Result<Option<PathBuf>, Refused> {
    let named = repo_path.map(str::trim).filter(|path| !path.is_empty()).map(Path::new);
    let Some(folder) = named.or(runs.default_folder.as_deref()) else {
        if runs.allowed_folders.is_empty() {
            return Ok(None);
        }
        return Err(unusable(
            "the task names no folder, and the person allowed only some folders for OrgX on this computer",
        ));
    };
    let whose = if named.is_some() { "the task's folder" } else { "this computer's default folder" };
    if !folder.is_absolute() {
        return Err(unusable(&format!("{whose} is not an absolute path")));
    }
    let real = match folder.canonicalize() {
        Ok(real) => real,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(unusable(&format!("{whose} does not exist on this computer")));
        }
        Err(_) => return Err(unusable(&format!("{whose} cannot be opened on this computer"))),
    };
    if !real.is_dir() {
        return Err(unusable(&format!("{whose} is a file, not a folder")));
    }
    if !runs.allowed_folders.is_empty() && !runs.allowed_folders.iter().any(|allowed| holds(allowed, &real)) {
        let refused = Failure::lasting(&format!(
            "{whose} is outside the folders that the person allowed for OrgX on this computer"
        ));
        return Err(Refused::NotAllowed(real, refused));
    }
    Ok(Some(real))
}

fn unusable(why: &str) -> Refused {
    Refused::Unusable(Failure::lasting(why))
}

fn holds(allowed: &Path, folder: &Path) -> bool {
    allowed.canonicalize().is_ok_and(|allowed| folder.starts_with(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(allowed: &[&Path], default: Option<&Path>) -> RunsConfig {
        RunsConfig {
            concurrent: 2,
            per_folder: 1,
            default_folder: default.map(Into::into),
            allowed_folders: allowed.iter().map(|path| (*path).into()).collect(),
            ask_for_folders: false,
            ask_when_dirty: false,
            ask_before_commands: false,
            projects: Vec::new(),
        }
    }

    #[test]
    fn a_folder_is_absolute_real_and_allowed() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("real");
        let (work, other) = (root.join("work"), root.join("other"));
        std::fs::create_dir_all(work.join("api")).expect("a folder");
        std::fs::create_dir_all(root.join("work-not")).expect("a folder");
        std::fs::create_dir_all(&other).expect("a folder");
        std::fs::write(work.join("file"), "x").expect("a file");
        #[cfg(unix)]
        std::os::unix::fs::symlink(&other, work.join("escape")).expect("a link");
        let text = |path: &Path| path.to_str().expect("text").to_owned();
        let allowed = runs(&[&work, &root.join("gone")], None);

        assert_eq!(resolve(Some(&text(&work)), &allowed), Ok(Some(work.clone())));
        assert_eq!(resolve(Some(&text(&work.join("api/../api"))), &allowed), Ok(Some(work.join("api"))));
        assert_eq!(resolve(Some(&text(&other)), &runs(&[], None)), Ok(Some(other.clone())));
        for (path, why) in [
            ("work".to_owned(), "not an absolute path"),
            (text(&root.join("nowhere")), "does not exist"),
            (text(&work.join("file")), "is a file"),
            (text(&other), "outside the folders"),
            (text(&root.join("work-not")), "outside the folders"),
            (text(&work.join("..")), "outside the folders"),
            (text(&work.join("escape")), "outside the folders"),
            ("/\0".to_owned(), "cannot be opened"),
        ] {
            let (failure, may_be_asked) = match resolve(Some(&path), &allowed).expect_err(&path) {
                Refused::Unusable(failure) => (failure, None),
                Refused::NotAllowed(folder, failure) => (failure, Some(folder)),
            };
            assert_eq!(may_be_asked.is_some(), why == "outside the folders", "{path}");
            assert!(may_be_asked.is_none_or(|folder| folder.starts_with(&root)), "resolved");
            assert!(failure.reason.as_str().contains(why), "{path}: {}", failure.reason);
            assert!(!failure.reason.as_str().contains("tmp"), "no local path: {}", failure.reason);
            assert!(!failure.recoverable);
        }
    }

    #[test]
    fn a_task_without_a_folder_takes_the_default_one() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("real");
        for none in [None, Some(""), Some("  ")] {
            assert_eq!(resolve(none, &runs(&[], None)), Ok(None));
            assert_eq!(resolve(none, &runs(&[], Some(&root))), Ok(Some(root.clone())));
            let Err(Refused::Unusable(failure)) = resolve(none, &runs(&[&root], None)) else {
                panic!("nowhere allowed");
            };
            assert!(failure.reason.as_str().contains("names no folder"));
        }
    }
}
