//! The keyboard alone, and where the focus goes.

use crate::states::named;
use crate::window::{Window, story};
use orgx_tests::webdriver::keys;
use serde_json::{Value, json};

const PAGE: &str = "document.querySelector('[aria-current]')?.dataset.tab";
/// What has the focus, in a word.
const FOCUS: &str = "(() => { const at = document.activeElement; return at.id || at.dataset.name || at.dataset.tab || at.dataset.row || at.className || at.tagName })()";

#[test]
fn each_page_is_reached_and_left_by_the_keyboard_alone() {
    story(async |window: &mut Window| {
        window.open(&named("runs")).await;
        for (key, page) in [
            ("1", "health"),
            ("2", "runs"),
            ("3", "receipts"),
            ("4", "sessions"),
            ("5", "outbox"),
            ("6", "settings"),
            (",", "settings"),
        ] {
            window.press(&[keys::CONTROL, key]).await.unwrap();
            assert_eq!(window.see(PAGE).await, json!(page), "Ctrl {key}");
            assert_eq!(
                window.see(FOCUS).await,
                json!("main"),
                "after a page change the focus is on the page"
            );
        }
        window.press(&[keys::CONTROL, "n"]).await.unwrap();
        assert_eq!(
            window.see(FOCUS).await,
            json!("heading"),
            "on a question to its heading, never to a button"
        );
        assert_eq!(window.see("document.activeElement.textContent").await, json!("Work in this folder?"));
        window.press(&[keys::ESCAPE]).await.unwrap();
        assert_eq!(window.see(PAGE).await, json!("runs"));
        window.press(&[keys::DOWN]).await.unwrap();
        window.press(&[keys::DOWN]).await.unwrap();
        assert_eq!(window.see(FOCUS).await, json!("run_8f2c41d07b"), "Down goes from row to row");
        window.press(&[keys::CONTROL, "c"]).await.unwrap();
        window.press(&[keys::ENTER]).await.unwrap();
        assert_eq!(
            window.see("document.getElementById('heading').textContent").await,
            json!("Tighten retry budget in the HTTP client")
        );
        window.press(&[keys::ESCAPE]).await.unwrap();
        window.press(&[keys::ESCAPE]).await.unwrap();
        window.press(&[keys::CONTROL, "p"]).await.unwrap();
        window.press(&[keys::CONTROL, "w"]).await.unwrap();
        let calls = window.calls().await;
        let names: Vec<&str> =
            calls.iter().filter_map(|call| call[0].as_str()).filter(|name| *name != "show_page").collect();
        assert_eq!(names, ["ready", "copy_text", "close_window", "pause", "close_window"]);
        let copied = calls.iter().find(|call| call[0] == "copy_text").unwrap();
        assert_eq!(copied[1]["text"], "Tighten retry budget in the HTTP client\tRunning\t~/code/api-gateway");
    });
}

#[test]
fn tab_goes_through_every_control_of_every_state_in_order_and_each_is_seen_to_have_it() {
    story(async |window: &mut Window| {
        for state in crate::states::all() {
            window.open(&state).await;
            // What a person can reach, in the order of the document.
            let expected = window
                .see("[...document.querySelectorAll('button, input, summary, [tabindex=\"0\"]')].filter((at) => !at.disabled && !at.closest('[inert]') && at.getClientRects().length > 0 && at.checkVisibility({ visibilityProperty: true })).filter((at, n, all) => at.type !== 'radio' || at.checked || all.find((one) => one.type === 'radio' && one.name === at.name) === at && !all.some((one) => one.type === 'radio' && one.name === at.name && one.checked)).length")
                .await;
            window.run("const main = document.getElementById('main'); document.activeElement?.blur(); document.body.tabIndex = -1; document.body.focus()", json!([])).await.unwrap();
            let mut seen = 0;
            let mut invisible = Vec::new();
            for _ in 0..expected.as_u64().unwrap() {
                window.press(&[keys::TAB]).await.unwrap();
                let at = window
                    .see("(() => { const at = document.activeElement; if (at === document.body) return null; const ring = getComputedStyle(at); const around = at.closest('.choice') && getComputedStyle(at.closest('.choice')); const shows = ring.outlineStyle !== 'none' || (around && around.outlineStyle !== 'none'); const box = at.getBoundingClientRect(); return [at.dataset.name || at.className || at.tagName, shows, box.width > 0 && box.top < innerHeight && box.bottom > 0] })()")
                    .await;
                if at.is_null() {
                    break;
                }
                seen += 1;
                if at[1] != json!(true) || at[2] != json!(true) {
                    invisible.push(at);
                }
            }
            assert_eq!(json!(seen), expected, "{}: every control, and no other", state.name);
            assert_eq!(invisible, Vec::<Value>::new(), "{}", state.name);
        }
    });
}

#[test]
fn an_answer_moves_the_focus_to_the_next_question_and_then_to_the_list() {
    story(async |window: &mut Window| {
        window.open(&named("need-two")).await;
        window.press(&[keys::ENTER]).await.unwrap();
        assert_eq!(
            window.calls().await.iter().filter(|call| call[0] == "answer").count(),
            0,
            "Enter alone answers nothing"
        );
        window.press(&[keys::CONTROL, keys::ENTER]).await.unwrap();
        window
            .until(
                "the next question",
                "document.querySelector('.code').textContent.endsWith('billing-service')",
            )
            .await;
        assert_eq!(window.see(FOCUS).await, json!("heading"));
        let first = window.see("fake.state.needs.filter((need) => need.id === 'need_1')").await;
        window.tell(json!({ "needs": first })).await;
        window.find("[data-name=deny]").await.unwrap().click().await.unwrap();
        window.until("the list", "document.querySelector('[aria-current]').dataset.tab === 'runs' && document.activeElement.dataset.row !== undefined").await;
        let answers: Vec<Value> = window
            .calls()
            .await
            .into_iter()
            .filter(|call| call[0] == "answer")
            .map(|call| call[1].clone())
            .collect();
        assert_eq!(
            answers,
            [
                json!({ "id": "need_2", "say": { "say": "allow" } }),
                json!({ "id": "need_1", "say": { "say": "deny", "reason": null } })
            ]
        );
    });
}

