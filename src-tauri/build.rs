//! Generates what Tauri needs, and lists the commands that a window may be allowed to call.

/// Those of `src/commands.rs`. Each also stands in `capabilities/main.json`; without that a window may not call it.
const COMMANDS: &[&str] = &[
    "ready",
    "show_page",
    "pause",
    "resume",
    "try_now",
    "cancel_run",
    "answer",
    "do_action",
    "sign_in_start",
    "sign_in_key",
    "sign_in_back",
    "pair_open",
    "pair_copy",
    "keep_key",
    "setup",
    "setup_page",
    "setup_done",
    "test_task",
    "test_close",
    "set",
    "copy_receipt",
    "copy_diagnostics",
    "copy_text",
    "show_outbox",
    "show_logs",
    "open_orgx",
    "open_folder",
    "open_session",
    "open_run",
    "undo",
    "show_file",
    "sign_out",
    "quit",
    "close_window",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .app_manifest(tauri_build::AppManifest::new().commands(COMMANDS));
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    tauri_build::try_build(attributes)?;
    Ok(())
}
