//! The computer is kept awake while an agent works: a login1 of the story's own counts who does.

use super::budget::{answer, asked, configure, handle};
use orgx_peer::{Answer, Command};
use orgx_tests::desktop::{Bus, Login1};
use orgx_tests::peer::Peer;
use orgx_tests::{Stage, opencode, story, task};
use rustix::process::Signal;
use serde_json::json;

/// A peer on the shared server, with this for its system bus.
async fn peer(stage: &Stage, bus: &Bus) -> Peer {
    let server = opencode::shared().await;
    let mut command = stage.command();
    command.env("OPENCODE_SERVER_URL", format!("http://127.0.0.1:{}", server.port));
    command.envs(server.password.as_ref().map(|password| ("OPENCODE_SERVER_PASSWORD", password)));
    command.env("DBUS_SYSTEM_BUS_ADDRESS", &bus.address);
    stage.start(command).await
}

#[test]
fn the_computer_is_awake_while_a_run_works_and_not_while_it_is_held_or_over() {
    story(async {
        let stage = Stage::set().await;
        let bus = Bus::start(stage.root());
        let login1 = Login1::appear(&bus).await;
        configure(&stage, "run = { tokens = 110 }");
        stage.model.script("Wait", json!([{ "gate": "go", "text": "Done." }]));
        let work = json!([{ "name": "bash", "arguments": { "command": "true", "description": "Work" } }]);
        stage.model.script(
            "Work",
            json!([{ "gate": "work", "tool_calls": work }, { "gate": "never", "text": "Done." }]),
        );
        let peer = peer(&stage, &bus).await;
        let handle = handle(&stage).await;
        assert_eq!(login1.now(), 0, "nothing runs");
        // To its end.
        stage.gateway.dispatch(task("one", &stage.project, "Wait"));
        login1.held(1).await;
        assert_eq!(login1.asked(), ["idle OrgX Peer block"]);
        stage.model.open("go");
        stage.completion("one").await;
        login1.held(0).await;
        // Held at its budget, and cancelled.
        stage.gateway.dispatch(task("two", &stage.project, "Work"));
        login1.held(1).await;
        stage.model.open("work");
        let attention = asked(&handle, "two").await;
        login1.held(0).await;
        answer(&handle, &attention, Answer::Deny { reason: None }).await;
        stage.failure("two").await;
        login1.held(0).await;
        peer.stop_well().await;
    });
}

#[test]
fn a_cancel_a_quit_and_a_kill_let_the_computer_sleep() {
    story(async {
        let stage = Stage::set().await;
        let bus = Bus::start(stage.root());
        let login1 = Login1::appear(&bus).await;
        stage.model.script("Wait", json!([{ "gate": "never", "text": "Done." }]));
        let first = peer(&stage, &bus).await;
        let handle = handle(&stage).await;
        stage.gateway.dispatch(task("one", &stage.project, "Wait"));
        login1.held(1).await;
        handle.command(Command::Cancel { run_id: "one".into(), exact: true }).await.unwrap();
        stage.failure("one").await;
        login1.held(0).await;
        stage.gateway.dispatch(task("two", &stage.project, "Wait"));
        login1.held(1).await;
        first.stop_well().await;
        login1.held(0).await;
        let second = peer(&stage, &bus).await;
        stage.gateway.dispatch(task("three", &stage.project, "Wait"));
        login1.held(1).await;
        orgx_tests::process::send(second.pid(), Signal::KILL);
        login1.held(0).await;
        second.ended().await;
        // What it left is found and stopped.
        let third = peer(&stage, &bus).await;
        login1.held(1).await;
        third.stop_well().await;
        login1.held(0).await;
    });
}

#[test]
fn switched_off_nothing_keeps_the_computer_awake_and_switched_on_it_does_at_once() {
    story(async {
        let stage = Stage::set().await;
        let bus = Bus::start(stage.root());
        let login1 = Login1::appear(&bus).await;
        let config = stage.config().join("config.toml");
        std::fs::write(&config, "[power]\nkeep_awake = false\n").unwrap();
        stage.model.script("Wait", json!([{ "gate": "go", "text": "Done." }]));
        let peer = peer(&stage, &bus).await;
        let handle = handle(&stage).await;
        stage.gateway.dispatch(task("one", &stage.project, "Wait"));
        stage.asked("Wait", 1).await;
        assert_eq!(login1.asked(), [""; 0]);
        std::fs::write(&config, "[power]\nkeep_awake = true\n").unwrap();
        handle.command(Command::Reload).await.unwrap();
        login1.held(1).await;
        std::fs::write(&config, "[power]\nkeep_awake = false\n").unwrap();
        handle.command(Command::Reload).await.unwrap();
        login1.held(0).await;
        stage.model.open("go");
        stage.completion("one").await;
        peer.stop_well().await;
    });
}
