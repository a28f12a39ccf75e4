//! What waits for the person: what each kind of it sends, and what becomes of what was typed.

use crate::states::named;
use crate::window::{Window, story};
use orgx_tests::webdriver::keys;
use serde_json::{Value, json};

const HEADING: &str = "document.getElementById('heading')?.textContent ?? null";

async fn answers(window: &Window) -> Vec<Value> {
    let calls = window.calls().await;
    calls.into_iter().filter(|call| call[0] == "answer").map(|call| call[1].clone()).collect()
}

async fn click(window: &Window, name: &str) {
    window.find(&format!("[data-name={name}]")).await.unwrap().click().await.unwrap();
    window.settle().await;
}

/// The item with this id is there no more.
async fn gone(window: &Window, id: &str) {
    let left = window.see(&format!("fake.state.needs.filter((need) => need.id !== '{id}')")).await;
    window.tell(json!({ "needs": left })).await;
}

#[test]
fn a_permission_is_allowed_once_by_ctrl_enter_for_the_run_by_its_button_and_denied_with_a_reason() {
    story(async |window: &mut Window| {
        window.open(&named("need-permission")).await;
        assert_eq!(window.see(HEADING).await, json!("Run this command?"));
        let reason = window.find("#reason").await.unwrap();
        reason.type_text("push to a draft branch").await.unwrap();
        window.press(&[keys::ENTER]).await.unwrap();
        assert_eq!(answers(window).await, [json!(null); 0], "Enter in the field answers nothing");
        click(window, "deny").await;
        window.open(&named("need-permission")).await;
        window.press(&[keys::CONTROL, keys::ENTER]).await.unwrap();
        window.until("the next item", &format!("{HEADING} === 'OpenCode asks two questions'")).await;
        assert_eq!(
            answers(window).await,
            [json!({ "id": "need_1", "say": { "say": "allow" } })],
            "the one primary button"
        );
        window.open(&named("need-permission")).await;
        click(window, "run").await;
        assert_eq!(answers(window).await, [json!({ "id": "need_1", "say": { "say": "allow_for_run" } })]);
    });
}

#[test]
fn what_a_permission_is_for_stands_on_its_page_by_its_kind_with_what_the_run_may_do_again() {
    story(async |window: &mut Window| {
        window.open(&named("need-permission")).await;
        let boxes = "[...document.querySelectorAll('.ask .code')].map((it) => it.textContent)";
        let command = "$ git push origin rounding-fix && gh pr create --fill --base main";
        assert_eq!(window.see(boxes).await, json!([command, "git push *\ngh pr create *"]));
        let mut needs = named("need-permission").value["needs"].clone();
        let what = &mut needs[0]["what"];
        (what["kind"], what["patterns"]) = (json!("external_directory"), json!(["/home/ada/.ssh/*"]));
        what["command"] = json!("cp ../.ssh/id_ed25519 …");
        window.tell(json!({ "needs": needs })).await;
        assert_eq!(window.see(HEADING).await, json!("Reach outside the folder?"));
        assert_eq!(window.see(boxes).await, json!(["/home/ada/.ssh/*", "$ cp ../.ssh/id_ed25519 …"]));
        let is_cut =
            "document.querySelector('.ask').textContent.includes('It is longer than what can be shown')";
        assert_eq!(window.see(is_cut).await, json!(true));
    });
}

#[test]
fn a_reason_is_sent_with_its_deny_and_kept_while_another_item_is_looked_at() {
    story(async |window: &mut Window| {
        window.open(&named("need-permission")).await;
        let reason = window.find("#reason").await.unwrap();
        reason.type_text("  not on Friday ").await.unwrap();
        window.run("document.querySelector('[aria-label=Next]').click()", json!([])).await.unwrap();
        window.until("the questions", "document.querySelector('.q')").await;
        assert_eq!(window.see("document.activeElement.id").await, json!("heading"));
        window.run("document.querySelector('[aria-label=Previous]').click()", json!([])).await.unwrap();
        window.until("the command", "document.querySelector('#reason')").await;
        assert_eq!(window.see("document.querySelector('#reason').value").await, json!("  not on Friday "));
        click(window, "deny").await;
        let said = json!({ "id": "need_1", "say": { "say": "deny", "reason": "not on Friday" } });
        assert_eq!(answers(window).await, [said]);
    });
}

