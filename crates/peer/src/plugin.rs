//! The plugin for OpenCode: one JavaScript file in OpenCode's own folder for plugins, written and removed by us.
//!
//! Promises: a file that we did not write, or that somebody has changed since, is neither replaced nor removed; the file
//! is replaced whole. What the plugin does stands in it, and in `docs/plugin.md`.

use crate::config::Environment;
use crate::paths::{Paths, write_private};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The plugin, as it is before it knows where it is installed.
const SOURCE: &str = include_str!("plugin/orgx-peer.js");
/// What the source has in the place of what is known at the install.
const UNKNOWN: &str = "const INSTALLED = {}";
/// The name of its file.
const NAME: &str = "orgx-peer.js";
/// How the first line of a file of ours begins; its version and the digest of all that follows come after it.
const MARK: &str = "// orgx-peer plugin ";
/// Beside a plugin OpenCode 1.18.33 installs a package of its own, and waits for it: 70 s where the registry cannot be
/// reached, 2 s with this. It counts for OpenCode's own folder only; one that is there already stays as it is.
const NPMRC: &str = "# written by orgx-peer plugin install: where the registry cannot be reached, OpenCode starts all the same\nfetch-retries=0\n";

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginState {
    /// No file.
    Absent,
    /// Ours, of this version and for this place.
    Installed,
    /// Ours, of another version or for another place.
    Outdated,
    /// Ours once; somebody has changed it.
    Edited,
    /// Not ours.
    Foreign,
}

/// What there is, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginStatus {
    /// What there is.
    pub state: PluginState,
    /// The file, whether it is there or not.
    pub path: PathBuf,
    /// The version that stands in it.
    pub version: Option<String>,
}

/// Why the plugin was not written or removed.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// There is no home folder to look in.
    #[error("there is no home folder, so OpenCode's folder for plugins is not known; set HOME")]
    NoHome,
    /// The file is not ours, or not any more.
    #[error(
        "{path} was not written by this program, or was changed since; nothing was done. Move it away, then try again",
        path = .0.display()
    )]
    NotOurs(PathBuf),
    /// The OS refused.
    #[error("{path} cannot be written or removed: {error}", path = .path.display())]
    Os {
        /// The file.
        path: PathBuf,
        /// What the OS said.
        error: io::Error,
    },
}

/// The plugin on this computer.
#[derive(Clone, Debug)]
pub struct Plugin {
    path: PathBuf,
    text: String,
}

impl Plugin {
    /// The plugin as it would be written for this environment; `program` is our own, which it may start.
    ///
    /// # Errors
    /// When there is no home folder.
    pub fn of(env: &Environment, program: Option<&Path>) -> Result<Self, PluginError> {
        let paths = Paths::of(env).ok_or(PluginError::NoHome)?;
        Ok(Self {
            path: folder(env).ok_or(PluginError::NoHome)?.join(NAME),
            text: text(&paths.state, program),
        })
    }

    /// What there is.
    pub fn status(&self) -> PluginStatus {
        let status = |state, version| PluginStatus { state, path: self.path.clone(), version };
        let there = match std::fs::read_to_string(&self.path) {
            Ok(there) => there,
            Err(error) if error.kind() == ErrorKind::NotFound => return status(PluginState::Absent, None),
            Err(_) => return status(PluginState::Foreign, None),
        };
        let Some((version, digest, rest)) = marked(&there) else { return status(PluginState::Foreign, None) };
        let version = Some(version.to_owned());
        if digest_of(rest) != digest {
            return status(PluginState::Edited, version);
        }
        let state = if there == self.text { PluginState::Installed } else { PluginState::Outdated };
        status(state, version)
    }

    /// Writes it; `false`: it was there already.
    ///
    /// # Errors
    /// When another file is in its place, or the OS refuses.
    pub fn install(&self) -> Result<bool, PluginError> {
        let os = |error| PluginError::Os { path: self.path.clone(), error };
        match self.status().state {
            PluginState::Installed => return Ok(false),
            PluginState::Edited | PluginState::Foreign => {
                return Err(PluginError::NotOurs(self.path.clone()));
            }
            PluginState::Absent | PluginState::Outdated => {}
        }
        std::fs::create_dir_all(self.path.parent().unwrap_or(Path::new("."))).map_err(os)?;
        write_private(&self.path, self.text.as_bytes()).map_err(os)?;
        if let Some(npmrc) = self.npmrc().filter(|npmrc| !npmrc.exists()) {
            write_private(&npmrc, NPMRC.as_bytes())
                .map_err(|error| PluginError::Os { path: npmrc, error })?;
        }
        Ok(true)
    }

    /// Removes it; `false`: there was none.
    ///
    /// # Errors
    /// When another file is in its place, or the OS refuses.
    pub fn remove(&self) -> Result<bool, PluginError> {
        match self.status().state {
            PluginState::Absent => return Ok(false),
            PluginState::Edited | PluginState::Foreign => {
                return Err(PluginError::NotOurs(self.path.clone()));
            }
            PluginState::Installed | PluginState::Outdated => {}
        }
        let os = |path: &Path| {
            let path = path.to_owned();
            move |error| PluginError::Os { path, error }
        };
        std::fs::remove_file(&self.path).map_err(os(&self.path))?;
        if let Some(npmrc) =
            self.npmrc().filter(|npmrc| std::fs::read_to_string(npmrc).is_ok_and(|text| text == NPMRC))
        {
            std::fs::remove_file(&npmrc).map_err(os(&npmrc))?;
        }
        Ok(true)
    }

