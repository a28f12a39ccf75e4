//! Folders that a person names: what is typed, chosen or asked for, before agents may work there.

use super::failure;
use crate::view::model::Failure;
use std::path::{Path, PathBuf};

/// Longest path, in bytes.
const PATH: usize = 4 * 1024;
/// What is said first of a folder that cannot be had.
const TITLE: &str = "The folder was not added";

/// The folder that this names; `~` is the home folder.
pub(super) fn named(typed: &str, home: &str) -> Result<PathBuf, Failure> {
    let path = expand(typed.trim(), home);
    if typed.len() > PATH || !path.is_absolute() || !path.is_dir() {
        return Err(failure(TITLE, "There is no such folder"));
    }
    Ok(path)
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
