//! `config.toml`, as people write it.

use super::ConfigError;
use orgx_proto::redact::Redacted;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The whole file; everything in it is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct File {
    pub(super) orgx: Orgx,
    pub(super) runs: Runs,
    pub(super) opencode: OpenCode,
    pub(super) claude: Claude,
    pub(super) outbox: Outbox,
    pub(super) notifications: Notifications,
    pub(super) attention: Attention,
    pub(super) budget: Budget,
    pub(super) power: Power,
    pub(super) lifecycle: Lifecycle,
    pub(super) project: Vec<Project>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Orgx {
    pub(super) base_url: Option<String>,
    pub(super) workspace_id: Option<String>,
    pub(super) plugin_id: Option<String>,
    pub(super) presence: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Runs {
    pub(super) concurrent: Option<usize>,
    pub(super) per_folder: Option<usize>,
    pub(super) default_folder: Option<PathBuf>,
    pub(super) allowed_folders: Vec<PathBuf>,
    pub(super) ask_for_folders: Option<bool>,
    pub(super) ask_when_dirty: Option<bool>,
    pub(super) ask_before_commands: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OpenCode {
    pub(super) enabled: Option<bool>,
    pub(super) server_url: Option<String>,
    pub(super) program: Option<PathBuf>,
    pub(super) start_when_needed: Option<bool>,
    pub(super) use_running: Option<bool>,
    pub(super) cli: Option<super::CliUse>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Claude {
    pub(super) enabled: Option<bool>,
    pub(super) program: Option<PathBuf>,
    pub(super) permission_mode: Option<super::PermissionMode>,
    pub(super) plugin_dir: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attention {
    pub(super) remote: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Budget {
    pub(super) run: super::BudgetConfig,
    pub(super) day: super::BudgetConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Power {
    pub(super) keep_awake: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Lifecycle {
    pub(super) enabled: Option<bool>,
    pub(super) port: Option<u16>,
    pub(super) allow_unsigned: Option<bool>,
    pub(super) titles: Option<bool>,
    pub(super) buffer_dir: Option<PathBuf>,
    pub(super) buffer_max: Option<String>,
    pub(super) forward_url: Option<String>,
    pub(super) forward_secret_env: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Project {
    pub(super) path: PathBuf,
    pub(super) model: Option<String>,
    pub(super) agent: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Outbox {
    pub(super) enabled: Option<bool>,
    pub(super) path: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Notifications {
    pub(super) deviation: Option<bool>,
    pub(super) needs_you: Option<bool>,
    pub(super) run_failed: Option<bool>,
    pub(super) offline: Option<bool>,
    pub(super) license: Option<bool>,
    pub(super) muted_rules: Vec<String>,
}

/// Largest file read, in bytes: it is written by hand.
pub(crate) const BYTES: u64 = 256 * 1024;

/// Characters of a key or a folder shown in a message.
pub(super) const SHOWN_CHARS: usize = 200;

impl File {
    /// The file, with a warning for each key in it that means nothing; all defaults when there is none.
    pub(super) fn read(path: &Path) -> Result<(Self, Vec<String>), ConfigError> {
        let problem = |why: String| ConfigError::File { path: path.to_owned(), why };
        let meta = match std::fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Default::default()),
            Err(error) => return Err(problem(error.to_string())),
        };
        if meta.len() > BYTES {
            return Err(problem(format!("it is larger than {BYTES} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
        Self::parse(&text).map_err(problem)
    }

    pub(crate) fn parse(text: &str) -> Result<(Self, Vec<String>), String> {
        let mut warnings = Vec::new();
        let unknown = |path: serde_ignored::Path<'_>| {
            let path = Redacted::cut(&path.to_string(), SHOWN_CHARS);
            warnings.push(format!("config.toml: `{path}` is not a setting of this version"));
        };
        let source = toml::de::Deserializer::parse(text).map_err(|error| one_line(text, &error))?;
        let file = serde_ignored::deserialize(source, unknown).map_err(|error| one_line(text, &error))?;
        Ok((file, warnings))
    }
}

/// Where and what, without quoting the file: it may hold what should not be repeated.
fn one_line(text: &str, error: &toml::de::Error) -> String {
    let what = error.message();
    // `invalid type: string "what the file says", expected ...`
    let what = match (what.find('"'), what.rfind('"')) {
        (Some(first), Some(last)) if first < last => format!("{}\"…\"{}", &what[..first], &what[last + 1..]),
        _ => what.lines().collect::<Vec<_>>().join(" "),
    };
    let what = Redacted::cut(&what, 2 * SHOWN_CHARS);
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {what}", before.matches('\n').count() + 1),
        None => what.into_string(),
    }
}
