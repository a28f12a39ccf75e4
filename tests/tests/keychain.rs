//! The key in a real keychain: kept, read by the next process, locked, absent, late, and gone after signing out.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests; their helpers are, too")]

use orgx_sandbox::gateway::Outcome;
use orgx_tests::desktop::Keyring;
use orgx_tests::keychain::{KEY, Login, Probe, story};
use orgx_tests::peer::Peer;
use orgx_tests::process;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

const ORGX: &str = "https://useorgx.com";

fn probe(login: &Login) -> Probe {
    login.probe(Path::new(env!("CARGO_BIN_EXE_orgx-keychain-probe")))
}

#[test]
fn a_key_that_was_kept_is_read_by_the_next_process_and_the_next_login() {
    story(async {
        let login = Login::begin().await;
        let keyring = login.keyring().await;
        let mut first = probe(&login);
        assert_eq!(first.ask(&format!("load {ORGX}")).await, "none");
        assert_eq!(first.ask(&format!("store {ORGX} oxk_old_0123456789ab")).await, "stored");
        assert_eq!(first.ask(&format!("store {ORGX} {KEY}")).await, "stored");
        drop(first);
        let mut second = probe(&login);
        assert_eq!(second.ask(&format!("load {ORGX}/some/path")).await, format!("Keychain {KEY}"));
        assert_eq!(second.ask("load https://orgx.example").await, "none", "another OrgX has another key");
        let seen = login.secret_tool(&["search", "service", "orgx-peer"], "").await;
        assert!(seen.contains("label = OrgX Peer") && seen.matches("[/").count() == 1, "{seen}");
        // The keychain starts anew: what was connected to the old one finds the new one.
        keyring.end(&login.connection).await;
        let keyring = login.keyring().await;
        assert_eq!(second.ask(&format!("load {ORGX}")).await, format!("Keychain {KEY}"));
        assert_eq!(second.ask(&format!("forget {ORGX}")).await, "gone true false");
        assert_eq!(second.ask(&format!("forget {ORGX}")).await, "gone false false");
        assert_eq!(second.ask(&format!("load {ORGX}")).await, "none");
        for file in Keyring::files(&login.home()) {
            let bytes = std::fs::read(&file).unwrap_or_default();
            assert!(!bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes()), "{}", file.display());
        }
        drop(keyring);
    });
}

#[test]
fn a_keychain_that_comes_late_is_found_by_the_process_that_missed_it() {
    story(async {
        let login = Login::begin().await;
        let mut probe = probe(&login);
        let began = Instant::now();
        assert_eq!(probe.ask(&format!("load {ORGX}")).await, "error absent");
        assert_eq!(probe.ask(&format!("store {ORGX} {KEY}")).await, "error absent");
        assert_eq!(probe.ask(&format!("forget {ORGX}")).await, "gone false false", "nothing is in none");
        assert!(began.elapsed() < Duration::from_secs(10), "it is told at once");
        let _keyring = login.keyring().await;
        assert_eq!(probe.ask(&format!("store {ORGX} {KEY}")).await, "stored");
        assert_eq!(probe.ask(&format!("load {ORGX}")).await, format!("Keychain {KEY}"));
    });
}

#[test]
fn a_locked_keychain_says_so_and_gives_the_key_once_it_is_unlocked() {
    story(async {
        let login = Login::begin().await;
        let keyring = login.keyring().await;
        let mut probe = probe(&login);
        assert_eq!(probe.ask(&format!("store {ORGX} {KEY}")).await, "stored");
        keyring.end(&login.connection).await;
        let keyring = login.locked_keyring().await;
        for question in ["load", "forget"] {
            assert_eq!(probe.ask(&format!("{question} {ORGX}")).await, "error locked", "{question}");
        }
        assert_eq!(probe.ask(&format!("store {ORGX} oxk_other_0123456789")).await, "error locked");
        keyring.end(&login.connection).await;
        let _keyring = login.keyring().await;
        assert_eq!(
            probe.ask(&format!("load {ORGX}")).await,
            format!("Keychain {KEY}"),
            "nothing was changed"
        );
    });
}

