//! The ways to OpenCode: told where it is, found by looking, or started by the peer.

use orgx_sandbox::opencode::OpenCodeHome;
use orgx_tests::opencode::{Place, Server, linked, path_with, shared};
use orgx_tests::process::{self, until};
use orgx_tests::stage::KEY;
use orgx_tests::{Stage, programs, story, task};
use serde_json::json;
use std::time::Duration;

/// Whatever runs on the computer that runs the tests is none of their business.
const OWN_SERVER_ONLY: &str = "[opencode]\nuse_running = false\n";

#[test]
fn the_peer_starts_a_server_of_its_own_guards_it_and_ends_it() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script("run a command", json!([
            { "tool_calls": [{ "name": "bash", "arguments": { "command": "env > env.txt", "description": "Look" } }] },
            { "text": "Done." },
        ]));
        let _place = Place::take().await;
        let home = OpenCodeHome::create(stage.root(), &stage.model.base_url()).unwrap();
        std::fs::write(stage.config().join("config.toml"), OWN_SERVER_ONLY).unwrap();
        let mut command = stage.command();
        let bin = linked(stage.root());
        command.envs(home.env()).env("PATH", path_with(bin.parent()));
        command.env("ORGX_GATEWAY_KEY", "oxk_test_canary").env("ORGX_ANYTHING", "oxk_test_anything");
        let peer = stage.start(command).await;
        let servers = || -> Vec<i32> {
            let all = process::living_in(home.home()).into_iter();
            all.filter(|pid| process::command_line(*pid).contains(" serve ")).collect()
        };
        until("the peer says what it found", async || stage.log().contains("will be started")).await;
        assert_eq!(servers(), [0; 0], "none before it is needed");

        stage.gateway.dispatch(task("run", &stage.project, "Please run a command"));
        stage.completion("run").await;
        let servers = servers();
        assert_eq!(servers.len(), 1);
        let environment = process::environment(servers[0]);
        let orgx: Vec<_> = environment.iter().filter(|entry| entry.starts_with("ORGX_")).collect();
        assert!(orgx.is_empty() && !environment.iter().any(|entry| entry.contains(KEY)), "{orgx:?}");
        let password = environment.iter().find_map(|entry| entry.strip_prefix("OPENCODE_SERVER_PASSWORD="));
        assert!(password.is_some_and(|password| password.len() >= 32));
        assert!(!process::command_line(servers[0]).contains(password.unwrap()));
        let seen = std::fs::read_to_string(stage.project.join("env.txt")).unwrap();
        assert!(seen.contains("HOME=") && !seen.contains("ORGX_") && !seen.contains(KEY), "{seen}");
        let members = process::group(servers[0]);
        assert!(members.contains(&servers[0]) && !members.contains(&peer.pid()), "a group of its own");

        peer.stop_well().await;
        assert_eq!(process::group(servers[0]), [0; 0], "nothing is left of its group");
        assert_eq!(process::living_in(home.home()), [0; 0], "nothing is left at all");
        let found = Stage::files_with(stage.root(), KEY);
        assert!(found.is_empty(), "the key is in {found:?}");
    });
}

#[test]
fn a_server_that_runs_is_found_by_looking() {
    story(async {
        let shared = shared().await;
        let _place = Place::take().await;
        let server = Server::start(None).await;
        if strangers(&[&shared, &server]).await {
            // The peer would find that one, and hand it a task.
            programs::skip("another OpenCode runs on this computer");
            return;
        }
        let stage = Stage::set().await;
        let _peer = stage.start(stage.command()).await;
        stage.gateway.dispatch(task("run", &stage.project, "Write the file"));
        stage.completion("run").await;
        let session = stage.session("run");
        let made = server.get(&format!("/session/{session}")).await;
        assert_eq!(made["metadata"]["orgx_run_id"], "run");
        assert!(stage.log().contains("a server on this computer"), "{}", stage.log());
    });
}

#[test]
fn a_server_with_a_password_that_the_peer_lacks_is_told_in_words() {
    story(async {
        let stage = Stage::set().await;
        let server = shared().await;
        for (run_id, password, words) in [
            ("run_none", None, "is an OpenCode server with a password; set OPENCODE_SERVER_PASSWORD"),
            (
                "run_wrong",
                Some("wrong"),
                "is an OpenCode server that refuses the password in OPENCODE_SERVER_PASSWORD",
            ),
        ] {
            let peer = stage.peer_at(server.port, password).await;
            stage.gateway.dispatch(task(run_id, &stage.project, "Anything"));
            let (reason, recoverable) = stage.failure(run_id).await;
            assert!(reason.ends_with(words), "{reason}");
            assert!(recoverable);
            peer.stop_well().await;
        }
        assert!(stage.model.requests().is_empty());
    });
}

/// Does an OpenCode run here that is none of these? One that is just ending, or another test's, is waited for.
async fn strangers(ours: &[&Server]) -> bool {
    let homes: Vec<String> =
        ours.iter().map(|server| format!("HOME={}", server.home().home().display())).collect();
    let is_strange = |pid: &i32| {
        // One that has ended has no environment any more.
        process::environment(*pid).iter().any(|entry| entry.starts_with("HOME=") && !homes.contains(entry))
    };
    for _ in 0..200 {
        let known_port = tokio::net::TcpStream::connect(("127.0.0.1", 4096)).await;
        if known_port.is_err() && !process::named("opencode").iter().any(is_strange) {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    true
}
