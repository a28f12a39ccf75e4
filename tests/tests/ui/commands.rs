//! What is pressed becomes a command of the shell, with the arguments that the shell takes.

use crate::server::root;
use crate::states::{self, named};
use crate::window::{Window, story};
use orgx_tests::webdriver::keys;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// All commands, each with its arguments and what they may be: the contract between the pages and `src-tauri`.
const CONTRACT: [(&str, &[(&str, &str)]); 34] = [
    ("ready", &[]),
    ("show_page", &[("page", "page")]),
    ("pause", &[("afterCurrentRuns", "bool")]),
    ("resume", &[]),
    ("try_now", &[]),
    ("cancel_run", &[("runId", "text")]),
    ("answer", &[("id", "text"), ("say", "say")]),
    (
        "do_action",
        &[(
            "action",
            "sign_in try_now resume open_orgx choose_opencode show_state_folder show_outbox retry_keychain key_in_memory restart",
        )],
    ),
    ("sign_in_start", &[("way", "found browser paste")]),
    ("sign_in_key", &[("key", "text")]),
    ("sign_in_back", &[]),
    ("pair_open", &[]),
    ("pair_copy", &[]),
    ("keep_key", &[("place", "keychain memory file")]),
    ("setup", &[("change", "setting")]),
    ("setup_page", &[("page", "number")]),
    ("setup_done", &[]),
    ("test_task", &[]),
    ("test_close", &[]),
    ("set", &[("change", "setting")]),
    ("copy_receipt", &[("runId", "text")]),
    ("copy_diagnostics", &[]),
    ("copy_text", &[("text", "text")]),
    ("show_outbox", &[]),
    ("show_logs", &[]),
    ("open_orgx", &[]),
    ("open_folder", &[("path", "text")]),
    ("open_session", &[("id", "text"), ("terminal", "bool")]),
    ("open_run", &[("runId", "text"), ("terminal", "bool")]),
    ("undo", &[("runId", "text"), ("undone", "bool")]),
    ("show_file", &[("runId", "text"), ("place", "text")]),
    ("sign_out", &[]),
    ("quit", &[("how", "stay finish cancel")]),
    ("close_window", &[]),
];
/// Only keys and typing send these; other stories press and type.
const TYPED: [&str; 3] = ["copy_text", "close_window", "sign_in_key"];

#[test]
fn every_control_sends_what_the_contract_lists_and_every_command_has_a_control() {
    story(async |window: &mut Window| {
        let controls = "[...document.querySelectorAll('button, input[type=checkbox], input[type=radio]')].filter((at) => !at.disabled && !at.closest('[inert]') && at.getClientRects().length > 0)";
        let mut pressed = BTreeSet::new();
        let mut sent = BTreeSet::new();
        for state in states::all() {
            window.open(&state).await;
            let names = window.see(&format!("{controls}.map((at) => `${{at.dataset.name || at.dataset.tab || at.className}} ${{document.querySelector('.page').className}} ${{at.closest('[data-list]')?.dataset.list}}`)")).await;
            for (at, name) in names.as_array().unwrap().iter().enumerate() {
                if !pressed.insert(name.to_string()) {
                    continue;
                }
                window.open(&state).await;
                let before = window.calls().await.len();
                window.run(&format!("{controls}[arguments[0]].click()"), json!(at)).await.unwrap();
                window.settle().await;
                for call in window.calls().await.into_iter().skip(before) {
                    check(&call, &format!("{} {name}", state.name));
                    sent.insert(call[0].as_str().unwrap().to_owned());
                }
                window.assert_quiet(&format!("{} {name}", state.name)).await;
            }
        }
        sent.insert("ready".to_owned());
        let unsent: Vec<&str> = CONTRACT
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !sent.contains(*name) && !TYPED.contains(name))
            .collect();
        assert_eq!(unsent, Vec::<&str>::new(), "nothing on any page sends these");
    });
}

#[test]
fn the_pages_name_no_command_that_the_contract_does_not_list() {
    let text = std::fs::read_to_string(root().join("ui/ipc.js")).unwrap();
    for part in text.split("invoke('").skip(1) {
        let name = part.split('\'').next().unwrap();
        assert!(CONTRACT.iter().any(|(known, _)| *known == name), "{name}");
    }
}

#[test]
fn a_typed_folder_is_checked_here_sent_and_its_field_emptied_when_it_was_taken() {
    story(async |window: &mut Window| {
        window.open(&named("settings")).await;
        let field = window.find("#typed-folder").await.unwrap();
        field.type_text("code/shop").await.unwrap();
        field.type_text(keys::ENTER).await.unwrap();
        window.until("what is wrong", "document.getElementById('typed-folder-err')").await;
        assert_eq!(
            window.see("document.activeElement.id").await,
            json!("typed-folder"),
            "the focus stays in the field"
        );
        assert_eq!(
            window.see("document.activeElement.getAttribute('aria-describedby')").await,
            json!("typed-folder-err")
        );
        field.clear().await.unwrap();
        field.type_text("~/code/shop").await.unwrap();
        window.tell(json!({ "version": "0.1.1" })).await;
        assert_eq!(
            field.property("value").await.unwrap(),
            json!("~/code/shop"),
            "a new state leaves what is typed"
        );
        field.type_text(keys::ENTER).await.unwrap();
        window.until("the field is empty", "document.getElementById('typed-folder').value === ''").await;
        let calls = window.calls().await;
        assert_eq!(
            calls.last().unwrap(),
            &json!(["set", { "change": { "setting": "add_folder", "value": "~/code/shop" } }])
        );
    });
}

