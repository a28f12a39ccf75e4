//! The last look at every text before it leaves.

use crate::config::{Draft, Environment};
use orgx_proto::redact::{MASK, Redacted};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::path::Path;

/// Longest text that goes in, in characters: sentences and paths.
const CHARS: usize = 2_000;
/// A shorter secret would be found in every other word.
const SECRET_BYTES: usize = 4;

/// What must not be in a text.
pub(super) struct Redaction {
    secrets: Vec<String>,
    /// The home folder, as it is named and as it really is; the longer one first.
    homes: Vec<String>,
}

impl Redaction {
    /// Looks at the disk: a home that is a symlink has two names.
    pub(super) fn new(env: &Environment, draft: Option<&Draft>) -> Self {
        // Whatever name it is under: a secret is recognised by its variable, too.
        let names = ["ORGX_API_KEY", "ORGX_GATEWAY_KEY", "OPENCODE_SERVER_PASSWORD"];
        let mut secrets: Vec<String> = names.iter().filter_map(|name| env.text(name)).collect();
        if let Some(draft) = draft {
            secrets.extend(draft.key.iter().map(|key| key.expose_secret().to_owned()));
            let password = draft.opencode.iter().filter_map(|opencode| opencode.password.as_ref());
            secrets.extend(password.map(|password| password.expose_secret().to_owned()));
            let lifecycle = draft.lifecycle.iter();
            let given = lifecycle.flat_map(|lifecycle| {
                let forward = lifecycle.forward.as_ref().and_then(|forward| forward.secret.as_ref());
                lifecycle.secret.iter().chain(forward)
            });
            secrets.extend(given.map(|secret| secret.expose_secret().to_owned()));
        }
        secrets.retain(|secret| secret.len() >= SECRET_BYTES);
        Self { secrets, homes: env.home().as_deref().map(homes).unwrap_or_default() }
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
        for home in &self.homes {
            text = with_tilde(&text, home);
        }
        Redacted::cut(&text, CHARS).into_string()
    }
}

fn homes(home: &Path) -> Vec<String> {
    let names = [Some(home.to_owned()), home.canonicalize().ok()].into_iter().flatten();
    // What it ends with is the boundary, and a home of `/` would be in every path.
    let names = names.map(|name| name.display().to_string().trim_end_matches(['/', '\\']).to_owned());
    let mut names: Vec<String> = names.filter(|name| name.len() > 1).collect();
    // One may be in the other: /home/me in /var/home/me.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.dedup();
    names
}

/// With `~` for the home folder, and for no other one whose name only begins like it.
fn with_tilde(text: &str, home: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(home) {
        told.push_str(before);
        told.push_str(if goes_on(after) { home } else { "~" });
        rest = after;
    }
    told + rest
}

/// Does the last name of a path go on with this? A full stop may end a sentence instead.
fn goes_on(after: &str) -> bool {
    let is_of_a_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut after = after.chars();
    match after.next() {
        Some('.') => after.next().is_some_and(is_of_a_name),
        next => next.is_some_and(is_of_a_name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_is_masked_and_a_folder_whose_name_begins_like_it_is_not() {
        for (text, masked) in [
            ("/home/me", "~"),
            ("/home/me/shop", "~/shop"),
            ("cannot write /home/me: no space", "cannot write ~: no space"),
            ("It is in /home/me.", "It is in ~."),
            ("`/home/me`, (/home/me)", "`~`, (~)"),
            ("/home/melissa/x", "/home/melissa/x"),
            ("/home/me.old and /home/me/x", "/home/me.old and ~/x"),
            ("/home/me-too /home/me_too /home/mé", "/home/me-too /home/me_too /home/mé"),
        ] {
            assert_eq!(with_tilde(text, "/home/me"), masked);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_home_that_is_a_symlink_is_masked_under_both_its_names() {
        let dir = tempfile::tempdir().expect("a folder");
        let (real, link) = (dir.path().join("disk/me"), dir.path().join("me"));
        std::fs::create_dir_all(&real).expect("a folder");
        std::os::unix::fs::symlink(&real, &link).expect("a link");
        let redaction = Redaction::new(&Environment::default().with("HOME", &link), None);
        let real = real.canonicalize().expect("there");
        for home in [&link, &real] {
            assert_eq!(redaction.text(&format!("in {}/shop", home.display())), "in ~/shop");
        }
        let root = Redaction::new(&Environment::default().with("HOME", "/"), None);
        assert_eq!(root.text("/etc/x"), "/etc/x");
    }
}
