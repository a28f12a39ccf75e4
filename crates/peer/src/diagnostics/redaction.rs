//! The last look at every text before it leaves.

use crate::config::{Draft, Environment};
use orgx_proto::redact::{MASK, Redacted};
use secrecy::ExposeSecret;
use serde_json::Value;

/// Longest text that goes in, in characters: sentences and paths.
const CHARS: usize = 2_000;
/// A shorter secret would be found in every other word.
const SECRET_BYTES: usize = 4;

/// What must not be in a text.
pub(super) struct Redaction {
    secrets: Vec<String>,
    home: Option<String>,
}

impl Redaction {
    pub(super) fn new(env: &Environment, draft: Option<&Draft>) -> Self {
        // Whatever name it is under: a secret is recognised by its variable, too.
        let names = ["ORGX_API_KEY", "ORGX_GATEWAY_KEY", "OPENCODE_SERVER_PASSWORD"];
        let mut secrets: Vec<String> = names.iter().filter_map(|name| env.text(name)).collect();
        if let Some(draft) = draft {
            secrets.extend(draft.key.iter().map(|key| key.expose_secret().to_owned()));
            let password = draft.opencode.iter().filter_map(|opencode| opencode.password.as_ref());
            secrets.extend(password.map(|password| password.expose_secret().to_owned()));
        }
        secrets.retain(|secret| secret.len() >= SECRET_BYTES);
        let home = env.home().map(|home| home.display().to_string()).filter(|home| home.len() > 1);
        Self { secrets, home }
    }

    pub(super) fn to_text(&self, mut value: Value) -> String {
        self.walk(&mut value);
        serde_json::to_string_pretty(&value).unwrap_or_default()
    }

    fn walk(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.walk(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.walk(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret, MASK);
        }
        if let Some(home) = &self.home {
            text = text.replace(home, "~");
        }
        Redacted::cut(&text, CHARS).into_string()
    }
}
