//! `orgx-tray`, the desktop app: the shell around the peer. It hosts the peer, or attaches to one, and shows what it
//! says in a tray icon, a window and notifications. No business rule lives here.
//!
//! Everything that happens is an [`controller::Input`] of one task; everything that is wanted of the OS is a method of
//! [`desktop::Desktop`].

mod commands;
pub mod controller;
pub mod desktop;
pub mod facts;
pub mod kept;
mod logs;
pub mod notifications;
mod secrets;
mod signals;
mod tauri_desktop;
pub mod text;
pub mod tray;
pub mod view;
pub mod window;

use controller::{Controller, Ground, Input, Start};
use kept::KeptFile;
use orgx_peer::Paths;
use orgx_peer::credentials::Credentials;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tauri::{AppHandle, RunEvent, Wry};
use tauri_desktop::TauriDesktop;
use tauri_plugin_autostart::MacosLauncher;
use tokio::sync::mpsc;
use window::Windows;

/// How long a place for the icon is waited for; at login the desktop is still being made.
const PATIENCE: Duration = Duration::from_secs(3);
const PATIENCE_AT_LOGIN: Duration = Duration::from_secs(30);

/// Runs the app until it quits.
pub fn run() -> ExitCode {
    let env = secrets::take_environment();
    let start = start_of(std::env::args().skip(1));
    let logs = logs::folder(&env);
    let mut written_last = logs::start(&logs);
    orgx_peer::log_panics();
    let Some(paths) = Paths::of(&env) else {
        tracing::error!("HOME is not set: OrgX Peer needs a home folder");
        return ExitCode::from(2);
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), ?start, "orgx-tray");
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime could not start");
            return ExitCode::FAILURE;
        }
    };
    tauri::async_runtime::set(runtime.handle().clone());
    let ground = Ground { credentials: Credentials::os(&paths), env, paths, logs };
    match build(ground, start) {
        Ok(app) => {
            app.run(move |app, event| {
                // The process ends in there: nothing is dropped by itself, and the last lines would be lost.
                if matches!(event, RunEvent::Exit) {
                    drop(written_last.take());
                }
                on_event(app, event);
            });
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "the app could not start");
            ExitCode::FAILURE
        }
    }
}

fn build(ground: Ground, start: Start) -> tauri::Result<tauri::App<Wry>> {
    let (inputs, inbox) = mpsc::unbounded_channel();
    let windows = Windows::new(KeptFile::in_folder(&ground.paths.state), inputs.clone());
    let second = inputs.clone();
    let events = windows.clone();
    tauri::Builder::default()
        // First, so that a second start does nothing else.
        .plugin(tauri_plugin_single_instance::init(move |_, arguments, _| {
            // A login that starts it twice wants no window.
            if !arguments.iter().any(|argument| argument == tauri_desktop::AUTOSTARTED) {
                let _over = second.send(Input::SecondStart);
            }
        }))
        .plugin(tauri_plugin_autostart::init(
            MacosLauncher::LaunchAgent,
            Some(vec![tauri_desktop::AUTOSTARTED]),
        ))
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_opener::Builder::new().open_js_links_on_click(false).build())
        .manage(inputs.clone())
        .invoke_handler(handler())
        .on_window_event(move |window, event| events.event(window, event))
        .setup(move |app| {
            #[cfg(target_os = "macos")]
            app.set_activation_policy(tauri::ActivationPolicy::Accessory);
            let patience = if start.autostarted { PATIENCE_AT_LOGIN } else { PATIENCE };
            let desktop = TauriDesktop::new(app.handle(), &inputs, windows, patience);
            tauri::async_runtime::spawn(signals::listen(inputs.clone()));
            let controller = Controller::new(Arc::new(desktop), ground, start, inputs);
            tauri::async_runtime::spawn(controller.run(inbox));
            Ok(())
        })
        .build(tauri::generate_context!())
}

fn handler() -> impl Fn(tauri::ipc::Invoke<Wry>) -> bool + Send + Sync + 'static {
    use commands as c;
    tauri::generate_handler![
        c::ready,
        c::show_page,
        c::pause,
        c::resume,
        c::try_now,
        c::cancel_run,
        c::answer,
        c::do_action,
        c::sign_in_start,
        c::sign_in_key,
        c::sign_in_back,
        c::pair_open,
        c::pair_copy,
        c::keep_key,
        c::setup,
        c::setup_page,
        c::setup_done,
        c::test_task,
        c::test_close,
        c::set,
        c::copy_receipt,
        c::copy_diagnostics,
        c::copy_text,
        c::show_outbox,
        c::show_logs,
        c::open_orgx,
        c::open_folder,
        c::open_session,
        c::open_run,
        c::undo,
        c::show_file,
        c::sign_out,
        c::quit,
        c::close_window,
    ]
}

fn on_event(_: &AppHandle, event: RunEvent) {
    // The last window has closed; the app lives on. With a code it is our own end.
    if let RunEvent::ExitRequested { api, code: None, .. } = event {
        api.prevent_exit();
    }
}

/// What it was started with. What is not known is left alone: desktops add arguments of their own.
fn start_of(arguments: impl Iterator<Item = String>) -> Start {
    let mut start = Start::default();
    for argument in arguments {
        match argument.as_str() {
            "--sandbox" => start.sandbox = true,
            "--demo-when-signed-out" => start.sandbox_when_signed_out = true,
            tauri_desktop::AUTOSTARTED => start.autostarted = true,
            "--open" => start.open = true,
            _ => {}
        }
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_say_how_it_starts() {
        let start = |all: &[&str]| start_of(all.iter().map(ToString::to_string));
        assert_eq!(start(&[]), Start::default());
        assert_eq!(start(&["--sandbox", "-psn_0_1"]), Start { sandbox: true, ..Start::default() });
        assert_eq!(
            start(&["--autostarted", "--open"]),
            Start { autostarted: true, open: true, ..Start::default() }
        );
    }
}
