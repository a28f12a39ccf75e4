//! Changes `config.toml` in place, as a person would with an editor.
//!
//! Promises: comments, order and settings of other versions stay as they are; a file that cannot be understood is
//! refused and left alone; what two programs change at once is both kept; the file is replaced whole and readable by
//! this user alone. A link to a file elsewhere stays a link.

mod change;
#[cfg(test)]
mod tests;

use crate::config::{self, BudgetConfig, ConfigError, FILE_BYTES, File, NotificationKind};
use crate::limits;
use crate::paths::{Paths, make_private_dir, write_private};
use change::Change;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use toml_edit::DocumentMut;
use url::Url;

/// Why settings cannot be changed. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file, or what it says, cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Without a folder tasks may work anywhere; that has to be said, not left over.
    #[error("without a folder here agents may work anywhere; allow any folder, if that is what you want")]
    LastFolder,
    /// The file cannot be written.
    #[error("{path} cannot be written: {error}. Nothing was changed: make it writable, then try again", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the OS said.
        error: io::Error,
    },
}

/// Whose budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetOf {
    /// Each run's.
    Run,
    /// That of all runs of a day.
    Day,
}

impl BudgetOf {
    fn setting(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Day => "day",
        }
    }
}

/// Changes to `config.toml` that are made together.
#[derive(Debug)]
pub struct Settings {
    path: PathBuf,
    changes: Vec<Change>,
}

impl Settings {
    /// Begins to change the settings.
    ///
    /// # Errors
    /// When there is a file that cannot be read or understood.
    pub fn open(paths: &Paths) -> Result<Self, SettingsError> {
        let path = paths.config_file();
        read(&path)?;
        Ok(Self { path, changes: Vec::new() })
    }

    /// Whose tasks are taken.
    ///
    /// # Errors
    /// When this can be no workspace's id.
    pub fn workspace(&mut self, id: &str) -> Result<&mut Self, SettingsError> {
        let id = id.trim();
        if id.is_empty() {
            let why = "it is empty; OrgX shows the id in the workspace's settings".to_owned();
            return Err(ConfigError::Invalid { name: "the workspace id".into(), why }.into());
        }
        config::check_workspace_id(id, "the workspace id")?;
        Ok(self.set(&["orgx", "workspace_id"], id))
    }

    /// Where OrgX is.
    pub fn base_url(&mut self, url: &Url) -> &mut Self {
        self.set(&["orgx", "base_url"], url.as_str())
    }

    /// Is presence told?
    pub fn presence(&mut self, on: bool) -> &mut Self {
        self.set(&["orgx", "presence"], on)
    }

    /// Runs at once; at least one.
    pub fn concurrent(&mut self, runs: usize) -> &mut Self {
        self.set(&["runs", "concurrent"], i64::try_from(runs.max(1)).unwrap_or(i64::MAX))
    }

    /// Where tasks may work; none: anywhere.
    pub fn allowed_folders(&mut self, folders: &[PathBuf]) -> &mut Self {
        let folders: toml_edit::Array = folders.iter().map(|folder| text(folder)).collect();
        self.set(&["runs", "allowed_folders"], folders)
    }

    /// Tasks may work in this folder, too.
    pub fn allow_folder(&mut self, folder: &Path) -> &mut Self {
        self.changes.push(Change::member(&["runs", "allowed_folders"], &text(folder), true));
        self
    }

    /// Tasks may not work in this folder any more. The last one stays: [`SettingsError::LastFolder`].
    pub fn disallow_folder(&mut self, folder: &Path) -> &mut Self {
        self.changes.push(Change::one_stays(&["runs", "allowed_folders"], &text(folder)));
        self
    }

    /// Is the person asked about a task in a folder that is not allowed?
    pub fn ask_for_folders(&mut self, on: bool) -> &mut Self {
        self.set(&["runs", "ask_for_folders"], on)
    }

    /// Does a task wait for the person whose folder has uncommitted changes?
    pub fn ask_when_dirty(&mut self, on: bool) -> &mut Self {
        self.set(&["runs", "ask_when_dirty"], on)
    }

    /// Is the person asked before an agent runs a command?
    pub fn ask_before_commands(&mut self, on: bool) -> &mut Self {
        self.set(&["runs", "ask_before_commands"], on)
    }

    /// Are agents' questions shown at OrgX, too?
    pub fn remote_attention(&mut self, on: bool) -> &mut Self {
        self.set(&["attention", "remote"], on)
    }

    /// Is the lifecycle receiver on?
    pub fn lifecycle(&mut self, on: bool) -> &mut Self {
        self.set(&["lifecycle", "enabled"], on)
    }

    /// Are titles of sessions kept, that it is told of?
    pub fn lifecycle_titles(&mut self, on: bool) -> &mut Self {
        self.set(&["lifecycle", "titles"], on)
    }