#[test]
fn a_sheet_takes_the_focus_keeps_it_and_gives_it_back() {
    story(async |window: &mut Window| {
        window.open(&named("settings")).await;
        let button = window.find("[data-name=sign-out]").await.unwrap();
        button.type_text(keys::ENTER).await.unwrap();
        window.until("the sheet", "document.querySelector('[role=alertdialog]')").await;
        assert_eq!(window.see(FOCUS).await, json!("stay"), "the focus begins on what changes nothing");
        let mut round = Vec::new();
        for _ in 0..3 {
            window.press(&[keys::TAB]).await.unwrap();
            round.push(window.see(FOCUS).await);
        }
        assert_eq!(round, ["sign-out-do", "stay", "sign-out-do"], "Tab stays in the sheet");
        window.press(&[keys::SHIFT, keys::TAB]).await.unwrap();
        assert_eq!(window.see(FOCUS).await, json!("stay"));
        assert_eq!(window.see("document.getElementById('app').inert").await, json!(true));
        window.press(&[keys::CONTROL, "1"]).await.unwrap();
        assert_eq!(window.see(PAGE).await, json!("settings"), "no page is opened behind a sheet");
        window.press(&[keys::ESCAPE]).await.unwrap();
        assert_eq!(window.see(FOCUS).await, json!("sign-out"), "and back to who opened it");
        assert_eq!(window.calls().await.iter().filter(|call| call[0] == "sign_out").count(), 0);
    });
}

#[test]
fn the_row_with_the_focus_keeps_it_across_snapshots_and_lists() {
    story(async |window: &mut Window| {
        window.open(&named("runs")).await;
        window.run("document.querySelector('[data-row=run_8f2c41d07b]').focus()", json!([])).await.unwrap();
        let more = window.see("({ ...fake.state.runs, now: [{ ...fake.state.runs.now[2], run_id: 'run_new', state: 'running' }, ...fake.state.runs.now] })").await;
        window.tell(json!({ "runs": more })).await;
        assert_eq!(window.see(FOCUS).await, json!("run_8f2c41d07b"), "a row above it changes nothing");
        let over = window.see("(() => { const now = fake.state.runs.now.filter((run) => run.run_id !== 'run_8f2c41d07b'); const run = fake.state.runs.now.find((run) => run.run_id === 'run_8f2c41d07b'); return { ...fake.state.runs, now, earlier: [{ ...run, state: 'completed', ended_at: fake.now }, ...fake.state.runs.earlier] } })()").await;
        window.tell(json!({ "runs": over })).await;
        assert_eq!(
            window.see(FOCUS).await,
            json!("run_8f2c41d07b"),
            "it has ended, and is in the other list now"
        );
        assert_eq!(
            window.see("document.activeElement.querySelector('.state').textContent").await,
            json!("Done")
        );
    });
}

#[test]
fn new_rows_wait_while_the_pointer_is_over_the_list_and_words_do_not() {
    story(async |window: &mut Window| {
        window.open(&named("runs")).await;
        let place = window.see("(() => { const at = document.querySelector('[data-row=run_8f2c41d07b]').getBoundingClientRect(); return [Math.round(at.x + 40), Math.round(at.y + 10)] })()").await;
        window.point(place[0].as_i64().unwrap(), place[1].as_i64().unwrap()).await.unwrap();
        let rows = "[...document.querySelectorAll('[data-row]')].map((row) => row.dataset.row).join()";
        let before = window.see(rows).await;
        let more = window.see("({ ...fake.state.runs, now: [{ ...fake.state.runs.now[2], run_id: 'run_new' }, ...fake.state.runs.now.slice(0, 1), { ...fake.state.runs.now[1], title: 'Another title' }, ...fake.state.runs.now.slice(2)] })").await;
        window.tell(json!({ "runs": more })).await;
        assert_eq!(window.see(rows).await, before);
        assert_eq!(
            window.see("document.querySelector('[data-row=run_8f2c41d07b] .l1').textContent").await,
            json!("Another title")
        );
        window.point(200, 20).await.unwrap();
        window.until("the new row", "document.querySelector('[data-row=run_new]')").await;
    });
}

#[test]
fn a_page_keeps_where_it_was_scrolled_and_the_shell_can_open_another() {
    story(async |window: &mut Window| {
        window.open(&named("settings")).await;
        window.run("document.getElementById('main').scrollTop = 200", json!([])).await.unwrap();
        let goes = json!({ "page": { "page": "run", "run_id": "run_8f2c41d07b" }, "goto": 1 });
        window.tell(goes).await;
        assert_eq!(window.see(PAGE).await, json!("runs"));
        window.press(&[keys::CONTROL, "6"]).await.unwrap();
        assert_eq!(window.see("document.getElementById('main').scrollTop").await, json!(200));
        window.tell(json!({ "version": "0.1.1" })).await;
        assert_eq!(window.see("document.getElementById('main').scrollTop").await, json!(200));
        assert_eq!(window.see(PAGE).await, json!("settings"), "an old request is not followed twice");
    });
}
