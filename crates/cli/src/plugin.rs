//! `orgx-peer plugin`: the plugin for OpenCode, written, looked at and removed.

use crate::args::{PluginCommand, PluginOptions};
use crate::home;
use crate::say_failed;
use crate::show::text::tilde;
use crate::show::{say_json, say_words};
use orgx_peer::Environment;
use orgx_peer::plugin::{Plugin, PluginError, PluginState, PluginStatus};
use std::process::ExitCode;

pub(crate) fn plugin(options: &PluginOptions) -> ExitCode {
    let program = std::env::current_exe().ok();
    let done = Plugin::of(&Environment::of_process(), program.as_deref()).and_then(|plugin| {
        let changed = match &options.command {
            PluginCommand::Install => plugin.install()?,
            PluginCommand::Remove => plugin.remove()?,
            PluginCommand::Status => false,
        };
        Ok((plugin.status(), changed))
    });
    match done {
        Ok((status, _)) if options.json => {
            say_json(&status);
            ExitCode::SUCCESS
        }
        Ok((status, changed)) => {
            let path = tilde(&status.path.to_string_lossy(), home().as_deref());
            for line in words(&options.command, &status, changed, &path) {
                say_words(&line);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            say_failed(&error.to_string(), if matches!(error, PluginError::NoHome) { 2 } else { 1 })
        }
    }
}

fn words(command: &PluginCommand, status: &PluginStatus, changed: bool, path: &str) -> Vec<String> {
    let version = status.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    match (command, status.state) {
        (PluginCommand::Install, _) if changed => vec![
            format!("The plugin{version} is in {path}."),
            "Each OpenCode that starts from now on has it. OpenCode installs a package of its own beside a plugin; the \
             .npmrc in its folder keeps it from waiting long where the registry cannot be reached."
                .to_owned(),
        ],
        (PluginCommand::Install, _) => vec![format!("The plugin{version} is in {path} already.")],
        (PluginCommand::Remove, _) if changed => {
            vec![format!("The plugin is gone from {path}; an OpenCode that runs has it until it ends.")]
        }
        (PluginCommand::Remove, _) | (PluginCommand::Status, PluginState::Absent) => {
            vec![format!("There is no plugin in {path}.")]
        }
        (PluginCommand::Status, PluginState::Installed) => vec![format!("The plugin{version} is in {path}.")],
        (PluginCommand::Status, PluginState::Outdated) => {
            vec![format!("{path} has the plugin{version}; `orgx-peer plugin install` brings it up to date.")]
        }
        (PluginCommand::Status, PluginState::Edited) => {
            vec![format!("{path} was changed since it was written (by{version}); it is left alone.")]
        }
        (PluginCommand::Status, PluginState::Foreign) => {
            vec![format!("{path} was not written by this program; it is left alone.")]
        }
    }
}
