//! The first run: from nobody signed in to a test task.

use orgx_sandbox::gateway::Outcome;
use orgx_tests::desktop::{Desk, KEY, Need, Window, story};
use serde_json::json;

/// Signs in with a pasted key.
pub(crate) async fn paste(window: &Window, key: &str) {
    window.press("Paste a key").await;
    window.fill("#key", key).await;
    window.press("Check and sign in").await;
}

/// Goes through what comes after the sign-in, allowing the desk's project.
pub(crate) async fn finish(desk: &Desk, window: &Window) {
    window.shows("Where may agents work?").await;
    let state =
        window.state_with("the workspaces are listed", |state| state["setup"]["listing"] == false).await;
    if state["setup"]["workspaces"].as_array().is_none_or(Vec::is_empty) {
        window.fill("#workspace-field", "w").await;
        window.press("Use this id").await;
        window.state_with("the workspace", |state| state["setup"]["workspace_id"] == "w").await;
    }
    window.fill("#typed-folder", &desk.project().display().to_string()).await;
    window.press("Add").await;
    window.state_with("the folder", |state| state["setup"]["folders"] == json!([desk.project()])).await;
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
        window.fill("#key", "not a key").await;
        window.press("Check and sign in").await;
        window.shows("oxk_").await;
        window.fill("#key", KEY).await;
        window.press("Check and sign in").await;
        finish(&desk, &window).await;
        desk.gateway.dispatch(orgx_tests::desktop::task("run", &desk.project(), "Now it works"));
        assert_eq!(desk.end("run").await["kind"], "task.completed");
    });
}

#[test]
fn connecting_in_the_browser_brings_a_key_of_ones_own() {
    story(&[Need::Driver, Need::Keyring], async {
        let desk = Desk::set().await;
        desk.gateway.set_workspaces(&[("w1", "Acme Platform"), ("w2", "Acme Research")]);
        let _panel = desk.panel().await;
        let _keyring = desk.keyring().await;
        let window = desk.open(desk.environment()).await;
        window.press("Connect in the browser").await;
        let waits = |state: &serde_json::Value| state["sign_in"]["step"]["step"] == "pairing";
        let step = window.state_with("somebody is to press Connect", waits).await["sign_in"]["step"].clone();
        let pairing = desk.gateway.pairings().all().pop().expect("a pairing");
        let code = step["code"].as_str().expect("a code");
        assert_eq!(
            code.replace('-', ""),
            pairing.id[pairing.id.len() - 6..].to_uppercase(),
            "the page shows it too"
        );
        window.shows(code).await;
        window.shows("127.0.0.1").await;
        let opened = async || desk.opened().iter().any(|link| link.contains(&pairing.id));
        orgx_tests::process::until("the browser is opened at the page", opened).await;
        assert_eq!(desk.opened().len(), 1, "{:?}", desk.opened());
        desk.gateway.pairings().approve();
        window.shows("Where may agents work?").await;
        assert!(desk.gateway.pairings().all()[0].acked, "the key was kept before OrgX forgot it");
        window.press("Acme Research").await;
        finish(&desk, &window).await;
        assert!(desk.gateway.upgrades()[0].query.contains("workspace_id=w2"));
        let state = window.state().await;
        assert_eq!(state["settings"]["key_place"], "keychain");
        assert!(!state.to_string().contains(&pairing.key), "the page never has it");
    });
}

