//! The app beside another: a second start, and a peer that runs without a screen.

use crate::endless;
use orgx_tests::desktop::{Desk, story, task};
use orgx_tests::{process, programs};
use rustix::process::Signal;
use tokio::process::Command;

#[test]
fn a_second_start_opens_the_firsts_window_and_leaves() {
    story(&[], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let mut app = desk.app().await;
        assert_eq!(desk.screen.windows("OrgX Peer"), [], "somebody is signed in: there is nothing to ask");
        let second = desk.start(desk.signed_in(), &[]);
        assert_eq!(second.ended().await, Some(0));
        process::until("the window opens", async || desk.screen.windows("OrgX Peer").len() == 1).await;
        assert_eq!(desk.start(desk.signed_in(), &[]).ended().await, Some(0));
        assert!(app.is_alive());
        assert_eq!(desk.screen.windows("OrgX Peer").len(), 1, "the same");
        assert_eq!(desk.gateway.connections(), 1);
    });
}

#[test]
fn a_click_on_the_icon_opens_the_window_once() {
    story(&[], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let _app = desk.app().await;
        let tray = panel.icon().await;
        tray.activate().await;
        process::until("the window opens", async || desk.screen.windows("OrgX Peer").len() == 1).await;
        tray.activate().await;
        tray.menu_with("ready", |menu| menu.has(&["Ready for tasks"])).await;
        assert_eq!(desk.screen.windows("OrgX Peer").len(), 1, "the same");
    });
}

#[test]
fn where_a_headless_peer_runs_already_the_app_attaches_and_outlives_it() {
    story(&[], async {
        let desk = Desk::set().await;
        endless(&desk);
        let panel = desk.panel().await;
        let mut peer = Command::new(programs::peer());
        peer.arg("run").env_clear().envs(desk.signed_in()).current_dir(desk.root()).kill_on_drop(true);
        let mut peer = peer.spawn().unwrap();
        desk.connected(1).await;
        let mut app = desk.start(desk.signed_in(), &[]);
        let tray = panel.icon().await;
        tray.menu_with("the other's state", |menu| menu.has(&["Ready for tasks"])).await;
        desk.gateway.dispatch(task("run", &desk.project(), "ENDLESS"));
        tray.click(&["ENDLESS", "Cancel"]).await;
        assert_eq!(desk.end("run").await["reason"], "cancelled");
        assert_eq!(desk.gateway.connections(), 1, "there is one peer");
        process::send(peer.id().unwrap().try_into().unwrap(), Signal::TERM);
        assert!(peer.wait().await.unwrap().success());
        // Nobody takes tasks now: the app does.
        desk.connected(2).await;
        tray.menu_with("its own state", |menu| menu.has(&["Ready for tasks"])).await;
        assert!(app.is_alive());
    });
}
