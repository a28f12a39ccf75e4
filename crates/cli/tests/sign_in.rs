//! Signing in and out without a screen, as a person reads it.

#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{program, text, told};
use orgx_sandbox::gateway::{Endpoint, Gateway, HttpFault, Outcome};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const KEY: &str = "oxk_canary_0123456789abcdef";

struct World {
    gateway: Gateway,
    home: TempDir,
}

impl World {
    async fn new() -> Self {
        let gateway = Gateway::start().await.expect("a gateway");
        gateway.accept_key(Some(KEY.into()));
        Self { gateway, home: tempfile::tempdir().expect("a folder") }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = program(self.home.path());
        command.args(args).env("ORGX_BASE_URL", self.gateway.base_url());
        command
    }

    async fn output(&self, mut command: Command, input: &str) -> Output {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        tokio::task::spawn_blocking(move || child.wait_with_output())
            .await
            .expect("it ran")
            .expect("its output")
    }

    /// What it says, with what differs from run to run named.
    async fn says(&self, args: &[&str], input: &str) -> String {
        self.clean(&told(&self.output(self.command(args), input).await))
    }

    fn clean(&self, said: &str) -> String {
        // What went wrong is one line, and an address is whole.
        let may_be_long = |line: &str| line.starts_with("orgx-peer: ") || line.contains("http");
        let fits = |line: &str| line.chars().count() <= 80 || may_be_long(line);
        assert!(said.lines().all(fits), "{said}");
        assert!(!said.contains(KEY), "{said}");
        let mut said = said.replace(&format!("127.0.0.1:{}", self.gateway.port()), "127.0.0.1:PORT");
        for pairing in self.gateway.pairings().all() {
            assert!(!said.contains(&pairing.key), "{said}");
            let id = pairing.id.trim_start_matches("pair_").to_owned();
            let ends = pairing.key[pairing.key.len() - 4..].to_owned();
            said = said.replace(&format!("{}-{}", &id[..3], &id[3..]), "CODE").replace(&id, "ID");
            said = said.replace(&format!("ends in {ends}"), "ends in LAST");
        }
        let Some((before, after)) = said.split_once("claimToken=") else { return said };
        format!("{before}claimToken=CLAIM{}", after.trim_start_matches(|sign: char| sign.is_ascii_hexdigit()))
    }

    fn config(&self) -> PathBuf {
        self.home.path().join(".config/orgx-peer")
    }

    fn settings(&self) -> String {
        std::fs::read_to_string(self.config().join("config.toml")).unwrap_or_default()
    }
}

#[tokio::test]
async fn a_key_on_standard_input_is_checked_and_kept_and_gone_after_logout() {
    let world = World::new().await;
    world.gateway.set_workspaces(&[("ws_1", "Acme")]);
    let mut story = vec![world.says(&["login", "--key-stdin", "--file"], &format!(" {KEY} \nmore\n")).await];
    assert!(world.settings().contains("workspace_id = \"ws_1\""), "{}", world.settings());
    story.push(world.says(&["login", "--file"], "").await);
    story.push(world.says(&["logout"], "").await);
    assert!(!world.config().join("keys.json").exists());
    assert!(world.settings().contains("ws_1"), "the settings stay");
    story.push(world.says(&["logout"], "").await);
    insta::assert_snapshot!(story.join("\n"));
}

#[tokio::test]
async fn what_is_no_key_for_this_orgx_is_told_and_not_kept() {
    let world = World::new().await;
    let weak = "oxk_weak_0123456789";
    world.gateway.forbid_key(weak);
    let mut story = Vec::new();
    for input in ["", "sk-something\n", "oxk_other_0123456789", weak] {
        story.push(world.says(&["login", "--key-stdin", "--file"], input).await);
    }
    world.gateway.faults().http(Endpoint::Sync, HttpFault::Html);
    story.push(world.says(&["login", "--key-stdin", "--file"], KEY).await);
    story.push(world.says(&["login", "--found", "--file"], "").await);
    story.push(world.says(&["login", "--key-stdin"], KEY).await);
    assert!(!world.config().join("keys.json").exists());
    insta::assert_snapshot!(story.join("\n"));
}

