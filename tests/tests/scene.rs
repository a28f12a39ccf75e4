//! The scene that the demo, the app's sandbox and its test task play in: one peer, several tasks.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests; their helpers are, too")]

use orgx_peer::{Config, Environment, Peer};
use orgx_sandbox::scene::{Pace, Reach, SKILL, Scene};
use orgx_tests::{programs, story, story_without_opencode};
use std::path::PathBuf;
use std::time::Duration;

/// A task, once more, and two at once.
async fn play(opencode: Option<PathBuf>, pace: Pace) {
    let scene = Scene::set(opencode, pace).await.unwrap();
    let variables = scene.variables().into_iter();
    let env = variables.fold(Environment::default(), |env, (name, value)| env.with(name, value));
    let mut config = Config::load(&env).unwrap();
    config.opencode.state_file = None;
    config.opencode.use_running = false;
    match scene.reach() {
        Reach::Start { program, environment } => {
            config.opencode.program = Some(program);
            config.opencode.environment = environment;
        }
        Reach::Server(url) => config.opencode.server_url = Some(url.parse().unwrap()),
    }
    let peer = Peer::start(config).await.unwrap();
    let gateway = scene.gateway();
    for expected in ["run_demo", "run_demo_2"] {
        let run_id = scene.give().unwrap();
        assert_eq!(run_id, expected);
        ends_well(&scene, &run_id).await;
        assert!(scene.changed().is_some(), "{run_id}");
    }
    let (third, fourth) = (scene.give().unwrap(), scene.give().unwrap());
    ends_well(&scene, &third).await;
    let end = gateway.terminal(&fourth).await.unwrap();
    assert_eq!(end["kind"], "task.completed", "{end}");
    let folder = scene.folder().to_owned();
    peer.stop().await;
    assert_eq!(gateway.violations(), [""; 0]);
    drop(scene);
    assert!(!folder.exists(), "nothing is left behind");
}

async fn ends_well(scene: &Scene, run_id: &str) {
    let end = scene.gateway().terminal(run_id).await.unwrap();
    assert_eq!(end["kind"], "task.completed", "{end}");
    let deviations = scene.gateway().deviations(run_id);
    assert!(deviations.iter().any(|deviation| deviation["skill_id"] == SKILL), "{deviations:?}");
}

#[test]
fn the_stand_in_does_task_after_task() {
    story_without_opencode(play(None, Pace::Each(Duration::from_millis(20))));
}

#[test]
fn the_real_opencode_does_task_after_task() {
    story(async { play(programs::opencode(), Pace::Fast).await });
}
