//! An isolated home in which the real OpenCode knows only the scripted model.
//!
//! Nothing of the person's own OpenCode is read or written: not its configuration, not its logins, not its database.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

/// Switches that keep OpenCode from reaching for the network. The last one shortens the retries of the install of its
/// plugin package, which no switch of its own prevents.
const OFFLINE: [(&str, &str); 6] = [
    ("TERM", "dumb"),
    ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
    ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
    ("OPENCODE_DISABLE_DEFAULT_PLUGINS", "1"),
    ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
    ("npm_config_fetch_retries", "0"),
];

/// A home for OpenCode, and the folder in which its projects are made.
#[derive(Debug, Clone)]
pub struct OpenCodeHome {
    root: PathBuf,
    home: PathBuf,
}

impl OpenCodeHome {
    /// Makes `root/home` with a configuration whose only model is the one at that URL.
    pub fn create(root: &Path, model_base_url: &str) -> io::Result<Self> {
        Self::create_with(root, model_base_url, json!({}))
    }

    /// The same, with `extra` merged into the configuration (`{"permission": {...}}`, for example).
    #[expect(clippy::needless_pass_by_value, reason = "callers write json!({...}) in place")]
    pub fn create_with(root: &Path, model_base_url: &str, extra: Value) -> io::Result<Self> {
        let home = root.join("home");
        let folder = home.join(".config").join("opencode");
        fs::create_dir_all(&folder)?;
        let mut config = config(model_base_url);
        merge(&mut config, &extra);
        fs::write(folder.join("opencode.json"), serde_json::to_vec_pretty(&config)?)?;
        Ok(Self { root: root.canonicalize()?, home: home.canonicalize()? })
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The environment to set for OpenCode, beside `PATH`.
    pub fn env(&self) -> Vec<(String, String)> {
        let below = |path: &str| self.home.join(path).display().to_string();
        let folders = [
            ("HOME", self.home.display().to_string()),
            ("XDG_CONFIG_HOME", below(".config")),
            ("XDG_DATA_HOME", below(".local/share")),
            ("XDG_STATE_HOME", below(".local/state")),
            ("XDG_CACHE_HOME", below(".cache")),
        ];
        let switches = OFFLINE.map(|(name, value)| (name, value.to_owned()));
        folders.into_iter().chain(switches).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Makes a project folder, `root/<name>`, with a README.md, and returns its real path. It is no git repository.
    pub fn project(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.root.join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("README.md"), format!("# {name}\n\nA project of the OrgX sandbox.\n"))?;
        folder.canonicalize()
    }
}

fn config(model_base_url: &str) -> Value {
    json!({
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": false,
        "share": "disabled",
        "model": "fake/fake-1",
        "small_model": "fake/fake-1",
        "enabled_providers": ["fake"],
        "provider": {"fake": {
            "npm": "@ai-sdk/openai-compatible",
            "name": "OrgX sandbox",
            "options": {"baseURL": model_base_url, "apiKey": "sk-sandbox"},
            "models": {"fake-1": {
                "name": "Scripted model",
                "tool_call": true,
                "reasoning": false,
                "attachment": false,
                "temperature": true,
                "limit": {"context": 200_000, "output": 8192},
                "cost": {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75},
            }},
        }},
    })
}

/// Objects are merged key by key; everything else is replaced.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}