    /// In OpenCode's own folder.
    fn npmrc(&self) -> Option<PathBuf> {
        Some(self.path.parent()?.parent()?.join(".npmrc"))
    }
}

/// Where OpenCode looks for the plugins of all folders. PROTOCOL: opencode.md 7; 1.18.33 heeds XDG_CONFIG_HOME.
fn folder(env: &Environment) -> Option<PathBuf> {
    let config = env.path("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let config = config.or_else(|| Some(env.home()?.join(".config")))?;
    Some(config.join("opencode/plugin"))
}

fn text(state: &Path, program: Option<&Path>) -> String {
    let installed = serde_json::json!({ "program": program, "state": state, "npmrc": NPMRC });
    let rest = SOURCE.replacen(UNKNOWN, &format!("const INSTALLED = {installed}"), 1);
    format!("{MARK}{} {}\n{rest}", env!("CARGO_PKG_VERSION"), digest_of(&rest))
}

/// The version and the digest of the first line, and what follows it.
fn marked(text: &str) -> Option<(&str, &str, &str)> {
    let (first, rest) = text.split_once('\n')?;
    let (version, digest) = first.strip_prefix(MARK)?.split_once(' ')?;
    Some((version, digest, rest))
}

fn digest_of(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _infallible = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(home: &Path) -> Plugin {
        let env = Environment::of([]).with("HOME", home).with("ORGX_PEER_STATE_DIR", home.join("state"));
        let env = env.with("ORGX_PEER_CONFIG_DIR", home.join("config"));
        Plugin::of(&env, Some(Path::new("/opt/orgx \"peer\"/orgx-peer"))).expect("a home")
    }

    #[test]
    fn it_is_written_where_opencode_looks_knows_where_it_is_and_is_removed() {
        let home = tempfile::tempdir().expect("a folder");
        let plugin = plugin(home.path());
        let file = home.path().join(".config/opencode/plugin/orgx-peer.js");
        let absent = PluginStatus { state: PluginState::Absent, path: file.clone(), version: None };
        assert_eq!(plugin.status(), absent);
        assert!(!plugin.remove().expect("nothing to do"));
        assert!(plugin.install().expect("written") && !plugin.install().expect("it is there"));
        let text = std::fs::read_to_string(&file).expect("a file");
        assert!(text.contains(r#""program":"/opt/orgx \"peer\"/orgx-peer""#), "{}", &text[..2_000]);
        assert!(text.contains(&format!("\"state\":\"{}\"", home.path().join("state").display())));
        let status = plugin.status();
        assert_eq!(
            (status.state, status.version.as_deref()),
            (PluginState::Installed, Some(env!("CARGO_PKG_VERSION")))
        );
        let npmrc = home.path().join(".config/opencode/.npmrc");
        assert!(npmrc.exists());
        assert!(plugin.remove().expect("removed"));
        assert_eq!(plugin.status(), absent);
        assert!(!npmrc.exists());
        // One of the person's own stays as it is.
        std::fs::write(&npmrc, "registry=x\n").expect("a file");
        assert!(plugin.install().expect("written") && plugin.remove().expect("removed"));
        assert_eq!(std::fs::read_to_string(&npmrc).expect("a file"), "registry=x\n");
    }

    #[test]
    fn one_of_another_version_is_replaced_and_what_is_not_ours_is_left_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let plugin = plugin(home.path());
        let file = home.path().join(".config/opencode/plugin/orgx-peer.js");
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        let old = format!("{MARK}0.0.1 {}\nold", digest_of("old"));
        std::fs::write(&file, &old).expect("a file");
        let status = plugin.status();
        assert_eq!((status.state, status.version.as_deref()), (PluginState::Outdated, Some("0.0.1")));
        assert!(plugin.install().expect("replaced"));
        let edited = std::fs::read_to_string(&file).expect("a file") + "// mine\n";
        for (text, state) in [
            (edited.as_str(), PluginState::Edited),
            ("export const x = 1\n", PluginState::Foreign),
            ("", PluginState::Foreign),
        ] {
            std::fs::write(&file, text).expect("a file");
            assert_eq!(plugin.status().state, state);
            let error = plugin.install().expect_err("not ours").to_string();
            assert!(error.contains("nothing was done. Move it away"), "{error}");
            assert!(plugin.remove().is_err());
            assert_eq!(std::fs::read_to_string(&file).expect("a file"), text, "it was changed");
        }
    }

    #[test]
    fn it_stays_small_and_needs_nothing_but_what_opencode_has() {
        assert!(SOURCE.len() < 24 * 1024, "one small file");
        assert_eq!(SOURCE.matches(UNKNOWN).count(), 1);
        let imports: Vec<&str> = SOURCE.lines().filter(|line| line.starts_with("import ")).collect();
        assert!(imports.iter().all(|line| line.contains("from \"node:")), "{imports:?}");
    }
}
