//! An agent that asks, and a person who is there or is not: with the real OpenCode.

use orgx_peer::{Answer, Ask, Attention, CommandError, Reply, RunState};
use orgx_tests::opencode::{Place, Server};
use orgx_tests::{Person, Stage, opencode, story, task};
use serde_json::{Value, json};

const ASKED: &str = "asked for permission (bash)";

fn bash_asks() -> Value {
    json!({ "permission": { "bash": "ask" } })
}

fn bash(command: &str) -> Value {
    let arguments = json!({ "command": command, "description": "Do it" });
    json!({ "tool_calls": [{ "name": "bash", "arguments": arguments }] })
}

fn yes() -> Answer {
    Answer::Allow
}

fn no(reason: Option<&str>) -> Answer {
    Answer::Deny { reason: reason.map(ToOwned::to_owned) }
}

/// The id that OpenCode has for it.
fn opencodes_id(ask: &Attention) -> &str {
    ask.id.strip_prefix(&format!("{}@", ask.run_id)).expect("the run's and OpenCode's own")
}

/// What the model was told last.
fn told(stage: &Stage) -> String {
    stage.model.requests().pop().unwrap().body["messages"].to_string()
}

async fn listed(stage: &Stage, what: &str) -> Vec<Value> {
    let path = format!("/{what}?directory={}", stage.project.display());
    opencode::shared().await.get(&path).await.as_array().unwrap().clone()
}

