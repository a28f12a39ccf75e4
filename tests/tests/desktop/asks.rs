//! An agent asks, and the person answers: from a notification, and in the window. With the real OpenCode.

use crate::told;
use orgx_tests::desktop::{Asker, Desk, Need, Window, story, task};
use serde_json::json;

/// An app with its window open, whose tasks this agent does.
async fn window(desk: &Desk, asker: &Asker) -> Window {
    let opened = desk.gateway.connections();
    let window = desk.open(asker.environment(desk)).await;
    desk.connected(opened + 1).await;
    // It has been found, and can be given a task.
    told(desk, true, 0).await;
    window
}

/// Opens what waits, by the strip.
async fn review(window: &Window, heading: &str) {
    window.element("button.strip").await.click().await.unwrap();
    window.shows(heading).await;
}

#[test]
fn a_command_is_allowed_from_its_notification_and_the_run_goes_on() {
    story(&[Need::OpenCode], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let notices = desk.notices().await;
        let asker = Asker::come().await;
        let project = asker.project(&desk, "billing");
        let opened = desk.gateway.connections();
        let app = desk.start(asker.environment(&desk), &[]);
        desk.connected(opened + 1).await;
        told(&desk, true, 0).await;
        let tray = panel.icon().await;
        desk.gateway.dispatch(task("run", &project, "BASH please"));
        let notice = notices.titled("Needs you: run a command?").await;
        assert_eq!(notice.body, "billing: echo hi &amp;&amp; ls", "escaped where a body may be markup");
        let in_menu = ["Needs you (1)", "run echo hi && ls in billing"];
        tray.menu_with("what waits", |menu| menu.has(&in_menu)).await;
        assert!(!desk.gateway.of_run("run").iter().any(|frame| frame["kind"] == "task.completed"));
        notices.press(&notice, "Allow once").await;
        assert_eq!(desk.end("run").await["kind"], "task.completed");
        tray.menu_with("nothing waits", |menu| !menu.has(&["Needs you"])).await;
        assert!(asker.told().contains("hi"), "the command ran: {}", asker.told());
        assert_eq!(app.stop().await, Some(0));
        assert!(!desk.log().contains("echo hi"), "what agents want to run is in no log");
    });
}

#[test]
fn a_command_that_the_window_denies_does_not_run_and_the_agent_reads_why() {
    story(&[Need::Driver, Need::OpenCode], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let notices = desk.notices().await;
        let asker = Asker::come().await;
        let project = asker.project(&desk, "billing");
        let window = window(&desk, &asker).await;
        desk.gateway.dispatch(task("run", &project, "BASH please"));
        let notice = notices.titled("Needs you: run a command?").await;
        review(&window, "Run this command?").await;
        window.shows("echo hi && ls").await;
        window.fill("#reason", "not before Monday").await;
        window.press("Deny").await;
        assert_eq!(desk.end("run").await["kind"], "task.completed", "the agent goes on in another way");
        assert!(asker.told().contains("not before Monday"), "{}", asker.told());
        assert!(!project.join("hi").exists());
        let back = |all: &[orgx_tests::desktop::Notice]| all.iter().any(|it| it.id == notice.id && it.closed);
        notices.until("the notification is taken back", back).await;
        window.state_with("nothing waits", |state| state["needs"] == json!([])).await;
    });
}

#[test]
fn a_question_is_answered_in_the_window_by_a_choice_and_the_agent_gets_its_label() {
    story(&[Need::Driver, Need::OpenCode], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let notices = desk.notices().await;
        let asker = Asker::come().await;
        let project = asker.project(&desk, "billing");
        let window = window(&desk, &asker).await;
        desk.gateway.dispatch(task("run", &project, "QUESTION please"));
        let notice = notices.titled("Needs you: 1 question").await;
        assert_eq!(notice.body, "QUESTION please in billing");
        // A click on the notification opens its page.
        notices.click(&notice).await;
        window.shows("OpenCode asks a question").await;
        window.shows("Which colour?").await;
        let disabled =
            window.session.run("return document.querySelector('[data-name=send]').disabled", json!([]));
        assert_eq!(disabled.await.unwrap(), true, "it has no answer yet");
        window.press("Blue").await;
        window.press("Send answers").await;
        assert_eq!(desk.end("run").await["kind"], "task.completed");
        assert!(asker.told().contains("Blue"), "{}", asker.told());
        window.state_with("nothing waits", |state| state["needs"] == json!([])).await;
    });
}

#[test]
fn the_sessions_page_shows_what_waits_and_what_is_over_and_opens_it_in_a_terminal() {
    story(&[Need::Driver, Need::OpenCode], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let asker = Asker::come().await;
        let project = asker.project(&desk, "billing");
        let started = desk.terminal();
        let window = window(&desk, &asker).await;
        window.press("Sessions").await;
        desk.gateway.dispatch(task("listed", &project, "BASH please"));
        // The stories share an OpenCode, whose list has the runs of all.
        let ours = |state: &serde_json::Value| {
            let list = state["sessions"]["list"].as_array().cloned().unwrap_or_default();
            list.into_iter().find(|session| session["run_id"] == "listed")
        };
        let is = |state: &serde_json::Value, word: &str| ours(state).is_some_and(|it| it["state"] == word);
        let state = window.state_with("a session that waits", |state| is(state, "waiting_input")).await;
        let session = ours(&state).unwrap();
        assert_eq!(session["folder"], project.to_str().unwrap(), "{session}");
        // Its row leads to what it asks.
        let row = format!("[data-row={}]", session["id"].as_str().unwrap());
        window.element(&row).await.click().await.unwrap();
        window.shows("Run this command?").await;
        window.press("Allow once").await;
        desk.end("listed").await;
        window.press("Sessions").await;
        let state = window.state_with("a session that is over", |state| is(state, "ready")).await;
        let session = ours(&state).unwrap();
        assert!(session["tokens"].as_u64() > Some(0), "{session}");
        let id = session["id"].as_str().unwrap();
        window.invoke("open_session", json!({ "id": id, "terminal": true })).await.unwrap();
        orgx_tests::process::until("the terminal has started", async || started.exists()).await;
        let words = std::fs::read_to_string(&started).unwrap();
        assert_eq!(words, format!("-e opencode --session {id}\n{}\n", project.display()));
        let refused = window.invoke("open_session", json!({ "id": "ses_none", "terminal": true })).await;
        assert_eq!(refused.unwrap_err()["title"], "The session was not opened");
    });
}
