//! Does the peer start by itself? Only what is there is told: it is the person's choice.

use super::{Check, Name, look};
use crate::config::Environment;
use std::path::{Path, PathBuf};

/// What a file of ours has in its name.
const OURS: &str = "orgx";

pub(super) async fn check(env: &Environment) -> Check {
    if !cfg!(target_os = "linux") {
        return Check::skipped(Name::Autostart, "not looked for on this OS yet");
    }
    let config = env.path("XDG_CONFIG_HOME").or_else(|| Some(env.home()?.join(".config")));
    let Some(config) = config else { return Check::skipped(Name::Autostart, "needs a home folder") };
    look(move || of(&config))
        .await
        .unwrap_or_else(|| Check::skipped(Name::Autostart, "the home folder does not answer"))
}

pub(super) fn of(config: &Path) -> Check {
    // PROTOCOL: the XDG autostart specification, and systemd's user units.
    let desktop = ours(&config.join("autostart"), "desktop");
    let wanted = ours(&config.join("systemd/user/default.target.wants"), "service");
    let unit = ours(&config.join("systemd/user"), "service");
    if let Some(entry) = desktop.or_else(|| wanted.clone()).or_else(|| unit.clone()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(program) = program(&entry).filter(|program| program.is_absolute() && !program.is_file()) {
            return Check::warn(
                Name::Autostart,
                format!("{name} starts {}, which is not there", program.display()),
                "The peer does not start by itself",
                "Correct the path in it, or remove it",
            );
        }
        if wanted.is_none() && unit.as_ref() == Some(&entry) {
            return Check::warn(
                Name::Autostart,
                format!("{name} is there and not enabled"),
                "The peer does not start by itself",
                &format!("systemctl --user enable {name}"),
            );
        }
        return Check::ok(Name::Autostart, format!("set up by {name}"));
    }
    let todo =
        "To have it: a systemd user unit, or an entry in ~/.config/autostart, that runs `orgx-peer run`";
    Check {
        todo: Some(todo.to_owned()),
        ..Check::ok(Name::Autostart, "not set up: the peer runs when you start it")
    }
}

fn ours(dir: &Path, kind: &str) -> Option<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    files.into_iter().find(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        name.contains(OURS) && file.extension().is_some_and(|extension| extension == kind)
    })
}

/// The program that an entry starts.
fn program(entry: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(entry).ok()?;
    let command = text
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=").or_else(|| line.strip_prefix("Exec=")))?;
    let command = command.trim();
    let program = match command.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => command.split_whitespace().next(),
    };
    program.map(PathBuf::from)
}
