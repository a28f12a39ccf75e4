//! The way to OpenCode is cut in the middle of a run.

use orgx_tests::process::until;
use orgx_tests::proxy::Proxy;
use orgx_tests::{Stage, opencode, story, task};
use serde_json::{Value, json};

fn write(file: &str) -> Value {
    json!([{ "name": "write", "arguments": { "filePath": format!("{{{{cwd}}}}/{file}"), "content": "x\n" } }])
}

#[test]
fn what_happens_while_the_feed_is_cut_is_told_once_it_is_back_and_nothing_twice() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script(
            "three files",
            json!([
                { "tool_calls": write("one.txt") },
                { "gate": "cut", "tool_calls": write("two.txt") },
                { "gate": "mended", "tool_calls": write("three.txt") },
                { "text": ["Do", "ne", "."], "chunk_delay_ms": 200 },
            ]),
        );
        let server = opencode::shared().await;
        let proxy = Proxy::to(server.port).await;
        let _peer = stage.peer_at(proxy.port, server.password.as_deref()).await;
        stage.gateway.dispatch(task("run", &stage.project, "Write three files"));
        stage.gateway.wait_for("the first step", |_| !stage.steps("run").is_empty()).await.unwrap();
        proxy.cut();
        stage.model.open("cut");
        // The second file is written by then, and nobody heard of it.
        stage.asked("three files", 3).await;
        assert_eq!(stage.steps("run").len(), 1);
        proxy.mend();
        stage.gateway.wait_for("the second step", |_| stage.steps("run").len() == 2).await.unwrap();
        stage.model.open("mended");
        stage.completion("run").await;
        let steps = ["one", "two", "three"].map(|file| format!("edit {file}.txt — +1 -0"));
        assert_eq!(stage.steps("run"), steps);
    });
}

#[test]
fn an_end_that_nobody_heard_of_is_found() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script(
            "one file",
            json!([{ "gate": "cut", "tool_calls": write("one.txt") }, { "text": "Done." }]),
        );
        let server = opencode::shared().await;
        let proxy = Proxy::to(server.port).await;
        let _peer = stage.peer_at(proxy.port, server.password.as_deref()).await;
        stage.gateway.dispatch(task("run", &stage.project, "Write one file"));
        stage.asked("one file", 1).await;
        proxy.cut();
        stage.model.open("cut");
        stage.asked("one file", 2).await;
        server.idle(&stage.project).await;
        proxy.mend();
        let completed = stage.completion("run").await;
        assert_eq!(completed["tokens_used"], 220);
        assert_eq!(stage.steps("run"), ["edit one.txt — +1 -0"]);
    });
}

#[test]
fn a_feed_that_falls_silent_is_opened_anew() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script(
            "patience",
            json!([{ "gate": "late", "tool_calls": write("one.txt") }, { "text": "Done." }]),
        );
        let server = opencode::shared().await;
        let proxy = Proxy::to(server.port).await;
        let peer = stage.peer_at(proxy.port, server.password.as_deref()).await;
        stage.gateway.dispatch(task("run", &stage.project, "Work with patience"));
        stage.asked("patience", 1).await;
        proxy.stall();
        // Heartbeats come every 10 s; the peer waits for three of them.
        let begun_anew = async || peer.log().contains("event feed is open again");
        until("the peer has opened its feed anew", begun_anew).await;
        stage.model.open("late");
        stage.completion("run").await;
        assert_eq!(stage.steps("run"), ["edit one.txt — +1 -0"]);
    });
}