#[test]
fn a_keychain_that_does_not_answer_is_given_ten_seconds() {
    story(async {
        let login = Login::begin().await;
        // Somebody who has the keychain's name, and never says a word.
        let mute = login.bus.connect().await;
        mute.request_name("org.freedesktop.secrets").await.expect("the name");
        let mut probe = probe(&login);
        let began = Instant::now();
        assert_eq!(probe.ask(&format!("load {ORGX}")).await, "error late");
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(20), "{took:?}");
        // When it goes, the way is free again.
        drop(mute);
        let _keyring = login.keyring().await;
        let load = format!("load {ORGX}");
        // The bus may not have the new one's name yet.
        process::until("the keychain is asked again", async || probe.ask(&load).await == "none").await;
    });
}

#[test]
fn the_wizards_sign_in_is_found_as_keytar_keeps_it() {
    story(async {
        let login = Login::begin().await;
        let _keyring = login.keyring().await;
        let mut probe = probe(&login);
        assert_eq!(probe.ask(&format!("found {ORGX}")).await, "none");
        let entry = ["service", "@useorgx/wizard", "account", "orgx-api-key"];
        let store = ["store", "--label", "@useorgx/wizard/orgx-api-key"];
        login.secret_tool(&[&store[..], &entry[..]].concat(), KEY).await;
        assert_eq!(probe.ask(&format!("found {ORGX}")).await, format!("{KEY} None"));
        let elsewhere = login.gateway.base_url();
        assert_eq!(probe.ask(&format!("found {elsewhere}")).await, "none", "it is not for there");
        let folder = login.home().join(".config/useorgx/wizard");
        std::fs::create_dir_all(&folder).unwrap();
        let note = format!(r#"{{"storage":"keytar","baseUrl":"{elsewhere}/api","workspaceName":"Acme"}}"#);
        std::fs::write(folder.join("auth.json"), note).unwrap();
        assert_eq!(probe.ask(&format!("found {elsewhere}")).await, format!("{KEY} Some(\"Acme\")"));
        assert_eq!(probe.ask(&format!("found {ORGX}")).await, "none");
        assert_eq!(probe.ask(&format!("forget {elsewhere}")).await, "gone false false");
        assert_eq!(
            probe.ask(&format!("found {elsewhere}")).await,
            format!("{KEY} Some(\"Acme\")"),
            "theirs stays"
        );
    });
}

/// A peer that is told nothing but its home.
async fn runs(login: &Login, name: &str) {
    let connections = login.gateway.connections();
    let mut command = login.orgx_peer(&["run"]);
    command.env_remove("ORGX_BASE_URL");
    let peer = Peer::start(command, login.home().join(name));
    login.gateway.wait_connected(connections + 1).await.unwrap();
    peer.stop_well().await;
}

#[test]
fn who_signed_in_with_a_key_runs_without_an_environment_until_signing_out() {
    story(async {
        let login = Login::begin().await;
        let _keyring = login.keyring().await;
        let said = login.tells(&["run"], "").await;
        assert_eq!(said, "exit 2\norgx-peer: nobody is signed in: run `orgx-peer login`\n");
        let said = login.tells(&["login", "--key-stdin"], "oxk_wrong_0123456789\n").await;
        assert!(said.starts_with("exit 1\norgx-peer: OrgX does not know this key."), "{said}");
        let said = login.tells(&["login", "--key-stdin"], &format!("{KEY}\n")).await;
        assert!(said.starts_with("exit 0\n") && said.contains("ends in xPmV) is in the keychain."), "{said}");
        assert!(said.contains("Workspace: Acme (ws_1)") && !said.contains(KEY), "{said}");
        runs(&login, "first.log").await;
        let said = login.tells(&["login"], "").await;
        assert!(said.contains("already; the key (ends in xPmV) is in the keychain."), "{said}");
        assert_eq!(login.gateway.pairings().all().len(), 0, "nobody is bothered with a browser");
        let said = login.tells(&["logout"], "").await;
        assert!(
            said.starts_with("exit 0\n") && said.contains("the key is gone from the keychain."),
            "{said}"
        );
        assert!(said.contains("Still here: the settings (~/.config/orgx-peer/config.toml)"), "{said}");
        let said = login.tells(&["run"], "").await;
        assert!(said.starts_with("exit 2\norgx-peer: nobody is signed in"), "{said}");
        let log = std::fs::read_to_string(login.home().join("first.log")).unwrap();
        assert!(!log.contains(KEY), "{log}");
    });
}

#[test]
fn who_connects_in_the_browser_has_the_key_kept_before_orgx_forgets_it() {
    story(async {
        let login = Login::begin().await;
        let _keyring = login.keyring().await;
        login.gateway.pairings().outcome(Outcome::Approve);
        login.gateway.set_workspaces(&[("ws_1", "Acme"), ("ws_2", "Sandbox")]);
        let said = login.tells(&["login"], "").await;
        assert!(said.starts_with("exit 0\n") && said.contains("Workspace: Sandbox (ws_2)"), "{said}");
        let [pairing] = &login.gateway.pairings().all()[..] else { panic!("one pairing") };
        assert!(pairing.acked && !said.contains(&pairing.key), "{said}");
        let mut probe = probe(&login);
        let kept = probe.ask(&format!("load {}", login.gateway.base_url())).await;
        assert_eq!(kept, format!("Keychain {}", pairing.key));
        runs(&login, "run.log").await;
        // OrgX takes the key back: the next login gets another one.
        login.gateway.revoke_key(&pairing.key);
        let said = login.tells(&["login"], "").await;
        assert!(said.contains("There is a key already, but: OrgX does not know this key."), "{said}");
        assert!(said.contains("Signed in to 127.0.0.1:"), "{said}");
        assert_eq!(login.gateway.pairings().all().len(), 2);
    });
}

#[test]
fn without_a_keychain_a_key_is_kept_in_a_file_only_by_choice() {
    story(async {
        let login = Login::begin().await;
        let said = login.tells(&["login", "--key-stdin"], KEY).await;
        assert!(said.starts_with("exit 1\norgx-peer: There is no keychain on this computer now"), "{said}");
        assert!(said.contains("`orgx-peer login --file`"), "{said}");
        let file = login.home().join(".config/orgx-peer/keys.json");
        assert!(!file.exists());
        let said = login.tells(&["run"], "").await;
        assert!(said.contains("there is no keychain here now, and no file with a key"), "{said}");
        let said = login.tells(&["login", "--key-stdin", "--file"], KEY).await;
        let said = said.replace('\n', " ");
        assert!(said.contains("is in ~/.config/orgx-peer/keys.json, which only you can read."), "{said}");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        runs(&login, "run.log").await;
        // Others can read it now: it is not used as if nothing had happened.
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let said = login.tells(&["run"], "").await;
        assert!(
            said.starts_with("exit 1\n") && said.contains("others on this computer can read it"),
            "{said}"
        );
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let said = login.tells(&["logout"], "").await;
        assert!(said.contains("the key is gone from its file.") && !file.exists(), "{said}");
    });
}

#[test]
fn with_a_key_in_the_environment_the_keychain_is_not_touched() {
    story(async {
        let login = Login::begin().await;
        // Whoever asks it waits for ever.
        let mute = login.bus.connect().await;
        mute.request_name("org.freedesktop.secrets").await.expect("the name");
        let mut command = login.orgx_peer(&["run"]);
        command.env("ORGX_API_KEY", KEY).env("ORGX_WORKSPACE_ID", "ws_1");
        let peer = Peer::start(command, login.home().join("run.log"));
        login.gateway.wait_connected(1).await.unwrap();
        peer.stop_well().await;
    });
}