#[test]
fn another_workspace_is_asked_for_first_while_runs_are_active() {
    story(async |window: &mut Window| {
        window.open(&named("sheet-workspace")).await;
        let sent = |calls: Vec<Value>| calls.iter().filter(|call| call[0] == "set").count();
        assert_eq!(sent(window.calls().await), 0, "nothing is sent before the person has said so");
        window.find("[data-name=stay]").await.unwrap().click().await.unwrap();
        window.until("the sheet is closed", "!document.querySelector('.sheet')").await;
        let labs = "document.querySelector('[data-name=workspace-ws_labs]').checked";
        window.until("the old one is shown", &format!("!{labs}")).await;
        assert_eq!(sent(window.calls().await), 0);
        window.find("[data-name=workspace-ws_labs]").await.unwrap().click().await.unwrap();
        window.until("the sheet", "document.querySelector('.sheet')").await;
        window.find("[data-name=workspace-do]").await.unwrap().click().await.unwrap();
        window.until("the sheet is closed", "!document.querySelector('.sheet')").await;
        assert_eq!(
            window.calls().await.last().unwrap(),
            &json!(["set", { "change": { "setting": "workspace", "value": "ws_labs" } }])
        );
    });
}

#[test]
fn a_switch_shows_what_was_chosen_at_once_and_the_old_again_when_it_was_refused() {
    story(async |window: &mut Window| {
        window.open(&named("settings")).await;
        let presence = window.find("[data-name=presence]").await.unwrap();
        presence.click().await.unwrap();
        assert_eq!(presence.property("checked").await.unwrap(), json!(false));
        assert_eq!(
            window.calls().await.last().unwrap(),
            &json!(["set", { "change": { "setting": "presence", "value": false } }])
        );
        window.run("fake.now += 1000; fake.answers.set = { fail: { title: 'The setting was not kept', text: 'config.toml cannot be written.' } }", json!([])).await.unwrap();
        let autostart = window.find("[data-name=autostart]").await.unwrap();
        autostart.click().await.unwrap();
        window
            .until(
                "the failure",
                "document.querySelector('.notice.bad h2')?.textContent === 'The setting was not kept'",
            )
            .await;
        assert_eq!(autostart.property("checked").await.unwrap(), json!(true));
        window.find("[data-name=failure-hide]").await.unwrap().click().await.unwrap();
        window.until("it is hidden", "!document.querySelector('.notice.bad')").await;
    });
}

#[test]
fn a_button_is_pressed_once_while_it_is_busy_and_says_so_after_a_moment_without_growing() {
    story(async |window: &mut Window| {
        window.open(&named("need")).await;
        window.run("fake.answers.answer = { never: true }", json!([])).await.unwrap();
        let allow = window.find("[data-name=allow]").await.unwrap();
        let width = "document.querySelector('[data-name=allow]').getBoundingClientRect().width";
        let before = window.see(width).await;
        allow.click().await.unwrap();
        allow.click().await.unwrap();
        window
            .until(
                "the word changes",
                "document.querySelector('[data-name=allow] .on').textContent === 'Allowing'",
            )
            .await;
        assert_eq!(window.see(width).await, before);
        assert_eq!(allow.spoken_name().await.unwrap(), "Allowing");
        assert_eq!(window.calls().await.iter().filter(|call| call[0] == "answer").count(), 1);
    });
}

fn check(call: &Value, place: &str) {
    let name = call[0].as_str().unwrap();
    let known =
        CONTRACT.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{place}: {name}"));
    let arguments = call[1].as_object().unwrap();
    let names: BTreeSet<&str> = arguments.keys().map(String::as_str).collect();
    assert_eq!(names, known.1.iter().map(|(name, _)| *name).collect(), "{place}: {call}");
    for (argument, kind) in known.1 {
        let value = &arguments[*argument];
        let is_well = match *kind {
            "bool" => value.is_boolean(),
            "number" => value.is_u64(),
            "text" => value.is_string(),
            "page" => value["page"].is_string(),
            "setting" => is_setting(value),
            "say" => is_answer(value),
            words => words.split(' ').any(|word| value == word),
        };
        assert!(is_well, "{place}: {call}");
    }
}

fn is_answer(say: &Value) -> bool {
    match say["say"].as_str().unwrap_or_default() {
        "allow" | "allow_folder" | "allow_for_run" => true,
        "deny" => say["reason"].is_null() || say["reason"].is_string(),
        "answers" => say["answers"].as_array().is_some_and(|all| {
            all.iter()
                .all(|one| one["choices"].is_array() && (one["other"].is_null() || one["other"].is_string()))
        }),
        _ => false,
    }
}

fn is_setting(change: &Value) -> bool {
    let value = &change["value"];
    match change["setting"].as_str().unwrap_or_default() {
        "autostart"
        | "start_opencode"
        | "outbox"
        | "presence"
        | "any_folder"
        | "remote_attention"
        | "ask_before_commands"
        | "ask_when_dirty"
        | "keep_awake" => value.is_boolean(),
        "run_budget" | "day_budget" => ["tokens", "cents", "minutes"]
            .iter()
            .all(|limit| value.get(limit).is_some_and(|n| n.is_null() || n.as_u64().is_some_and(|n| n > 0))),
        "mute_rule" | "unmute_rule" | "add_folder" | "remove_folder" | "workspace" => value.is_string(),
        "concurrent" => value.is_u64(),
        "notifications" => ["needs_you", "deviations", "run_failed", "offline", "license"]
            .iter()
            .all(|kind| value[kind].is_boolean()),
        _ => false,
    }
}
