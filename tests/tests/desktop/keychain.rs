//! Where the key is kept, and what happens where it cannot be.

use crate::first_run::{finish, paste};
use orgx_tests::desktop::{Desk, KEY, Need, story};

#[test]
fn the_key_is_kept_in_the_keychain_and_the_app_signs_in_by_itself_from_then_on() {
    story(&[Need::Driver, Need::Keyring], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let _keyring = desk.keyring().await;
        let window = desk.open(desk.environment()).await;
        paste(&window, KEY).await;
        finish(&desk, &window).await;
        assert_eq!(window.state().await["settings"]["key_place"], "keychain");
        assert_eq!(window.stop().await, 0);
        let before = panel.registered();
        let _app = desk.start(desk.environment(), &["--autostarted"]);
        desk.connected(2).await;
        panel.icon_after(before).await.menu_with("ready", |menu| menu.has(&["Ready for tasks"])).await;
        assert_eq!(desk.screen.windows("OrgX Peer"), [], "nothing is asked");
    });
}

#[test]
fn a_locked_keychain_is_named_and_tried_again() {
    story(&[Need::Driver, Need::Keyring], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let keyring = desk.keyring().await;
        let window = desk.open(desk.environment()).await;
        paste(&window, KEY).await;
        finish(&desk, &window).await;
        assert_eq!(window.stop().await, 0);
        keyring.end(&desk.connection).await;

        let locked = desk.locked_keyring().await;
        let before = panel.registered();
        let window = desk.open(desk.environment()).await;
        window.shows("The keychain is locked").await;
        let tray = panel.icon_after(before).await;
        tray.menu_with("the cause", |menu| menu.has(&["The keychain is locked"])).await;
        locked.end(&desk.connection).await;
        let _unlocked = desk.keyring().await;
        window.press("Try again").await;
        desk.connected(2).await;
        window.shows("Ready for tasks").await;
        tray.menu_with("ready", |menu| menu.has(&["Ready for tasks"])).await;
    });
}

#[test]
fn without_a_keychain_the_key_can_be_kept_in_memory_until_the_app_quits() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let window = desk.open(desk.environment()).await;
        paste(&window, KEY).await;
        window.press("Keep it in memory until I quit").await;
        finish(&desk, &window).await;
        assert_eq!(window.state().await["settings"]["key_place"], "memory");
        assert_eq!(window.stop().await, 0);
        let window = desk.open(desk.environment()).await;
        window.shows("There is no keychain").await;
        window.press("Keep a key in memory until I quit").await;
        window.state_with("it is asked for again", |state| state["screen"] == "sign_in").await;
        assert_eq!(orgx_tests::Stage::files_with(desk.root(), KEY), Vec::<std::path::PathBuf>::new());
    });
}

#[test]
fn a_keychain_that_comes_late_is_found_without_a_restart() {
    story(&[Need::Driver, Need::Keyring], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let keyring = desk.keyring().await;
        let window = desk.open(desk.environment()).await;
        paste(&window, KEY).await;
        finish(&desk, &window).await;
        assert_eq!(window.stop().await, 0);
        keyring.end(&desk.connection).await;
        // A login where the app starts before the keychain does.
        let before = panel.registered();
        let _app = desk.start(desk.environment(), &["--autostarted"]);
        let tray = panel.icon_after(before).await;
        tray.menu_with("no key", |menu| !menu.has(&["Ready for tasks"]) && menu.has(&["Quit"])).await;
        let _late = desk.keyring().await;
        desk.connected(2).await;
        tray.menu_with("ready", |menu| menu.has(&["Ready for tasks"])).await;
    });
}
