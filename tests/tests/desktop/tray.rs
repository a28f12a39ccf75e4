//! The icon in the panel, and what its menu does.

use crate::{endless, gated, told};
use orgx_tests::desktop::{Desk, Portal, story, task};
use orgx_tests::process;
use serde_json::json;
use std::collections::HashSet;

const PAUSE: &[&str] = &["Pause"];
const RESUME: &[&str] = &["Resume"];

#[test]
fn the_icon_says_how_things_are_and_its_menu_holds_what_applies() {
    story(&[], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let _app = desk.app().await;
        let tray = panel.icon().await;
        let menu = tray.menu_with("a peer that is ready", |menu| menu.has(&["Ready for tasks"])).await;
        assert!(!menu.at(&["Ready for tasks"]).unwrap().enabled, "a sentence is not clicked");
        let labels: Vec<&str> = menu.labels().into_iter().filter(|label| !label.is_empty()).collect();
        let wanted =
            ["Ready for tasks", "Pause", "Open OrgX Peer", "Show outbox", "Copy diagnostics", "Settings"];
        assert_eq!(labels[..6], wanted);
        assert_eq!(labels[6..], ["Quit OrgX Peer"]);
        tray.tooltip_with("Ready for tasks").await;
        desk.gateway.dispatch(task("run", &desk.project(), "Tidy the README"));
        desk.end("run").await;
        tray.menu_with("its receipt", |menu| menu.has(&["Recent receipts", "Tidy the README · Delivered"]))
            .await;
    });
}

#[test]
fn pause_lets_no_task_start_and_resume_lets_it_run() {
    story(&[], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let _app = desk.app().await;
        let tray = panel.icon().await;
        tray.click(PAUSE).await;
        tray.menu_with("a pause", |menu| menu.has(&["Paused by you"]) && menu.has(RESUME)).await;
        told(&desk, false, 0).await;
        desk.gateway.dispatch(task("run", &desk.project(), "Wait"));
        told(&desk, false, 1).await;
        assert_eq!(desk.agent.prompts(), [], "no agent has it");
        tray.click(RESUME).await;
        assert_eq!(desk.end("run").await["kind"], "task.completed");
        told(&desk, true, 0).await;
        tray.menu_with("no pause", |menu| menu.has(PAUSE) && !menu.has(RESUME)).await;
    });
}

#[test]
fn pause_after_current_runs_lets_them_end_first() {
    story(&[], async {
        let desk = Desk::set().await;
        gated(&desk);
        let panel = desk.panel().await;
        let _app = desk.app().await;
        let tray = panel.icon().await;
        desk.gateway.dispatch(task("run", &desk.project(), "GATED"));
        desk.started("run").await;
        tray.click(&["Pause after current runs"]).await;
        tray.menu_with("the way back", |menu| menu.has(RESUME)).await;
        desk.gateway.dispatch(task("late", &desk.project(), "Too late"));
        told(&desk, false, 1).await;
        desk.agent.open("go");
        assert_eq!(desk.end("run").await["kind"], "task.completed");
        tray.menu_with("a pause", |menu| menu.has(&["Paused by you"])).await;
        assert_eq!(desk.agent.prompts().len(), 1, "the late one waits");
    });
}

#[test]
fn cancel_ends_the_run_that_it_is_under_and_no_other() {
    story(&[], async {
        let desk = Desk::set().await;
        endless(&desk);
        gated(&desk);
        let panel = desk.panel().await;
        let _app = desk.app().await;
        let tray = panel.icon().await;
        desk.gateway.dispatch(task("one", &desk.project(), "ENDLESS one"));
        desk.started("one").await;
        desk.gateway.dispatch(task("two", &desk.project_named("two"), "GATED two"));
        tray.menu_with("two runs", |menu| menu.has(&["Running 2 tasks"]) && menu.has(&["GATED two"])).await;
        tray.click(&["ENDLESS one", "Cancel"]).await;
        let end = desk.end("one").await;
        assert_eq!((&end["kind"], &end["reason"]), (&json!("task.failed"), &json!("cancelled")));
        assert_eq!(end["recoverable"], false);
        tray.menu_with("one run", |menu| menu.has(&["Running 1 task"]) && !menu.has(&["ENDLESS one"])).await;
        assert!(desk.gateway.of_run("two").iter().all(|frame| frame["kind"] != "task.failed"));
    });
}

