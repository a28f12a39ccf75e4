//! What a person is told outside of the window, and what a click on it does.

use crate::{done, edit, rule};
use orgx_sandbox::daemon::Line;
use orgx_sandbox::gateway::{Endpoint, HttpFault};
use orgx_tests::desktop::{Desk, Need, Notice, story, task};
use orgx_tests::process;
use serde_json::json;

/// The notifications that are about a deviation.
fn deviations(all: &[Notice]) -> Vec<&Notice> {
    all.iter().filter(|notice| notice.title.to_lowercase().contains("deviation")).collect()
}

/// The rules that the gateway holds, and an app that has them.
async fn with_rules(desk: &Desk, skills: serde_json::Value) -> orgx_tests::desktop::App {
    desk.gateway.set_skills(json!({ "skills": skills }));
    desk.app().await
}

#[test]
fn a_deviation_is_told_with_its_rule_and_place_and_a_click_opens_its_run() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let notices = desk.notices().await;
        desk.gateway.set_skills(json!({ "skills": [rule("retry-rules", "http")] }));
        desk.agent.script("Tighten", vec![edit("src/http.ts", "lower"), Line::Json(done())]);
        let window = desk.window().await;
        desk.gateway.dispatch(task("run", &desk.project(), "Tighten the retries"));
        let notice = notices.titled("Deviation: retry-rules").await;
        assert_eq!(notice.body, "Budget shift in src/http.ts. Tighten the retries");
        notices.click(&notice).await;
        let page = json!({ "page": "run", "run_id": "run" });
        window.state_with("the run's page", |state| state["page"] == page && !state["run"].is_null()).await;
        window.shows("Tighten the retries").await;
    });
}

#[test]
fn a_burst_of_deviations_is_one_notification() {
    story(&[], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let notices = desk.notices().await;
        let skills: Vec<_> = (1..=5).map(|n| rule(&format!("rule-{n}"), &format!("file{n}"))).collect();
        let mut script: Vec<Line> = (1..=5).map(|n| edit(&format!("src/file{n}.ts"), "change")).collect();
        script.push(Line::Json(done()));
        desk.agent.script("Change", script);
        let _app = with_rules(&desk, json!(skills)).await;
        desk.gateway.dispatch(task("run", &desk.project(), "Change it all"));
        let notice = notices.titled("5 deviations in one run").await;
        assert!(notice.body.starts_with("rule-1, rule-2 and 3 more."), "{notice:?}");
        assert_eq!(deviations(&notices.all()).len(), 1, "{:?}", notices.all());
    });
}

#[test]
fn a_rule_is_muted_by_a_button_and_stays_muted() {
    story(&[], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let notices = desk.notices().await;
        desk.agent.script("Tighten", vec![edit("src/http.ts", "lower"), Line::Json(done())]);
        desk.agent.script(
            "Both",
            vec![edit("src/http.ts", "lower"), edit("src/other.ts", "other"), Line::Json(done())],
        );
        let skills = json!([rule("retry-rules", "http"), rule("other-rules", "other")]);
        let app = with_rules(&desk, skills.clone()).await;
        desk.gateway.dispatch(task("one", &desk.project(), "Tighten"));
        let notice = notices.titled("Deviation: retry-rules").await;
        notices.press(&notice, "Mute rule").await;
        let config = desk.home().join(".config/orgx-peer/config.toml");
        let muted = async || std::fs::read_to_string(&config).is_ok_and(|text| text.contains("retry-rules"));
        process::until("the settings say so", muted).await;
        assert_eq!(app.stop().await, Some(0));
        let _app = desk.app().await;
        desk.gateway.dispatch(task("two", &desk.project(), "Both"));
        notices.titled("Deviation: other-rules").await;
        let told = notices.all().iter().filter(|notice| notice.title.contains("retry-rules")).count();
        assert_eq!(told, 1, "{:?}", notices.all());
    });
}

