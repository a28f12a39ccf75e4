//! How a run ends that is stopped from outside.

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
