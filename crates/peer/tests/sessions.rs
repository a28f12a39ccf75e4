//! What OpenCode's sessions are asked of a peer, and what that costs the others.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::World;
use orgx_peer::{Command, CommandError, Reply};

#[tokio::test]
async fn a_server_that_never_answers_holds_up_nothing_but_the_answer_about_sessions() {
    let world = World::new().await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut config = world.config();
    let origin = format!("http://{}", silent.local_addr().expect("its address"));
    config.opencode.server_url = Some(origin.parse().expect("an address"));
    let peer = world.peer_with(config).await;
    let mut sessions = Box::pin(peer.command(Command::Sessions { all: true, directory: None }));
    // The command is on its way before the next one.
    tokio::select! {
        biased;
        _ = &mut sessions => panic!("nobody answers, and yet there is an answer"),
        runs = peer.command(Command::Runs { limit: 1 }) => assert!(runs.is_ok()),
    }
    match sessions.await.expect("an answer, in the end") {
        Reply::Sessions(found) => assert_eq!((found.sessions.len(), found.trouble.as_deref()), (0, None)),
        other => panic!("{other:?}"),
    }
    let nobody = peer.command(Command::Open { run_id: "run_x".into(), attach: true }).await;
    assert_eq!(nobody, Err(CommandError::NoSuchRun { run_id: "run_x".into() }));
    peer.stop().await;
}

#[tokio::test]
async fn a_database_that_cannot_be_read_is_told_in_one_sentence() {
    let world = World::new().await;
    let data = world.home.path().join(".local/share/opencode");
    std::fs::create_dir_all(&data).expect("a folder");
    std::fs::write(data.join("opencode.db"), "x".repeat(4_096)).expect("a file");
    let peer = world.peer().await;
    let told = peer.command(Command::Sessions { all: false, directory: None }).await.expect("an answer");
    let Reply::Sessions(found) = told else { panic!("{told:?}") };
    let words = "OpenCode's database is not a database; OpenCode itself may say more (`opencode db path` names the file).";
    assert_eq!((found.sessions.len(), found.trouble.as_deref()), (0, Some(words)));
    peer.stop().await;
}
