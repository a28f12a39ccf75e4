//! `webhook.json`: where senders read the receiver's address and secret. Readable by this user only.

use crate::paths::{Paths, make_private_dir, write_private};
use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;

/// The version of the file.
const VERSION: u32 = 1;

/// What the file says.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct WebhookFile {
    pub(crate) version: u32,
    /// Where to post; none while no receiver listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// What to sign with.
    pub(crate) secret: String,
    /// Is the secret the environment's? Then it is not kept for a start without it.
    #[serde(default)]
    pub(crate) given: bool,
    /// Are titles wanted?
    #[serde(default)]
    pub(crate) titles: bool,
    /// Whose receiver it is.
    #[serde(default)]
    pub(crate) pid: u32,
}

/// Without the secret.
impl fmt::Debug for WebhookFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookFile").field("url", &self.url).field("pid", &self.pid).finish_non_exhaustive()
    }
}

impl WebhookFile {
    /// What it says now; nothing when there is none that makes sense.
    pub(crate) fn read(paths: &Paths) -> Option<Self> {
        let text = std::fs::read_to_string(paths.webhook()).ok()?;
        let file: Self = serde_json::from_str(&text).ok()?;
        (file.version == VERSION && !file.secret.is_empty()).then_some(file)
    }

    /// Tells that nobody listens any more. A secret of the environment does not stay on the disk.
    pub(super) fn close(paths: &Paths, secret: &Secret) -> io::Result<()> {
        if secret.given {
            std::fs::remove_file(paths.webhook())
        } else {
            Self::write(paths, None, secret, false)
        }
    }

    /// Tells where we listen.
    pub(super) fn write(paths: &Paths, url: Option<String>, secret: &Secret, titles: bool) -> io::Result<()> {
        make_private_dir(&paths.state)?;
        let pid = std::process::id();
        let text = secret.text.expose_secret().to_owned();
        let file = Self { version: VERSION, url, secret: text, given: secret.given, titles, pid };
        let mut bytes = serde_json::to_vec_pretty(&file)?;
        bytes.push(b'\n');
        write_private(&paths.webhook(), &bytes)
    }
}

/// The secret, and whence it is.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    pub(super) text: SecretString,
    given: bool,
}

impl Secret {
    /// The environment's; or the one that was made before; or a new one.
    pub(super) fn find(paths: &Paths, given: Option<&SecretString>) -> Self {
        if let Some(text) = given {
            return Self { text: text.clone(), given: true };
        }
        let kept = WebhookFile::read(paths).filter(|file| !file.given).map(|file| file.secret);
        Self { text: kept.unwrap_or_else(random).into(), given: false }
    }
}

/// 32 random bytes as hex.
fn random() -> String {
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_that_of_the_environment_is_not_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        let paths = Paths { config: dir.path().into(), state: dir.path().join("state"), runtime: None };
        let text = |secret: &Secret| secret.text.expose_secret().to_owned();
        let first = Secret::find(&paths, None);
        assert_eq!(text(&first).len(), 64);
        WebhookFile::write(&paths, Some("http://127.0.0.1:1/".into()), &first, true).expect("written");
        let file = WebhookFile::read(&paths).expect("a file");
        assert_eq!((file.url.as_deref(), file.titles), (Some("http://127.0.0.1:1/"), true));
        assert_eq!(text(&Secret::find(&paths, None)), text(&first), "the same again");
        let given = Secret::find(&paths, Some(&"given".to_owned().into()));
        WebhookFile::write(&paths, None, &given, false).expect("written");
        assert_eq!(WebhookFile::read(&paths).map(|file| file.secret).as_deref(), Some("given"));
        let next = text(&Secret::find(&paths, None));
        assert!(next != "given" && next != text(&first));
        std::fs::write(paths.webhook(), "{}").expect("written");
        assert!(WebhookFile::read(&paths).is_none());
        assert!(!format!("{given:?} {file:?}").contains("given\""));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            WebhookFile::write(&paths, None, &first, false).expect("written");
            let mode = std::fs::metadata(paths.webhook()).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