#[tokio::test]
async fn connecting_in_the_browser_prints_a_link_and_says_how_it_ended() {
    let mut story = Vec::new();
    for outcome in [
        Outcome::Approve,
        Outcome::Cancel,
        Outcome::Expire,
        Outcome::Fail("this team has no free seat".into()),
        Outcome::Consume,
    ] {
        let world = World::new().await;
        world.gateway.set_workspaces(&[("ws_1", "Acme"), ("ws_2", "Sandbox")]);
        world.gateway.pairings().outcome(outcome.clone());
        let said = world.says(&["login", "--file"], "").await;
        let said = said.replace("lapses in 9:59", "lapses in 10:00");
        let pairing = &world.gateway.pairings().all()[0];
        assert_eq!(pairing.acked, outcome == Outcome::Approve);
        assert_eq!(pairing.acked, world.config().join("keys.json").exists());
        story.push(said);
    }
    let world = World::new().await;
    world.gateway.faults().http(Endpoint::PairingStart, HttpFault::status(403));
    story.push(world.says(&["login", "--file"], "").await);
    insta::assert_snapshot!(story.join("\n"));
}

#[tokio::test]
async fn the_person_presses_connect_on_the_page_that_is_printed() {
    let world = World::new().await;
    let mut command = world.command(&["login", "--file", "--workspace", "ws_mine"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    let began = world.gateway.wait_request("a poll", |all| all.len() > 1).await;
    began.expect("it asks");
    world.gateway.pairings().approve();
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
    let said = text(&ended.await.expect("it ran").expect("its output").stdout);
    assert!(said.contains("Workspace: ws_mine\n"), "{said}");
    // Signed in now: only the workspace is changed, and nobody is asked to connect again.
    let said = world.says(&["login", "--file", "--workspace", "ws_other"], "").await;
    assert!(said.contains("already") && said.contains("Workspace: ws_other"), "{said}");
    assert_eq!(world.gateway.pairings().all().len(), 1);
    assert!(world.settings().contains("workspace_id = \"ws_other\""));
}

#[tokio::test]
async fn ctrl_c_while_it_waits_tells_orgx_and_changes_nothing() {
    let world = World::new().await;
    let mut command = world.command(&["login", "--file"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    world.gateway.wait_request("a poll", |all| all.len() > 1).await.expect("it asks");
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("/bin/sh").args(["-c", &kill]).status().expect("a shell").success());
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
    let output = ended.await.expect("it ran").expect("its output");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "orgx-peer: cancelled. Nothing was changed\n");
    let pairing = &world.gateway.pairings().all()[0];
    assert_eq!(pairing.given_up.as_deref(), Some("cancelled by the person"));
    assert!(!world.config().join("keys.json").exists());
}

#[tokio::test]
async fn several_workspaces_are_listed_for_who_can_not_be_asked() {
    let world = World::new().await;
    world.gateway.set_workspaces(&[("ws_1", "Acme"), ("ws_2", "\u{1b}[31mRed")]);
    let mut story = vec![world.says(&["login", "--key-stdin", "--file"], KEY).await];
    story.push(world.says(&["run"], "").await);
    story.push(world.says(&["login", "--workspace", "ws_9"], "").await);
    world.gateway.set_workspaces(&[]);
    story.push(world.says(&["login", "--workspace", "a\tb"], "").await);
    insta::assert_snapshot!(story.join("\n"));
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_told_before_a_key_is_got() {
    let world = World::new().await;
    std::fs::create_dir_all(world.config()).expect("a folder");
    std::fs::write(world.config().join("config.toml"), "[orgx\n").expect("a file");
    let said = world.says(&["login", "--file"], "").await.replace('\n', " ");
    assert!(said.starts_with("exit 2 ") && said.contains("config.toml cannot be used: line 1"), "{said}");
    assert!(world.gateway.requests().is_empty());
    assert_eq!(std::fs::read_to_string(world.config().join("config.toml")).expect("it"), "[orgx\n");
    assert!(!Path::new(&world.config().join("keys.json")).exists());
}

#[tokio::test]
async fn who_is_signed_in_runs_without_an_environment() {
    let world = World::new().await;
    world.gateway.set_workspaces(&[("ws_1", "Acme")]);
    world.says(&["login", "--key-stdin", "--file"], KEY).await;
    let mut child = program(world.home.path()).arg("run").stderr(Stdio::null()).spawn().expect("the program");
    world.gateway.wait_connected(1).await.expect("connected");
    let upgrade = &world.gateway.upgrades()[0];
    assert_eq!(upgrade.query_value("workspace_id").as_deref(), Some("ws_1"));
    // Signing out meanwhile says that it goes on.
    let said = world.says(&["logout"], "").await;
    assert!(said.contains("A peer is running with it: it goes on until you stop it."), "{said}");
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("/bin/sh").args(["-c", &kill]).status().expect("a shell").success());
    assert!(
        tokio::task::spawn_blocking(move || child.wait()).await.expect("it ran").expect("an end").success()
    );
}
