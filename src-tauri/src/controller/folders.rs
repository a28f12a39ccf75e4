//! Folders that a person names: what is typed, chosen or asked for, before agents may work there.

use super::failure;
use crate::view::model::Failure;
use std::path::{Path, PathBuf};

/// Longest path, in bytes.
const PATH: usize = 4 * 1024;
/// What is said first of a folder that cannot be had.
const TITLE: &str = "The folder was not added";

/// The folder that this names; `~` is the home folder. Not one that holds what is no work: the whole disk, the home
/// folder with all keys and mail in it, and what programs keep for themselves there.
pub(super) fn named(typed: &str, home: &str) -> Result<PathBuf, Failure> {
    let path = expand(typed.trim(), home);
    if typed.len() > PATH || !path.is_absolute() || !path.is_dir() {
        return Err(failure(TITLE, "There is no such folder"));
    }
    check(&path, Path::new(home))?;
    Ok(path)
}

/// May agents be let into it?
pub(super) fn check(folder: &Path, home: &Path) -> Result<(), Failure> {
    // What a link leads to is what agents would work in.
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (folder, home) = (real(folder), real(home));
    let why = if folder.parent().is_none() {
        "It is the whole disk: choose the folder of your work"
    } else if home.starts_with(&folder) {
        "It holds all that is yours, keys and mail, too: choose the folder of your work in it"
    } else if is_hidden(&folder, &home) {
        "Programs keep their settings and keys there: choose the folder of your work"
    } else {
        return Ok(());
    };
    Err(failure(TITLE, why))
}

/// Does its way begin with a dot below the home folder?
fn is_hidden(folder: &Path, home: &Path) -> bool {
    let first = folder.strip_prefix(home).ok().and_then(|rest| rest.components().next());
    first.is_some_and(|first| first.as_os_str().to_string_lossy().starts_with('.'))
}

fn expand(typed: &str, home: &str) -> PathBuf {
    match typed.strip_prefix('~') {
        Some(rest) if !home.is_empty() && (rest.is_empty() || rest.starts_with(std::path::is_separator)) => {
            // Joined part by part: a path that begins with a separator would replace the home folder.
            Path::new(home).join(rest.trim_start_matches(std::path::is_separator))
        }
        _ => PathBuf::from(typed),
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test that cannot be set up fails")]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_the_home_folder_and_only_where_it_stands_alone() {
        for (typed, path) in [
            ("~", "/home/me/"),
            ("~/code/shop", "/home/me/code/shop"),
            ("~you/x", "~you/x"),
            ("/srv/~/x", "/srv/~/x"),
        ] {
            assert_eq!(expand(typed, "/home/me"), Path::new(path), "{typed}");
        }
        assert_eq!(expand("~/x", ""), Path::new("~/x"));
    }

    #[test]
    fn the_disk_the_home_folder_and_hidden_ones_are_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let home_text = home.path().to_str().expect("UTF-8");
        for folder in [".ssh/keys", "code/.hidden"] {
            std::fs::create_dir_all(home.path().join(folder)).expect("a folder");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(home.path().join(".ssh"), home.path().join("link")).expect("a link");
        let mut bad = vec!["/", "~", "~/", "~/code/..", "~/.ssh", "~/.ssh/keys"];
        bad.extend(cfg!(unix).then_some("~/link"));
        for bad in bad {
            let refused = named(bad, home_text).expect_err(bad);
            assert!(
                refused.text.ends_with("choose the folder of your work in it.")
                    || refused.text.ends_with("choose the folder of your work."),
                "{bad}: {refused}"
            );
        }
        assert!(named("~/code/.hidden", home_text).is_ok());
    }

    #[test]
    fn a_folder_is_there_or_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let home_text = home.path().to_str().expect("UTF-8");
        std::fs::create_dir_all(home.path().join("code/shop")).expect("a folder");
        assert_eq!(named(" ~/code/shop ", home_text), Ok(home.path().join("code/shop")));
        for bad in ["~/code/none", "code/shop", "", "~nobody"] {
            let refused = named(bad, home_text).expect_err(bad);
            assert_eq!(refused.text, "There is no such folder.");
        }
    }
}