#[test]
fn a_command_that_the_person_allows_runs_and_nobody_but_they_read_it() {
    story(async {
        let stage = Stage::set_with(bash_asks()).await;
        let peer = stage.peer().await;
        let person = Person::of(&stage).await;
        stage.gateway.dispatch(task("run", &stage.project, "BASH"));
        let ask = person.asked("run").await;
        let what = Ask::Permission {
            permission: "bash".into(),
            patterns: vec!["echo hi".into(), "ls".into()],
            command: Some("echo hi && ls".into()),
            file: None,
            added: None,
            removed: None,
        };
        assert_eq!((&ask.what, &ask.by), (&what, &None));
        assert_eq!(ask.folder.as_deref(), Some(stage.project.to_str().unwrap()));
        assert!(
            (ask.lapses_at - ask.since - 540_000).abs() < 60_000,
            "600 s of the task, less the minute: {ask:?}"
        );
        assert_eq!(person.sees().runs[0].state, RunState::NeedsYou);
        assert_eq!(person.says(&ask, yes()).await, Ok(Reply::Done));
        stage.completion("run").await;
        assert_eq!(stage.steps("run"), [ASKED, "allowed once (bash)", "call bash — List the folder"]);
        assert_eq!(person.says(&ask, yes()).await, Err(CommandError::NotWaiting));
        let kept: String = [stage.outbox().concat(), stage.log()].concat();
        let sent: String = stage.gateway.frames().iter().map(|frame| frame.text.clone()).collect();
        assert!(!kept.contains("echo hi") && !sent.contains("echo hi"), "{kept}\n{sent}");
        assert_eq!(Stage::files_with(&stage.state(), "echo hi"), [] as [std::path::PathBuf; 0]);
        peer.stop_well().await;
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn a_command_that_the_person_denies_does_not_run_and_the_model_reads_why() {
    story(async {
        let stage = Stage::set_with(bash_asks()).await;
        let _peer = stage.peer().await;
        let person = Person::of(&stage).await;
        for (run, reason, words) in [
            ("run", None, "The person does not want this"),
            ("again", Some("never list my folder"), "never list my folder"),
        ] {
            stage.gateway.dispatch(task(run, &stage.project, "BASH"));
            let ask = person.asked(run).await;
            person.says(&ask, no(reason)).await.expect("it waits");
            stage.completion(run).await;
            assert_eq!(stage.steps(run), [ASKED, "denied (bash)", "call bash — failed: List the folder"]);
            assert!(told(&stage).contains(words), "{}", told(&stage));
        }
    });
}

#[test]
fn a_command_that_nobody_answers_in_time_is_declined_and_the_agent_goes_on() {
    story(async {
        let stage = Stage::set_with(bash_asks()).await;
        let _peer = stage.peer().await;
        let person = Person::of(&stage).await;
        // It lapses a minute before that.
        let mut task = task("run", &stage.project, "BASH");
        task["timeout_seconds"] = 66.into();
        stage.gateway.dispatch(task);
        stage.completion("run").await;
        let lapsed = "not answered in time; told to go on (bash)";
        assert_eq!(stage.steps("run"), [ASKED, lapsed, "call bash — failed: List the folder"]);
        assert!(told(&stage).contains("Nobody answered in time"), "{}", told(&stage));
        person.is_left_alone().await;
        assert!(listed(&stage, "permission").await.is_empty());
    });
}

#[test]
fn what_is_answered_in_another_client_waits_for_nobody_here() {
    story(async {
        let stage = Stage::set_with(bash_asks()).await;
        let _peer = stage.peer().await;
        let person = Person::of(&stage).await;
        let server = opencode::shared().await;
        let query = format!("directory={}", stage.project.display());
        stage.gateway.dispatch(task("run", &stage.project, "BASH"));
        let ask = person.asked("run").await;
        let path = format!("/permission/{}/reply?{query}", opencodes_id(&ask));
        assert_eq!(server.post(&path, &json!({ "reply": "once" })).await, true);
        stage.completion("run").await;
        assert_eq!(stage.steps("run"), [ASKED, "answered elsewhere (bash)", "call bash — List the folder"]);
        assert_eq!(person.says(&ask, no(None)).await, Err(CommandError::NotWaiting));

        stage.gateway.dispatch(task("asks", &stage.project, "QUESTION"));
        let ask = person.asked("asks").await;
        let path = format!("/question/{}/reply?{query}", opencodes_id(&ask));
        assert_eq!(server.post(&path, &json!({ "answers": [["Red"]] })).await, true);
        stage.completion("asks").await;
        assert_eq!(stage.steps("asks")[..2], ["asked a question", "answered elsewhere (question)"]);
        person.is_left_alone().await;
    });
}

#[test]
fn a_subagent_asks_in_its_parents_run() {
    story(async {
        let stage = Stage::set_with(bash_asks()).await;
        stage.model.script("SUBAGENT", json!([bash("ls"), { "text": "Listed." }]));
        let _peer = stage.peer().await;
        let person = Person::of(&stage).await;
        stage.gateway.dispatch(task("run", &stage.project, "TASK"));
        let ask = person.asked("run").await;
        assert_eq!(ask.by.as_deref(), Some("general"));
        person.says(&ask, yes()).await.expect("it waits");
        stage.completion("run").await;
        assert_eq!(
            stage.steps("run"),
            [ASKED, "allowed once (bash)", "call bash — Do it", "call task — part of the work"],
            "the subagent's steps are the run's"
        );
    });
}

#[test]
fn questions_are_answered_with_choices_and_with_words_of_ones_own() {
    story(async {
        let stage = Stage::set().await;
        let option = |label: &str| json!({ "label": label, "description": format!("{label}?") });
        let questions = json!({ "questions": [
            { "question": "Which colours?", "header": "Colours", "multiple": true,
              "options": [option("Red"), option("Blue"), option("Green")] },
            { "question": "Why?", "header": "Reason", "options": [option("No reason")] },
        ] });
        let asks = json!({ "tool_calls": [{ "name": "question", "arguments": questions }] });
        stage.model.script("TWO PARTS", json!([asks, { "text": "Thank you." }]));
        let _peer = stage.peer().await;
        let person = Person::of(&stage).await;
        stage.gateway.dispatch(task("run", &stage.project, "TWO PARTS"));
        let ask = person.asked("run").await;
        let Ask::Questions { questions } = &ask.what else { panic!("{ask:?}") };
        let seen: Vec<_> = questions.iter().map(|one| (one.text.as_str(), one.multiple, one.free)).collect();
        assert_eq!(seen, [("Which colours?", true, true), ("Why?", false, true)]);
        assert_eq!((questions[0].choices.len(), questions[0].choices[1].description.as_str()), (3, "Blue?"));
        let said = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let short = Answer::Answers { answers: vec![said(&["Red"])] };
        let refused = person.says(&ask, short).await;
        assert!(
            matches!(&refused, Err(CommandError::Invalid { why }) if why.contains("2 questions")),
            "{refused:?}"
        );
        let refused = person.says(&ask, yes()).await;
        assert!(matches!(refused, Err(CommandError::Invalid { .. })), "{refused:?}");
        let answers = vec![said(&["Red", "Green"]), said(&["because of the tangerines"])];
        person.says(&ask, Answer::Answers { answers }).await.expect("it fits");
        stage.completion("run").await;
        assert_eq!(stage.steps("run"), ["asked 2 questions", "answered (question)", "call question — done"]);
        let told = told(&stage);
        assert!(told.contains("Red, Green") && told.contains("because of the tangerines"), "{told}");

        // A person who does not want to say does not end the work.
        stage.gateway.dispatch(task("denied", &stage.project, "QUESTION"));
        let ask = person.asked("denied").await;
        person.says(&ask, no(Some("decide yourself"))).await.expect("it waits");
        stage.completion("denied").await;
        assert_eq!(stage.steps("denied")[1], "denied (question)");
        assert!(self::told(&stage).contains("decide yourself"));
    });
}

#[test]
fn what_is_allowed_for_the_run_is_not_asked_again_in_it_and_is_in_the_next() {
    story(async {
        let stage = Stage::set_with(bash_asks()).await;
        let turns = json!([bash("echo same"), bash("echo same"), bash("echo other"), { "text": "Done." }]);
        stage.model.script("TWICE", turns);
        let _peer = stage.peer().await;
        let person = Person::of(&stage).await;
        stage.gateway.dispatch(task("run", &stage.project, "TWICE"));
        let ask = person.asked("run").await;
        person.says(&ask, Answer::AllowForRun).await.expect("it waits");
        let is_other = |ask: &Attention| matches!(&ask.what, Ask::Permission { command: Some(command), .. } if command == "echo other");
        person.until("the other command", |now| now.attention.iter().any(is_other)).await;
        let ask = person.asked("run").await;
        person.says(&ask, yes()).await.expect("it waits");
        stage.completion("run").await;
        let call = "call bash — Do it";
        let steps = [
            ASKED,
            "allowed for this run (bash)",
            call,
            "allowed as before (bash)",
            call,
            ASKED,
            "allowed once (bash)",
            call,
        ];
        assert_eq!(stage.steps("run"), steps);
        stage.gateway.dispatch(task("next", &stage.project, "TWICE"));
        let ask = person.asked("next").await;
        assert!(!is_other(&ask), "{ask:?}");
        person.cancels("next").await;
        stage.failure("next").await;
    });
}

#[test]
fn an_edit_says_how_much_and_a_folder_outside_is_asked_about_by_default() {
    story(async {
        let stage = Stage::set_with(json!({ "permission": { "edit": "ask" } })).await;
        let outside = stage.root().canonicalize().unwrap().join("outside.txt");
        std::fs::write(&outside, "x\n").unwrap();
        let read = json!({ "tool_calls": [{ "name": "read", "arguments": { "filePath": outside } }] });
        stage.model.script("LOOK", json!([read, { "text": "Then not." }]));
        let _peer = stage.peer().await;
        let person = Person::of(&stage).await;
        stage.gateway.dispatch(task("run", &stage.project, "say hello"));
        let ask = person.asked("run").await;
        let Ask::Permission { permission, file, added, removed, command, .. } = &ask.what else {
            panic!("{ask:?}")
        };
        assert_eq!((permission.as_str(), file.as_deref(), command), ("edit", Some("hello.txt"), &None));
        assert_eq!((*added, *removed), (Some(1), Some(0)));
        person.says(&ask, yes()).await.expect("it waits");
        stage.completion("run").await;
        assert!(stage.project.join("hello.txt").exists());

        stage.gateway.dispatch(task("look", &stage.project, "LOOK"));
        let ask = person.asked("look").await;
        assert!(
            matches!(&ask.what, Ask::Permission { permission, .. } if permission == "external_directory"),
            "{ask:?}"
        );
        person.says(&ask, no(None)).await.expect("it waits");
        stage.completion("look").await;
        assert_eq!(
            stage.steps("look")[..2],
            ["asked for permission (external_directory)", "denied (external_directory)"]
        );
    });
}

#[test]
fn what_a_cancelled_run_asked_is_nobodys_and_does_not_confuse_the_next_run() {
    story(async {
        let stage = Stage::set_with(bash_asks()).await;
        let _peer = stage.peer().await;
        let person = Person::of(&stage).await;
        stage.gateway.dispatch(task("run", &stage.project, "BASH"));
        let stale = person.asked("run").await;
        person.cancels("run").await;
        assert_eq!(stage.failure("run").await, ("cancelled".to_owned(), false));
        person.is_left_alone().await;
        // PROTOCOL: opencode.md 2.2, it stays in the list.
        assert_eq!(listed(&stage, "permission").await[0]["id"], opencodes_id(&stale));
        stage.gateway.dispatch(task("next", &stage.project, "BASH"));
        let ask = person.asked("next").await;
        assert_ne!(opencodes_id(&ask), opencodes_id(&stale));
        assert_eq!(person.sees().attention.len(), 1);
        assert_eq!(person.says(&stale, yes()).await, Err(CommandError::NotWaiting));
        person.says(&ask, yes()).await.expect("it waits");
        stage.completion("next").await;
        person.is_left_alone().await;
    });
}

#[test]
fn a_session_that_goes_on_with_another_task_is_not_asked_about_what_it_asked_before() {
    story(async {
        let stage = Stage::set_with(bash_asks()).await;
        let _peer = stage.peer().await;
        let person = Person::of(&stage).await;
        stage.gateway.dispatch(task("run", &stage.project, "BASH"));
        let stale = person.asked("run").await;
        person.cancels("run").await;
        stage.failure("run").await;
        let mut goes_on = task("next", &stage.project, "BASH");
        goes_on["task"]["session_handle"] = stage.session("run").into();
        stage.gateway.dispatch(goes_on);
        let ask = person.asked("next").await;
        assert_ne!(opencodes_id(&ask), opencodes_id(&stale));
        assert_eq!(stage.session("next"), stage.session("run"));
        let ids = listed(&stage, "permission").await.len();
        assert_eq!(ids, 2, "OpenCode has both in its list, and the session is busy");
        person.says(&ask, yes()).await.expect("it waits");
        stage.completion("next").await;
        assert_eq!(stage.steps("next"), [ASKED, "allowed once (bash)", "call bash — List the folder"]);
    });
}

#[test]
fn a_server_that_is_killed_while_its_agent_asks_ends_the_run_and_the_question() {
    story(async {
        let stage = Stage::set_with(bash_asks()).await;
        let _place = Place::take().await;
        let server = Server::start(None).await;
        let _peer = stage.peer_of(&server).await;
        let person = Person::of(&stage).await;
        stage.gateway.dispatch(task("run", &stage.project, "BASH"));
        let ask = person.asked("run").await;
        server.kill();
        // Said to nobody, and neither lost in silence nor in the way.
        person.says(&ask, yes()).await.expect("it still waits");
        let (reason, recoverable) = stage.failure("run").await;
        assert_eq!((reason.as_str(), recoverable), ("the connection to OpenCode was lost", true));
        person.is_left_alone().await;
    });
}

#[test]
fn an_agent_that_asked_a_peer_that_was_killed_is_answered_by_the_next_one() {
    story(async {
        let stage = Stage::set_with(bash_asks()).await;
        let peer = stage.peer().await;
        let before = {
            let person = Person::of(&stage).await;
            stage.gateway.dispatch(task("run", &stage.project, "BASH"));
            person.asked("run").await
        };
        peer.kill().await;
        let peer = stage.peer().await;
        let person = Person::of(&stage).await;
        let ask = person.asked("run").await;
        assert_eq!((&ask.id, &ask.what), (&before.id, &before.what), "the same question");
        person.says(&ask, yes()).await.expect("it waits");
        stage.completion("run").await;
        let steps = stage.steps("run");
        assert_eq!(steps, [ASKED, ASKED, "allowed once (bash)", "call bash — List the folder"]);
        peer.stop_well().await;
    });
}