#[test]
fn a_failed_run_is_told_and_markup_from_outside_is_text() {
    story(&[], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let notices = desk.notices().await;
        let _app = desk.app().await;
        let mut failing = task("run", &desk.project(), "<b>Bold</b> & <img src=x>\u{202e}\u{7}");
        failing["task"]["repo_path"] = "/nowhere/<i>at</i>/all".into();
        desk.gateway.dispatch(failing);
        assert_eq!(desk.end("run").await["kind"], "task.failed");
        let notice = notices.titled("Run failed: ").await;
        // The title is plain text by the specification; the body is markup and must be escaped.
        assert!(!notice.body.contains("<b>") && !notice.body.contains("<i>"), "{notice:?}");
        assert!(!notice.title.contains(['\u{202e}', '\u{7}']), "{notice:?}");
        assert!(notice.title.chars().count() <= 40, "{notice:?}");
    });
}

#[test]
fn a_revoked_license_is_told_once() {
    story(&[], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let notices = desk.notices().await;
        desk.gateway.faults().http_always(Endpoint::License, Some(HttpFault::status(402)));
        let _app = desk.app().await;
        notices.titled("License revoked").await;
        desk.gateway.reset();
        desk.connected(2).await;
        desk.gateway.dispatch(task("run", &desk.project(), "Something"));
        desk.end("run").await;
        assert_eq!(notices.all().iter().filter(|notice| notice.title == "License revoked").count(), 1);
    });
}

#[test]
fn a_folder_that_is_not_allowed_is_asked_for_and_allow_lets_the_run_run() {
    story(&[], async {
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let notices = desk.notices().await;
        desk.allow_only(&desk.project());
        let _app = desk.app().await;
        let tray = panel.icon().await;
        let other = desk.project_named("other");
        desk.gateway.dispatch(task("run", &other, "Work elsewhere"));
        let notice = notices.titled("Needs you: work in a folder?").await;
        assert!(notice.body.contains("other") && notice.body.contains("Work elsewhere"), "{notice:?}");
        tray.menu_with("who needs you", |menu| menu.has(&["Needs you (1)"])).await;
        assert_eq!(desk.agent.prompts(), [], "it waits");
        notices.press(&notice, "Allow once").await;
        assert_eq!(desk.end("run").await["kind"], "task.completed");
        tray.menu_with("nobody needs you", |menu| !menu.has(&["Needs you"])).await;
        // Once is once.
        desk.gateway.dispatch(task("again", &other, "And again"));
        let asked =
            |all: &[Notice]| all.iter().filter(|notice| notice.title.starts_with("Needs you")).count() == 2;
        let all = notices.until("a second ask", asked).await;
        notices.press(all.last().unwrap(), "Deny").await;
        let end = desk.end("again").await;
        assert_eq!(end["kind"], "task.failed", "{end}");
        assert_eq!(desk.agent.prompts().len(), 1);
    });
}

#[test]
fn a_run_whose_page_is_open_is_not_told_of() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let notices = desk.notices().await;
        desk.gateway
            .set_skills(json!({ "skills": [rule("retry-rules", "http"), rule("other-rules", "other")] }));
        desk.agent.script(
            "Watched",
            vec![Line::Gate("go".into()), edit("src/http.ts", "lower"), Line::Json(done())],
        );
        desk.agent.script("Unwatched", vec![edit("src/other.ts", "change"), Line::Json(done())]);
        let window = desk.window().await;
        desk.gateway.dispatch(task("watched", &desk.project(), "Watched"));
        desk.started("watched").await;
        desk.screen.focus(desk.screen.windows("OrgX Peer")[0].0);
        window.press("Runs").await;
        window.open_run("Watched").await;
        window.state_with("its page", |state| state["run"]["run"]["run_id"] == "watched").await;
        desk.agent.open("go");
        desk.end("watched").await;
        window.shows("retry-rules").await;
        // What comes later is told, so what came before would have been.
        desk.gateway.dispatch(task("unwatched", &desk.project(), "Unwatched"));
        notices.titled("Deviation: other-rules").await;
        assert!(
            notices.all().iter().all(|notice| !notice.title.contains("retry-rules")),
            "{:?}",
            notices.all()
        );
    });
}
