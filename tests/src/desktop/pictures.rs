//! Pictures of the app where people will see it, for people to look at.

use super::{Desk, Panel, Tray, Window, task};
use crate::process;
use orgx_sandbox::daemon::Line;
use orgx_sandbox::gateway::UpgradeFault;
use serde_json::json;
use std::path::Path;

/// Puts the app into a real panel, takes it through its states, and leaves a picture of each in `folder`.
pub async fn take(folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder for the pictures");
    for (name, dark) in [("light", false), ("dark", true)] {
        states(folder, name, dark).await;
        sandbox(folder, name, dark).await;
    }
}

/// The icon in every state, in a panel of this colour.
async fn states(folder: &Path, name: &str, dark: bool) {
    let desk = Desk::set().await;
    desk.agent.script("ENDLESS", vec![Line::AwaitCancel, Line::End]);
    desk.allow_only(&desk.project());
    let panel = Panel::start(&desk, 36, dark).await;
    let take = async |tray: &Tray, state: &str, says: &str| {
        tray.tooltip_with(says).await;
        settle(&desk).await;
        desk.screen.picture(&folder.join(format!("tray-{name}-{state}.png")));
    };

    let app = desk.start(xfce(desk.environment()), &["--autostarted"]);
    take(&panel.icon(&desk).await, "signed-out", "Signed out").await;
    app.stop().await;

    desk.gateway.faults().upgrade_always(Some(UpgradeFault::refuse(503)));
    let _app = desk.start(xfce(desk.signed_in()), &["--autostarted"]);
    let tray = panel.icon(&desk).await;
    take(&tray, "connecting", "econnecting in").await;
    desk.gateway.faults().upgrade_always(None);
    take(&tray, "ready", "Ready for tasks").await;
    desk.gateway.dispatch(task("run", &desk.project(), "ENDLESS"));
    take(&tray, "running", "Running 1 task").await;
    desk.gateway.dispatch(task("asks", &desk.project_named("elsewhere"), "Work elsewhere"));
    tray.menu_with("an ask", |menu| menu.has(&["Needs you (1)"])).await;
    take(&tray, "needs-you", "").await;
    desk.gateway.dispatch(json!({ "kind": "task.cancel", "run_id": "asks" }));
    tray.menu_with("no ask", |menu| !menu.has(&["Needs you"])).await;
    tray.click(&["ENDLESS", "Cancel"]).await;
    desk.end("run").await;
    tray.click(&["Pause"]).await;
    take(&tray, "paused", "Paused by you").await;
    tray.click(&["Resume"]).await;
    tray.tooltip_with("Ready for tasks").await;
    desk.gateway.faults().upgrade_always(Some(UpgradeFault::refuse(401)));
    desk.gateway.reset();
    tray.menu_with("an error", |menu| menu.has(&["OrgX does not know this key"])).await;
    take(&tray, "error", "").await;
}

/// The tray and the window on the built-in sandbox, with its live run.
async fn sandbox(folder: &Path, name: &str, dark: bool) {
    let desk = Desk::set().await;
    let panel = Panel::start(&desk, 36, dark).await;
    let environment = desk.environment().into_iter().filter(|(name, _)| name != "ORGX_BASE_URL");
    let environment = xfce(environment.collect());
    let page = Window::open(&desk, environment, &["--sandbox", "--open"]).await;
    let tray = panel.icon(&desk).await;
    page.shows("Running 1 task").await;
    let (window, mut place) = desk.screen.windows("OrgX Peer")[0];
    (place.x, place.y) = (420, 140);
    desk.screen.put(window, place);
    tray.tooltip_with("Running").await;
    for tab in ["Health", "Runs", "Settings"] {
        page.press(tab).await;
        settle(&desk).await;
        desk.screen.picture(&folder.join(format!("sandbox-{name}-{}.png", tab.to_lowercase())));
    }
    let menu = tray.menu().await.labels().join("\n");
    std::fs::write(folder.join(format!("menu-{name}.txt")), menu).expect("a file");
}

/// Of a login whose desktop has this panel. On a screen without a graphics card a composited page may stay blank.
fn xfce(mut environment: Vec<(String, String)>) -> Vec<(String, String)> {
    environment.push(("XDG_CURRENT_DESKTOP".to_owned(), "XFCE".to_owned()));
    environment.push(("WEBKIT_DISABLE_COMPOSITING_MODE".to_owned(), "1".to_owned()));
    environment
}

/// Drawing is announced to nobody: two pictures that are alike are drawn.
async fn settle(desk: &Desk) {
    let file = desk.root().join("settle.png");
    let mut last = Vec::new();
    let alike = async || {
        desk.screen.picture(&file);
        let now = std::fs::read(&file).unwrap_or_default();
        let alike = now == last;
        last = now;
        alike
    };
    process::until("the screen rests", alike).await;
}
