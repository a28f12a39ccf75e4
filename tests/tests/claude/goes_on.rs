//! A session that is gone on with: by another task, and by a run that was held at its budget.

use orgx_peer::{Answer, Ask};
use orgx_tests::claude::{claude_task, story};
use orgx_tests::{Person, Stage};
use serde_json::json;

#[test]
fn a_task_goes_on_with_the_session_of_another_and_pays_for_itself_alone() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script("first", json!([{ "text": "One." }]));
        stage.model.script("second", json!([{ "text": "Two." }]));
        let peer = stage.start(stage.claude_command("")).await;
        stage.gateway.dispatch(claude_task("run_first", &stage.project, "The first part"));
        let first = stage.completion("run_first").await;
        let session = stage.session("run_first");
        let mut dispatch = claude_task("run_second", &stage.project, "The second part");
        dispatch["task"]["session_handle"] = session.as_str().into();
        stage.gateway.dispatch(&dispatch);
        let second = stage.completion("run_second").await;
        assert_eq!(stage.session("run_second"), session);
        assert_eq!((&first["tokens_used"], &second["tokens_used"]), (&json!(110), &json!(110)));
        let asked = stage.model.requests();
        let second = asked.iter().find(|asked| asked.prompt.contains("second")).unwrap();
        assert!(second.body.to_string().contains("The first part"), "it knows what came before");

        let mut unknown = claude_task("run_unknown", &stage.project, "The second part");
        unknown["task"]["session_handle"] = "0b5e1d0e-9f0c-4c57-8a52-5f3c0ab1e001".into();
        stage.gateway.dispatch(&unknown);
        let (reason, _) = stage.failure("run_unknown").await;
        assert!(reason.starts_with("No conversation found with session ID"), "{reason}");
        peer.stop_well().await;
    });
}

#[test]
fn a_run_at_its_budget_waits_without_a_process_and_goes_on_with_the_persons_word() {
    story(async {
        let stage = Stage::set().await;
        let read = json!({ "name": "Read", "arguments": { "file_path": "{{cwd}}/README.md" } });
        stage.model.script(
            "costly",
            json!([
                { "tool_calls": [read], "usage": { "prompt_tokens": 5_000 } },
                { "gate": "held", "text": "never said" },
            ]),
        );
        stage.model.script("Go on with the task", json!([{ "text": "Done." }]));
        let command = stage.claude_command("[budget]\nrun = { tokens = 1000 }");
        let peer = stage.start(command).await;
        stage.gateway.dispatch(claude_task("run_budget", &stage.project, "Something costly"));
        let person = Person::of(&stage).await;
        let ask = person.asked("run_budget").await;
        assert!(matches!(ask.what, Ask::Budget { .. }), "{ask:?}");
        person.says(&ask, Answer::Allow).await.unwrap();
        let completed = stage.completion("run_budget").await;
        assert!(completed["tokens_used"].as_u64().is_some_and(|tokens| tokens > 5_000), "{completed}");
        peer.stop_well().await;
    });
}
