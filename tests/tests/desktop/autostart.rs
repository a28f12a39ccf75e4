//! Start at login, and what such a start does.

use orgx_tests::desktop::{Desk, Need, story};
use orgx_tests::{process, programs};
use serde_json::json;

#[test]
fn the_toggle_writes_and_removes_what_starts_the_app_at_login() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let window = desk.window().await;
        let folder = desk.home().join(".config/autostart");
        let entries = || {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        assert!(entries().is_empty(), "nobody asked for it");
        window.press("Settings").await;
        window.toggle("Start at login").await;
        process::until("the entry is written", async || entries().len() == 1).await;
        let entry = std::fs::read_to_string(&entries()[0]).unwrap();
        let program = programs::tray().unwrap();
        assert!(entry.contains(&program.display().to_string()), "{entry}");
        assert!(entry.contains("--autostarted"), "{entry}");
        window.state_with("it is on", |state| state["settings"]["autostart"] == json!(true)).await;
        window.toggle("Start at login").await;
        process::until("the entry is removed", async || entries().is_empty()).await;
        window.state_with("it is off", |state| state["settings"]["autostart"] == json!(false)).await;
    });
}

#[test]
fn a_start_at_login_opens_no_window() {
    story(&[], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let _app = desk.start(desk.signed_in(), &["--autostarted"]);
        desk.connected(1).await;
        let tray = panel.icon().await;
        tray.menu_with("a peer that is ready", |menu| menu.has(&["Ready for tasks"])).await;
        assert_eq!(desk.screen.windows("OrgX Peer"), []);
        assert_eq!(desk.pages(), Vec::<i32>::new(), "and no web page is loaded");
    });
}
