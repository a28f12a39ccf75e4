//! How the app ends.

use crate::{endless, gated};
use orgx_tests::desktop::{Desk, Need, story, task};
use orgx_tests::process;

const QUIT: &[&str] = &["Quit OrgX Peer"];

#[test]
fn quit_ends_the_app_and_its_connection_in_order() {
    story(&[], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let app = desk.app().await;
        let tray = panel.icon().await;
        tray.menu_with("a peer that is ready", |menu| menu.has(&["Ready for tasks"])).await;
        tray.click(QUIT).await;
        assert_eq!(app.ended().await, Some(0), "{}", desk.log());
        assert_eq!(desk.gateway.wait_closed_of(1).await.unwrap().code, 1000);
        assert_eq!(desk.apps(), Vec::<i32>::new(), "nothing is left behind");
    });
}

#[test]
fn quit_asks_while_runs_are_active_and_can_let_them_finish() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        gated(&desk);
        let panel = desk.panel().await;
        let window = desk.window().await;
        let tray = panel.icon().await;
        desk.gateway.dispatch(task("run", &desk.project(), "GATED"));
        desk.started("run").await;
        tray.click(QUIT).await;
        window.shows("Quit while 1 run is active?").await;
        window.press("Stay").await;
        window.state_with("no question", |state| state["sheet"].is_null()).await;
        tray.click(QUIT).await;
        window.press("Finish first, then quit").await;
        tray.menu_with("the way back", |menu| {
            menu.has(&["Finishing, then quitting"]) && menu.has(&["Keep running"]) && !menu.has(QUIT)
        })
        .await;
        desk.agent.open("go");
        assert_eq!(desk.end("run").await["kind"], "task.completed");
        assert_eq!(window.ended().await, 0, "{}", desk.log());
        assert_eq!(desk.gateway.wait_closed_of(1).await.unwrap().code, 1000);
    });
}

#[test]
fn keep_running_takes_a_quit_back() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        gated(&desk);
        let panel = desk.panel().await;
        let window = desk.window().await;
        let tray = panel.icon().await;
        desk.gateway.dispatch(task("run", &desk.project(), "GATED"));
        desk.started("run").await;
        tray.click(QUIT).await;
        window.press("Finish first, then quit").await;
        tray.click(&["Keep running"]).await;
        tray.menu_with("no quit", |menu| menu.has(&["Running 1 task"]) && menu.has(QUIT)).await;
        desk.agent.open("go");
        desk.end("run").await;
        // It takes the next one as if nothing had been.
        desk.gateway.dispatch(task("next", &desk.project(), "One more"));
        assert_eq!(desk.end("next").await["kind"], "task.completed");
    });
}

#[test]
fn quit_can_cancel_what_runs() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        endless(&desk);
        let panel = desk.panel().await;
        let window = desk.window().await;
        let tray = panel.icon().await;
        desk.gateway.dispatch(task("run", &desk.project(), "ENDLESS"));
        desk.started("run").await;
        tray.click(QUIT).await;
        window.shows("Quit while 1 run is active?").await;
        window.press("Cancel it and quit").await;
        let end = desk.end("run").await;
        assert_eq!(end["kind"], "task.failed", "{end}");
        assert_eq!(window.ended().await, 0, "{}", desk.log());
        assert_eq!(desk.gateway.wait_closed_of(1).await.unwrap().code, 1000);
    });
}

#[test]
fn a_logout_ends_runs_by_their_rules_and_says_goodbye() {
    story(&[], async {
        let desk = Desk::set().await;
        endless(&desk);
        let _panel = desk.panel().await;
        let app = desk.app().await;
        desk.gateway.dispatch(task("run", &desk.project(), "ENDLESS"));
        desk.started("run").await;
        assert_eq!(app.stop().await, Some(0), "{}", desk.log());
        let end = desk.end("run").await;
        assert_eq!((&end["reason"], &end["recoverable"]), (&"peer stopped".into(), &true.into()), "{end}");
        assert_eq!(desk.gateway.wait_closed_of(1).await.unwrap().code, 1000);
        assert_eq!(desk.gateway.violations(), Vec::<String>::new());
    });
}

#[test]
fn a_logout_while_the_window_is_open_goes_as_well() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let window = desk.window().await;
        window.shows("Ready for tasks").await;
        assert_eq!(window.stop().await, 0, "{}", desk.log());
        assert_eq!(desk.gateway.wait_closed_of(1).await.unwrap().code, 1000);
    });
}

#[test]
fn a_quit_that_asks_opens_the_window_for_it() {
    story(&[], async {
        let desk = Desk::set().await;
        endless(&desk);
        let panel = desk.panel().await;
        let mut app = desk.app().await;
        let tray = panel.icon().await;
        desk.gateway.dispatch(task("run", &desk.project(), "ENDLESS"));
        desk.started("run").await;
        tray.click(QUIT).await;
        process::until("the window asks", async || !desk.screen.windows("OrgX Peer").is_empty()).await;
        assert!(app.is_alive());
        tray.menu_with("it runs on", |menu| menu.has(&["Running 1 task"])).await;
        assert!(desk.gateway.closed().is_empty());
    });
}