#[test]
fn a_pairing_that_comes_to_nothing_says_how_and_another_can_be_begun() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let window = desk.open(desk.environment()).await;
        for (outcome, says) in [
            (Outcome::Expire, "The code lapsed"),
            (Outcome::Cancel, "cancelled"),
            (Outcome::Fail("no seat is left".to_owned()), "no seat is left"),
            (Outcome::Consume, "used"),
        ] {
            desk.gateway.pairings().outcome(outcome);
            window.press("Connect in the browser").await;
            let over = |state: &serde_json::Value| state["sign_in"]["step"]["step"] == "ended";
            window.state_with("it is over", over).await;
            window.shows(says).await;
            window.press("Sign in").await;
        }
        desk.gateway.pairings().outcome(Outcome::Person);
        window.press("Connect in the browser").await;
        window.press("Cancel").await;
        window.shows("Paste a key").await;
        let given_up = || desk.gateway.pairings().all().last().is_some_and(|last| last.given_up.is_some());
        orgx_tests::process::until("OrgX is told", async || given_up()).await;
        assert!(desk.gateway.upgrades().is_empty());
    });
}

#[test]
fn a_sign_in_of_the_wizard_is_found_and_used() {
    story(&[Need::Driver, Need::Keyring], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let _keyring = desk.keyring().await;
        desk.keep_in_keychain("@useorgx/wizard", "orgx-api-key", KEY).await;
        // It says where its key belongs; a key that says nothing is OrgX's own and not for here.
        let note = json!({ "storage": "keytar", "baseUrl": format!("{}/api", desk.gateway.base_url()),
            "workspaceName": "Acme Platform" });
        let folder = desk.home().join(".config/useorgx/wizard");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("auth.json"), note.to_string()).unwrap();
        let window = desk.open(desk.environment()).await;
        window.shows("Sign-in found on this computer").await;
        window.shows("Acme Platform").await;
        window.shows(&KEY[KEY.len() - 4..]).await;
        assert_eq!(desk.gateway.requests().len(), 0, "nothing is sent before a choice");
        window.press("Use this sign-in").await;
        finish(&desk, &window).await;
    });
}

#[test]
fn a_key_that_may_not_receive_tasks_is_told_as_that() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        desk.gateway.forbid_key("oxk_a_weak_key_of_somebody");
        let window = desk.open(desk.environment()).await;
        paste(&window, "oxk_a_weak_key_of_somebody").await;
        window.shows("This key cannot receive tasks").await;
        desk.gateway.stop();
        window.fill("#key", KEY).await;
        window.press("Check and sign in").await;
        let says = |state: &serde_json::Value| {
            let error = state["sign_in"]["step"]["error"].as_str().unwrap_or_default();
            error.contains("reached") || error.contains("reach")
        };
        window.state_with("OrgX cannot be reached", says).await;
    });
}

#[test]
fn a_test_task_shows_a_whole_run_before_orgx_sends_one() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let window = desk.window().await;
        window.press("Runs").await;
        window.press("Send a test task").await;
        window.shows("Retry flaky requests more often").await;
        let over = |state: &serde_json::Value| state["test"]["over"] == true;
        let state = window.state_with("it is over", over).await;
        assert_eq!(state["test"]["run"]["run"]["state"], "completed", "{:#}", state["test"]);
        assert_eq!(state["test"]["run"]["run"]["deviations"], 1, "{:#}", state["test"]);
        assert!(desk.gateway.frames().is_empty(), "OrgX never hears of it");
    });
}

#[test]
fn signing_out_removes_the_key_everywhere_and_ends_the_connection() {
    story(&[Need::Driver, Need::Keyring], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let _keyring = desk.keyring().await;
        let window = desk.open(desk.environment()).await;
        paste(&window, KEY).await;
        finish(&desk, &window).await;
        assert_eq!(desk.in_keychain("orgx-peer").await.as_deref(), Some(KEY));
        window.press("Settings").await;
        window.press("Sign out…").await;
        window.shows("Sign out on this computer?").await;
        window.press("Sign out").await;
        assert_eq!(desk.gateway.wait_closed_of(1).await.unwrap().code, 1000);
        window.press("Health").await;
        window.shows("You signed out on this computer").await;
        assert_eq!(desk.in_keychain("orgx-peer").await, None, "it is gone from the keychain");
        panel
            .icon()
            .await
            .menu_with("the way in", |menu| menu.has(&["Signed out"]) && menu.has(&["Sign in"]))
            .await;
    });
}