    /// Is the computer kept awake while a run is active?
    pub fn keep_awake(&mut self, on: bool) -> &mut Self {
        self.set(&["power", "keep_awake"], on)
    }

    /// What may be used before the person is asked. A limit that is not given is none; so are all, when none is given.
    pub fn budget(&mut self, of: BudgetOf, budget: &BudgetConfig) -> &mut Self {
        let limits = [("tokens", budget.tokens), ("cents", budget.cents), ("minutes", budget.minutes)];
        let given = limits.into_iter().filter_map(|(name, limit)| {
            let limit = i64::try_from(limit?).unwrap_or(i64::MAX);
            Some((name, limit))
        });
        self.set(&["budget", of.setting()], given.collect::<toml_edit::InlineTable>())
    }

    /// Is the outbox written?
    pub fn outbox(&mut self, on: bool) -> &mut Self {
        self.set(&["outbox", "enabled"], on)
    }

    /// Are tasks taken for OpenCode?
    pub fn opencode(&mut self, on: bool) -> &mut Self {
        self.set(&["opencode", "enabled"], on)
    }

    /// Are tasks taken for Claude Code?
    pub fn claude(&mut self, on: bool) -> &mut Self {
        self.set(&["claude", "enabled"], on)
    }

    /// Is OpenCode started when a task needs it?
    pub fn start_opencode(&mut self, on: bool) -> &mut Self {
        self.set(&["opencode", "start_when_needed"], on)
    }

    /// Where OpenCode is.
    pub fn opencode_program(&mut self, program: &Path) -> &mut Self {
        self.set(&["opencode", "program"], text(program))
    }

    /// Is this notified about?
    pub fn notifications(&mut self, kind: NotificationKind, on: bool) -> &mut Self {
        self.set(&["notifications", kind.setting()], on)
    }

    /// Are deviations of this skill rule quiet?
    pub fn mute_rule(&mut self, skill_id: &str, muted: bool) -> &mut Self {
        self.changes.push(Change::member(&["notifications", "muted_rules"], skill_id, muted));
        self
    }

    /// Writes what was changed into what the file says by now.
    ///
    /// # Errors
    /// When the file cannot be understood any more, or cannot be written. Then nothing has changed.
    pub fn save(&self) -> Result<(), SettingsError> {
        let failed = |error| SettingsError::Write { path: self.path.clone(), error };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        make_private_dir(folder).map_err(failed)?;
        let _held = lock(&folder.join("config.lock")).map_err(failed)?;
        let text = read(&self.path)?;
        let mut document = parse(&self.path, &text)?;
        for change in &self.changes {
            if !change.make(&mut document) {
                return Err(SettingsError::LastFolder);
            }
        }
        let new = document.to_string();
        // What we would refuse to read is not written.
        understand(&self.path, &new)?;
        if new == text {
            return Ok(());
        }
        let file = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        write_private(&file, new.as_bytes()).map_err(failed)
    }

    fn set(&mut self, at: &[&'static str; 2], value: impl Into<toml_edit::Value>) -> &mut Self {
        self.changes.push(Change::set(at, value.into()));
        self
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The file's text, which can be understood; empty when there is none.
fn read(path: &Path) -> Result<String, SettingsError> {
    let problem = |why: String| ConfigError::File { path: path.to_owned(), why };
    let text = match std::fs::metadata(path) {
        Ok(meta) if meta.len() > FILE_BYTES => {
            return Err(problem(format!("it is larger than {FILE_BYTES} bytes")).into());
        }
        Ok(_) => std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(problem(error.to_string()).into()),
    };
    understand(path, &text)?;
    Ok(text)
}

fn understand(path: &Path, text: &str) -> Result<(), SettingsError> {
    File::parse(text).map(drop).map_err(|why| ConfigError::File { path: path.to_owned(), why }.into())
}

fn parse(path: &Path, text: &str) -> Result<DocumentMut, SettingsError> {
    // Its own words quote the file.
    let why = || "it is not TOML".to_owned();
    text.parse().map_err(|_| ConfigError::File { path: path.to_owned(), why: why() }.into())
}

/// Keeps other programs of ours from changing the settings meanwhile. Freed by the OS when we die.
fn lock(path: &Path) -> io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // std has no wait with an end to it. A lock that comes too late is dropped with the answer, and so free again.
    let (answer, answered) = std::sync::mpsc::channel();
    std::thread::Builder::new().name("settings".into()).spawn(move || {
        let locked = file.lock().map(|()| file);
        let _late = answer.send(locked);
    })?;
    answered
        .recv_timeout(limits::SETTINGS_LOCK)
        .unwrap_or_else(|_| Err(io::Error::new(ErrorKind::ResourceBusy, "another program is changing it")))
}