#[test]
fn without_a_panel_the_app_opens_its_window_says_so_once_and_takes_the_icon_up_later() {
    story(&[], async {
        let desk = Desk::set().await;
        let notices = desk.notices().await;
        let mut app = desk.app().await;
        process::until("the window opens", async || !desk.screen.windows("OrgX Peer").is_empty()).await;
        notices.titled("OrgX Peer runs without an icon").await;
        let panel = desk.panel().await;
        let tray = panel.icon().await;
        tray.menu_with("a peer that is ready", |menu| menu.has(&["Ready for tasks"])).await;
        panel.disappear(&desk.connection).await;
        let panel = desk.panel().await;
        let tray = panel.icon().await;
        tray.menu_with("the same again", |menu| menu.has(&["Ready for tasks"])).await;
        assert!(app.is_alive());
        let said = notices.all().iter().filter(|notice| notice.title.contains("without an icon")).count();
        assert_eq!(said, 1, "once is enough");
    });
}

#[test]
fn an_icon_comes_back_to_a_panel_that_restarts_and_works_there() {
    story(&[], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let _app = desk.app().await;
        panel.icon().await.menu_with("a menu", |menu| menu.has(PAUSE)).await;
        panel.disappear(&desk.connection).await;
        let panel = desk.panel().await;
        panel.icon().await.menu_with("a menu", |menu| menu.has(PAUSE)).await;
        panel.disappear(&desk.connection).await;
        let panel = desk.panel().await;
        let tray = panel.icon().await;
        tray.click(PAUSE).await;
        told(&desk, false, 0).await;
    });
}

#[test]
fn each_state_has_its_own_shape() {
    story(&[], async {
        let desk = Desk::set().await;
        endless(&desk);
        let panel = desk.panel().await;
        let _app = desk.app().await;
        let tray = panel.icon().await;
        let mut shapes = HashSet::new();
        tray.tooltip_with("Ready for tasks").await;
        assert!(shapes.insert(tray.pixels().await), "ready");
        desk.gateway.dispatch(task("run", &desk.project(), "ENDLESS"));
        tray.tooltip_with("Running 1 task").await;
        // A panel is told of the icon and of the tooltip one after the other.
        process::until("a shape for running", async || shapes.insert(tray.pixels().await)).await;
        tray.click(&["ENDLESS", "Cancel"]).await;
        desk.end("run").await;
        tray.click(PAUSE).await;
        tray.tooltip_with("Paused by you").await;
        process::until("a shape for paused", async || shapes.insert(tray.pixels().await)).await;
        tray.click(RESUME).await;
        tray.tooltip_with("Ready for tasks").await;
        desk.gateway.stop();
        tray.tooltip_with("Reconnecting").await;
        process::until("a shape for connecting", async || shapes.insert(tray.pixels().await)).await;
        for (width, height, pixels) in tray.pixels().await {
            assert_eq!(pixels.len(), (width * height * 4) as usize);
            assert!(pixels.chunks(4).any(|pixel| pixel[0] > 0), "something is drawn at {width}");
        }
    });
}

#[test]
fn the_icon_takes_the_colours_of_the_desktop_and_follows_them() {
    story(&[], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let _app = desk.start(desk.environment(), &["--autostarted"]);
        let tray = panel.icon().await;
        tray.tooltip_with("Signed out").await;
        let on_light = tray.pixels().await;
        let portal = desk.portal(Portal::DARK).await;
        let on_dark = tray.pixels_with("a portal that came late", |pixels| *pixels != on_light).await;
        portal.prefer(Portal::LIGHT).await;
        tray.pixels_with("light", |pixels| *pixels == on_light).await;
        portal.prefer(Portal::DARK).await;
        tray.pixels_with("dark again", |pixels| *pixels == on_dark).await;
        portal.prefer(Portal::NOTHING).await;
        tray.pixels_with("no preference", |pixels| *pixels == on_light).await;
    });
}

#[test]
fn a_portal_that_does_not_answer_delays_nothing() {
    story(&[], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let portal = desk.portal(Portal::SILENT).await;
        let _app = desk.app().await;
        let tray = panel.icon().await;
        tray.click(PAUSE).await;
        tray.menu_with("a pause", |menu| menu.has(&["Paused by you"])).await;
        tray.tooltip_with("Paused by you").await;
        let before = tray.pixels().await;
        // What it says unasked is heard when its time to answer is over.
        portal.prefer(Portal::DARK).await;
        tray.pixels_with("its word", |pixels| *pixels != before).await;
    });
}

#[test]
fn nobody_is_signed_in_and_the_menu_says_so_and_leads_there() {
    story(&[], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let _app = desk.start(desk.environment(), &["--autostarted"]);
        let tray = panel.icon().await;
        let menu =
            tray.menu_with("the way in", |menu| menu.has(&["Signed out"]) && menu.has(&["Sign in"])).await;
        assert!(!menu.has(PAUSE), "there is nothing to pause");
        assert_eq!(desk.screen.windows("OrgX Peer"), [], "an autostart opens no window");
        tray.click(&["Sign in"]).await;
        process::until("the window opens", async || !desk.screen.windows("OrgX Peer").is_empty()).await;
        assert_eq!(desk.gateway.requests().len(), 0, "nobody was asked anything");
    });
}
