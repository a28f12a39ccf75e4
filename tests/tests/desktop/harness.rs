//! What the stories stand on, checked with the system's own tools: a story that fails is then the app's.

use orgx_tests::desktop::{Desk, Keyring, Need, story};
use orgx_tests::process;
use tokio::process::Command;

#[test]
fn a_keyring_keeps_what_it_was_given_and_a_locked_one_tells_nobody() {
    story(&[Need::Keyring], async {
        let desk = Desk::set().await;
        let keyring = desk.keyring().await;
        let set = tool(&desk, &["store", "--label=x", "what", "test"], Some("a-secret")).await;
        assert!(set.0, "{set:?}");
        assert_eq!(tool(&desk, &["lookup", "what", "test"], None).await, (true, "a-secret".to_owned()));
        keyring.end(&desk.connection).await;
        assert!(!tool(&desk, &["lookup", "what", "test"], None).await.0, "nobody is on the bus");
        assert!(!Keyring::files(&desk.home()).is_empty());
        let keyring = desk.locked_keyring().await;
        assert!(!tool(&desk, &["lookup", "what", "test"], None).await.0, "it is locked");
        keyring.end(&desk.connection).await;
        let _keyring = desk.keyring().await;
        assert_eq!(tool(&desk, &["lookup", "what", "test"], None).await, (true, "a-secret".to_owned()));
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

async fn tool(desk: &Desk, args: &[&str], input: Option<&str>) -> (bool, String) {
    use std::process::Stdio;
    use tokio::io::AsyncWriteExt;
    let mut command = Command::new("secret-tool");
    command.args(args).env_clear().envs(desk.environment()).env_remove("DISPLAY");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("secret-tool starts");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.unwrap_or_default().as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
