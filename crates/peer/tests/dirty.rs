//! A task of OrgX in a folder with changes that are not committed waits for the person, when they want that.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{World, task, until};
use orgx_peer::{Answer, Ask, Attention, Command, Peer, PeerSnapshot, Reply};
use std::path::Path;

fn set(world: &World, toml: &str) {
    let config = world.home.path().join("config");
    std::fs::create_dir_all(&config).expect("a folder");
    std::fs::write(config.join("config.toml"), toml).expect("a file");
}

fn git(folder: &Path, arguments: &str) {
    let mut git = std::process::Command::new("git");
    git.current_dir(folder).args(arguments.split(' ')).env("GIT_CONFIG_GLOBAL", "/dev/null");
    assert!(git.status().expect("git").success(), "git {arguments}");
}

fn commit(folder: &Path) {
    git(folder, "add .");
    git(folder, "-c user.name=t -c user.email=t@example.com commit -q -m work");
}

async fn asked(peer: &Peer, run: &str) -> Attention {
    let asks = |now: &PeerSnapshot| now.attention.iter().any(|ask| ask.run_id == run);
    let now = until(peer, "a question", asks).await;
    now.attention.into_iter().find(|ask| ask.run_id == run).expect("a question")
}

async fn answer(peer: &Peer, ask: &Attention, answer: Answer) {
    let id = ask.id.clone();
    assert_eq!(peer.command(Command::Answer { id, answer }).await, Ok(Reply::Done));
}

#[tokio::test]
async fn a_folder_is_asked_about_first_and_then_the_changes_in_it() {
    let world = World::new().await;
    let allowed = world.home.path().join("allowed");
    std::fs::create_dir(&allowed).expect("a folder");
    let folder = world.folder();
    git(&folder, "init -q");
    std::fs::write(folder.join("committed"), "x").expect("a file");
    commit(&folder);
    for file in ["a", "b"] {
        std::fs::write(folder.join(file), "x").expect("a file");
    }
    let toml = "[runs]\nask_for_folders = true\nask_when_dirty = true\n";
    set(&world, &format!("{toml}allowed_folders = ['{}']\n", allowed.display()));
    let peer = world.peer_with(world.config()).await;
    world.dispatch("r1", "x");
    let first = asked(&peer, "r1").await;
    assert!(matches!(first.what, Ask::Folder { .. }), "{first:?}");
    answer(&peer, &first, Answer::Allow).await;
    let is_second = |now: &PeerSnapshot| now.attention.iter().any(|ask| ask.id != first.id);
    let second = until(&peer, "the second question", is_second).await.attention.remove(0);
    let Ask::Dirty { folder: asked_about, commit: at, changes } = &second.what else { panic!("{second:?}") };
    assert_eq!((asked_about.as_str(), *changes), (folder.to_str().expect("text"), 2));
    assert_eq!(at.as_ref().map(String::len), Some(12));
    assert!(second.id.starts_with("r1@dirty-"), "{}", second.id);
    assert!(world.daemon.prompts().is_empty(), "it waits");
    answer(&peer, &second, Answer::Allow).await;
    assert_eq!(world.gateway.terminal("r1").await.expect("told")["kind"], "task.completed");

    // Once more, and no.
    set(&world, toml);
    peer.command(Command::Reload).await.expect("reloaded");
    world.dispatch("r2", "x");
    let ask = asked(&peer, "r2").await;
    answer(&peer, &ask, Answer::Deny { reason: None }).await;
    let end = world.gateway.terminal("r2").await.expect("told");
    assert!(end["reason"].as_str().is_some_and(|why| why.contains("not committed")), "{end}");
    assert_eq!(end["recoverable"], true);

    // Committed meanwhile: the question is none any more once the folder is looked at anew.
    world.dispatch("r3", "x");
    asked(&peer, "r3").await;
    commit(&folder);
    set(&world, &format!("{toml}concurrent = 3\n[[project]]\npath = '{}'\n", allowed.display()));
    peer.command(Command::Reload).await.expect("reloaded");
    assert_eq!(world.gateway.terminal("r3").await.expect("told")["kind"], "task.completed");

    // Nobody is asked about a clean folder.
    world.gateway.dispatch(task("r4", "x", Some(&folder)));
    assert_eq!(world.gateway.terminal("r4").await.expect("told")["kind"], "task.completed");
    peer.stop().await;
}
