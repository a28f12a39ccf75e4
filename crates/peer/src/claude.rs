//! Is Claude Code on this computer? Looked at only: nothing is given to it.

use crate::config::{Environment, find_claude};
use crate::limits;
use crate::peer::ClaudeCode;
use orgx_proto::redact::Redacted;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

/// Longest version, in characters.
const VERSION_CHARS: usize = 40;

/// Where it is, and what it says its version is. Takes a few seconds at most.
pub(crate) async fn look(env: Environment) -> Option<ClaudeCode> {
    look_within(env, limits::VERSION_WITHIN).await
}

async fn look_within(env: Environment, within: Duration) -> Option<ClaudeCode> {
    let find = tokio::task::spawn_blocking(move || find_claude(&env));
    let program = timeout(limits::FOLDER_CHECK, find).await.ok()?.ok()??;
    let said = timeout(within, say_version(&program)).await.ok().flatten();
    let version = said.as_deref().and_then(version);
    Some(ClaudeCode { version, path: program.to_string_lossy().into_owned() })
}

async fn say_version(program: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ORGX_") {
            command.env_remove(name);
        }
    }
    let mut child = command.spawn().ok()?;
    let mut said = String::new();
    child.stdout.take()?.take(limits::VERSION_BYTES).read_to_string(&mut said).await.ok()?;
    child.wait().await.ok()?.success().then_some(said)
}

/// `2.0.14 (Claude Code)`: the first word, if it is a number with a point in it.
fn version(said: &str) -> Option<String> {
    let word = said.split_whitespace().next()?;
    let is_version = word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    is_version.then(|| Redacted::cut(word, VERSION_CHARS).into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_number_and_nothing_else_is() {
        for (said, understood) in [
            ("2.0.14 (Claude Code)\n", Some("2.0.14")),
            ("1.0.0-beta.2\n", Some("1.0.0-beta.2")),
            ("Welcome!\n", None),
            ("", None),
        ] {
            assert_eq!(version(said).as_deref(), understood, "{said}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn it_is_found_on_the_path_and_need_not_say_its_version() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().expect("a folder");
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).expect("a folder");
        let env = Environment::of([]).with("HOME", home.path()).with("PATH", &bin);
        assert_eq!(look(env.clone()).await, None);
        let program = bin.join("claude");
        let (patient, hasty) = (limits::VERSION_WITHIN, Duration::from_millis(50));
        for (script, version, within) in [
            ("echo '2.0.14 (Claude Code)'", Some("2.0.14"), patient),
            ("exit 3", None, patient),
            ("echo hm", None, patient),
            ("exec sleep 100", None, hasty),
        ] {
            // In a file of its own: one that is open for writing cannot be run.
            let new = bin.join("new");
            std::fs::write(&new, format!("#!/bin/sh\n{script}\n")).expect("a program");
            std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).expect("a program");
            std::fs::rename(&new, &program).expect("a program");
            let found = look_within(env.clone(), within).await.expect("found");
            assert_eq!(
                (found.version.as_deref(), found.path),
                (version, program.display().to_string()),
                "{script}"
            );
        }
    }
}
