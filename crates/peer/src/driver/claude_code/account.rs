//! Is Claude Code here, which version is it, and is it signed in? PROTOCOL: claude-code.md; contract E3.
//!
//! A version that it tells is no proof of a sign-in: `claude auth status --json` is asked, within five seconds.

use crate::driver::program::{beside, without_ours};
use crate::limits;
use orgx_proto::redact::Redacted;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

/// Longest version and way of signing in, in characters.
const WORD_CHARS: usize = 40;

/// What it says of its sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SignIn {
    /// It is signed in, in this way: `claude.ai`, `api_key`, `oauth_token`.
    Yes(Option<String>),
    /// It is not.
    No,
    /// It does not say, as before version 2.
    Unknown,
}

impl SignIn {
    /// Does a subscription stand behind it, as far as one can tell?
    pub(super) fn is_subscription(&self) -> bool {
        match self {
            Self::Yes(method) => method.as_deref() != Some("api_key"),
            Self::No => false,
            Self::Unknown => true,
        }
    }
}

/// What its version is.
pub(super) async fn version(
    program: &Path,
    environment: &[(String, String)],
    within: Duration,
) -> Option<String> {
    let said = ask(program, &["--version"], environment);
    let (said, success) = timeout(within, said).await.ok().flatten()?;
    success.then(|| understood(&said)).flatten()
}

/// Whether it is signed in.
pub(super) async fn sign_in(program: &Path, environment: &[(String, String)], within: Duration) -> SignIn {
    let said = ask(program, &["auth", "status", "--json"], environment);
    let Some((said, _)) = timeout(within, said).await.ok().flatten() else { return SignIn::Unknown };
    let Ok(status) = serde_json::from_str::<Value>(said.trim()) else { return SignIn::Unknown };
    match status.get("loggedIn").and_then(Value::as_bool) {
        Some(true) => {
            let method = status.get("authMethod").and_then(Value::as_str);
            SignIn::Yes(method.map(|method| Redacted::cut(method, WORD_CHARS).into_string()))
        }
        Some(false) => SignIn::No,
        None => SignIn::Unknown,
    }
}

/// What it prints, and whether it ended well.
async fn ask(program: &Path, args: &[&str], environment: &[(String, String)]) -> Option<(String, bool)> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    without_ours(&mut command);
    beside(&mut command, program);
    command.envs(environment.iter().cloned());
    let mut child = command.spawn().ok()?;
    let mut said = String::new();
    child.stdout.take()?.take(limits::VERSION_BYTES).read_to_string(&mut said).await.ok()?;
    Some((said, child.wait().await.ok()?.success()))
}

/// `2.0.14 (Claude Code)`: the first word, if it is a number with a point in it.
fn understood(said: &str) -> Option<String> {
    let word = said.split_whitespace().next()?;
    let is_version = word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    is_version.then(|| Redacted::cut(word, WORD_CHARS).into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_number_and_nothing_else_is() {
        for (said, version) in [
            ("2.0.14 (Claude Code)\n", Some("2.0.14")),
            ("1.0.0-beta.2\n", Some("1.0.0-beta.2")),
            ("Welcome!\n", None),
            ("", None),
        ] {
            assert_eq!(understood(said).as_deref(), version, "{said}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn it_need_not_say_its_version_or_whether_it_is_signed_in() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().expect("a folder");
        let program = home.path().join("claude");
        let (patient, hasty) = (limits::VERSION_WITHIN, Duration::from_millis(50));
        let api_key = SignIn::Yes(Some("api_key".into()));
        for (script, said, signed_in, within) in [
            ("echo '2.0.14 (Claude Code)'", Some("2.0.14"), SignIn::Unknown, patient),
            ("exit 3", None, SignIn::Unknown, patient),
            (r#"echo '{"loggedIn":false,"authMethod":"none"}'; exit 1"#, None, SignIn::No, patient),
            (r#"echo '{"loggedIn":true,"authMethod":"api_key"}'"#, None, api_key, patient),
            (r#"echo '{"loggedIn":true}'"#, None, SignIn::Yes(None), patient),
            ("exec sleep 100", None, SignIn::Unknown, hasty),
        ] {
            // In a file of its own: one that is open for writing cannot be run.
            let new = home.path().join("new");
            std::fs::write(&new, format!("#!/bin/sh\n{script}\n")).expect("a program");
            std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).expect("a program");
            std::fs::rename(&new, &program).expect("a program");
            assert_eq!(version(&program, &[], within).await.as_deref(), said, "{script}");
            assert_eq!(sign_in(&program, &[], within).await, signed_in, "{script}");
        }
        let gone = home.path().join("gone");
        assert_eq!(sign_in(&gone, &[], patient).await, SignIn::Unknown);
    }
}
