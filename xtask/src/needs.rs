//! What each command needs from the system, and what shows that it is there.
//!
//! The lists are the shortest that do on a bare Debian 12: what another package of the same list brings is not in them.

use std::path::Path;

use crate::{
    agents::{self, OPENCODE},
    apt, command, tools,
};

/// What shows that a need is met.
#[derive(Clone, Copy)]
pub(crate) enum Sign {
    Program(&'static str),
    /// Looked for on Debian and Ubuntu only: elsewhere it has another place.
    DebianFile(&'static str),
}

/// What happens without it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Nothing can be built.
    Essential,
    /// A part of the work fails later, and says so.
    Useful,
}

#[derive(Clone, Copy)]
pub(crate) struct Need {
    pub(crate) sign: Sign,
    pub(crate) package: &'static str,
    pub(crate) why: &'static str,
    pub(crate) weight: Weight,
}

/// What a command is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Build what needs no screen.
    Headless,
    /// Build the desktop app too.
    Desktop,
    /// Run all tests.
    Tests,
    /// Make packages.
    Packages,
}

const fn need(sign: Sign, package: &'static str, weight: Weight, why: &'static str) -> Need {
    Need { sign, package, why, weight }
}

const HEADLESS: [Need; 4] = [
    need(Sign::Program("cc"), "gcc", Weight::Essential, "compiles SQLite and ring, and links programs"),
    need(Sign::DebianFile("/usr/include/stdio.h"), "libc6-dev", Weight::Essential, "the C headers for it"),
    need(Sign::Program("git"), "git", Weight::Useful, "the agents under test work in git repositories"),
    need(
        Sign::DebianFile("/etc/ssl/certs/ca-certificates.crt"),
        "ca-certificates",
        Weight::Useful,
        "tells which servers to trust when packages are downloaded",
    ),
];

const DESKTOP: [Need; 2] = [
    need(
        Sign::Program("pkg-config"),
        "pkg-config",
        Weight::Essential,
        "finds the libraries of the desktop app",
    ),
    need(
        Sign::DebianFile("/usr/include/webkitgtk-4.1/webkit2/webkit2.h"),
        "libwebkit2gtk-4.1-dev",
        Weight::Essential,
        "the desktop app's window; brings GTK's headers too",
    ),
];

const TESTS: [Need; 9] = [
    need(Sign::Program("Xvfb"), "xvfb", Weight::Useful, "a screen for the desktop app under test"),
    need(
        Sign::Program("dbus-daemon"),
        "dbus-daemon",
        Weight::Useful,
        "a session bus of its own for each test",
    ),
    need(
        Sign::Program("gnome-keyring-daemon"),
        "gnome-keyring",
        Weight::Useful,
        "a real keychain for the key under test",
    ),
    need(Sign::Program("secret-tool"), "libsecret-tools", Weight::Useful, "looks into that keychain"),
    need(
        Sign::Program("WebKitWebDriver"),
        "webkit2gtk-driver",
        Weight::Useful,
        "drives the app's own window",
    ),
    need(
        Sign::Program("chromedriver"),
        "chromium-driver",
        Weight::Useful,
        "draws every page at every size; brings Chromium",
    ),
    need(
        Sign::DebianFile("/usr/share/fonts/opentype/inter"),
        "fonts-inter",
        Weight::Useful,
        "the type of the reference pictures",
    ),
    need(
        Sign::DebianFile("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"),
        "fonts-dejavu-core",
        Weight::Useful,
        "the type of code in them",
    ),
    need(
        Sign::Program("desktop-file-validate"),
        "desktop-file-utils",
        Weight::Useful,
        "checks the package's entry in the menu",
    ),
];

/// Tauri's command line writes .deb and .rpm itself.
const PACKAGES: [Need; 1] =
    [need(Sign::Program("node"), "nodejs", Weight::Useful, "runs Tauri's command line")];

/// Only while something that npm has is not in the cache.
const DOWNLOAD: [Need; 4] = [
    need(Sign::Program("node"), "nodejs", Weight::Useful, "runs npm"),
    need(Sign::Program("npm"), "npm", Weight::Useful, "downloads the real agents and the tools of the tests"),
    need(Sign::Program("tar"), "tar", Weight::Useful, "unpacks them"),
    need(Sign::Program("gzip"), "gzip", Weight::Useful, "unpacks them"),
];

/// What is needed for it and is not there.
pub(crate) fn missing(work: Work) -> Vec<Need> {
    let download = match work {
        Work::Headless | Work::Desktop => OPENCODE.must_be_downloaded(),
        Work::Tests => {
            agents::ALL.iter().any(agents::Agent::must_be_downloaded) || tools::must_be_downloaded()
        }
        Work::Packages => tools::must_be_downloaded(),
    };
    let download: &[Need] = if download { &DOWNLOAD } else { &[] };
    let wanted = lists(work).into_iter().flatten().chain(download);
    let mut missing: Vec<Need> = Vec::new();
    for need in wanted.filter(|need| !is_met(need.sign)) {
        if missing.iter().all(|known| known.package != need.package) {
            missing.push(*need);
        }
    }
    missing
}

/// The desktop app cannot be built everywhere; what needs no screen still can.
pub(crate) fn has_screen() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

fn lists(work: Work) -> Vec<&'static [Need]> {
    match work {
        Work::Headless => vec![&HEADLESS],
        Work::Desktop => vec![&HEADLESS, &DESKTOP],
        // Node also runs the types' checker and the workflows'.
        Work::Tests => vec![&HEADLESS, &DESKTOP, &TESTS, &PACKAGES],
        Work::Packages => vec![&HEADLESS, &DESKTOP, &PACKAGES],
    }
}

fn is_met(sign: Sign) -> bool {
    match sign {
        Sign::Program(name) => command::find(name).is_some(),
        Sign::DebianFile(path) => !apt::is_debian() || Path::new(path).exists(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_screen_asks_for_no_window() {
        let packages =
            |work| -> Vec<_> { lists(work).into_iter().flatten().map(|need| need.package).collect() };
        assert!(!packages(Work::Headless).contains(&"libwebkit2gtk-4.1-dev"));
        for work in [Work::Desktop, Work::Tests, Work::Packages] {
            assert!(packages(work).contains(&"libwebkit2gtk-4.1-dev"), "{work:?}");
        }
    }
}
