//! How a run ends that is stopped from outside.

use orgx_tests::process::until;
use orgx_tests::{Stage, opencode, story, task};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn cancel(run_id: &str) -> Value {
    json!({ "kind": "task.cancel", "run_id": run_id, "reason": "changed my mind" })
}

#[test]
fn a_cancel_ends_a_model_that_hangs() {
    story(async {
        let stage = Stage::set().await;
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "HANG"));
        stage.asked("HANG", 1).await;
        let asked = Instant::now();
        stage.gateway.dispatch(cancel("run"));
        assert_eq!(stage.failure("run").await, ("cancelled".to_owned(), false));
        assert!(asked.elapsed() < Duration::from_secs(8), "it took {:?}", asked.elapsed());
        stage.model.wait_aborted(1).await.unwrap();
        opencode::shared().await.idle(&stage.project).await;
        assert_eq!(stage.model.requests().len(), 1);
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn a_run_that_takes_longer_than_it_may_is_ended() {
    story(async {
        let stage = Stage::set().await;
        let _peer = stage.peer().await;
        let mut dispatch = task("run", &stage.project, "HANG");
        dispatch["timeout_seconds"] = 3.into();
        stage.gateway.dispatch(dispatch);
        assert_eq!(stage.failure("run").await, ("timed out after 3 s".to_owned(), true));
        stage.model.wait_aborted(1).await.unwrap();
        opencode::shared().await.idle(&stage.project).await;
    });
}

#[test]
fn a_run_whose_model_keeps_breaking_off_can_be_cancelled() {
    story(async {
        let stage = Stage::set().await;
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "DROP"));
        // OpenCode tries again by itself.
        stage.asked("DROP", 2).await;
        stage.gateway.dispatch(cancel("run"));
        assert_eq!(stage.failure("run").await, ("cancelled".to_owned(), false));
        opencode::shared().await.idle(&stage.project).await;
    });
}

#[test]
fn sigterm_ends_a_run_says_so_and_leaves_well() {
    story(async {
        let stage = Stage::set().await;
        let peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "HANG"));
        stage.asked("HANG", 1).await;
        peer.stop_well().await;
        assert_eq!(stage.failure("run").await, ("peer stopped".to_owned(), true));
        assert_eq!(stage.gateway.wait_closed_of(1).await.unwrap().code, 1000);
        opencode::shared().await.idle(&stage.project).await;
        let last = stage.outbox().pop().unwrap();
        assert!(last.contains(r#""event":"task_failed""#), "{last}");
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn a_cancel_ends_a_subagent_too() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script("SUBAGENT", json!([{ "hang": true }]));
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "TASK"));
        stage.asked("SUBAGENT", 1).await;
        stage.gateway.dispatch(cancel("run"));
        assert_eq!(stage.failure("run").await, ("cancelled".to_owned(), false));
        stage.model.wait_aborted(1).await.unwrap();
        opencode::shared().await.idle(&stage.project).await;
    });
}

#[test]
fn a_run_that_the_person_stops_in_opencode_is_no_success() {
    story(async {
        let stage = Stage::set().await;
        let server = opencode::shared().await;
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run_hang", &stage.project, "HANG"));
        stage.asked("HANG", 1).await;
        server.abort(&stage.session("run_hang")).await;
        assert_eq!(stage.failure("run_hang").await, ("stopped in OpenCode".to_owned(), false));
        // While OpenCode waits before it tries again, an abort leaves no trace but silence.
        stage.gateway.dispatch(task("run_retry", &stage.project, "E500"));
        stage.asked("E500", 1).await;
        let session = stage.session("run_retry");
        let waits = async || {
            let statuses =
                server.get(&format!("/session/status?directory={}", stage.project.display())).await;
            statuses[&session]["type"] == "retry"
        };
        until("OpenCode waits before it tries again", waits).await;
        server.abort(&session).await;
        let (reason, recoverable) = stage.failure("run_retry").await;
        assert_eq!(reason, "OpenCode stopped before the model had answered");
        assert!(recoverable);
    });
}

#[test]
fn a_cancel_that_comes_before_the_work_began_stops_it_too() {
    story(async {
        let stage = Stage::set().await;
        let server = opencode::shared().await;
        let _peer = stage.peer().await;
        for run_id in ["run_1", "run_2", "run_3"] {
            let folder = stage.project(run_id);
            stage.gateway.dispatch(task(run_id, &folder, "HANG"));
            let started = format!("{run_id} starts");
            stage.gateway.wait_for(&started, |_| !stage.gateway.of_run(run_id).is_empty()).await.unwrap();
            stage.gateway.dispatch(cancel(run_id));
            assert_eq!(stage.failure(run_id).await, ("cancelled".to_owned(), false));
            server.idle(&folder).await;
        }
        stage.model.wait_aborted(stage.model.requests().len()).await.unwrap();
    });
}
