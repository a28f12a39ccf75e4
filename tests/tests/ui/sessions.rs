//! The sessions' page, and how a run is opened and undone.

use crate::states::named;
use crate::window::{Window, story};
use orgx_tests::webdriver::keys;
use serde_json::{Value, json};

async fn sent(window: &Window, name: &str) -> Vec<Value> {
    let calls = window.calls().await;
    calls.into_iter().filter(|call| call[0] == name).map(|call| call[1].clone()).collect()
}

async fn row(window: &Window, id: &str) {
    window.run(&format!("document.querySelector('[data-row={id}]').click()"), json!([])).await.unwrap();
    window.settle().await;
}

#[test]
fn a_row_of_ours_opens_its_run_or_what_it_asks_and_anothers_opens_nothing() {
    story(async |window: &mut Window| {
        window.open(&named("sessions")).await;
        row(window, "ses_4").await;
        assert_eq!(sent(window, "show_page").await, [json!(null); 0], "it is not ours");
        row(window, "ses_1").await;
        window.press(&[keys::CONTROL, "4"]).await.unwrap();
        row(window, "ses_3").await;
        let pages = sent(window, "show_page").await;
        assert_eq!(pages[0]["page"], json!({ "page": "run", "run_id": "run_8f2c41d07b" }));
        assert_eq!(pages[2]["page"], json!({ "page": "need", "id": "need_1" }));
    });
}

#[test]
fn a_session_is_resumed_by_a_copied_line_or_in_a_terminal_and_ctrl_c_copies_its_row() {
    story(async |window: &mut Window| {
        window.open(&named("sessions")).await;
        window.run("document.querySelector('[data-row=ses_4]').focus()", json!([])).await.unwrap();
        window.press(&[keys::CONTROL, "c"]).await.unwrap();
        assert_eq!(
            sent(window, "copy_text").await,
            [json!({ "text": "Sketch the usage dashboard\tReady\t~/code/web-console" })]
        );
        // From the row the keyboard comes to its two actions, which are seen then.
        window.press(&[keys::TAB]).await.unwrap();
        assert_eq!(window.see("document.activeElement.dataset.name").await, json!("terminal-ses_4"));
        window.press(&[keys::ENTER]).await.unwrap();
        window.press(&[keys::TAB]).await.unwrap();
        window.press(&[keys::ENTER]).await.unwrap();
        assert_eq!(
            sent(window, "open_session").await,
            [json!({ "id": "ses_4", "terminal": true }), json!({ "id": "ses_4", "terminal": false })]
        );
        let title = window.see("document.activeElement.title").await;
        assert_eq!(title, json!("Copies: cd /home/ada/code/web-console && opencode --session ses_4"));
    });
}

#[test]
fn an_old_list_stays_with_its_time_and_an_empty_one_says_so() {
    story(async |window: &mut Window| {
        window.open(&named("sessions-stale")).await;
        let text = window.see("document.querySelector('.main').innerText").await;
        for part in ["Stale", "as of 11:32", "The sessions cannot be read", "Why is the build slow"] {
            assert!(text.as_str().unwrap().contains(part), "{part} in {text}");
        }
        window.open(&named("sessions-empty")).await;
        assert_eq!(window.see("document.querySelector('.empty h2').textContent").await, json!("No sessions"));
    });
}

#[test]
fn an_undo_is_asked_for_first_and_says_what_it_does() {
    story(async |window: &mut Window| {
        for (state, undone) in [("sheet-undo", true), ("sheet-redo", false)] {
            window.open(&named(state)).await;
            assert_eq!(window.see("document.activeElement.dataset.name").await, json!("stay"));
            window.press(&[keys::ESCAPE]).await.unwrap();
            assert_eq!(sent(window, "undo").await, [json!(null); 0]);
            window.find("[data-name=undo]").await.unwrap().click().await.unwrap();
            window.find("[data-name=undo-do]").await.unwrap().click().await.unwrap();
            window.until("the sheet is closed", "!document.querySelector('.sheet')").await;
            assert_eq!(sent(window, "undo").await, [json!({ "runId": "run_77aa01", "undone": undone })]);
        }
        window.open(&named("run-done")).await;
        window.find("[data-name=open-run]").await.unwrap().click().await.unwrap();
        window.find("[data-name=copy-run]").await.unwrap().click().await.unwrap();
        assert_eq!(
            sent(window, "open_run").await,
            [
                json!({ "runId": "run_77aa01", "terminal": true }),
                json!({ "runId": "run_77aa01", "terminal": false })
            ]
        );
    });
}

#[test]
fn a_limit_is_checked_in_its_field_and_an_empty_one_is_none() {
    story(async |window: &mut Window| {
        window.open(&named("settings-limits-wrong")).await;
        assert_eq!(sent(window, "set").await, [json!(null); 0], "nothing is sent");
        assert_eq!(window.see("document.activeElement.id").await, json!("run-budget-tokens"));
        let about =
            "document.getElementById(document.activeElement.getAttribute('aria-describedby')).textContent";
        assert_eq!(window.see(about).await, json!("Such as 200000 or 200k."));
        for (name, text) in [("tokens", "1.5M"), ("dollars", "2.5"), ("minutes", " ")] {
            let field = window.find(&format!("#run-budget-{name}")).await.unwrap();
            field.clear().await.unwrap();
            field.type_text(text).await.unwrap();
            // Each letter draws the page anew: the next key is for this field once it is there again.
            let there =
                "document.activeElement.id === 'run-budget-NAME' && document.activeElement.value === 'TEXT'";
            window.until("it is typed", &there.replace("NAME", name).replace("TEXT", text)).await;
        }
        window.press(&[keys::ENTER]).await.unwrap();
        window.until("it is sent", "fake.calls.some((call) => call[0] === 'set')").await;
        let value = json!({ "tokens": 1_500_000, "cents": 250, "minutes": null });
        assert_eq!(
            sent(window, "set").await,
            [json!({ "change": { "setting": "run_budget", "value": value } })]
        );
    });
}

#[test]
fn limits_are_read_as_people_write_them() {
    story(async |window: &mut Window| {
        window.open(&named("settings")).await;
        let script = "const [field, text, done] = arguments; import('./parts/budget.js').then((module) => { const read = module.amountOf(field, text); done('why' in read ? 'no' : read.value) }, (error) => done(String(error)));";
        for (field, text, expected) in [
            ("tokens", "", json!(null)),
            ("tokens", "200000", json!(200_000)),
            ("tokens", "200 000", json!(200_000)),
            ("tokens", "200,000", json!(200_000)),
            ("tokens", "18.4k", json!(18_400)),
            ("tokens", "1.2345k", json!("no")),
            ("tokens", "-5", json!("no")),
            ("tokens", "0", json!("no")),
            ("tokens", "1e99", json!("no")),
            ("tokens", "9999999M", json!("no")),
            ("dollars", "$5", json!(500)),
            ("dollars", "2.50", json!(250)),
            ("dollars", "0.29", json!(29)),
            ("dollars", "5.001", json!("no")),
            ("dollars", "0", json!("no")),
            ("dollars", "5k", json!("no")),
            ("minutes", "30", json!(30)),
            ("minutes", "1.5", json!("no")),
            ("minutes", "$3", json!("no")),
        ] {
            let read = window.run_async(script, json!([field, text])).await.unwrap();
            assert_eq!(read, expected, "{field} {text:?}");
        }
    });
}
