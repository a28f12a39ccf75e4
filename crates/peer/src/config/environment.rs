//! The environment as a value, so that configuration can be tested without changing the process's own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Environment variables.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

/// Names alone: some of the values are secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// This process's own.
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect(),
        )
    }

    /// With these variables and no others.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
    }

    /// The same with one variable set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// A variable, trimmed; a blank one counts as not set.
    pub fn text(&self, name: &str) -> Option<String> {
        let text = self.0.get(name)?.to_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A variable that names a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let path = self.0.get(name)?;
        if path.to_str().is_some_and(|text| text.trim().is_empty()) {
            return None;
        }
        Some(path.to_str().map_or_else(|| PathBuf::from(path), |text| PathBuf::from(text.trim())))
    }

    /// The home folder.
    pub fn home(&self) -> Option<PathBuf> {
        #[cfg(windows)]
        let name = "USERPROFILE";
        #[cfg(not(windows))]
        let name = "HOME";
        self.path(name).or_else(dirs::home_dir)
    }
}

/// A program on PATH, or where its own installer puts it.
pub(super) fn find_program(env: &Environment, name: &str) -> Option<PathBuf> {
    let path = env.0.get("PATH").cloned().unwrap_or_default();
    let own = env.home().map(|home| home.join(format!(".{name}/bin")));
    let places: Vec<PathBuf> = std::env::split_paths(&path).chain(own).collect();
    find_in(&places, name)
}

/// A program in one of these folders.
pub(super) fn find_in(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let found = folders.iter().map(|dir| dir.join(&file)).find(|file| is_program(file));
    // npm's way of putting a program on Windows.
    #[cfg(windows)]
    let found = found
        .or_else(|| folders.iter().map(|dir| dir.join(format!("{name}.cmd"))).find(|file| is_program(file)));
    found
}

/// A program in one of these folders of the home folder.
pub(super) fn find_in_home(env: &Environment, name: &str, folders: &[&str]) -> Option<PathBuf> {
    let home = env.home()?;
    let folders: Vec<PathBuf> = folders.iter().map(|folder| home.join(folder)).collect();
    find_in(&folders, name)
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}
