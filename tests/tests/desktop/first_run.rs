//! The first run: from nobody signed in to a test task.

use orgx_tests::desktop::{Desk, KEY, Need, Window, story};
use serde_json::json;

/// Signs in with a pasted key.
pub(crate) async fn paste(window: &Window, key: &str) {
    window.press("Paste a key").await;
    window.fill("input[type=password]", key).await;
    window.press("Check and sign in").await;
}

/// Goes through what comes after the sign-in, allowing the desk's project.
pub(crate) async fn finish(desk: &Desk, window: &Window) {
    window.shows("Where may agents work?").await;
    let state =
        window.state_with("the workspaces are listed", |state| state["setup"]["listing"] == false).await;
    if state["setup"]["workspaces"].as_array().is_none_or(Vec::is_empty) {
        window.fill("input[type=text]", "w").await;
    }
    let folder = json!({ "setting": "add_folder", "value": desk.project() });
    window.invoke("setup", json!({ "change": folder })).await.expect("a folder");
    window.shows("project").await;
    window.press("Continue").await;
    window.shows("Start at login").await;
    window.press("Continue").await;
    window.shows("This computer is ready").await;
    desk.connected(1).await;
    window.press("Open OrgX Peer").await;
    window.shows("Ready for tasks").await;
}

#[test]
fn a_pasted_key_leads_to_a_peer_that_takes_tasks() {
    story(&[Need::Driver, Need::Keyring], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let _keyring = desk.keyring().await;
        let window = desk.open(desk.environment()).await;
        window.shows("Let OrgX use this computer").await;
        assert_eq!(desk.gateway.requests().len(), 0, "nothing is sent before a choice");
        paste(&window, "oxk_another_key_that_orgx_does_not_know").await;
        window.shows("OrgX does not know this key").await;
        window.fill("input[type=password]", "not a key").await;
        window.press("Check and sign in").await;
        window.shows("oxk_").await;
        window.fill("input[type=password]", KEY).await;
        window.press("Check and sign in").await;
        finish(&desk, &window).await;
        desk.gateway.dispatch(orgx_tests::desktop::task("run", &desk.project(), "Now it works"));
        assert_eq!(desk.end("run").await["kind"], "task.completed");
    });
}