#[test]
fn questions_are_sent_when_each_has_an_answer_by_the_places_of_the_choices() {
    story(async |window: &mut Window| {
        let mut state = named("need-questions");
        state.then.clear();
        window.open(&state).await;
        let can_send = "!document.querySelector('[data-name=send]').disabled";
        assert_eq!(window.see(can_send).await, json!(false));
        click(window, "q0-1").await;
        assert_eq!(window.see(can_send).await, json!(false), "one of two");
        window.press(&[keys::CONTROL, keys::ENTER]).await.unwrap();
        assert_eq!(answers(window).await, [json!(null); 0]);
        click(window, "q1-2").await;
        click(window, "q1-0").await;
        click(window, "q0-other").await;
        assert_eq!(window.see(can_send).await, json!(false), "words that are not there yet");
        assert_eq!(window.see("document.activeElement.id").await, json!("own-0"), "where they are typed");
        window.find("#own-0").await.unwrap().type_text("only the idempotent ones").await.unwrap();
        window.until("it can be sent", can_send).await;
        window.press(&[keys::CONTROL, keys::ENTER]).await.unwrap();
        let picked = json!([
            { "choices": [], "other": "only the idempotent ones" }, { "choices": [0, 2], "other": null },
        ]);
        let said = json!({ "id": "need_2", "say": { "say": "answers", "answers": picked } });
        assert_eq!(answers(window).await, [said]);
    });
}

#[test]
fn an_item_that_was_answered_elsewhere_says_so_and_what_was_typed_goes_nowhere() {
    story(async |window: &mut Window| {
        window.open(&named("need-permission")).await;
        window.find("#reason").await.unwrap().type_text("a secret thought").await.unwrap();
        gone(window, "need_1").await;
        let title = "document.querySelector('.empty h2')?.textContent";
        assert_eq!(window.see(title).await, json!("This does not wait any more"));
        assert_eq!(window.see("document.activeElement.id").await, json!("main"), "the focus is on the page");
        assert_eq!(window.see("document.querySelector('[role=status] .empty') !== null").await, json!(true));
        // No key answers what is not there.
        window.press(&[keys::CONTROL, keys::ENTER]).await.unwrap();
        assert_eq!(answers(window).await, [json!(null); 0]);
        let again = named("need-permission").value["needs"].clone();
        window.tell(json!({ "needs": again })).await;
        window.until("the item", "document.querySelector('#reason')").await;
        assert_eq!(window.see("document.querySelector('#reason').value").await, json!(""), "it is forgotten");
        window.run("document.querySelector('.back').click()", json!([])).await.unwrap();
        gone(window, "need_1").await;
        window.open(&named("need-gone-others")).await;
        click(window, "to-next").await;
        window.until("the next one", &format!("{HEADING} === 'Run this command?'")).await;
        assert_eq!(answers(window).await, [json!(null); 0]);
    });
}

#[test]
fn an_item_stays_while_its_answer_is_under_way_and_is_there_again_when_it_was_refused() {
    story(async |window: &mut Window| {
        window.open(&named("need-permission")).await;
        window.run("fake.answers.answer = { never: true }", json!([])).await.unwrap();
        click(window, "allow").await;
        gone(window, "need_1").await;
        assert_eq!(window.see(HEADING).await, json!("Run this command?"), "no other page flashes by");
        window.open(&named("need-permission")).await;
        window.run("fake.answers.answer = { fail: { title: 'That was not done', text: 'It was answered already.' } }", json!([])).await.unwrap();
        click(window, "allow").await;
        window.until("the failure", "document.querySelector('.notice.bad h2')").await;
        assert_eq!(window.see(HEADING).await, json!("Run this command?"));
    });
}

#[test]
fn folders_changes_and_budgets_are_answered_in_their_own_words() {
    story(async |window: &mut Window| {
        for (state, button, says) in [
            ("need", "always", json!({ "say": "allow_folder" })),
            ("need", "deny", json!({ "say": "deny", "reason": null })),
            ("need-dirty", "allow", json!({ "say": "allow" })),
            ("need-budget", "allow", json!({ "say": "allow" })),
            ("need-budget", "deny", json!({ "say": "deny", "reason": null })),
        ] {
            window.open(&named(state)).await;
            click(window, button).await;
            assert_eq!(answers(window).await, [json!({ "id": "need_1", "say": says })], "{state} {button}");
            window.until("the list", "document.querySelector('[aria-current]').dataset.tab === 'runs'").await;
        }
        window.open(&named("need-unknown")).await;
        let allows = window.see("document.querySelectorAll('.bar .btn').length").await;
        assert_eq!(allows, json!(1), "what is not known cannot be allowed");
    });
}

#[test]
fn ctrl_n_opens_the_oldest_and_a_run_says_where_it_waits() {
    story(async |window: &mut Window| {
        window.open(&named("run-needs-you")).await;
        let review = "[...document.querySelectorAll('.is-need .link')].at(-1)";
        window.run(&format!("{review}.click()"), json!([])).await.unwrap();
        window.until("the item", &format!("{HEADING} === 'Run this command?'")).await;
        window.press(&[keys::CONTROL, "1"]).await.unwrap();
        window.press(&[keys::CONTROL, "n"]).await.unwrap();
        assert_eq!(window.see(HEADING).await, json!("Run this command?"));
        assert_eq!(window.see("document.activeElement.id").await, json!("heading"));
    });
}
