//! One dispatch key is one run.

use orgx_tests::{Stage, opencode, story, task};
use serde_json::json;

#[test]
fn a_repeat_of_a_dispatch_is_silent_and_prompts_nobody_even_after_a_restart() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script("the work", json!([{ "gate": "work", "text": "Done." }]));
        let dispatch = task("run", &stage.project, "Do the work");

        let peer = stage.peer().await;
        stage.gateway.dispatch(&dispatch);
        stage.asked("the work", 1).await;
        stage.gateway.dispatch(&dispatch);
        stage.model.open("work");
        stage.completion("run").await;
        stage.gateway.dispatch(&dispatch);
        // The folder takes one run at a time: by the end of another one a repeat would have been seen.
        stage.gateway.dispatch(task("after", &stage.project, "Something else"));
        stage.completion("after").await;
        let is_receipt = |request: &orgx_sandbox::Request| request.path.ends_with("/receipt");
        let receipts = |all: &[orgx_sandbox::Request]| all.iter().filter(|one| is_receipt(one)).count() == 2;
        stage.gateway.wait_request("both receipts", receipts).await.unwrap();
        peer.stop_well().await;

        let peer = stage.peer().await;
        stage.gateway.dispatch(&dispatch);
        // The same run under another key, and the same key for another run.
        let mut other_key = dispatch.clone();
        other_key["idempotency_key"] = "another key".into();
        stage.gateway.dispatch(&other_key);
        let mut other_run = dispatch.clone();
        other_run["run_id"] = "another run".into();
        stage.gateway.dispatch(&other_run);
        stage.gateway.dispatch(task("later", &stage.project, "Something else"));
        stage.completion("later").await;
        peer.stop_well().await;

        let kinds: Vec<_> = stage.gateway.of_run("run").iter().map(|frame| frame["kind"].clone()).collect();
        assert_eq!(kinds, ["task.started", "task.completed"]);
        assert!(stage.gateway.of_run("another run").is_empty());
        let asked = stage.model.requests();
        assert_eq!(asked.iter().filter(|asked| asked.prompt.contains("the work")).count(), 1);
        let sessions = format!("/session?directory={}", stage.project.display());
        let sessions = opencode::shared().await.get(&sessions).await;
        assert_eq!(sessions.as_array().unwrap().len(), 3, "one for each run that ran");
        assert_eq!(stage.gateway.requests().iter().filter(|request| is_receipt(request)).count(), 3);
    });
}
