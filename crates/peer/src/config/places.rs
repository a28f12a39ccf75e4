//! Where `opencode` stands besides PATH: a program that starts with the desktop has a short one.

use super::Environment;
use std::path::PathBuf;

/// The folders in which the installers of OpenCode put it, in the order in which they are looked through.
pub(super) fn of_opencode(env: &Environment) -> Vec<PathBuf> {
    let mut places = Vec::new();
    // Where the person told the installers to put things.
    for (variable, below) in [
        ("OPENCODE_INSTALL_DIR", ""),
        ("XDG_BIN_DIR", ""),
        ("BUN_INSTALL", "bin"),
        ("PNPM_HOME", ""),
        ("VOLTA_HOME", "bin"),
        ("NPM_CONFIG_PREFIX", BIN),
        ("npm_config_prefix", BIN),
    ] {
        places.extend(env.path(variable).map(|dir| dir.join(below)));
    }
    let home = env.home();
    places.extend(home.iter().flat_map(|home| IN_HOME.iter().map(|dir| home.join(dir))));
    #[cfg(windows)]
    for (variable, below) in [
        ("APPDATA", "npm"),
        ("LOCALAPPDATA", "Microsoft/WinGet/Links"),
        ("LOCALAPPDATA", "pnpm"),
        ("ProgramData", "chocolatey/bin"),
        ("ProgramData", "scoop/shims"),
    ] {
        places.extend(env.path(variable).map(|dir| dir.join(below)));
    }
    #[cfg(unix)]
    {
        places.extend(home.iter().flat_map(|home| of_nvm(home)));
        places.extend(OF_THE_COMPUTER.iter().map(PathBuf::from));
    }
    places
}

/// Where npm puts programs below its prefix.
const BIN: &str = if cfg!(windows) { "" } else { "bin" };

/// Its own installer, other installers of people, bun, npm with a prefix of the person's, pnpm, yarn, volta, mise, asdf,
/// nix, scoop.
const IN_HOME: &[&str] = &[
    ".opencode/bin",
    ".local/bin",
    "bin",
    ".bun/bin",
    ".npm-global/bin",
    ".npm-packages/bin",
    ".local/share/pnpm",
    "Library/pnpm",
    ".yarn/bin",
    ".volta/bin",
    ".local/share/mise/shims",
    ".asdf/shims",
    ".nix-profile/bin",
    "scoop/shims",
];

/// npm with the computer's own prefix, packages, Homebrew on both kinds of Mac and on Linux, snap, NixOS.
#[cfg(unix)]
const OF_THE_COMPUTER: &[&str] = &[
    "/usr/local/bin",
    "/usr/bin",
    "/opt/homebrew/bin",
    "/home/linuxbrew/.linuxbrew/bin",
    "/snap/bin",
    "/run/current-system/sw/bin",
];

/// nvm has one folder for each version of node; the newest first.
#[cfg(unix)]
fn of_nvm(home: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(home.join(".nvm/versions/node")).into_iter().flatten().flatten();
    let mut versions: Vec<(Vec<u64>, PathBuf)> = entries
        .map(|entry| {
            let name = entry.file_name();
            let numbers = name.to_string_lossy().trim_start_matches('v').to_owned();
            let numbers = numbers.split('.').map(|number| number.parse().unwrap_or_default()).collect();
            (numbers, entry.path().join("bin"))
        })
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, bin)| bin).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::{find_opencode, tests_only_program as program};
    use super::*;

    #[test]
    fn it_is_found_in_every_usual_place_after_path_and_in_their_order() {
        let dir = tempfile::tempdir().expect("a folder");
        let home = dir.path().join("home");
        let env = Environment::of([("PATH", "/nowhere")])
            .with("HOME", &home)
            .with("BUN_INSTALL", dir.path().join("bun"))
            .with("NPM_CONFIG_PREFIX", dir.path().join("npm"));
        let mut usual: Vec<PathBuf> = [
            ".nvm/versions/node/v9.11.2/bin",
            ".nvm/versions/node/v22.3.0/bin",
            ".nix-profile/bin",
            ".asdf/shims",
            ".volta/bin",
            ".local/share/pnpm",
            ".npm-global/bin",
            ".bun/bin",
            "bin",
            ".local/bin",
        ]
        .map(|place| home.join(place))
        .into();
        usual.extend(["npm/bin", "bun/bin"].map(|place| dir.path().join(place)));
        // Its own installer's place comes right after PATH.
        usual.push(home.join(".opencode/bin"));
        for place in usual {
            program(&place.join("opencode"));
            assert_eq!(
                find_opencode(&env),
                Some(place.join("opencode")),
                "it comes before those found so far"
            );
        }
        let first = dir.path().join("path");
        program(&first.join("opencode"));
        assert_eq!(find_opencode(&env.with("PATH", &first)), Some(first.join("opencode")));
    }

    #[test]
    fn what_is_no_program_is_not_taken_for_it() {
        let home = tempfile::tempdir().expect("a folder");
        let env = Environment::of([("PATH", "/nowhere")]).with("HOME", home.path());
        let nothing = find_opencode(&env);
        std::fs::create_dir_all(home.path().join(".opencode/bin/opencode")).expect("a folder");
        std::fs::create_dir_all(home.path().join(".local/bin")).expect("a folder");
        std::fs::write(home.path().join(".local/bin/opencode"), "a text").expect("a file");
        assert_eq!(find_opencode(&env), nothing);
    }
}
