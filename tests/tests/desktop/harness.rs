//! What the stories stand on, checked with the system's own tools: a story that fails is then the app's.

use orgx_tests::desktop::{Desk, Keyring, Need, story};
use orgx_tests::process;
use tokio::process::Command;

#[test]
fn a_keyring_keeps_what_it_was_given_and_a_locked_one_tells_nobody() {
    story(&[Need::Keyring], async {
        let desk = Desk::set().await;
        let keyring = desk.keyring().await;
        desk.keep_in_keychain("test", "me", "a-secret").await;
        assert_eq!(desk.in_keychain("test").await.as_deref(), Some("a-secret"));
        keyring.end(&desk.connection).await;
        assert_eq!(desk.in_keychain("test").await, None, "nobody is on the bus");
        assert!(!Keyring::files(&desk.home()).is_empty());
        let keyring = desk.locked_keyring().await;
        assert_eq!(desk.in_keychain("test").await, None, "it is locked");
        keyring.end(&desk.connection).await;
        let _keyring = desk.keyring().await;
        assert_eq!(desk.in_keychain("test").await.as_deref(), Some("a-secret"));
    });
}

#[test]
fn two_desks_at_once_do_not_meet_and_leave_nothing() {
    story(&[], async {
        let (one, two) = tokio::join!(Desk::set(), Desk::set());
        assert_ne!(one.screen.name, two.screen.name);
        assert_ne!(one.bus.address, two.bus.address);
        let notices = one.notices().await;
        let _other = two.notices().await;
        let mut command = Command::new("sleep");
        command.arg("600").env_clear().envs(one.environment());
        let _sleeper = command.spawn().unwrap();
        process::until("it sleeps", async || !one.processes().is_empty()).await;
        let home = one.home();
        assert_eq!(notices.all(), []);
        drop(one);
        process::until("what was left behind is gone", async || process::living_in(&home).is_empty()).await;
    });
}
