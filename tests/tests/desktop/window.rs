//! The window: a run seen live, what is set there, and what it costs when it is closed.

use crate::{done, edit, endless};
use orgx_sandbox::daemon::Line;
use orgx_tests::desktop::{Desk, Need, Place, story, task};
use orgx_tests::process;
use serde_json::json;

#[test]
fn a_run_is_seen_live_step_by_step_and_cancelled_from_its_page() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        desk.agent.script(
            "Live",
            vec![
                edit("src/one.ts", "the first step"),
                Line::Gate("go".into()),
                edit("src/two.ts", "the second step"),
                Line::AwaitCancel,
                Line::End,
            ],
        );
        let window = desk.window().await;
        window.press("Runs").await;
        window.shows("No runs yet").await;
        desk.gateway.dispatch(task("run", &desk.project(), "Live as it goes"));
        window.open_run("Live as it goes").await;
        window.shows("the first step").await;
        assert!(!window.text().await.contains("the second step"));
        desk.agent.open("go");
        window.shows("the second step").await;
        window.press("Cancel run").await;
        let end = desk.end("run").await;
        assert_eq!((&end["kind"], &end["reason"]), (&json!("task.failed"), &json!("cancelled")), "{end}");
        window.shows("Cancelled").await;
    });
}

#[test]
fn a_finished_run_leaves_a_receipt_that_is_seen_and_numbers_that_add_up() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        desk.agent.script("Count", vec![edit("src/one.ts", "a step"), Line::Json(done())]);
        let window = desk.window().await;
        desk.gateway.dispatch(task("run", &desk.project(), "Count it"));
        desk.end("run").await;
        window.press("Receipts").await;
        window.shows("Count it").await;
        let delivered = |state: &serde_json::Value| {
            state["receipts"][0]["state"] == "delivered" && state["receipts"][0]["tokens"] == 1200
        };
        let state = window.state_with("the receipt is delivered", delivered).await;
        assert_eq!(state["health"]["done"], 1);
        assert_eq!(state["health"]["tokens"], 1200);
        window.press("Outbox").await;
        window.shows("events.jsonl").await;
    });
}

#[test]
fn pause_and_resume_in_the_header_are_the_trays() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let window = desk.window().await;
        let tray = panel.icon().await;
        window.shows("Ready for tasks").await;
        window.press("Pause").await;
        window.shows("Paused by you").await;
        tray.menu_with("the same", |menu| menu.has(&["Paused by you"])).await;
        crate::told(&desk, false, 0).await;
        tray.click(&["Resume"]).await;
        window.shows("Ready for tasks").await;
        crate::told(&desk, true, 0).await;
    });
}

#[test]
fn what_is_set_is_still_set_after_a_restart() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let window = desk.window().await;
        window.press("Settings").await;
        let before = window.state().await["settings"].clone();
        assert_eq!(before["outbox"], true, "{before}");
        assert_eq!(before["presence"], true, "{before}");
        window.toggle("Presence").await;
        window.state_with("presence is off", |state| state["settings"]["presence"] == false).await;
        let quiet = json!({ "setting": "notifications", "value": {
            "needs_you": true, "deviations": false, "run_failed": true, "offline": true, "license": true } });
        window.invoke("set", json!({ "change": quiet })).await.expect("it is set");
        window
            .invoke("set", json!({ "change": { "setting": "concurrent", "value": 3 } }))
            .await
            .expect("it is set");
        window.state_with("three at once", |state| state["settings"]["concurrent"] == 3).await;
        panel.icon().await.click(&["Quit OrgX Peer"]).await;
        assert_eq!(window.ended().await, 0);
        let window = desk.window().await;
        let after = window.state_with("the settings", |state| !state["settings"]["presence"].is_null()).await;
        let after = &after["settings"];
        assert_eq!(after["presence"], false, "{after}");
        assert_eq!(after["concurrent"], 3, "{after}");
        assert_eq!(after["notifications"]["deviations"], false, "{after}");
        assert_eq!(after["notifications"]["run_failed"], true, "{after}");
    });
}

#[test]
fn a_closed_window_leaves_no_page_behind_and_the_app_works_on() {
    story(&[], async {
        let desk = Desk::set().await;
        endless(&desk);
        let panel = desk.panel().await;
        let mut app = desk.app().await;
        let tray = panel.icon().await;
        tray.click(&["Open OrgX Peer"]).await;
        process::until("the window opens", async || !desk.screen.windows("OrgX Peer").is_empty()).await;
        process::until("it shows a page", async || desk.pages().len() == 1).await;
        let (window, _) = desk.screen.windows("OrgX Peer")[0];
        desk.screen.close(window);
        process::until("the window is gone", async || desk.screen.windows("OrgX Peer").is_empty()).await;
        process::until("its page is gone", async || desk.pages().is_empty()).await;
        assert!(app.is_alive());
        desk.gateway.dispatch(task("run", &desk.project(), "Work on"));
        assert_eq!(desk.end("run").await["kind"], "task.completed");
        tray.click(&["Open OrgX Peer"]).await;
        process::until("it opens again", async || desk.screen.windows("OrgX Peer").len() == 1).await;
    });
}

#[test]
fn a_window_comes_back_where_it_was_and_as_large() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let page = desk.window().await;
        let tray = panel.icon().await;
        let (window, place) = desk.screen.windows("OrgX Peer")[0];
        assert_eq!((place.width, place.height), (440, 640));
        let wanted = Place { x: 310, y: 120, width: 520, height: 700 };
        desk.screen.put(window, wanted);
        page.session.until("the page is as large", "innerWidth === 520 && innerHeight === 700").await;
        desk.screen.close(window);
        process::until("it is closed", async || desk.screen.windows("OrgX Peer").is_empty()).await;
        let arrived = async || desk.screen.windows("OrgX Peer").iter().any(|(_, place)| *place == wanted);
        tray.click(&["Open OrgX Peer"]).await;
        process::until("it is where it was", arrived).await;
        // The same after a restart.
        tray.click(&["Quit OrgX Peer"]).await;
        assert_eq!(page.ended().await, 0);
        let before = panel.registered();
        let _app = desk.app().await;
        panel.icon_after(before).await.click(&["Open OrgX Peer"]).await;
        process::until("it is where it was", arrived).await;
    });
}
