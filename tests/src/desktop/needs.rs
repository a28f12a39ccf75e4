//! What a desk is made of, and how a story is told where it is all there.

use crate::programs;
use std::path::{Path, PathBuf};

/// A program that a story cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A keychain.
    Keyring,
    /// The way into the window.
    Driver,
    /// The real OpenCode.
    OpenCode,
}

impl Need {
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Keyring => &["gnome-keyring-daemon", "secret-tool"],
            Self::Driver => &["WebKitWebDriver"],
            Self::OpenCode => &[],
        }
    }
}

/// Tells a story of the desktop app, if all it needs is on this computer.
pub fn story(needs: &[Need], tell: impl Future<Output = ()>) {
    let of_needs = needs.iter().flat_map(|need| need.programs());
    let wanted = ["Xvfb", "dbus-daemon", "setpriv"].into_iter().chain(of_needs.copied());
    let missing: Vec<&str> = wanted.filter(|program| find(program).is_none()).collect();
    let mut why = (!missing.is_empty()).then(|| format!("it needs {}", missing.join(", ")));
    if programs::tray().is_none() {
        why = Some("it needs orgx-tray: run `cargo build`, or set ORGX_TRAY_BIN".to_owned());
    }
    if why.is_none() && needs.contains(&Need::OpenCode) && programs::opencode().is_none() {
        return programs::skip("it needs the real OpenCode; set ORGX_OPENCODE_BIN to its program");
    }
    match why {
        Some(why) => {
            let required = std::env::var_os("ORGX_REQUIRE_DESKTOP").is_some_and(|value| value == "1");
            assert!(!required, "the story cannot be told: {why}");
            programs::say_skipped(&why);
        }
        None => programs::story_without_opencode(tell),
    }
}

/// A program of the system.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/bin"), PathBuf::from("/usr/libexec")])
        .map(|folder| folder.join(program))
        .find(|file| Path::is_file(file))
}
